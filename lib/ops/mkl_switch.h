#pragma once

namespace llmtrain {

// MKL, which LibTorch multiplies fp32 matrices with, asks mkl_serv_intel_cpu_true() before it takes AVX-512 kernels,
// and gives other makers' processors AVX2 ones. A program that links this room answers in its place: 1 for an Intel
// processor, as MKL itself does, and for another one that has the instructions, unless env LLMTRAIN_MKL_AVX512 is 0.

// AVX-512 F, BW, DQ and VL are there, and the system saves their registers.
bool has_avx512();
// The processor's maker is Intel.
bool is_intel();
// MKL reaches our answer, and it gives AVX-512 kernels to a processor that is not Intel's.
bool avx512_gemm_switched_on();

}  // namespace llmtrain

// Named by MKL.
extern "C" int mkl_serv_intel_cpu_true();
