#include "lib/plan/state_fit.h"

#include <algorithm>

#include <sys/resource.h>

#include "lib/arch/parameter_table.h"
#include "lib/arch/state_bytes.h"
#include "lib/base/error.h"
#include "lib/base/host_memory.h"
#include "lib/base/text.h"

namespace llmtrain {
namespace {

constexpr std::int64_t kMomentBytes = 4;  // fp32, whatever the weights are

std::int64_t with_adamw(std::int64_t parameters, Precision precision) {
  const std::int64_t fp32 = state_bytes(parameters, kFp32Recipe).total();
  const std::int64_t bf16 = state_bytes(parameters, kBf16Recipe).total();
  if (precision == Precision::kAuto) return std::min(fp32, bf16);
  return precision == Precision::kFp32 ? fp32 : bf16;
}

}  // namespace

MemoryLimit memory_limit() {
  MemoryLimit limit{.bytes = host_memory().total, .source = "main memory"};
  rlimit address_space{};
  if (::getrlimit(RLIMIT_AS, &address_space) == 0 && address_space.rlim_cur != RLIM_INFINITY &&
      address_space.rlim_cur < limit.bytes) {
    limit = {.bytes = address_space.rlim_cur, .source = "the limit on address space, ulimit -v"};
  }
  return limit;
}

std::uint64_t least_state_bytes(const ModelShape& shape, Precision precision, OptimizerName optimizer) {
  const auto counts = count_parameters(shape);
  std::int64_t bytes = with_adamw(counts.total(), precision);
  if (optimizer == OptimizerName::kMuon) bytes -= (counts.attention + counts.feed_forward) * kMomentBytes;
  return static_cast<std::uint64_t>(bytes);
}

void check_state_fits(const Pipeline& pipeline, const ModelShape& shape, const std::string& source,
                      const MemoryLimit& limit) {
  const auto optimizer = pipeline.config.pretrain.value().optim.name;
  const std::uint64_t bytes = least_state_bytes(shape, pipeline.config.run.precision, optimizer);
  if (bytes <= limit.bytes) return;
  const auto origin = pipeline.origins.find("model");
  const auto parameters = static_cast<std::uint64_t>(count_parameters(shape).total());
  throw Error(
      ExitCode::kOutOfMemory,
      fmt::format(
          "{}: 'model': {} parameters with their gradients and moments never fit, expected at most {} ({}), got "
          "{}; take a smaller preset, or fewer 'layers' or a smaller 'embed'",
          origin == pipeline.origins.end() ? source : origin->second, with_thousands(parameters),
          human_bytes(limit.bytes), limit.source, human_bytes(bytes)));
}

}  // namespace llmtrain
