/* The loops over prices for AVX2 (Haswell, Zen and newer). */
#include "grid.h"

#if AEGIS_HAS_X86_GRIDS
#pragma GCC target("avx2")

#include "grid_impl.h"

const aegis_grid_loops aegis_grid_avx2 = {"avx2", sizes, down, up};
#endif
