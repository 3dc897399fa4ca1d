/* Find separators, symbols and numbers with AVX-512 and VBMI2; the same answers as scan.h.
 *
 * Loads are masked to the range, so nothing outside the frame is touched. Numbers are read eight
 * at a time, each as the 8 bytes that end with its last digit.
 */
#ifndef AEGIS_SCAN_AVX512_H
#define AEGIS_SCAN_AVX512_H

#include <immintrin.h>

#include "digits.h"

#define AEGIS_SYMBOL aegis_masked_symbol
/* Ordinary trades are read by quick_avx512.h. */
#define AEGIS_NUMBERS_OF_TRADE aegis_numbers_one_by_one

static inline uint64_t aegis_first_bits(uint32_t n)
{
    return n >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << n) - 1;
}

/* One bit per separator of base[pos, end), at most 64 bytes of it. */
static inline uint64_t aegis_window_mask(const uint8_t *base, uint32_t pos, uint32_t end)
{
    const __mmask64 inside = aegis_first_bits(end - pos);
    const __m512i window = _mm512_maskz_loadu_epi8(inside, base + pos);
    return _mm512_mask_cmpeq_epi8_mask(inside, window, _mm512_set1_epi8(AEGIS_SEPARATOR));
}

static inline uint32_t aegis_count(const uint8_t *base, uint32_t pos, uint32_t end)
{
    uint32_t found = 0;
    for (; pos < end; pos += 64)
        found += (uint32_t)__builtin_popcountll(aegis_window_mask(base, pos, end));
    return found;
}

static const uint8_t aegis_iota[64] = {
    0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
    22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
    44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63,
};

static inline uint32_t aegis_split(const uint8_t *base, uint32_t pos, uint32_t end, uint32_t *ends,
                                   uint32_t capacity, uint32_t want, uint32_t *stop)
{
    const __m512i iota = _mm512_loadu_si512(aegis_iota);
    uint32_t found = 0;
    for (; pos < end; pos += 64) {
        const uint64_t mask = aegis_window_mask(base, pos, end);
        const uint32_t here = (uint32_t)__builtin_popcountll(mask);
        if (found < capacity) {
            /* The offsets inside the window, packed to the front, then widened 16 at a time. */
            __m512i packed = _mm512_maskz_compress_epi8(mask, iota);
            const __m512i start = _mm512_set1_epi32((int32_t)pos);
            for (uint32_t i = 0;;) {
                const __m512i wide = _mm512_cvtepu8_epi32(_mm512_castsi512_si128(packed));
                _mm512_storeu_si512(ends + found + i, _mm512_add_epi32(wide, start));
                i += 16;
                if (__builtin_expect(i >= here, 1))
                    break;
                packed = _mm512_alignr_epi32(packed, packed, 4);
            }
        }
        if (found + here >= want) {
            const uint64_t last = _pdep_u64(UINT64_C(1) << (want - found - 1), mask);
            *stop = pos + (uint32_t)__builtin_ctzll(last);
            return want;
        }
        found += here;
    }
    *stop = end;
    return found;
}

static inline int64_t aegis_eight_bytes(const uint8_t *e)
{
    int64_t bytes;
    memcpy(&bytes, e - 8, 8);
    return bytes;
}

/* The 8 bytes before each of eight offsets. */
static inline __m512i aegis_eight_texts(const uint8_t *base, uint32_t e0, uint32_t e1, uint32_t e2,
                                        uint32_t e3, uint32_t e4, uint32_t e5, uint32_t e6,
                                        uint32_t e7)
{
    /* Single loads: a gather is slower on most machines, and none is faster. */
    return _mm512_set_epi64(aegis_eight_bytes(base + e7), aegis_eight_bytes(base + e6),
                            aegis_eight_bytes(base + e5), aegis_eight_bytes(base + e4),
                            aegis_eight_bytes(base + e3), aegis_eight_bytes(base + e2),
                            aegis_eight_bytes(base + e1), aegis_eight_bytes(base + e0));
}

/* The numbers at the ends of eight texts, of which the first `foreign` bits are something else; a
 * bit in *odd for each that holds anything but digits. */
static inline __m512i aegis_eight_numbers(__m512i texts, __m512i foreign, uint64_t *odd)
{
    const __m512i bare = _mm512_xor_si512(texts, _mm512_set1_epi8('0'));
    const __m512i digits = _mm512_sllv_epi64(_mm512_srlv_epi64(bare, foreign), foreign);
    const __m512i no_digit =
        _mm512_movm_epi8(_mm512_cmpgt_epu8_mask(digits, _mm512_set1_epi8(9)));
    *odd = (uint64_t)_mm512_test_epi64_mask(no_digit, no_digit);
    /* 10 * a + b, then 100 * ab + cd, then 10000 * abcd + efgh. */
    const __m512i pairs = _mm512_maddubs_epi16(digits, _mm512_set1_epi16(0x010A));
    const __m512i fours = _mm512_madd_epi16(pairs, _mm512_set1_epi32(0x00010064));
    return _mm512_add_epi64(_mm512_mul_epu32(fours, _mm512_set1_epi64(10000)),
                            _mm512_srli_epi64(fours, 32));
}

/* Eight numbers that end at the given offsets, each behind a separator. Where no separator is in
 * sight the number has eight characters or more: a bit in *full. */
static inline __m512i aegis_eight_by_separator(__m512i texts, uint64_t *odd, uint64_t *full)
{
    const __m512i separators = _mm512_movm_epi8(
        _mm512_cmpeq_epi8_mask(texts, _mm512_set1_epi8(AEGIS_SEPARATOR)));
    const __m512i clear = _mm512_lzcnt_epi64(separators);
    const __m512i all = _mm512_set1_epi64(64);
    const __m512i value = aegis_eight_numbers(texts, _mm512_sub_epi64(all, clear), odd);
    *odd |= (uint64_t)_mm512_testn_epi64_mask(clear, clear);
    *full = (uint64_t)_mm512_cmpeq_epi64_mask(clear, all);
    return value;
}

static inline uint64_t aegis_depth_numbers(const uint8_t *base, const uint32_t *at,
                                           const uint8_t *index, int64_t *out,
                                           int64_t *time_hhmmss)
{
    /* The lengths are found in the text: reading them from `at` as vectors would wait until the
     * vectors that aegis_split has just written are in the cache. */
    uint64_t odd = 0, full = 0, odd_here, full_here;
    for (uint32_t k = 0; k < 40; k += 8) {
        const uint32_t *to = at + 4 + k;
        const __m512i texts = aegis_eight_texts(base, to[0], to[1], to[2], to[3], to[4], to[5],
                                                to[6], to[7]);
        _mm512_storeu_si512(out + k, aegis_eight_by_separator(texts, &odd_here, &full_here));
        odd |= odd_here << k;
        full |= full_here << k;
    }
    /* Totals, expected price and quantity, volume, time: six values here and there. */
    const uint8_t *i = index + 40;
    const __m512i texts = aegis_eight_texts(
        base, at[i[0] + 1], at[i[1] + 1], at[i[2] + 1], at[i[3] + 1], at[i[4] + 1], at[i[5] + 1],
        at[i[5] + 1], at[i[5] + 1]);
    const __m512i six = aegis_eight_by_separator(texts, &odd_here, &full_here);
    _mm512_mask_storeu_epi64(out + 40, 0x1F, six);
    *time_hhmmss =
        _mm_cvtsi128_si64(_mm512_castsi512_si128(_mm512_maskz_compress_epi64(0x20, six)));
    odd |= (odd_here & 0x3F) << 40;
    full |= (full_here & 0x3F) << 40;
    for (; full; full &= full - 1) {
        const uint32_t k = (uint32_t)__builtin_ctzll(full);
        if (at[index[k] + 1] - at[index[k]] - 1 != 8)
            odd |= full & -full;
    }
    return odd;
}

/* 6 to 12 ASCII letters and digits, copied to out[16] and padded with zeros; -1 otherwise. */
static inline int aegis_masked_symbol(const uint8_t *s, const uint8_t *e, char *out)
{
    const uint32_t length = (uint32_t)(e - s);
    if (length - 6 > 6)
        return -1;
    const __mmask16 inside = (__mmask16)aegis_first_bits(length);
    const __m128i text = _mm_maskz_loadu_epi8(inside, s);
    const __mmask16 digits = _mm_cmple_epu8_mask(_mm_sub_epi8(text, _mm_set1_epi8('0')),
                                                 _mm_set1_epi8(9));
    const __m128i lower = _mm_or_si128(text, _mm_set1_epi8(0x20));
    const __mmask16 letters = _mm_cmple_epu8_mask(_mm_sub_epi8(lower, _mm_set1_epi8('a')),
                                                  _mm_set1_epi8(25));
    _mm_storeu_si128((__m128i *)out, text);
    return (~(digits | letters) & inside) == 0 ? 0 : -1;
}

/* One bit for each of the forty numbers of two books' levels that differ. */
static inline uint64_t aegis_differences(const int64_t *a, const int64_t *b)
{
    uint64_t bits = 0;
    for (uint32_t k = 0; k < AEGIS_LEVEL_NUMBERS; k += 8)
        bits |= (uint64_t)_mm512_cmpneq_epi64_mask(_mm512_loadu_si512(a + k),
                                                   _mm512_loadu_si512(b + k)) << k;
    return bits;
}

#endif
