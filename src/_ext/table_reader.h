/* Read every value of a record of any realtime TR, by the tables of tables.h. table.pxd mirrors
 * the structs of the reader (table.pyx compares their sizes when it is imported). */
#ifndef AEGIS_TABLE_READER_H
#define AEGIS_TABLE_READER_H

#include <stddef.h>
#include <stdint.h>

enum {
    AEGIS_TABLE_COUNT = 29,
    AEGIS_MOST_VALUES = 73,
    AEGIS_MOST_LAYOUTS = 3,
};

/* A decimal is held in millionths. */
#define AEGIS_MICRO 1000000

enum {
    AEGIS_VALUE_INT = 'i',
    AEGIS_VALUE_DECIMAL = 'd',
    AEGIS_VALUE_TIME = 't',
    AEGIS_VALUE_ENUM = 'e',
    AEGIS_VALUE_STR = 's',
};

/* One form of a record. sure_names: how many of the leading values mean the same in the next wider
 * form, so that a record of a width in between has at least these; all of them in the widest. */
typedef struct {
    uint16_t width;
    uint16_t sure_names;
    const char *kinds;
    const char *const *names;
} aegis_layout;

/* is_private: an own-order notice, it comes encrypted. Layouts: narrowest first. */
typedef struct {
    char tr_id[9];
    uint8_t is_private;
    uint8_t layout_count;
    aegis_layout layouts[AEGIS_MOST_LAYOUTS];
} aegis_table;

/* A frame being read. width: values a record; named: how many of them have a name and a type, the
 * first ones. error_value: which value of its record does not fit, -1 when it is none of them. */
typedef struct {
    const uint8_t *frame;
    const aegis_layout *layout;
    uint32_t size_bytes;
    uint32_t next_at;
    uint32_t error_at;
    uint32_t count;
    uint32_t records_left;
    uint32_t width;
    uint32_t named;
    int32_t tr;
    int32_t layout_index;
    int32_t error_value;
    int32_t is_private;
} aegis_table_frame;

/* One record. A number is itself, AEGIS_ABSENT when empty or (null); a text is where it starts,
 * shifted left by 32, plus its length in bytes. Positions count from the start of the frame. */
typedef struct {
    int64_t value[AEGIS_MOST_VALUES];
    uint32_t text_bytes;
    uint32_t extra_at;
    uint32_t extra_bytes;
} aegis_table_record;

/* 0, or a negative status of kernel.h with error_at and error_value set. Opening reads the header,
 * counts the values, picks the layout and refuses a text that is no UTF-8. */
int aegis_open_table(const uint8_t *frame, ptrdiff_t size_bytes, aegis_table_frame *f);
int aegis_next_record(aegis_table_frame *f, aegis_table_record *out);

/* A record on its own, independent of the frame: the numbers, then the bytes of the texts, then the
 * values without a name as they came. Positions of texts count from the first text. */
size_t aegis_packed_size(const aegis_table_frame *f, const aegis_table_record *record);
void aegis_pack(const aegis_table_frame *f, const aegis_table_record *record, uint8_t *target);

const aegis_table *aegis_table_at(int32_t tr);

#endif
