/* Read an ordinary trade in one go with AVX-512, VBMI and VBMI2; anything else is left alone.
 *
 * A record is ordinary when it is of usual length and every number that is used is one to eight
 * digits (the day's value: one to sixteen). quick_trade answers 1 and has read it, or 0 and has
 * changed nothing that counts: then the general reader of kernel_impl.h reads it, and names what is
 * wrong with it.
 *
 * How numbers are found. The separators of 64 bytes are one mask; compressing the bytes 0, 1, 2...
 * by it gives their offsets side by side in one register. One permutation copies the offset where
 * each number ends into the eight bytes of its lane, another the offset where it starts; counting
 * back from the end, a third permutation fetches the digits. A book is not read like this: its
 * forty numbers keep the vector units busier than single loads do (65 against 50 ns on Zen 4).
 *
 * Loads reach past the record only where they are masked to the frame.
 */
#ifndef AEGIS_QUICK_AVX512_H
#define AEGIS_QUICK_AVX512_H

#include <immintrin.h>

#include "kernel.h"

/* Bytes of payload: two full windows of 64 at least, five at most. */
#define QUICK_LEAST 128
#define QUICK_MOST 320
/* One byte a lane, eight times: what a permutation needs to fill a lane. */
#define LANE(i) (UINT64_C(0x0101010101010101) * (i))
/* Offsets -8..-1, added to where a number ends. */
#define EIGHT_BEFORE INT64_C(0xFFFEFDFCFBFAF9F8 - UINT64_MAX - 1)

static inline __m512i quick_iota(void)
{
    return _mm512_set_epi64(0x3F3E3D3C3B3A3938, 0x3736353433323130, 0x2F2E2D2C2B2A2928,
                            0x2726252423222120, 0x1F1E1D1C1B1A1918, 0x1716151413121110,
                            0x0F0E0D0C0B0A0908, 0x0706050403020100);
}

/* The first `left` bits, all of them from 64 to 255. */
static inline uint64_t quick_bits(uint32_t left)
{
    return _bzhi_u64(~UINT64_C(0), left);
}

static inline uint64_t quick_find(__m512i window)
{
    return _mm512_cmpeq_epi8_mask(window, _mm512_set1_epi8('^'));
}

/* A vector that is zero as long as every lane of eight characters is one to eight digits. */
typedef __m512i quick_doubt;

/* Eight numbers from the bytes of `text` between their starts and stops (offsets of separators);
 * `from` is where the eight bytes of each are, most[i] how long it may be, less one. */
static inline __m512i quick_eight(__m512i text, __m512i from, __m512i start, __m512i stop,
                                  __m512i most, quick_doubt *doubt)
{
    const __mmask64 inside = _mm512_cmpgt_epi8_mask(from, start);
    const __m512i digits = _mm512_maskz_sub_epi8(inside, text, _mm512_set1_epi8('0'));
    /* Saturating: what is left of a length, or of a digit, above its limit. */
    const __m512i length_less_1 =
        _mm512_add_epi8(_mm512_sub_epi8(stop, start), _mm512_set1_epi8(-2));
    *doubt = _mm512_ternarylogic_epi64(*doubt, _mm512_subs_epu8(length_less_1, most),
                                       _mm512_subs_epu8(digits, _mm512_set1_epi8(9)), 0xFE);
    /* 10 * a + b, then 100 * ab + cd, then 10000 * abcd + efgh. */
    const __m512i pairs = _mm512_maddubs_epi16(digits, _mm512_set1_epi16(0x010A));
    const __m512i fours = _mm512_madd_epi16(pairs, _mm512_set1_epi32(0x00010064));
    return _mm512_add_epi64(_mm512_mul_epu32(fours, _mm512_set1_epi64(10000)),
                            _mm512_srli_epi64(fours, 32));
}

/* A window's separators, how many lie before it, and the offset at which it starts. */
typedef struct {
    uint64_t in;
    uint32_t before, at;
} quick_window;

static inline quick_window quick_next(quick_window last, __m512i bytes)
{
    const quick_window next = {quick_find(bytes),
                               last.before + (uint32_t)__builtin_popcountll(last.in),
                               last.at + 64};
    return next;
}

/* The one of two windows, `later` behind `window`, that holds separator number `rank` (from 0).
 * Without a branch: many a rank is as likely in one as in the other. */
static inline quick_window quick_either(quick_window window, quick_window later, uint32_t rank)
{
    const uint64_t is_later = -(uint64_t)(rank >= later.before);
    window.in ^= (window.in ^ later.in) & is_later;
    window.before ^= (window.before ^ later.before) & (uint32_t)is_later;
    window.at ^= (window.at ^ later.at) & (uint32_t)is_later;
    return window;
}

/* The offset of a separator that the window holds. */
static inline uint32_t quick_nth(quick_window window, uint32_t rank)
{
    const uint64_t bit = _pdep_u64(UINT64_C(1) << (rank - window.before), window.in);
    return window.at + (uint32_t)_tzcnt_u64(bit);
}

static inline int quick_trade(aegis_header *h, aegis_trade *out)
{
    const uint8_t *p = h->frame + h->next_at;
    const uint32_t left = h->size_bytes - h->next_at;
    if (left < QUICK_LEAST || h->tr == H0EWCNT0)
        return 0;
    const uint32_t n = left < QUICK_MOST ? left : QUICK_MOST;
    const __m512i low = _mm512_loadu_si512(p), high = _mm512_loadu_si512(p + 64);
    const quick_window w0 = {quick_find(low), 0, 0}, w1 = quick_next(w0, high);
    const quick_window w2 =
        quick_next(w1, _mm512_maskz_loadu_epi8(quick_bits(n - 128), p + 128));
    const quick_window w3 =
        quick_next(w2, _mm512_maskz_loadu_epi8(quick_bits(n > 192 ? n - 192 : 0), p + 192));
    const quick_window w4 =
        quick_next(w3, _mm512_maskz_loadu_epi8(quick_bits(n > 256 ? n - 256 : 0), p + 256));
    const uint32_t found = w4.before + (uint32_t)__builtin_popcountll(w4.in);
    /* So that every separator looked for below lies where it is looked for. */
    if (w1.before < 4 || w2.before < 15 || w1.before > 20 || w3.before <= 20 || w2.before > 32 ||
        w4.before <= 32)
        return 0;

    /* Where the record ends, and how many values it has. */
    uint32_t width = found + 1, end = left;
    if (h->count != 1) {
        width = h->width;
        if (h->records_left > 1 || left > n) {
            if (width > found || width <= w2.before)
                return 0;
            end = quick_nth(quick_either(quick_either(w2, w3, width - 1), w4, width - 1),
                            width - 1);
        }
    } else if (left > n) {
        return 0;
    }
    if (width < TRADE_KEPT - 1)
        return 0;

    const uint32_t sign_at =
        (uint32_t)_tzcnt_u64(_blsr_u64(_blsr_u64(_blsr_u64(w0.in)))) + 1;
    const uint32_t is_negative = p[sign_at] == '-';
    const uint32_t aggressor_at = quick_nth(quick_either(w1, w2, 20), 20) + 1;
    const uint32_t tail = quick_nth(quick_either(w2, w3, 32), 32) + 1;

    /* The offsets of the first 128 bytes' separators in one register. */
    const __m512i iota = quick_iota();
    const __m512i of_low = _mm512_maskz_compress_epi8(w0.in, iota);
    const __m512i of_high =
        _mm512_maskz_compress_epi8(w1.in, _mm512_or_si512(iota, _mm512_set1_epi8(64)));
    const __m512i offsets = _mm512_mask_permutexvar_epi8(
        of_low, ~UINT64_C(0) << w1.before,
        _mm512_sub_epi8(iota, _mm512_set1_epi8((char)w1.before)), of_high);

    /* Time, price, change, open, high, low, best ask, best bid: values 1 2 4 7 8 9 10 11. */
    quick_doubt doubt = _mm512_setzero_si512();
    __m512i stop = _mm512_permutexvar_epi8(_mm512_set_epi64(LANE(11), LANE(10), LANE(9), LANE(8),
                                                            LANE(7), LANE(4), LANE(2), LANE(1)),
                                           offsets);
    __m512i start = _mm512_permutexvar_epi8(_mm512_set_epi64(LANE(10), LANE(9), LANE(8), LANE(7),
                                                             LANE(6), LANE(3), LANE(1), LANE(0)),
                                            offsets);
    /* The change starts behind its minus sign. */
    start = _mm512_add_epi8(
        start, _mm512_maskz_set1_epi64(1 << 2, (int64_t)(LANE(1) * is_negative)));
    __m512i from = _mm512_add_epi8(stop, _mm512_set1_epi64(EIGHT_BEFORE));
    const __m512i first = quick_eight(_mm512_permutex2var_epi8(low, from, high), from, start, stop,
                                      _mm512_set1_epi8(7), &doubt);

    /* Quantity, day's quantity and value (in two parts): values 12 13 14; then, counted from the
     * end of value 32: date, best ask's and best bid's quantity: values 33 36 37. */
    const __m512i window =
        _mm512_maskz_loadu_epi8(quick_bits(n - tail < 64 ? n - tail : 64), p + tail);
    const __m512i of_tail = _mm512_maskz_compress_epi8(quick_find(window), iota);
    stop = _mm512_permutex2var_epi8(
        offsets, _mm512_set_epi64(LANE(64 + 4), LANE(64 + 4), LANE(64 + 3), LANE(64), LANE(14),
                                  LANE(14), LANE(13), LANE(12)),
        of_tail);
    start = _mm512_permutex2var_epi8(
        offsets, _mm512_set_epi64(LANE(64 + 3), LANE(64 + 3), LANE(64 + 2), LANE(64), LANE(13),
                                  LANE(13), LANE(12), LANE(11)),
        of_tail);
    /* Value 33 starts with the window. */
    start = _mm512_or_si512(start, _mm512_set_epi64(0, 0, 0, -1, 0, 0, 0, 0));
    from = _mm512_add_epi8(stop, _mm512_set_epi64(EIGHT_BEFORE, EIGHT_BEFORE, EIGHT_BEFORE,
                                                  EIGHT_BEFORE, EIGHT_BEFORE - LANE(8),
                                                  EIGHT_BEFORE, EIGHT_BEFORE, EIGHT_BEFORE));
    const __m512i text =
        _mm512_mask_permutexvar_epi8(_mm512_permutex2var_epi8(low, from, high),
                                     UINT64_C(0xFFFFFFFF00000000), from, window);
    __m512i second = quick_eight(text, from, start, stop,
                                 _mm512_set_epi64(LANE(7), LANE(7), LANE(7), LANE(7), LANE(15),
                                                  LANE(15), LANE(7), LANE(7)),
                                 &doubt);
    /* The value's two halves become one; the lanes behind them close up. */
    const __m512i upper = _mm512_maskz_permutexvar_epi64(
        1 << 2, _mm512_set_epi64(0, 0, 0, 0, 0, 3, 0, 0), second);
    second = _mm512_permutexvar_epi64(_mm512_set_epi64(7, 7, 6, 5, 4, 2, 1, 0), second);
    second = _mm512_add_epi64(second, _mm512_mul_epu32(upper, _mm512_set1_epi64(100000000)));

    const uint32_t symbol_end = (uint32_t)_tzcnt_u64(w0.in);
    if (_mm512_test_epi64_mask(doubt, doubt) != 0 || AEGIS_SYMBOL(p, p + symbol_end, out->symbol) != 0)
        return 0;
    _mm512_storeu_si512(&out->time_hhmmss,
                        _mm512_mask_sub_epi64(first, (__mmask8)(is_negative << 2),
                                              _mm512_setzero_si512(), first));
    _mm512_storeu_si512(&out->qty, second);

    const uint8_t aggressor = p[aggressor_at + 1] == '^' ? p[aggressor_at] : 0;
    out->side = aggressor == '1' ? SIDE_BUY : aggressor == '5' ? SIDE_SELL : SIDE_NONE;
    /* The market class is value 46, in known widths the last one. */
    uint32_t class_end = end;
    if (__builtin_expect(width > TRADE_KEPT, 0)) {
        const uint32_t rank = TRADE_KEPT - 1;
        class_end = quick_nth(quick_either(quick_either(w2, w3, rank), w4, rank), rank);
    }
    const uint8_t market_class = p[class_end - 1] - '0';
    const uint32_t has_class = width >= TRADE_KEPT && p[class_end - 2] == '^';
    out->market_class = has_class && market_class <= 9 ? market_class : 0;
    out->venue = h->venue;
    out->recv_ns = 0;
    h->width = width;
    h->next_at += end + 1;
    h->records_left--;
    return 1;
}

#endif
