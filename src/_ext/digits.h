/* Read decimal numbers in a KIS realtime frame.
 *
 * Every function reads only inside the frame. Numbers are read by 8-byte loads that END at the
 * number's last digit, so they reach back into the frame, never past its end: the caller
 * guarantees that at least 8 bytes of the frame lie before the end of any number (a frame's header
 * alone is 13 bytes or more).
 */
#ifndef AEGIS_DIGITS_H
#define AEGIS_DIGITS_H

#include <stdint.h>
#include <string.h>

#define AEGIS_SEPARATOR '^'
#define AEGIS_ABSENT INT64_MIN
#define AEGIS_TRADE_NUMBERS 14
#define AEGIS_DEPTH_NUMBERS 46
/* Ten asks and bids, prices and quantities. */
#define AEGIS_LEVEL_NUMBERS 40
/* Room that aegis_split may write past `capacity`: one window of separators. */
#define AEGIS_SPLIT_SLACK 64

enum { AEGIS_INT_OK = 0, AEGIS_INT_NOT_A_NUMBER = -1, AEGIS_INT_OVERFLOW = -2 };

/* The number that eight digits spell, each a byte of 0..9, the first in the lowest byte. */
static inline uint64_t aegis_eight_digits(uint64_t digits)
{
    const uint64_t mask = UINT64_C(0x000000FF000000FF);
    digits = digits * 10 + (digits >> 8);
    return ((digits & mask) * UINT64_C(0x000F424000000064) +
            (digits >> 16 & mask) * UINT64_C(0x0000271000000001)) >> 32;
}

/* Not zero if any byte is more than 9. */
static inline uint64_t aegis_not_digits(uint64_t digits)
{
    return ((digits + UINT64_C(0x7676767676767676)) | digits) & UINT64_C(0x8080808080808080);
}

/* The digits of the last `length` (1..8) bytes before e, with zeros in front of them. */
static inline uint64_t aegis_digits_before(const uint8_t *e, uint32_t length)
{
    const uint32_t foreign_bits = (8 - length) * 8 & 63;
    uint64_t chunk;
    memcpy(&chunk, e - 8, 8);
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
    chunk = __builtin_bswap64(chunk);
#endif
    return (chunk ^ UINT64_C(0x3030303030303030)) >> foreign_bits << foreign_bits;
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
        low = aegis_digits_before(e, length);
        if (__builtin_expect(aegis_not_digits(low) == 0, 1)) {
            *out = (int64_t)aegis_eight_digits(low);
            return AEGIS_INT_OK;
        }
    } else if (length == 0) {
        *out = AEGIS_ABSENT;
        return AEGIS_INT_OK;
    } else if (length <= 16) {
        low = aegis_digits_before(e, 8);
        high = aegis_digits_before(e - 8, length - 8);
        if (__builtin_expect((aegis_not_digits(low) | aegis_not_digits(high)) == 0, 1)) {
            *out = (int64_t)(aegis_eight_digits(high) * 100000000 + aegis_eight_digits(low));
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

/* One number, without a branch; returns 1 if it is not one to eight digits, *out is then
 * meaningless. */
static inline uint64_t aegis_quick(const uint8_t *base, uint32_t start, uint32_t end, int64_t *out)
{
    const uint32_t length = end - start;
    const uint64_t digits = aegis_digits_before(base + end, length);
    *out = (int64_t)aegis_eight_digits(digits);
    return (aegis_not_digits(digits) != 0) | (length - 1 > 7);
}

/* The numbers of a trade, number k being value index[k], into out[k]; the third without its minus
 * sign, if is_negative. Returns a bit for every k that must be read by itself. */
static inline uint64_t aegis_numbers_one_by_one(const uint8_t *base, const uint32_t *at,
                                                const uint8_t *index, uint32_t is_negative,
                                                int64_t *out)
{
    uint64_t odd = 0;
    for (uint32_t k = 0; k < AEGIS_TRADE_NUMBERS; k++) {
        const uint32_t start = at[index[k]] + 1 + (k == 2 ? is_negative : 0);
        odd |= aegis_quick(base, start, at[index[k] + 1], out + k) << k;
    }
    out[2] = is_negative ? -out[2] : out[2];
    return odd;
}

/* 6 to 12 ASCII letters and digits, copied to out[16] and padded with zeros; -1 otherwise. */
static inline int aegis_symbol(const uint8_t *s, const uint8_t *e, char *out)
{
    static const uint8_t is_alnum[256] = {
        ['0'] = 1, ['1'] = 1, ['2'] = 1, ['3'] = 1, ['4'] = 1, ['5'] = 1, ['6'] = 1, ['7'] = 1,
        ['8'] = 1, ['9'] = 1, ['A'] = 1, ['B'] = 1, ['C'] = 1, ['D'] = 1, ['E'] = 1, ['F'] = 1,
        ['G'] = 1, ['H'] = 1, ['I'] = 1, ['J'] = 1, ['K'] = 1, ['L'] = 1, ['M'] = 1, ['N'] = 1,
        ['O'] = 1, ['P'] = 1, ['Q'] = 1, ['R'] = 1, ['S'] = 1, ['T'] = 1, ['U'] = 1, ['V'] = 1,
        ['W'] = 1, ['X'] = 1, ['Y'] = 1, ['Z'] = 1, ['a'] = 1, ['b'] = 1, ['c'] = 1, ['d'] = 1,
        ['e'] = 1, ['f'] = 1, ['g'] = 1, ['h'] = 1, ['i'] = 1, ['j'] = 1, ['k'] = 1, ['l'] = 1,
        ['m'] = 1, ['n'] = 1, ['o'] = 1, ['p'] = 1, ['q'] = 1, ['r'] = 1, ['s'] = 1, ['t'] = 1,
        ['u'] = 1, ['v'] = 1, ['w'] = 1, ['x'] = 1, ['y'] = 1, ['z'] = 1,
    };
    const uint32_t length = (uint32_t)(e - s);
    uint8_t ok = 1;
    if (length - 6 > 6)
        return -1;
    memset(out, 0, 16);
    for (uint32_t i = 0; i < length; i++) {
        ok &= is_alnum[s[i]];
        out[i] = (char)s[i];
    }
    return ok ? 0 : -1;
}

#endif
