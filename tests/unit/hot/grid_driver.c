/* Round every price from 0 to the first argument by the loops the second one names, one array a
 * length from 0 up, and print a sum over the answers; then some prices too wide for the loops. The
 * numbers after those are the table: first price and tick size of each band. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "grid.h"

static uint64_t summed(uint64_t sum, const int64_t *values, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i++)
        sum = (sum ^ (uint64_t)values[i]) * UINT64_C(1099511628211);
    return sum;
}

static int run(const aegis_grid *grid, const int64_t *prices, ptrdiff_t n, uint64_t *sum)
{
    const int64_t limit_krw = INT64_C(1000000000000);
    int64_t *out = malloc(n ? (size_t)n * sizeof *out : 1);
    int status = 0;
    if (out == NULL)
        return -1;
    for (int32_t side = 0; side < 3; side++) {
        status |= aegis_grid_run(grid, side, limit_krw, prices, out, n);
        *sum = summed(*sum, out, n);
    }
    free(out);
    return status;
}

int main(int argc, char **argv)
{
    int64_t pairs[AEGIS_BANDS][2];
    aegis_grid grid;
    uint64_t sum = UINT64_C(14695981039346656037);
    if (argc < 5 || aegis_grid_choose(argv[2]) != 0)
        return 2;
    const int64_t highest_krw = atoll(argv[1]);
    const int bands = (argc - 3) / 2;
    for (int i = 0; i < bands && i < AEGIS_BANDS; i++) {
        pairs[i][0] = atoll(argv[3 + 2 * i]);
        pairs[i][1] = atoll(argv[4 + 2 * i]);
    }
    if (aegis_grid_make(&grid, pairs, bands) != 0)
        return 3;
    int64_t first_krw = 0;
    for (ptrdiff_t n = 0; first_krw <= highest_krw; first_krw += n++) {
        int64_t *prices = malloc(n ? (size_t)n * sizeof *prices : 1);
        if (prices == NULL)
            return 1;
        for (ptrdiff_t i = 0; i < n; i++)
            prices[i] = first_krw + i;
        if (run(&grid, prices, n, &sum) != 0)
            return 1;
        free(prices);
    }
    const int64_t wide[] = {INT32_MAX, INT64_C(0x80000000), INT64_C(0xFFFFFFFF),
                            INT64_C(999999999999), INT64_C(1000000000000)};
    const int64_t low[] = {70000, -1}, high[] = {INT64_C(1000000000001), 70000};
    if (run(&grid, wide, 1, &sum) != 0 || run(&grid, wide, 5, &sum) != 0)
        return 1;
    if (run(&grid, low, 2, &sum) == 0 || run(&grid, high, 2, &sum) == 0)
        return 4;
    printf("%" PRIx64 "\n", sum);
    return 0;
}
