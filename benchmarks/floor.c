/* The same work in bare C loops: what is left when there is no Python at all. Each function walks
 * all items once and returns the nanoseconds it took, -1 if a frame was refused. */
#include <stdint.h>
#include <string.h>
#include <time.h>

#include "kernel.h"

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t floor_trades(const uint8_t *blob, const int64_t *ends, int64_t n)
{
    static aegis_trade trade;
    const int64_t start_ns = now_ns();
    int64_t from = 0, bad = 0;
    for (int64_t i = 0; i < n; from = ends[i++]) {
        aegis_header h;
        bad |= aegis_open_frame(blob + from, ends[i] - from, &h);
        while (h.records_left && (bad |= aegis_next_trade(&h, &trade)) == 0)
            ;
    }
    return bad ? -1 : now_ns() - start_ns;
}

int64_t floor_depths(const uint8_t *blob, const int64_t *ends, int64_t n)
{
    static aegis_depth depth;
    static int64_t levels[40];
    static volatile int64_t changes;
    const int64_t start_ns = now_ns();
    int64_t from = 0, bad = 0;
    for (int64_t i = 0; i < n; from = ends[i++]) {
        aegis_header h;
        bad |= aegis_open_frame(blob + from, ends[i] - from, &h);
        bad |= aegis_next_depth(&h, &depth);
        changes = memcmp(levels, depth.ask_price_krw, sizeof levels);
        memcpy(levels, depth.ask_price_krw, sizeof levels);
    }
    return bad ? -1 : now_ns() - start_ns;
}

int64_t floor_rounding(const int64_t *prices, int64_t *out, int64_t n)
{
    const int64_t start_ns = now_ns();
    for (int64_t i = 0; i < n; i++) {
        const int64_t p = prices[i];
        const int64_t step = 1 + 4 * (p >= 2000) + 5 * (p >= 5000) + 40 * (p >= 20000) +
                             50 * (p >= 50000) + 400 * (p >= 200000) + 500 * (p >= 500000);
        out[i] = p - (int64_t)((uint32_t)p % (uint32_t)step);
    }
    return now_ns() - start_ns;
}

int64_t floor_clock(int64_t n)
{
    static volatile int64_t seen;
    const int64_t start_ns = now_ns();
    for (int64_t i = 0; i < n; i++)
        seen = now_ns();
    return now_ns() - start_ns;
}
