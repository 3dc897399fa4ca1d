/* Compile tick tables, choose the loops of this machine, and round whole arrays. */
#include "grid_impl.h"

#include <string.h>

static const aegis_grid_loops baseline = {"portable", sizes, down, up};

static const aegis_grid_loops *const all_loops[] = {
    &baseline,
#if AEGIS_HAS_X86_GRIDS
    &aegis_grid_avx2,
    &aegis_grid_avx512,
#endif
};

/* Set once when the module is imported; tests change it between calls. */
static const aegis_grid_loops *chosen = &baseline;

static int is_supported(const aegis_grid_loops *loops)
{
#if AEGIS_HAS_X86_GRIDS
    __builtin_cpu_init();
    if (loops == &aegis_grid_avx2)
        return __builtin_cpu_supports("avx2");
    if (loops == &aegis_grid_avx512)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#endif
    return loops == &baseline;
}

const char *aegis_grid_isa(int32_t i)
{
    if (i < 0)
        return chosen->isa;
    if (i >= (int32_t)(sizeof all_loops / sizeof *all_loops))
        return NULL;
    return is_supported(all_loops[i]) ? all_loops[i]->isa : "";
}

int aegis_grid_choose(const char *isa)
{
    for (size_t i = 0; i < sizeof all_loops / sizeof *all_loops; i++) {
        /* NULL asks for the best: the last one that runs here. */
        if (is_supported(all_loops[i]) && (isa == NULL || strcmp(isa, all_loops[i]->isa) == 0)) {
            chosen = all_loops[i];
            if (isa != NULL)
                return 0;
        }
    }
    return isa == NULL ? 0 : -1;
}

int aegis_grid_make(aegis_grid *grid, const int64_t (*pairs)[2], ptrdiff_t bands)
{
    if (bands < 1 || bands > AEGIS_BANDS || pairs[0][0] != 0)
        return -1;
    for (ptrdiff_t i = 0; i < bands; i++) {
        const int64_t edge = pairs[i][0], step = pairs[i][1];
        if (step < 1 || step >= 1 << 20 || edge >= AEGIS_LOOP_LIMIT_KRW || edge % step != 0)
            return -1;
        if (i > 0 && (edge <= pairs[i - 1][0] || edge % pairs[i - 1][1] != 0))
            return -1;
    }
    memset(grid, 0, sizeof *grid);
    grid->edges = (int32_t)bands - 1;
    grid->step32_krw = (int32_t)pairs[0][1];
    grid->reciprocal32 = UINT32_MAX / (uint32_t)pairs[0][1];
    for (int i = 0; i < AEGIS_BANDS; i++) {
        /* Bands that are not there are never reached. */
        const int64_t step = pairs[i < bands ? i : bands - 1][1];
        grid->step_krw[i] = step;
        grid->reciprocal[i] = UINT64_MAX / (uint64_t)step;
        if (i == 0)
            continue;
        grid->edge_krw[i - 1] = i < bands ? pairs[i][0] : INT64_MAX;
        grid->edge32_krw[i - 1] = i < bands ? (int32_t)pairs[i][0] : INT32_MAX;
        if (i < bands) {
            const int64_t before = pairs[i - 1][1];
            grid->step32_change[i - 1] = (int32_t)(step - before);
            grid->reciprocal32_change[i - 1] =
                UINT32_MAX / (uint32_t)step - UINT32_MAX / (uint32_t)before;
        }
    }
    return 0;
}

/* One price at a time: for arrays that hold a price the loops are too narrow for. */
static int run_wide(const aegis_grid *grid, int32_t side, int64_t limit_krw,
                    const int64_t *prices_krw, int64_t *out, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i++) {
        int64_t step;
        if (prices_krw[i] < 0 || prices_krw[i] > limit_krw)
            return -1;
        const int64_t over = aegis_over(grid, prices_krw[i], &step);
        if (side == 0)
            out[i] = step;
        else
            out[i] = prices_krw[i] - over + (side == 2 && over != 0 ? step : 0);
    }
    return 0;
}

int aegis_grid_run(const aegis_grid *grid, int32_t side, int64_t limit_krw,
                   const int64_t *prices_krw, int64_t *out, ptrdiff_t n)
{
    aegis_grid_loop *const run = side == 0 ? chosen->sizes : side == 1 ? chosen->down : chosen->up;
    /* The range is looked at once at the end: a negative price has the highest bit set. */
    if (run(grid, prices_krw, out, n) < (uint64_t)AEGIS_LOOP_LIMIT_KRW)
        return 0;
    return run_wide(grid, side, limit_krw, prices_krw, out, n);
}
