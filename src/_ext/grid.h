/* The tick grid in C: a table of price bands compiled for look-up without a branch, and loops over
 * arrays of prices. The struct mirrors TickTable of hot/price.pxd field by field (price.pyx compares
 * their sizes when it is imported). */
#ifndef AEGIS_GRID_H
#define AEGIS_GRID_H

#include <stddef.h>
#include <stdint.h>

/* Seven bands in the longest table of KRX. */
enum { AEGIS_EDGES = 6, AEGIS_BANDS = AEGIS_EDGES + 1 };

/* Prices below this are rounded by the loops; far above any of KRX. */
#define AEGIS_LOOP_LIMIT_KRW INT64_C(0x80000000)

typedef struct {
    /* Band i + 1 starts at edge_krw[i]; INT64_MAX where there is no such band. */
    int64_t edge_krw[AEGIS_EDGES];
    int64_t step_krw[AEGIS_BANDS];
    /* (2^64 - 1) / step: a multiplication by it stands for a division, see aegis_over. */
    uint64_t reciprocal[AEGIS_BANDS];
    /* The same for 32 bits, as the first band's value and what each edge adds to it. */
    int32_t edge32_krw[AEGIS_EDGES];
    int32_t step32_change[AEGIS_EDGES];
    uint32_t reciprocal32_change[AEGIS_EDGES];
    int32_t step32_krw;
    uint32_t reciprocal32;
    int32_t edges;
} aegis_grid;

#ifndef __SIZEOF_INT128__
#error "a compiler with 128-bit products (GCC or clang, 64-bit machine) is needed"
#endif
__extension__ typedef unsigned __int128 aegis_uint128;

static inline int aegis_band(const aegis_grid *grid, int64_t price_krw)
{
    /* Counted instead of searched: prices near an edge do not mispredict. */
    int band = 0;
    for (int i = 0; i < AEGIS_EDGES; i++)
        band += price_krw >= grid->edge_krw[i];
    return band;
}

/* What the price (>= 0) has above the grid price below it, 0 on the grid; *step_krw is its tick
 * size. With r = (2^64 - 1) / step the product's upper half is price / step, or one less: the error
 * is below price / 2^64 < 1. One conditional step makes it exact, for every price. */
static inline int64_t aegis_over(const aegis_grid *grid, int64_t price_krw, int64_t *step_krw)
{
    const int band = aegis_band(grid, price_krw);
    const int64_t step = grid->step_krw[band];
    const uint64_t steps =
        (uint64_t)((aegis_uint128)(uint64_t)price_krw * grid->reciprocal[band] >> 64);
    const int64_t over = (int64_t)((uint64_t)price_krw - steps * (uint64_t)step);
    *step_krw = step;
    return over >= step ? over - step : over;
}

/* Loops of one instruction set: tick sizes, rounding down, rounding up. They answer the bits of all
 * prices or-ed together; unless that is below AEGIS_LOOP_LIMIT_KRW, what they wrote means nothing. */
typedef uint64_t aegis_grid_loop(
    const aegis_grid *grid, const int64_t *prices_krw, int64_t *out, ptrdiff_t n
);
typedef struct {
    const char *isa;
    aegis_grid_loop *sizes, *down, *up;
} aegis_grid_loops;

#if defined(__x86_64__) && !defined(__clang__) && !AEGIS_PORTABLE
#define AEGIS_HAS_X86_GRIDS 1
extern const aegis_grid_loops aegis_grid_avx2;
extern const aegis_grid_loops aegis_grid_avx512;
#else
#define AEGIS_HAS_X86_GRIDS 0
#endif

/* Fill a grid from `bands` pairs of first price and tick size, the first price of all being 0. -1
 * if they make no grid: an edge must be a multiple of the tick sizes on both sides, so that
 * stepping up never leaves the grid. */
int aegis_grid_make(aegis_grid *grid, const int64_t (*pairs)[2], ptrdiff_t bands);
/* side: SIDE_NONE tick sizes, SIDE_BUY down, SIDE_SELL up. -1 if a price is outside 0 to limit. */
int aegis_grid_run(const aegis_grid *grid, int32_t side, int64_t limit_krw,
                   const int64_t *prices_krw, int64_t *out, ptrdiff_t n);
/* Use the named loops from now on; NULL: the best of this machine. -1: not here. */
int aegis_grid_choose(const char *isa);
/* Name number i, "" if this machine lacks it, NULL past the last; i < 0: the one in use. */
const char *aegis_grid_isa(int32_t i);

#endif
