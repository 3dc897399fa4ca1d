/* The frame reader for AVX-512 with VBMI2 (Ice Lake, Zen 4 and newer). */
#include "kernel.h"

#if AEGIS_HAS_X86_VARIANTS
#pragma GCC target("avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx512vbmi,avx512vbmi2")
#pragma GCC target("bmi,bmi2,popcnt,lzcnt")

#include "scan_avx512.h"

#include "quick_avx512.h"
#define QUICK_TRADE quick_trade

#include "kernel_impl.h"

const aegis_kernel aegis_kernel_avx512 = {"avx512", open_frame, next_trade, next_depth,
                                          replace_levels};
#endif
