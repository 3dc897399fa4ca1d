/* The frame reader for AVX2 with BMI2 (Haswell, Zen and newer). */
#include "kernel.h"

#if AEGIS_HAS_X86_VARIANTS
#pragma GCC target("avx2,bmi,bmi2,popcnt,lzcnt")

#include "scan_avx2.h"

#include "kernel_impl.h"

const aegis_kernel aegis_kernel_avx2 = {"avx2", open_frame, next_trade, next_depth,
                                          replace_levels};
#endif
