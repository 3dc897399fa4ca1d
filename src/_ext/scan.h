/* Find separators and read decimal numbers in a KIS realtime frame.
 *
 * Every function reads only inside the frame. Numbers are read by 8-byte loads that END at the
 * number's last digit, so they reach back into the frame, never past its end: the caller
 * guarantees that at least 8 bytes of the frame lie before the end of any number (a frame's header
 * alone is 13 bytes or more). AEGIS_PORTABLE=1 leaves out the SSE2 path.
 */
#ifndef AEGIS_SCAN_H
#define AEGIS_SCAN_H

#include <stdint.h>
#include <string.h>

#if defined(__SSE2__) && !AEGIS_PORTABLE
#include <emmintrin.h>
#define AEGIS_SCAN_ISA "sse2"
#define AEGIS_BLOCK 16
#else
#define AEGIS_SCAN_ISA "portable"
#define AEGIS_BLOCK 8
#endif

#define AEGIS_SEPARATOR '^'
#define AEGIS_ABSENT INT64_MIN
/* Room that aegis_split may write past `capacity`: one block of separators. */
#define AEGIS_SPLIT_SLACK 16

enum { AEGIS_INT_OK = 0, AEGIS_INT_NOT_A_NUMBER = -1, AEGIS_INT_OVERFLOW = -2 };

/* One bit per byte of the block at p (bit i = byte i is the separator). */
static inline uint32_t aegis_block_mask(const uint8_t *p)
{
#if AEGIS_BLOCK == 16
    const __m128i block = _mm_loadu_si128((const __m128i *)p);
    return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(block, _mm_set1_epi8(AEGIS_SEPARATOR)));
#else
    uint32_t mask = 0;
    for (int i = 0; i < AEGIS_BLOCK; i++)
        mask |= (uint32_t)(p[i] == AEGIS_SEPARATOR) << i;
    return mask;
#endif
}

/* Bits of the block at `pos`, of which only the first `left` bytes (1..AEGIS_BLOCK) belong to the
 * range. The last block is loaded ending at the range's end and shifted, so nothing is read
 * past it; that needs pos + left >= AEGIS_BLOCK. */
static inline uint32_t aegis_tail_mask(const uint8_t *base, uint32_t pos, uint32_t left)
{
    if (pos + left >= AEGIS_BLOCK)
        return aegis_block_mask(base + pos + left - AEGIS_BLOCK) >> (AEGIS_BLOCK - left);
    uint32_t mask = 0;
    for (uint32_t i = 0; i < left; i++)
        mask |= (uint32_t)(base[pos + i] == AEGIS_SEPARATOR) << i;
    return mask;
}

/* Count the separators in base[pos, end). */
static inline uint32_t aegis_count(const uint8_t *base, uint32_t pos, uint32_t end)
{
    uint32_t found = 0;
    while (end - pos >= AEGIS_BLOCK) {
        found += (uint32_t)__builtin_popcount(aegis_block_mask(base + pos));
        pos += AEGIS_BLOCK;
    }
    if (pos < end)
        found += (uint32_t)__builtin_popcount(aegis_tail_mask(base, pos, end - pos));
    return found;
}

/* Write the offsets of the first `capacity` separators of base[pos, end) to ends, which must have
 * room for capacity + AEGIS_SPLIT_SLACK. Stops after `want` separators. Returns how many were met
 * (all of them count, stored or not) and sets *stop to the offset of the last one met, or to `end`
 * if fewer than `want` were there. */
static inline uint32_t aegis_split(const uint8_t *base, uint32_t pos, uint32_t end, uint32_t *ends,
                                   uint32_t capacity, uint32_t want, uint32_t *stop)
{
    uint32_t found = 0;
    while (pos < end) {
        const uint32_t left = end - pos;
        uint32_t mask =
            left >= AEGIS_BLOCK ? aegis_block_mask(base + pos) : aegis_tail_mask(base, pos, left);
        const uint32_t here = (uint32_t)__builtin_popcount(mask);
        if (found + here >= want) {
            for (; found < want; mask &= mask - 1) {
                *stop = pos + (uint32_t)__builtin_ctz(mask);
                if (found < capacity)
                    ends[found] = *stop;
                found++;
            }
            return found;
        }
        if (found < capacity) {
            for (uint32_t *next = ends + found; mask; mask &= mask - 1)
                *next++ = pos + (uint32_t)__builtin_ctz(mask);
        }
        found += here;
        pos += AEGIS_BLOCK;
    }
    *stop = end;
    return found;
}

/* Eight ASCII digits, the first in the lowest byte: 0, and the value in *out; or -1. */
static inline int aegis_eight_digits(uint64_t chunk, uint64_t *out)
{
    const uint64_t high = UINT64_C(0xF0F0F0F0F0F0F0F0);
    const uint64_t carried = chunk + UINT64_C(0x0606060606060606);
    if (((chunk & high) | ((carried & high) >> 4)) != UINT64_C(0x3333333333333333))
        return -1;
    chunk = (chunk & UINT64_C(0x0F0F0F0F0F0F0F0F)) * 2561 >> 8;
    chunk = (chunk & UINT64_C(0x00FF00FF00FF00FF)) * 6553601 >> 16;
    *out = (chunk & UINT64_C(0x0000FFFF0000FFFF)) * UINT64_C(42949672960001) >> 32;
    return 0;
}

/* The last `length` (1..8) bytes before e, with '0' in front of them. */
static inline uint64_t aegis_chunk_before(const uint8_t *e, uint32_t length)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    uint64_t chunk;
    memcpy(&chunk, e - 8, 8);
    const uint64_t foreign = length == 8 ? 0 : ~UINT64_C(0) >> (8 * length);
    return (chunk & ~foreign) | (UINT64_C(0x3030303030303030) & foreign);
#else
    uint64_t chunk = 0;
    for (uint32_t i = 8; i-- > 0;)
        chunk = chunk << 8 | (i >= 8 - length ? e[(int)i - 8] : '0');
    return chunk;
#endif
}

/* Digit by digit, for numbers of more than 16 characters. */
static inline int aegis_long_digits(const uint8_t *s, const uint8_t *e, int64_t *out)
{
    uint64_t value = 0;
    for (; s < e; s++) {
        const uint32_t digit = (uint32_t)*s - '0';
        if (digit > 9)
            return AEGIS_INT_NOT_A_NUMBER;
        if (value > ((uint64_t)INT64_MAX - digit) / 10) {
            for (; s < e; s++)
                if ((uint32_t)*s - '0' > 9)
                    return AEGIS_INT_NOT_A_NUMBER;
            return AEGIS_INT_OVERFLOW;
        }
        value = value * 10 + digit;
    }
    *out = (int64_t)value;
    return AEGIS_INT_OK;
}

/* Digits only; empty or the literal (null) gives AEGIS_ABSENT. */
static inline int aegis_unsigned(const uint8_t *s, const uint8_t *e, int64_t *out)
{
    const uint32_t length = (uint32_t)(e - s);
    uint64_t low, high;
    if (length - 1 < 8) {
        if (__builtin_expect(aegis_eight_digits(aegis_chunk_before(e, length), &low) == 0, 1)) {
            *out = (int64_t)low;
            return AEGIS_INT_OK;
        }
    } else if (length == 0) {
        *out = AEGIS_ABSENT;
        return AEGIS_INT_OK;
    } else if (length <= 16) {
        if (__builtin_expect(aegis_eight_digits(aegis_chunk_before(e, 8), &low) == 0 &&
                                 aegis_eight_digits(aegis_chunk_before(e - 8, length - 8),
                                                    &high) == 0, 1)) {
            *out = (int64_t)(high * 100000000 + low);
            return AEGIS_INT_OK;
        }
    } else {
        return aegis_long_digits(s, e, out);
    }
    if (length == 6 && memcmp(s, "(null)", 6) == 0) {
        *out = AEGIS_ABSENT;
        return AEGIS_INT_OK;
    }
    return AEGIS_INT_NOT_A_NUMBER;
}

/* As aegis_unsigned, with one leading '+' or '-' allowed before at least one digit. */
static inline int aegis_signed(const uint8_t *s, const uint8_t *e, int64_t *out)
{
    if (s == e || (*s != '-' && *s != '+'))
        return aegis_unsigned(s, e, out);
    int64_t value;
    if (s + 1 == e || s[1] < '0' || s[1] > '9')
        return AEGIS_INT_NOT_A_NUMBER;
    const int status = aegis_unsigned(s + 1, e, &value);
    if (status == AEGIS_INT_OK)
        *out = *s == '-' ? -value : value;
    return status;
}

/* 6 to 12 ASCII letters and digits, copied to out[16] and padded with zeros; -1 otherwise. */
static inline int aegis_symbol(const uint8_t *s, const uint8_t *e, char *out)
{
    const uint32_t length = (uint32_t)(e - s);
    if (length - 6 > 6)
        return -1;
    memset(out, 0, 16);
    for (uint32_t i = 0; i < length; i++) {
        const uint8_t c = s[i];
        if ((uint32_t)c - '0' > 9 && ((uint32_t)c | 0x20) - 'a' > 25)
            return -1;
        out[i] = (char)c;
    }
    return 0;
}

#endif
