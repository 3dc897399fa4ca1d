/* The book and the subscriber of the C floor: what Book and a subscriber do, without Python. */
#ifndef AEGIS_FLOOR_BOOK_H
#define AEGIS_FLOOR_BOOK_H

#include <string.h>

#include "kernel.h"

enum { FLOOR_BOOKS = 1024 };

typedef struct {
    uint64_t symbol[2];
    int32_t venue;
    int64_t levels[40];
    int64_t totals[2];
    int64_t expected[2];
    int64_t last[4];
    int64_t time_hhmmss, recv_ns, seq, change_bits;
} floor_book;

typedef void (*floor_trade_call)(void *self, const aegis_trade *trade, floor_book *book);
typedef void (*floor_depth_call)(void *self, const aegis_depth *depth, floor_book *book);

typedef struct {
    floor_book books[FLOOR_BOOKS];
    floor_trade_call on_trade;
    floor_depth_call on_depth;
    void *self;
} floor_feed;

/* Open addressing by symbol and venue; NULL when the table is full. */
static inline floor_book *floor_find(floor_feed *feed, const char *symbol, int32_t venue)
{
    uint64_t key[2];
    memcpy(key, symbol, sizeof key);
    uint64_t hash = (key[0] ^ (key[1] * 31) ^ (uint64_t)venue) * 0x9e3779b97f4a7c15u;
    for (uint32_t tries = 0; tries < FLOOR_BOOKS; tries++) {
        floor_book *book = &feed->books[((hash >> 48) + tries) % FLOOR_BOOKS];
        if (book->symbol[0] == key[0] && book->symbol[1] == key[1] && book->venue == venue)
            return book;
        if (book->symbol[0] == 0) {
            memcpy(book->symbol, key, sizeof key);
            book->venue = venue;
            return book;
        }
    }
    return NULL;
}

static inline void floor_apply_depth(floor_book *book, const aegis_depth *depth)
{
    const int64_t *fresh = depth->ask_price_krw;
    int64_t bits = 0;
    for (int i = 0; i < 40; i++)
        bits |= (int64_t)(book->levels[i] != fresh[i]) << (i % 20);
    memcpy(book->levels, fresh, sizeof book->levels);
    book->totals[0] = depth->total_ask_qty;
    book->totals[1] = depth->total_bid_qty;
    book->expected[0] = depth->expected_price_krw;
    book->expected[1] = depth->expected_qty;
    book->time_hhmmss = depth->time_hhmmss;
    book->recv_ns = depth->recv_ns;
    book->change_bits = bits;
    book->seq++;
}

static inline void floor_apply_trade(floor_book *book, const aegis_trade *trade)
{
    book->last[0] = trade->price_krw;
    book->last[1] = trade->qty;
    book->last[2] = trade->time_hhmmss;
    book->last[3] = trade->cum_qty;
}

/* Parse a message, bring its books up to date and call the subscriber; 0, or a negative status. */
static inline int floor_message(floor_feed *feed, const uint8_t *frame, int64_t size, int64_t now)
{
    static aegis_trade trade;
    static aegis_depth depth;
    aegis_header h;
    int status = aegis_open_frame(frame, size, &h);
    while (status == 0 && h.records_left) {
        if (h.kind == FRAME_TRADE && (status = aegis_next_trade(&h, &trade)) == 0) {
            floor_book *book = floor_find(feed, trade.symbol, trade.venue);
            trade.recv_ns = now;
            if (book != NULL)
                floor_apply_trade(book, &trade);
            feed->on_trade(feed->self, &trade, book);
        } else if (h.kind == FRAME_DEPTH && (status = aegis_next_depth(&h, &depth)) == 0) {
            floor_book *book = floor_find(feed, depth.symbol, depth.venue);
            depth.recv_ns = now;
            if (book != NULL)
                floor_apply_depth(book, &depth);
            feed->on_depth(feed->self, &depth, book);
        }
    }
    return status;
}

#endif
