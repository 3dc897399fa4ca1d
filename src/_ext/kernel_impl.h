/* Read KIS realtime frames: `enc|tr_id|count|v0^v1^...` into typed records.
 *
 * The width of a record comes from the frame itself (values / count), since KIS appends values
 * without notice; what is not used is neither read nor checked. Source: KIS realtime tables as of
 * 2026-11-22 (kis/realtime.json) and captured frames.
 *
 * Included once for every instruction set, after scan.h or its faster stand-in.
 */
#ifndef AEGIS_KERNEL_IMPL_H
#define AEGIS_KERNEL_IMPL_H

#include "kernel.h"

/* How many numbers are read at once: 14 and 46. */
#define TRADE_NUMBERS AEGIS_TRADE_NUMBERS
#define DEPTH_NUMBERS AEGIS_DEPTH_NUMBERS
/* One offset before the first value, the largest *_KEPT, and the slack of aegis_split. */
#define OFFSETS (1 + DEPTH_USED + AEGIS_SPLIT_SLACK)

/* Stop the enclosing function with the status of a failing step. */
#define TRY(step)                   \
    do {                            \
        const int status_ = (step); \
        if (status_ != FRAME_OK)    \
            return status_;         \
    } while (0)

static inline int stop(aegis_header *h, uint32_t offset, int status)
{
    h->error_at = offset;
    return status;
}

static int32_t find_tr(const uint8_t *name)
{
    /* Each comparison is one 64-bit compare; the commonest come first. */
#define IS(tr) (memcmp(name, #tr, 8) == 0)
    if (IS(H0STCNT0)) return H0STCNT0;
    if (IS(H0STASP0)) return H0STASP0;
    if (IS(H0NXCNT0)) return H0NXCNT0;
    if (IS(H0NXASP0)) return H0NXASP0;
    if (IS(H0UNCNT0)) return H0UNCNT0;
    if (IS(H0UNASP0)) return H0UNASP0;
    if (IS(H0EWCNT0)) return H0EWCNT0;
    if (IS(H0EWASP0)) return H0EWASP0;
    if (IS(H0STCNI0)) return H0STCNI0;
    if (IS(H0STCNI9)) return H0STCNI9;
#undef IS
    return -1;
}

/* Decimal digits of any width up to the next bar; the payload starts behind it. */
static int read_count(aegis_header *h, uint32_t pos)
{
    const uint32_t start = pos;
    uint32_t count = 0;
    for (; pos < h->size_bytes; pos++) {
        const uint32_t digit = (uint32_t)h->frame[pos] - '0';
        if (digit > 9)
            break;
        if (count > 100000000)
            return stop(h, start, FRAME_BAD_COUNT);
        count = count * 10 + digit;
    }
    if (pos == start || count == 0)
        return stop(h, start, FRAME_BAD_COUNT);
    if (pos == h->size_bytes || h->frame[pos] != '|')
        return stop(h, pos, FRAME_BAD_COUNT);
    h->count = h->records_left = count;
    h->payload_at = h->next_at = pos + 1;
    h->width = 0;
    return FRAME_OK;
}

/* By TR: what a frame of it holds, where it was traded, how many values a record must have. */
static const struct {
    int32_t kind, venue;
    uint32_t needed;
} frames_of[] = {
    [H0STCNT0] = {FRAME_TRADE, VENUE_KRX, TRADE_USED},
    [H0NXCNT0] = {FRAME_TRADE, VENUE_NXT, TRADE_USED},
    [H0UNCNT0] = {FRAME_TRADE, VENUE_UN, TRADE_USED},
    [H0EWCNT0] = {FRAME_TRADE, VENUE_KRX, TRADE_USED},
    [H0STASP0] = {FRAME_DEPTH, VENUE_KRX, DEPTH_USED},
    [H0NXASP0] = {FRAME_DEPTH, VENUE_NXT, DEPTH_USED},
    [H0UNASP0] = {FRAME_DEPTH, VENUE_UN, DEPTH_USED},
    [H0EWASP0] = {FRAME_DEPTH, VENUE_KRX, ELW_DEPTH_USED},
    [H0STCNI0] = {FRAME_NOTICE, VENUE_KRX, NOTICE_USED},
    [H0STCNI9] = {FRAME_NOTICE, VENUE_KRX, NOTICE_USED},
};

static int start(const uint8_t *frame, ptrdiff_t size_bytes, aegis_header *h)
{
    h->frame = frame;
    h->records_left = 0;
    if (size_bytes > INT32_MAX)
        return stop(h, 0, FRAME_TOO_LONG);
    h->size_bytes = (uint32_t)size_bytes;
    if (size_bytes < 2 || frame[1] != '|' || (frame[0] != '0' && frame[0] != '1'))
        return stop(h, 0, FRAME_BAD_HEADER);
    return FRAME_OK;
}

static int open_frame(const uint8_t *frame, ptrdiff_t size_bytes, aegis_header *h)
{
    TRY(start(frame, size_bytes, h));
    if (frame[0] == '1')
        return stop(h, 0, FRAME_ENCRYPTED);
    if (size_bytes < 13 || frame[10] != '|' || (h->tr = find_tr(frame + 2)) < 0)
        return stop(h, 2, FRAME_UNKNOWN_TR);
    h->kind = frames_of[h->tr].kind;
    h->venue = frames_of[h->tr].venue;
    /* One record: its own split tells the width, a counting pass would be spent twice. */
    if (__builtin_expect(size_bytes > 15 && memcmp(frame + 11, "001|", 4) == 0, 1)) {
        h->count = h->records_left = 1;
        h->payload_at = h->next_at = 15;
        h->width = 0;
        return FRAME_OK;
    }
    TRY(read_count(h, 11));
    if (h->count == 1)
        return FRAME_OK;
    const uint32_t values = aegis_count(frame, h->payload_at, h->size_bytes) + 1;
    h->width = values / h->count;
    if (h->width * h->count != values)
        return stop(h, h->payload_at, FRAME_UNEVEN);
    if (h->width < frames_of[h->tr].needed)
        return stop(h, h->payload_at, FRAME_NARROW);
    return FRAME_OK;
}

/* at[i] + 1 is where value i starts, at[i + 1] where it ends. */
static inline int split(aegis_header *h, uint32_t *at, uint32_t kept)
{
    uint32_t end = 0;
    const uint32_t want = h->count == 1 ? UINT32_MAX : h->width;
    uint32_t found = aegis_split(h->frame, h->next_at, h->size_bytes, at + 1, kept, want, &end);
    at[0] = h->next_at - 1;
    if (found < want) {
        /* The frame's last record ends with the frame, not with a separator. */
        if (found < kept)
            at[found + 1] = end;
        found++;
    }
    if (h->count == 1) {
        h->width = found;
        if (found < frames_of[h->tr].needed)
            return stop(h, end, FRAME_NARROW);
    }
    h->next_at = end + 1;
    h->records_left--;
    return FRAME_OK;
}

static inline int checked(aegis_header *h, uint32_t offset, int status)
{
    if (__builtin_expect(status == AEGIS_INT_OK, 1))
        return FRAME_OK;
    return stop(h, offset, status == AEGIS_INT_OVERFLOW ? FRAME_OVERFLOW : FRAME_NOT_A_NUMBER);
}

static inline int number(aegis_header *h, const uint32_t *at, uint32_t i, int64_t *out)
{
    return checked(h, at[i] + 1,
                   aegis_unsigned(h->frame + at[i] + 1, h->frame + at[i + 1], out));
}

static inline int number_or_0(aegis_header *h, const uint32_t *at, uint32_t i, int64_t *out)
{
    TRY(number(h, at, i, out));
    if (*out == AEGIS_ABSENT)
        *out = 0;
    return FRAME_OK;
}

static inline int signed_number(aegis_header *h, const uint32_t *at, uint32_t i, int64_t *out)
{
    return checked(h, at[i] + 1, aegis_signed(h->frame + at[i] + 1, h->frame + at[i + 1], out));
}

static inline int symbol(aegis_header *h, const uint32_t *at, uint32_t i, char *out)
{
    if (AEGIS_SYMBOL(h->frame + at[i] + 1, h->frame + at[i + 1], out) != 0)
        return stop(h, at[i] + 1, FRAME_BAD_SYMBOL);
    return FRAME_OK;
}

/* The value when it is one character long, else 0: a code that grows is never an error. */
static inline uint8_t only_byte(const aegis_header *h, const uint32_t *at, uint32_t i)
{
    return at[i + 1] == at[i] + 2 ? h->frame[at[i] + 1] : 0;
}

/* Which values the numbers of a trade are, in the order of the struct from time_hhmmss on. */
static const uint8_t trade_index[TRADE_NUMBERS] = {1,  2,  4,  7,  8,  9,  10,
                                                   11, 12, 13, 14, 33, 36, 37};
#define CHANGE 2
#define CUM_VALUE 10

/* Of a book: forty level values, totals, expected price and quantity, volume; last, the time. */
static const uint8_t krx_index[DEPTH_NUMBERS] = {
    3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25,
    26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 47, 48, 53, 1,
};
/* An ELW book has no volume; its place reads the time once more. */
static const uint8_t elw_index[DEPTH_NUMBERS] = {
    3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25,
    26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 1,  1,
};

/* The numbers that were not one to eight digits, one by one. */
static int odd_trade_numbers(aegis_header *h, const uint32_t *at, uint64_t odd, int64_t *first)
{
    for (; odd; odd &= odd - 1) {
        const uint32_t k = (uint32_t)__builtin_ctzll(odd);
        if (k == CHANGE)
            TRY(signed_number(h, at, trade_index[k], first + k));
        else
            TRY(number(h, at, trade_index[k], first + k));
    }
    return FRAME_OK;
}

static int odd_depth_numbers(aegis_header *h, const uint32_t *at, const uint8_t *index,
                             uint64_t odd, int64_t *first, int64_t *time_hhmmss)
{
    for (; odd; odd &= odd - 1) {
        const uint32_t k = (uint32_t)__builtin_ctzll(odd);
        if (k < 40)
            TRY(number_or_0(h, at, index[k], first + k));
        else
            TRY(number(h, at, index[k], k == DEPTH_NUMBERS - 1 ? time_hhmmss : first + k));
    }
    return FRAME_OK;
}

/* A faster way for ordinary records, where an instruction set has one. */
#ifndef QUICK_TRADE
#define QUICK_TRADE(h, out) 0
#endif

static int next_trade(aegis_header *h, aegis_trade *out)
{
    uint32_t at[OFFSETS];
    int64_t *const first = &out->time_hhmmss;
    if (QUICK_TRADE(h, out))
        return FRAME_OK;
    TRY(split(h, at, TRADE_KEPT));
    TRY(symbol(h, at, 0, out->symbol));
    const uint32_t is_negative = h->frame[at[4] + 1] == '-';
    const uint64_t odd = AEGIS_NUMBERS_OF_TRADE(h->frame, at, trade_index, is_negative, first);
    if (__builtin_expect((odd & ~(UINT64_C(1) << CUM_VALUE)) != 0, 0))
        TRY(odd_trade_numbers(h, at, odd, first));
    /* The day's value in won is always longer than eight digits. */
    TRY(number(h, at, trade_index[CUM_VALUE], first + CUM_VALUE));
    const uint8_t aggressor = only_byte(h, at, 21);
    out->side = aggressor == '1' ? SIDE_BUY : aggressor == '5' ? SIDE_SELL : SIDE_NONE;
    out->market_class = 0;
    if (h->width >= TRADE_KEPT && h->tr != H0EWCNT0) {
        const uint8_t market_class = only_byte(h, at, 46);
        if (market_class >= '0' && market_class <= '9')
            out->market_class = market_class - '0';
    }
    out->venue = h->venue;
    out->recv_ns = 0;
    return FRAME_OK;
}

static int next_depth(aegis_header *h, aegis_depth *out)
{
    uint32_t at[OFFSETS];
    const uint8_t *index = h->tr == H0EWASP0 ? elw_index : krx_index;
    int64_t *const first = out->ask_price_krw;
    TRY(split(h, at, DEPTH_USED));
    TRY(symbol(h, at, 0, out->symbol));
    const uint64_t odd = aegis_depth_numbers(h->frame, at, index, first, &out->time_hhmmss);
    if (__builtin_expect(odd != 0, 0))
        TRY(odd_depth_numbers(h, at, index, odd, first, &out->time_hhmmss));
    if (h->tr == H0EWASP0)
        out->cum_qty = AEGIS_ABSENT;
    const uint8_t hour_class = only_byte(h, at, 2);
    out->hour_class = hour_class > 0x20 && hour_class < 0x7F ? (char)hour_class : 0;
    out->venue = h->venue;
    out->recv_ns = 0;
    return FRAME_OK;
}

static uint64_t replace_levels(int64_t *levels, const int64_t *fresh)
{
    /* The upper twenty are quantities, in the order of the prices. */
    const uint64_t changed = aegis_differences(levels, fresh);
    memcpy(levels, fresh, AEGIS_LEVEL_NUMBERS * sizeof *fresh);
    return (changed | changed >> 20) & 0xFFFFF;
}

#endif
