/* The loops over arrays of prices, written so that the compiler makes vectors of them. Included
 * once for every instruction set. All of it is 32 bits wide: twice the prices in a vector. */
#include "grid.h"

/* aegis_over in 32 bits, without a look-up: every edge adds what it changes, or nothing. */
static inline __attribute__((always_inline)) int32_t over32(
    const aegis_grid *grid, int32_t price_krw, int edges, int32_t *step_krw
)
{
    int32_t step = grid->step32_krw;
    uint32_t reciprocal = grid->reciprocal32;
    for (int i = 0; i < edges; i++) {
        const int32_t is_above = -(int32_t)(price_krw >= grid->edge32_krw[i]);
        step += grid->step32_change[i] & is_above;
        reciprocal += grid->reciprocal32_change[i] & (uint32_t)is_above;
    }
    const uint32_t steps = (uint32_t)((uint64_t)(uint32_t)price_krw * reciprocal >> 32);
    const int32_t over = (int32_t)((uint32_t)price_krw - steps * (uint32_t)step) - step;
    *step_krw = step;
    return over + (step & -(int32_t)(over < 0));
}

static inline __attribute__((always_inline)) uint64_t loop(
    const aegis_grid *grid, const int64_t *restrict prices_krw, int64_t *restrict out,
    ptrdiff_t n, int edges, int side
)
{
    const aegis_grid local = *grid;
    uint64_t bits = 0;
    for (ptrdiff_t i = 0; i < n; i++) {
        const int32_t price = (int32_t)(uint32_t)((uint64_t)prices_krw[i] & 0x7FFFFFFF);
        int32_t step;
        const int32_t over = over32(&local, price, edges, &step);
        bits |= (uint64_t)prices_krw[i];
        if (side == 0)
            out[i] = step;
        else if (side == 1)
            out[i] = price - over;
        else
            /* 64 bits: the grid price above the highest of 32 bits needs one more. */
            out[i] = (int64_t)price + ((step - over) & -(int32_t)(over != 0));
    }
    return bits;
}

/* Funds and ELW have one edge or none, shares up to six. */
#define LOOP(name, side)                                                                          \
    static uint64_t name(                                                                         \
        const aegis_grid *grid, const int64_t *prices_krw, int64_t *out, ptrdiff_t n              \
    )                                                                                             \
    {                                                                                             \
        return grid->edges <= 1 ? loop(grid, prices_krw, out, n, 1, side)                         \
                                : loop(grid, prices_krw, out, n, AEGIS_EDGES, side);              \
    }

LOOP(sizes, 0)
LOOP(down, 1)
LOOP(up, 2)
