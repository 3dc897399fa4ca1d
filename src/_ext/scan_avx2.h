/* Find separators, symbols and numbers with AVX2 and BMI2; the same answers as scan.h.
 *
 * Numbers are read four at a time, each as the 8 bytes that end with its last digit.
 */
#ifndef AEGIS_SCAN_AVX2_H
#define AEGIS_SCAN_AVX2_H

#include <immintrin.h>

#include "digits.h"

#define AEGIS_SYMBOL aegis_symbol
#define AEGIS_NUMBERS_OF_TRADE aegis_trade_numbers

static inline uint64_t aegis_half_mask(const uint8_t *p)
{
    const __m256i half = _mm256_loadu_si256((const __m256i *)p);
    return (uint32_t)_mm256_movemask_epi8(
        _mm256_cmpeq_epi8(half, _mm256_set1_epi8(AEGIS_SEPARATOR)));
}

/* One bit per separator of base[pos, end), at most 64 bytes of it. A part of less than 32 bytes is
 * loaded ending at `end` and shifted, so nothing past it is read; where that would reach before
 * the frame, it goes byte by byte. */
static inline uint64_t aegis_window_mask(const uint8_t *base, uint32_t pos, uint32_t end)
{
    const uint32_t left = end - pos;
    if (left >= 64)
        return aegis_half_mask(base + pos) | aegis_half_mask(base + pos + 32) << 32;
    if (end >= 64)
        return (aegis_half_mask(base + end - 64) | aegis_half_mask(base + end - 32) << 32)
               >> (64 - left);
    uint64_t mask = 0;
    for (uint32_t i = 0; i < left; i++)
        mask |= (uint64_t)(base[pos + i] == AEGIS_SEPARATOR) << i;
    return mask;
}

static inline uint32_t aegis_count(const uint8_t *base, uint32_t pos, uint32_t end)
{
    uint32_t found = 0;
    for (; pos < end; pos += 64)
        found += (uint32_t)__builtin_popcountll(aegis_window_mask(base, pos, end));
    return found;
}

static inline uint32_t aegis_split(const uint8_t *base, uint32_t pos, uint32_t end, uint32_t *ends,
                                   uint32_t capacity, uint32_t want, uint32_t *stop)
{
    uint32_t found = 0;
    for (; pos < end; pos += 64) {
        uint64_t mask = aegis_window_mask(base, pos, end);
        const uint32_t here = (uint32_t)__builtin_popcountll(mask);
        if (found + here >= want) {
            const uint64_t last = _pdep_u64(UINT64_C(1) << (want - found - 1), mask);
            *stop = pos + (uint32_t)__builtin_ctzll(last);
        }
        if (found < capacity) {
            /* Always a multiple of eight: the stores past `here` are overwritten or unread. */
            uint32_t *next = ends + found;
            for (uint32_t i = 0; i < here; i += 8, next += 8) {
                for (uint32_t k = 0; k < 8; k++, mask &= mask - 1)
                    next[k] = pos + (uint32_t)_tzcnt_u64(mask);
            }
        }
        if (found + here >= want)
            return want;
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

/* Four numbers, number k between from[k] + 1 and to[k]; a bit in *odd for each that is not 1 to 8
 * digits. */
static inline __m256i aegis_four_numbers(const uint8_t *base, const uint32_t from[4],
                                         const uint32_t to[4], uint64_t *odd)
{
    const __m256i length = _mm256_set_epi64x(to[3] - from[3] - 1, to[2] - from[2] - 1,
                                             to[1] - from[1] - 1, to[0] - from[0] - 1);
    const __m256i text =
        _mm256_set_epi64x(aegis_eight_bytes(base + to[3]), aegis_eight_bytes(base + to[2]),
                          aegis_eight_bytes(base + to[1]), aegis_eight_bytes(base + to[0]));
    /* What lies before the number is shifted out and comes back as zeros. */
    const __m256i foreign =
        _mm256_slli_epi64(_mm256_sub_epi64(_mm256_set1_epi64x(8), length), 3);
    const __m256i bare = _mm256_xor_si256(text, _mm256_set1_epi8('0'));
    const __m256i digits = _mm256_sllv_epi64(_mm256_srlv_epi64(bare, foreign), foreign);
    /* A saturating subtraction of 9 leaves something where there was no digit. */
    const __m256i no_digit = _mm256_subs_epu8(digits, _mm256_set1_epi8(9));
    const __m256i is_digits = _mm256_cmpeq_epi64(no_digit, _mm256_setzero_si256());
    const __m256i beyond = _mm256_sub_epi64(length, _mm256_set1_epi64x(1));
    const __m256i is_long =
        _mm256_cmpgt_epi64(_mm256_srli_epi64(beyond, 3), _mm256_setzero_si256());
    const __m256i is_fine = _mm256_andnot_si256(is_long, is_digits);
    *odd = (uint64_t)(_mm256_movemask_pd(_mm256_castsi256_pd(is_fine)) ^ 0xF);
    /* 10 * a + b, then 100 * ab + cd, then 10000 * abcd + efgh. */
    const __m256i pairs = _mm256_maddubs_epi16(digits, _mm256_set1_epi16(0x010A));
    const __m256i fours = _mm256_madd_epi16(pairs, _mm256_set1_epi32(0x00010064));
    return _mm256_add_epi64(_mm256_mul_epu32(fours, _mm256_set1_epi64x(10000)),
                            _mm256_srli_epi64(fours, 32));
}

static inline uint64_t aegis_trade_numbers(const uint8_t *base, const uint32_t *at,
                                           const uint8_t *index, uint32_t is_negative,
                                           int64_t *out)
{
    uint64_t odd = 0, odd_here;
    for (uint32_t k = 0; k < 12; k += 4) {
        const uint8_t *i = index + k;
        const uint32_t from[4] = {at[i[0]], at[i[1]], at[i[2]] + (k == 0 ? is_negative : 0),
                                  at[i[3]]};
        const uint32_t to[4] = {at[i[0] + 1], at[i[1] + 1], at[i[2] + 1], at[i[3] + 1]};
        _mm256_storeu_si256((__m256i *)(out + k), aegis_four_numbers(base, from, to, &odd_here));
        odd |= odd_here << k;
    }
    out[2] = is_negative ? -out[2] : out[2];
    for (uint32_t k = 12; k < AEGIS_TRADE_NUMBERS; k++)
        odd |= aegis_quick(base, at[index[k]] + 1, at[index[k] + 1], out + k) << k;
    return odd;
}

static inline uint64_t aegis_depth_numbers(const uint8_t *base, const uint32_t *at,
                                           const uint8_t *index, int64_t *out,
                                           int64_t *time_hhmmss)
{
    uint64_t odd = 0, odd_here;
    for (uint32_t k = 0; k < 40; k += 4) {
        _mm256_storeu_si256((__m256i *)(out + k),
                            aegis_four_numbers(base, at + 3 + k, at + 4 + k, &odd_here));
        odd |= odd_here << k;
    }
    for (uint32_t k = 40; k < AEGIS_DEPTH_NUMBERS - 1; k++)
        odd |= aegis_quick(base, at[index[k]] + 1, at[index[k] + 1], out + k) << k;
    const uint32_t last = index[AEGIS_DEPTH_NUMBERS - 1];
    return odd | aegis_quick(base, at[last] + 1, at[last + 1], time_hhmmss)
                     << (AEGIS_DEPTH_NUMBERS - 1);
}

/* One bit for each of the forty numbers of two books' levels that differ. */
static inline uint64_t aegis_differences(const int64_t *a, const int64_t *b)
{
    uint64_t same = 0;
    for (uint32_t k = 0; k < AEGIS_LEVEL_NUMBERS; k += 4) {
        const __m256i equal = _mm256_cmpeq_epi64(_mm256_loadu_si256((const __m256i *)(a + k)),
                                                 _mm256_loadu_si256((const __m256i *)(b + k)));
        same |= (uint64_t)(uint32_t)_mm256_movemask_pd(_mm256_castsi256_pd(equal)) << k;
    }
    return ~same & ((UINT64_C(1) << AEGIS_LEVEL_NUMBERS) - 1);
}

#endif
