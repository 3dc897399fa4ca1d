/* Find separators, symbols and numbers with what every machine has (on x86-64: SSE2).
 *
 * Every function reads only inside the frame. AEGIS_PORTABLE=1 leaves out the SSE2 path.
 */
#ifndef AEGIS_SCAN_H
#define AEGIS_SCAN_H

#include "digits.h"

#define AEGIS_SYMBOL aegis_symbol
#define AEGIS_NUMBERS_OF_TRADE aegis_numbers_one_by_one

#if defined(__SSE2__) && !AEGIS_PORTABLE
#include <emmintrin.h>
#define AEGIS_SCAN_ISA "sse2"
#define AEGIS_BLOCK 16
#else
#define AEGIS_SCAN_ISA "portable"
#define AEGIS_BLOCK 8
#endif

/* One bit per byte of the block at p (bit i = byte i is the separator). */
static inline uint64_t aegis_block_mask(const uint8_t *p)
{
#if AEGIS_BLOCK == 16
    const __m128i block = _mm_loadu_si128((const __m128i *)p);
    return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(block, _mm_set1_epi8(AEGIS_SEPARATOR)));
#else
    uint64_t mask = 0;
    for (int i = 0; i < AEGIS_BLOCK; i++)
        mask |= (uint64_t)(p[i] == AEGIS_SEPARATOR) << i;
    return mask;
#endif
}

/* One bit per byte of base[pos, pos + 64). */
static inline uint64_t aegis_window_mask(const uint8_t *base, uint32_t pos)
{
    uint64_t mask = 0;
    for (uint32_t i = 0; i < 64; i += AEGIS_BLOCK)
        mask |= aegis_block_mask(base + pos + i) << i;
    return mask;
}

/* The same for the last `left` (1..63) bytes of a range. Its last block is loaded ending at the
 * range's end and shifted, so nothing past it is read; that needs AEGIS_BLOCK bytes of frame
 * before the end, or it goes byte by byte. */
static inline uint64_t aegis_tail_mask(const uint8_t *base, uint32_t pos, uint32_t left)
{
    uint64_t mask = 0;
    uint32_t i = 0;
    for (; i + AEGIS_BLOCK <= left; i += AEGIS_BLOCK)
        mask |= aegis_block_mask(base + pos + i) << i;
    if (i < left && pos + left >= AEGIS_BLOCK)
        return mask | aegis_block_mask(base + pos + left - AEGIS_BLOCK)
                          >> (AEGIS_BLOCK - (left - i)) << i;
    for (; i < left; i++)
        mask |= (uint64_t)(base[pos + i] == AEGIS_SEPARATOR) << i;
    return mask;
}

/* Without the instruction the built-in is a call to a table look-up. */
static inline uint32_t aegis_popcount(uint64_t mask)
{
#ifdef __POPCNT__
    return (uint32_t)__builtin_popcountll(mask);
#else
    mask -= mask >> 1 & UINT64_C(0x5555555555555555);
    mask = (mask & UINT64_C(0x3333333333333333)) + (mask >> 2 & UINT64_C(0x3333333333333333));
    mask = (mask + (mask >> 4)) & UINT64_C(0x0F0F0F0F0F0F0F0F);
    return (uint32_t)(mask * UINT64_C(0x0101010101010101) >> 56);
#endif
}

/* Count the separators in base[pos, end). */
static inline uint32_t aegis_count(const uint8_t *base, uint32_t pos, uint32_t end)
{
    uint32_t found = 0;
    for (; end - pos >= 64; pos += 64)
        found += aegis_popcount(aegis_window_mask(base, pos));
    return pos < end ? found + aegis_popcount(aegis_tail_mask(base, pos, end - pos)) : found;
}

/* Write the offsets of the first `capacity` separators of base[pos, end) to ends, which must have
 * room for capacity + AEGIS_SPLIT_SLACK. Stops after `want` separators. Returns how many were met
 * (all of them count, stored or not) and sets *stop to the offset of the last one met, or to `end`
 * if fewer than `want` were there. */
static inline uint32_t aegis_split(const uint8_t *base, uint32_t pos, uint32_t end, uint32_t *ends,
                                   uint32_t capacity, uint32_t want, uint32_t *stop)
{
    uint32_t found = 0;
    for (;; pos += 64) {
        const uint32_t left = end - pos;
        uint64_t mask =
            left >= 64 ? aegis_window_mask(base, pos) : left ? aegis_tail_mask(base, pos, left) : 0;
        /* Past `capacity` the stores go to one place nobody reads. */
        uint32_t *next = ends + (found < capacity ? found : capacity);
        for (; mask; mask &= mask - 1) {
            const uint32_t at = pos + (uint32_t)__builtin_ctzll(mask);
            *next++ = at;
            if (++found == want) {
                *stop = at;
                return found;
            }
        }
        if (left <= 64)
            break;
    }
    *stop = end;
    return found;
}

/* The numbers of a book, as those of a trade, but the last one goes to *time_hhmmss. */
static inline uint64_t aegis_depth_numbers(const uint8_t *base, const uint32_t *at,
                                           const uint8_t *index, int64_t *out,
                                           int64_t *time_hhmmss)
{
    uint64_t odd = 0;
    for (uint32_t k = 0; k < AEGIS_DEPTH_NUMBERS - 1; k++)
        odd |= aegis_quick(base, at[index[k]] + 1, at[index[k] + 1], out + k) << k;
    const uint32_t last = index[AEGIS_DEPTH_NUMBERS - 1];
    return odd | aegis_quick(base, at[last] + 1, at[last + 1], time_hhmmss)
                     << (AEGIS_DEPTH_NUMBERS - 1);
}

/* One bit for each of the forty numbers of two books' levels that differ. */
static inline uint64_t aegis_differences(const int64_t *a, const int64_t *b)
{
    uint64_t bits = 0;
    for (uint32_t k = 0; k < AEGIS_LEVEL_NUMBERS; k++)
        bits |= (uint64_t)(a[k] != b[k]) << k;
    return bits;
}

#endif
