/* The frame reader for any machine, the choice of a faster one, and what needs no speed. */
#include "kernel.h"

#include "scan.h"

#include "kernel_impl.h"

static const aegis_kernel baseline = {AEGIS_SCAN_ISA, open_frame, next_trade, next_depth,
                                      replace_levels};

static const aegis_kernel *const kernels[] = {
    &baseline,
#if AEGIS_HAS_X86_VARIANTS
    &aegis_kernel_avx2,
    &aegis_kernel_avx512,
#endif
};

const aegis_kernel *aegis_chosen = &baseline;

static int is_supported(const aegis_kernel *kernel)
{
#if AEGIS_HAS_X86_VARIANTS
    __builtin_cpu_init();
    if (kernel == &aegis_kernel_avx2)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") &&
               __builtin_cpu_supports("popcnt");
    if (kernel == &aegis_kernel_avx512)
        return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vbmi2") &&
               __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt");
#endif
    return kernel == &baseline;
}

const char *aegis_isa(int32_t i)
{
    if (i < 0)
        return aegis_chosen->isa;
    if (i >= (int32_t)(sizeof kernels / sizeof *kernels))
        return NULL;
    return is_supported(kernels[i]) ? kernels[i]->isa : "";
}

int aegis_choose(const char *isa)
{
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++) {
        /* NULL asks for the best: the last one that runs here. */
        if (is_supported(kernels[i]) && (isa == NULL || strcmp(isa, kernels[i]->isa) == 0)) {
            aegis_chosen = kernels[i];
            if (isa != NULL)
                return 0;
        }
    }
    return isa == NULL ? 0 : -1;
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
