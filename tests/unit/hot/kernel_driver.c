/* Feed frames to the kernel from blocks of exactly their size, so that a sanitizer sees any read
 * or write beyond them. In: records of a 4-byte little-endian length and that many bytes. Out: one
 * line a frame: status, error offset or width, a sum over the bytes of every record read; then the
 * same three of the table reader, which knows every TR. The argument names the instruction set. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"
#include "table_reader.h"

static uint64_t summed(uint64_t sum, const void *record, size_t size)
{
    const unsigned char *bytes = record;
    for (size_t i = 0; i < size; i++)
        sum = (sum ^ bytes[i]) * UINT64_C(1099511628211);
    return sum;
}

static int read_all(aegis_header *h, uint64_t *sum)
{
    int status = FRAME_OK;
    while (status == FRAME_OK && h->records_left) {
        aegis_trade trade;
        aegis_depth depth;
        aegis_notice notice;
        uint64_t part = 0;
        memset(&trade, 0, sizeof trade);
        memset(&depth, 0, sizeof depth);
        memset(&notice, 0, sizeof notice);
        if (h->kind == FRAME_TRADE) {
            status = aegis_next_trade(h, &trade);
            part = summed(*sum, &trade, sizeof trade);
        } else if (h->kind == FRAME_DEPTH) {
            status = aegis_next_depth(h, &depth);
            part = summed(*sum, &depth, sizeof depth);
        } else {
            status = aegis_next_notice(h, &notice);
            part = summed(*sum, &notice, sizeof notice);
        }
        /* What a failing call leaves in the record means nothing. */
        if (status == FRAME_OK)
            *sum = part;
    }
    return status;
}

/* Each record is packed into a block of exactly its size. */
static int read_table(const unsigned char *frame, size_t size, aegis_table_frame *f, uint64_t *sum)
{
    int status = aegis_open_table(frame, (ptrdiff_t)size, f);
    while (status == FRAME_OK && f->records_left) {
        aegis_table_record record;
        status = aegis_next_record(f, &record);
        if (status != FRAME_OK)
            break;
        const size_t packed_size = aegis_packed_size(f, &record);
        unsigned char *pack = malloc(packed_size ? packed_size : 1);
        if (pack == NULL)
            exit(1);
        aegis_pack(f, &record, pack);
        *sum = summed(*sum, pack, packed_size);
        free(pack);
    }
    return status;
}

int main(int argc, char **argv)
{
    unsigned char head[4];
    if (argc != 2 || aegis_choose(argv[1]) != 0)
        return 2;
    while (fread(head, 1, 4, stdin) == 4) {
        const size_t size = head[0] | head[1] << 8 | head[2] << 16 | (size_t)head[3] << 24;
        unsigned char *frame = malloc(size ? size : 1);
        aegis_header h, envelope;
        uint64_t sum = UINT64_C(14695981039346656037);
        memset(&h, 0, sizeof h);
        if (frame == NULL || fread(frame, 1, size, stdin) != size)
            return 1;
        int status = aegis_open_frame(frame, (ptrdiff_t)size, &h);
        if (status == FRAME_OK)
            status = read_all(&h, &sum);
        (void)aegis_open_envelope(frame, (ptrdiff_t)size, &envelope);
        printf("%d %u %llx", status, status ? h.error_at : h.width, (unsigned long long)sum);
        aegis_table_frame f;
        sum = UINT64_C(14695981039346656037);
        status = read_table(frame, size, &f, &sum);
        printf(" %d %u %llx\n", status, status ? f.error_at : f.width, (unsigned long long)sum);
        free(frame);
    }
    return 0;
}
