/* The frame reader in C: layouts and doors. The structs mirror hot/frame.pxd, hot/record.pxd and
 * hot/notice.pxd field by field (frame.pyx compares their sizes when it is imported). */
#ifndef AEGIS_KERNEL_H
#define AEGIS_KERNEL_H

#include <stddef.h>
#include <stdint.h>

enum {
    FRAME_OK = 0,
    FRAME_BAD_HEADER = -1,
    FRAME_UNKNOWN_TR = -2,
    FRAME_BAD_COUNT = -3,
    FRAME_ENCRYPTED = -4,
    FRAME_UNEVEN = -5,
    FRAME_NARROW = -6,
    FRAME_BAD_SYMBOL = -7,
    FRAME_NOT_A_NUMBER = -8,
    FRAME_OVERFLOW = -9,
    FRAME_BAD_TEXT = -10,
    FRAME_TOO_LONG = -11,
    FRAME_TOO_FINE = -12,
};

/* Values that are looked at, counted from the first; the tail is skipped. */
#define TRADE_USED 38
#define TRADE_KEPT 47
#define DEPTH_USED 54
#define ELW_DEPTH_USED 47
#define NOTICE_USED 23
#define NOTICE_KEPT 26

enum { FRAME_TRADE = 1, FRAME_DEPTH = 2, FRAME_NOTICE = 3 };
enum { SIDE_NONE = 0, SIDE_BUY = 1, SIDE_SELL = 2 };
enum { VENUE_KRX = 1, VENUE_NXT = 2, VENUE_UN = 3 };

enum {
    H0STCNT0,
    H0NXCNT0,
    H0UNCNT0,
    H0EWCNT0,
    H0STASP0,
    H0NXASP0,
    H0UNASP0,
    H0EWASP0,
    H0STCNI0,
    H0STCNI9,
};

typedef struct {
    const uint8_t *frame;
    uint32_t size_bytes;
    uint32_t payload_at;
    uint32_t next_at;
    uint32_t error_at;
    uint32_t count;
    uint32_t records_left;
    uint32_t width;
    int32_t tr;
    int32_t kind;
    int32_t venue;
} aegis_header;

typedef struct {
    char symbol[16];
    int64_t recv_ns;
    int64_t time_hhmmss;
    int64_t price_krw;
    int64_t change_krw;
    int64_t open_krw;
    int64_t high_krw;
    int64_t low_krw;
    int64_t best_ask_krw;
    int64_t best_bid_krw;
    int64_t qty;
    int64_t cum_qty;
    int64_t cum_value_krw;
    int64_t business_date;
    int64_t best_ask_qty;
    int64_t best_bid_qty;
    int64_t market_class;
    int32_t side;
    int32_t venue;
} aegis_trade;

typedef struct {
    char symbol[16];
    int64_t recv_ns;
    int64_t time_hhmmss;
    int64_t ask_price_krw[10];
    int64_t bid_price_krw[10];
    int64_t ask_qty[10];
    int64_t bid_qty[10];
    int64_t total_ask_qty;
    int64_t total_bid_qty;
    int64_t expected_price_krw;
    int64_t expected_qty;
    int64_t cum_qty;
    int32_t venue;
    char hour_class;
} aegis_depth;

typedef struct {
    char symbol[16];
    char customer_id[24];
    char account[16];
    char order_kind[8];
    char branch[8];
    char instrument_name[96];
    int64_t recv_ns;
    int64_t broker_order_id;
    int64_t original_broker_order_id;
    int64_t fill_qty;
    int64_t price_krw;
    int64_t time_hhmmss;
    int64_t order_qty;
    int64_t order_price_krw;
    int64_t order_condition;
    int64_t accept_code;
    int64_t action;
    int32_t side;
    int32_t venue_code;
    int32_t is_rejected;
    int32_t is_fill;
} aegis_notice;

/* One instruction set's reader. */
typedef struct {
    const char *isa;
    int (*open_frame)(const uint8_t *frame, ptrdiff_t size_bytes, aegis_header *h);
    int (*next_trade)(aegis_header *h, aegis_trade *out);
    int (*next_depth)(aegis_header *h, aegis_depth *out);
    uint64_t (*replace_levels)(int64_t *levels, const int64_t *fresh);
} aegis_kernel;

/* The faster ones select their instructions with a pragma that only GCC has. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !AEGIS_PORTABLE
#define AEGIS_HAS_X86_VARIANTS 1
extern const aegis_kernel aegis_kernel_avx2;
extern const aegis_kernel aegis_kernel_avx512;
#else
#define AEGIS_HAS_X86_VARIANTS 0
#endif

/* Set once when the module is imported; tests change it between calls. */
extern const aegis_kernel *aegis_chosen __attribute__((visibility("hidden")));

/* Use the named instruction set from now on; NULL: the best of this machine. -1: not here. */
int aegis_choose(const char *isa);
/* Name number i, "" if this machine lacks it, NULL past the last; i < 0: the one in use. */
const char *aegis_isa(int32_t i);

/* 0, or a negative status with h->error_at set. Nothing is kept of the frame after the call that
 * reads its last record. */
static inline int aegis_open_frame(const uint8_t *frame, ptrdiff_t size_bytes, aegis_header *h)
{
    return aegis_chosen->open_frame(frame, size_bytes, h);
}

static inline int aegis_next_trade(aegis_header *h, aegis_trade *out)
{
    return aegis_chosen->next_trade(h, out);
}

static inline int aegis_next_depth(aegis_header *h, aegis_depth *out)
{
    return aegis_chosen->next_depth(h, out);
}

int aegis_open_envelope(const uint8_t *frame, ptrdiff_t size_bytes, aegis_header *h);
int aegis_next_notice(aegis_header *h, aegis_notice *out);
/* Replace forty numbers of a book (ask prices, bid prices, ask quantities, bid quantities). Bit i of
 * the answer: ask level i changed; bit 10 + i: bid level i. */
static inline uint64_t aegis_replace_levels(int64_t *levels, const int64_t *fresh)
{
    return aegis_chosen->replace_levels(levels, fresh);
}

/* Whether the tables know this width of the TR; tr as above or any row of tables.h. */
int aegis_is_known_width(int32_t tr, uint32_t width);

#endif
