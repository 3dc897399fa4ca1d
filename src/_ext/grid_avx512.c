/* The loops over prices for AVX-512 (Skylake-SP, Zen 4 and newer). */
#include "grid.h"

#if AEGIS_HAS_X86_GRIDS
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,prefer-vector-width=512")

#include "grid_impl.h"

const aegis_grid_loops aegis_grid_avx512 = {"avx512", sizes, down, up};
#endif
