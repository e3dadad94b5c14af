#include "lib/train/precision.h"

namespace llmtrain {

Precision choose_precision(Precision wanted, const ModelShape& shape) {
  if (wanted != Precision::kAuto) return wanted;
  // AMX comes with AVX512_BF16 on every processor that has it so far.
  const bool multiplies_bf16 = __builtin_cpu_supports("avx512bf16") != 0;
  return multiplies_bf16 && shape.embed >= kBf16Width ? Precision::kBf16 : Precision::kFp32;
}

StoreTypes store_types(Precision precision, bool one_micro_batch) {
  if (precision != Precision::kBf16) return {};
  return {.compute = at::kBFloat16, .master = at::kFloat, .grad = one_micro_batch ? at::kBFloat16 : at::kFloat};
}

}  // namespace llmtrain
