/* Read KIS realtime frames: `enc|tr_id|count|v0^v1^...` into typed records.
 *
 * The width of a record comes from the frame itself (values / count), since KIS appends values
 * without notice; what is not used is neither read nor checked. Source: KIS realtime tables as of
 * 2026-11-22 (kis/realtime.json) and captured frames.
 */
#include "kernel.h"

#include "scan.h"

/* Values that are looked at, counted from the first; the tail is skipped. */
#define TRADE_USED 38
#define TRADE_KEPT 47
#define DEPTH_USED 54
#define ELW_DEPTH_USED 47
#define NOTICE_USED 23
#define NOTICE_KEPT 26
/* One offset before the first value, the largest *_KEPT, and the slack of aegis_split. */
#define OFFSETS (1 + DEPTH_USED + AEGIS_SPLIT_SLACK)

/* Stop the enclosing function with the status of a failing step. */
#define TRY(step)                  \
    do {                           \
        const int status_ = (step); \
        if (status_ != FRAME_OK)   \
            return status_;        \
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

int aegis_is_known_width(int32_t tr, uint32_t width)
{
    switch (tr) {
    case H0STCNT0:
    case H0NXCNT0:
    case H0UNCNT0: return width == 47 || width == 46;
    case H0STASP0: return width == 63 || width == 62 || width == 59;
    case H0NXASP0: return width == 62 || width == 65;
    case H0UNASP0: return width == 66 || width == 65;
    case H0EWCNT0: return width == 63;
    case H0EWASP0: return width == 73;
    default: return width == 26 || width == 23;
    }
}

const char *aegis_scan_isa(void)
{
    return AEGIS_SCAN_ISA;
}

/* ---- header ---- */

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

static uint32_t values_needed(const aegis_header *h)
{
    if (h->kind == FRAME_TRADE)
        return TRADE_USED;
    if (h->kind == FRAME_NOTICE)
        return NOTICE_USED;
    return h->tr == H0EWASP0 ? ELW_DEPTH_USED : DEPTH_USED;
}

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

int aegis_open_frame(const uint8_t *frame, ptrdiff_t size_bytes, aegis_header *h)
{
    TRY(start(frame, size_bytes, h));
    if (frame[0] == '1')
        return stop(h, 0, FRAME_ENCRYPTED);
    if (size_bytes < 13 || frame[10] != '|' || (h->tr = find_tr(frame + 2)) < 0)
        return stop(h, 2, FRAME_UNKNOWN_TR);
    h->kind = h->tr <= H0EWCNT0 ? FRAME_TRADE : h->tr <= H0EWASP0 ? FRAME_DEPTH : FRAME_NOTICE;
    h->venue = h->tr == H0NXCNT0 || h->tr == H0NXASP0   ? VENUE_NXT
               : h->tr == H0UNCNT0 || h->tr == H0UNASP0 ? VENUE_UN
                                                        : VENUE_KRX;
    TRY(read_count(h, 11));
    /* One record: its own split tells the width, a counting pass would be spent twice. */
    if (h->count == 1)
        return FRAME_OK;
    const uint32_t values = aegis_count(frame, h->payload_at, h->size_bytes) + 1;
    h->width = values / h->count;
    if (h->width * h->count != values)
        return stop(h, h->payload_at, FRAME_UNEVEN);
    if (h->width < values_needed(h))
        return stop(h, h->payload_at, FRAME_NARROW);
    return FRAME_OK;
}

int aegis_open_envelope(const uint8_t *frame, ptrdiff_t size_bytes, aegis_header *h)
{
    TRY(start(frame, size_bytes, h));
    uint32_t pos = 2;
    while (pos < h->size_bytes && frame[pos] > 0x20 && frame[pos] < 0x7F && frame[pos] != '|')
        pos++;
    if (frame[0] != '1' || pos == 2 || pos == h->size_bytes || frame[pos] != '|')
        return stop(h, pos, FRAME_BAD_HEADER);
    return read_count(h, pos + 1);
}

/* ---- one record ---- */

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
        if (found < values_needed(h))
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
    if (aegis_symbol(h->frame + at[i] + 1, h->frame + at[i + 1], out) != 0)
        return stop(h, at[i] + 1, FRAME_BAD_SYMBOL);
    return FRAME_OK;
}

/* The value when it is one character long, else 0: a code that grows is never an error. */
static inline uint8_t only_byte(const aegis_header *h, const uint32_t *at, uint32_t i)
{
    return at[i + 1] == at[i] + 2 ? h->frame[at[i] + 1] : 0;
}

int aegis_next_trade(aegis_header *h, aegis_trade *out)
{
    uint32_t at[OFFSETS];
    TRY(split(h, at, TRADE_KEPT));
    TRY(symbol(h, at, 0, out->symbol));
    TRY(number(h, at, 1, &out->time_hhmmss));
    TRY(number(h, at, 2, &out->price_krw));
    TRY(signed_number(h, at, 4, &out->change_krw));
    TRY(number(h, at, 7, &out->open_krw));
    TRY(number(h, at, 8, &out->high_krw));
    TRY(number(h, at, 9, &out->low_krw));
    TRY(number(h, at, 10, &out->best_ask_krw));
    TRY(number(h, at, 11, &out->best_bid_krw));
    TRY(number(h, at, 12, &out->qty));
    TRY(number(h, at, 13, &out->cum_qty));
    TRY(number(h, at, 14, &out->cum_value_krw));
    TRY(number(h, at, 33, &out->business_date));
    TRY(number(h, at, 36, &out->best_ask_qty));
    TRY(number(h, at, 37, &out->best_bid_qty));
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

int aegis_next_depth(aegis_header *h, aegis_depth *out)
{
    uint32_t at[OFFSETS];
    TRY(split(h, at, DEPTH_USED));
    TRY(symbol(h, at, 0, out->symbol));
    TRY(number(h, at, 1, &out->time_hhmmss));
    for (uint32_t i = 0; i < 10; i++) {
        TRY(number_or_0(h, at, 3 + i, &out->ask_price_krw[i]));
        TRY(number_or_0(h, at, 13 + i, &out->bid_price_krw[i]));
        TRY(number_or_0(h, at, 23 + i, &out->ask_qty[i]));
        TRY(number_or_0(h, at, 33 + i, &out->bid_qty[i]));
    }
    TRY(number(h, at, 43, &out->total_ask_qty));
    TRY(number(h, at, 44, &out->total_bid_qty));
    const uint32_t expected = h->tr == H0EWASP0 ? 45 : 47;
    TRY(number(h, at, expected, &out->expected_price_krw));
    TRY(number(h, at, expected + 1, &out->expected_qty));
    out->cum_qty = AEGIS_ABSENT;
    if (h->tr != H0EWASP0)
        TRY(number(h, at, 53, &out->cum_qty));
    const uint8_t hour_class = only_byte(h, at, 2);
    out->hour_class = hour_class > 0x20 && hour_class < 0x7F ? (char)hour_class : 0;
    out->venue = h->venue;
    out->recv_ns = 0;
    return FRAME_OK;
}

/* ---- notices ---- */

/* A printable text of less than `room` bytes, zero-terminated. */
static int text(aegis_header *h, const uint32_t *at, uint32_t i, char *out, uint32_t room)
{
    const uint8_t *s = h->frame + at[i] + 1;
    const uint32_t length = at[i + 1] - at[i] - 1;
    if (length >= room)
        return stop(h, at[i] + 1, FRAME_BAD_TEXT);
    for (uint32_t k = 0; k < length; k++)
        if (s[k] < 0x20 || s[k] > 0x7E)
            return stop(h, at[i] + 1 + k, FRAME_BAD_TEXT);
    memset(out, 0, room);
    memcpy(out, s, length);
    return FRAME_OK;
}

/* A name is shown, never decided by: cut at a UTF-8 boundary instead of refused. */
static void name(const aegis_header *h, const uint32_t *at, uint32_t i, char *out, uint32_t room)
{
    const uint8_t *s = h->frame + at[i] + 1;
    uint32_t length = at[i + 1] - at[i] - 1;
    if (length >= room) {
        length = room - 1;
        while (length > 0 && (s[length] & 0xC0) == 0x80)
            length--;
    }
    memset(out, 0, room);
    memcpy(out, s, length);
}

static int account(aegis_header *h, const uint32_t *at, uint32_t i, char *out)
{
    TRY(text(h, at, i, out, 16));
    for (uint32_t k = 0; k < 10; k++)
        if (out[k] < '0' || out[k] > '9')
            return stop(h, at[i] + 1, FRAME_BAD_TEXT);
    return out[10] == 0 ? FRAME_OK : stop(h, at[i] + 1, FRAME_BAD_TEXT);
}

/* A flag that money hangs on must be one of two known characters. */
static int flag(aegis_header *h, const uint32_t *at, uint32_t i, char no, char yes, int32_t *out)
{
    const uint8_t code = only_byte(h, at, i);
    if (code != (uint8_t)no && code != (uint8_t)yes)
        return stop(h, at[i] + 1, FRAME_BAD_TEXT);
    *out = code == (uint8_t)yes;
    return FRAME_OK;
}

/* Width 26 and more carries the venue at 19 and name and price at 24 and 25. Below that (23 on
 * paper) name and price are the last two, and value 18 may hold venue and pop-up flag: "1Y". */
static int notice_tail(aegis_header *h, const uint32_t *at, aegis_notice *out)
{
    const uint8_t *s = h->frame + at[18] + 1;
    uint8_t venue = 0;
    uint32_t named = h->width - 2;
    if (h->width >= NOTICE_KEPT) {
        venue = only_byte(h, at, 19);
        named = 24;
    } else if (at[19] - at[18] == 3 && (s[1] == 'Y' || s[1] == 'N')) {
        venue = s[0];
    }
    out->venue_code = venue >= '1' && venue <= '4' ? venue - '0' : 0;
    name(h, at, named, out->instrument_name, sizeof out->instrument_name);
    return number(h, at, named + 1, &out->order_price_krw);
}

int aegis_next_notice(aegis_header *h, aegis_notice *out)
{
    uint32_t at[OFFSETS];
    int64_t side;
    TRY(split(h, at, NOTICE_KEPT));
    TRY(text(h, at, 0, out->customer_id, sizeof out->customer_id));
    TRY(account(h, at, 1, out->account));
    TRY(number(h, at, 2, &out->broker_order_id));
    if (out->broker_order_id == AEGIS_ABSENT)
        return stop(h, at[2] + 1, FRAME_NOT_A_NUMBER);
    TRY(number_or_0(h, at, 3, &out->original_broker_order_id));
    TRY(number(h, at, 4, &side));
    out->side = side == 1 ? SIDE_SELL : side == 2 ? SIDE_BUY : SIDE_NONE;
    TRY(number_or_0(h, at, 5, &out->action));
    TRY(text(h, at, 6, out->order_kind, sizeof out->order_kind));
    TRY(number_or_0(h, at, 7, &out->order_condition));
    TRY(symbol(h, at, 8, out->symbol));
    TRY(number(h, at, 9, &out->fill_qty));
    TRY(number(h, at, 10, &out->price_krw));
    TRY(number(h, at, 11, &out->time_hhmmss));
    TRY(flag(h, at, 12, '0', '1', &out->is_rejected));
    TRY(flag(h, at, 13, '1', '2', &out->is_fill));
    TRY(number_or_0(h, at, 14, &out->accept_code));
    TRY(text(h, at, 15, out->branch, sizeof out->branch));
    TRY(number(h, at, 16, &out->order_qty));
    TRY(notice_tail(h, at, out));
    out->recv_ns = 0;
    return FRAME_OK;
}
