/* The reader behind table_reader.h: one plain loop for every TR, steered by the letters of its table. */
#include "table_reader.h"

#include "digits.h"
#include "kernel.h"
#include "tables.h"

#define TRY(step)                   \
    do {                            \
        const int status_ = (step); \
        if (status_ != FRAME_OK)    \
            return status_;         \
    } while (0)

static int stop(aegis_table_frame *f, uint32_t offset, int status)
{
    f->error_at = offset;
    return status;
}

/* ---- the frame ---- */

static int find_table(const uint8_t *name)
{
    for (int tr = 0; tr < AEGIS_TABLE_COUNT; tr++)
        if (memcmp(name, aegis_tables[tr].tr_id, 8) == 0)
            return tr;
    return -1;
}

/* Decimal digits of any width up to the next bar; the payload starts behind it. */
static int read_count(aegis_table_frame *f, uint32_t pos)
{
    const uint32_t start = pos;
    uint32_t count = 0;
    for (; pos < f->size_bytes; pos++) {
        const uint32_t digit = (uint32_t)f->frame[pos] - '0';
        if (digit > 9)
            break;
        if (count > 100000000)
            return stop(f, start, FRAME_BAD_COUNT);
        count = count * 10 + digit;
    }
    if (count == 0)
        return stop(f, start, FRAME_BAD_COUNT);
    if (pos == f->size_bytes || f->frame[pos] != '|')
        return stop(f, pos, FRAME_BAD_COUNT);
    f->count = f->records_left = count;
    f->next_at = pos + 1;
    return FRAME_OK;
}

/* How many bytes the UTF-8 character at s takes, 0 if none starts there. Table 3-7 of the Unicode
 * standard: no overlong form, no surrogate, nothing above U+10FFFF. */
static uint32_t utf8_length(const uint8_t *s, const uint8_t *e)
{
    const uint8_t lead = *s;
    if (lead < 0x80)
        return 1;
    const uint32_t length = lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
    if (length == 0 || (size_t)(e - s) < length)
        return 0;
    const uint8_t lowest = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    const uint8_t highest = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (s[1] < lowest || s[1] > highest)
        return 0;
    for (uint32_t i = 2; i < length; i++)
        if ((s[i] & 0xC0) != 0x80)
            return 0;
    return length;
}

/* The number of values; a text that is no UTF-8 stops here. */
static int count_values(aegis_table_frame *f, uint32_t *values)
{
    const uint8_t *s = f->frame + f->next_at;
    const uint8_t *const e = f->frame + f->size_bytes;
    uint32_t separators = 0;
    uint8_t any = 0;
    for (const uint8_t *p = s; p < e; p++) {
        separators += *p == AEGIS_SEPARATOR;
        any |= *p;
    }
    *values = separators + 1;
    while (any >= 0x80 && s < e) {
        const uint32_t length = utf8_length(s, e);
        if (length == 0)
            return stop(f, (uint32_t)(s - f->frame), FRAME_BAD_TEXT);
        s += length;
    }
    return FRAME_OK;
}

/* The widest form that the records have room for. Of one that is neither exactly known nor wider
 * than all known ones, only the values that cannot be mistaken keep their names. */
static int choose_layout(aegis_table_frame *f)
{
    const aegis_table *const table = aegis_tables + f->tr;
    int32_t i = table->layout_count - 1;
    while (i >= 0 && table->layouts[i].width > f->width)
        i--;
    if (i < 0)
        return stop(f, f->next_at, FRAME_NARROW);
    f->layout_index = i;
    f->layout = table->layouts + i;
    f->named = f->layout->width == f->width ? f->width : f->layout->sure_names;
    return FRAME_OK;
}

int aegis_open_table(const uint8_t *frame, ptrdiff_t size_bytes, aegis_table_frame *f)
{
    uint32_t values;
    memset(f, 0, sizeof *f);
    f->frame = frame;
    f->error_value = -1;
    if (size_bytes > INT32_MAX)
        return stop(f, 0, FRAME_TOO_LONG);
    f->size_bytes = (uint32_t)size_bytes;
    if (size_bytes < 2 || frame[1] != '|' || (frame[0] != '0' && frame[0] != '1'))
        return stop(f, 0, FRAME_BAD_HEADER);
    if (frame[0] == '1')
        return stop(f, 0, FRAME_ENCRYPTED);
    if (size_bytes < 13 || frame[10] != '|' || (f->tr = find_table(frame + 2)) < 0)
        return stop(f, 2, FRAME_UNKNOWN_TR);
    f->is_private = aegis_tables[f->tr].is_private;
    TRY(read_count(f, 11));
    TRY(count_values(f, &values));
    f->width = values / f->count;
    if (f->width * f->count != values)
        return stop(f, f->next_at, FRAME_UNEVEN);
    return choose_layout(f);
}

/* ---- the values ---- */

static int is_absent(const uint8_t *s, const uint8_t *e)
{
    return s == e || (e - s == 6 && memcmp(s, "(null)", 6) == 0);
}

static int is_digit(const uint8_t *s, const uint8_t *e)
{
    return s < e && (uint8_t)(*s - '0') <= 9;
}

/* The part behind the point, in millionths: one digit or more, from the seventh on zeros only. */
static int read_micro(const uint8_t *s, const uint8_t *e, int64_t *out)
{
    static const int64_t step[] = {1000000, 100000, 10000, 1000, 100, 10, 1};
    const uint8_t *const kept = e - s > 6 ? s + 6 : e;
    int is_finer = 0;
    if (!is_digit(s, e) || aegis_unsigned(s, kept, out) != AEGIS_INT_OK)
        return FRAME_NOT_A_NUMBER;
    for (const uint8_t *p = kept; p < e; p++) {
        if (!is_digit(p, e))
            return FRAME_NOT_A_NUMBER;
        is_finer |= *p != '0';
    }
    *out *= step[kept - s];
    return is_finer ? FRAME_TOO_FINE : FRAME_OK;
}

/* [+-] digits [. digits], in millionths; the digits in front of a point may be missing. */
static int read_decimal(const uint8_t *s, const uint8_t *e, int64_t *out)
{
    int64_t whole = 0, micro = 0;
    if (is_absent(s, e)) {
        *out = AEGIS_ABSENT;
        return FRAME_OK;
    }
    const int is_negative = *s == '-';
    if (is_negative || *s == '+')
        s++;
    const uint8_t *point = s;
    while (point < e && *point != '.')
        point++;
    if (point > s || point == e) {
        const int status = is_digit(s, point) ? aegis_unsigned(s, point, &whole)
                                              : AEGIS_INT_NOT_A_NUMBER;
        if (status == AEGIS_INT_NOT_A_NUMBER)
            return FRAME_NOT_A_NUMBER;
        if (status == AEGIS_INT_OVERFLOW)
            whole = INT64_MAX;
    }
    if (point < e)
        TRY(read_micro(point + 1, e, &micro));
    if (whole > (INT64_MAX - micro) / AEGIS_MICRO)
        return FRAME_OVERFLOW;
    *out = whole * AEGIS_MICRO + micro;
    if (is_negative)
        *out = -*out;
    return FRAME_OK;
}

static int read_value(char kind, const uint8_t *frame, const uint8_t *s, const uint8_t *e,
                      aegis_table_record *out, int64_t *value)
{
    int status;
    switch (kind) {
    case AEGIS_VALUE_INT: status = aegis_signed(s, e, value); break;
    case AEGIS_VALUE_TIME: status = aegis_unsigned(s, e, value); break;
    case AEGIS_VALUE_DECIMAL: return read_decimal(s, e, value);
    default:
        if (is_absent(s, e)) {
            *value = AEGIS_ABSENT;
            return FRAME_OK;
        }
        *value = (int64_t)(s - frame) << 32 | (int64_t)(e - s);
        out->text_bytes += (uint32_t)(e - s);
        return FRAME_OK;
    }
    return status == AEGIS_INT_OK         ? FRAME_OK
           : status == AEGIS_INT_OVERFLOW ? FRAME_OVERFLOW
                                          : FRAME_NOT_A_NUMBER;
}

static const uint8_t *value_end(const uint8_t *s, const uint8_t *e)
{
    while (s < e && *s != AEGIS_SEPARATOR)
        s++;
    return s;
}

int aegis_next_record(aegis_table_frame *f, aegis_table_record *out)
{
    const uint8_t *const frame_end = f->frame + f->size_bytes;
    const uint8_t *s = f->frame + f->next_at;
    const uint8_t *e = s;
    out->text_bytes = out->extra_at = out->extra_bytes = 0;
    for (uint32_t i = 0; i < f->named; i++, s = e + 1) {
        e = value_end(s, frame_end);
        const int status = read_value(f->layout->kinds[i], f->frame, s, e, out, out->value + i);
        if (__builtin_expect(status != FRAME_OK, 0)) {
            f->error_value = (int32_t)i;
            return stop(f, (uint32_t)(s - f->frame), status);
        }
    }
    if (f->width > f->named) {
        out->extra_at = (uint32_t)(s - f->frame);
        for (uint32_t i = f->named; i < f->width; i++, s = e + 1)
            e = value_end(s, frame_end);
        out->extra_bytes = (uint32_t)(e - f->frame) - out->extra_at;
    }
    f->next_at = (uint32_t)(e - f->frame) + 1;
    f->records_left--;
    return FRAME_OK;
}

/* ---- a record on its own ---- */

static int is_text(char kind)
{
    return kind == AEGIS_VALUE_ENUM || kind == AEGIS_VALUE_STR;
}

size_t aegis_packed_size(const aegis_table_frame *f, const aegis_table_record *record)
{
    return f->named * sizeof(int64_t) + record->text_bytes + record->extra_bytes;
}

void aegis_pack(const aegis_table_frame *f, const aegis_table_record *record, uint8_t *target)
{
    uint8_t *const texts = target + f->named * sizeof(int64_t);
    size_t at = 0;
    for (uint32_t i = 0; i < f->named; i++) {
        int64_t value = record->value[i];
        if (is_text(f->layout->kinds[i]) && value != AEGIS_ABSENT) {
            const size_t length = (size_t)(value & UINT32_MAX);
            memcpy(texts + at, f->frame + (value >> 32), length);
            value = (int64_t)at << 32 | (int64_t)length;
            at += length;
        }
        memcpy(target + i * sizeof value, &value, sizeof value);
    }
    if (record->extra_bytes > 0)
        memcpy(texts + at, f->frame + record->extra_at, record->extra_bytes);
}

/* ---- the tables ---- */

const aegis_table *aegis_table_at(int32_t tr)
{
    return aegis_tables + tr;
}

int aegis_is_known_width(int32_t tr, uint32_t width)
{
    const aegis_table *const table = aegis_tables + tr;
    for (int i = 0; i < table->layout_count; i++)
        if (table->layouts[i].width == width)
            return 1;
    return 0;
}
