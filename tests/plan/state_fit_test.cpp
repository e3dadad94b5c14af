#include "lib/plan/state_fit.h"

#include <gmock/gmock.h>
#include <sys/resource.h>

#include "lib/arch/parameter_table.h"
#include "lib/base/host_memory.h"
#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

using testing::HasSubstr;

// By hand: one block of width 4 without biases. Embedding and head 10 x 4 each; attention 4 x 4 x 4; feed-forward
// 3 x 4 x 8; norms 3 x 4.
ModelShape small() {
  return resolve_model({.layers = 1,
                        .embed = 4,
                        .heads = 1,
                        .ffn = 8,
                        .vocab = 10,
                        .context = 16,
                        .norm = NormKind::kRmsNorm,
                        .activation = ActivationKind::kSwiglu,
                        .tied = false});
}
constexpr std::uint64_t kBlock = 4 * 4 * 4 + 3 * 4 * 8;
constexpr std::uint64_t kAll = 2 * 40 + kBlock + 3 * 4;

// Weight, gradient and two moments of 4 bytes; with bf16 weight and gradient of 2, master and two moments of 4.
TEST(LeastStateBytes, CountsWeightsGradientsAndMoments) {
  ASSERT_EQ(count_parameters(small()).total(), static_cast<std::int64_t>(kAll));
  EXPECT_EQ(least_state_bytes(small(), Precision::kFp32, OptimizerName::kAdamW), kAll * (4 + 4 + 8));
  EXPECT_EQ(least_state_bytes(small(), Precision::kBf16, OptimizerName::kAdamW), kAll * (2 + 4 + 2 + 8));
  EXPECT_EQ(least_state_bytes(small(), Precision::kAuto, OptimizerName::kAdamW), kAll * 16);
}

TEST(LeastStateBytes, LeavesOutTheMomentThatMuonDoesNotKeep) {
  EXPECT_EQ(least_state_bytes(small(), Precision::kFp32, OptimizerName::kMuon), kAll * 16 - kBlock * 4);
}

Pipeline pipeline() {
  const TempDir folder;
  return load_pipeline(folder.write("p.yaml",
                                    "run: {precision: fp32}\nmodel: {preset: gpt2}\n"
                                    "pretrain: {data: {train: [{path: a}]}, steps: 1}\n"));
}

TEST(CheckStateFits, TakesWhatJustFits) {
  const std::uint64_t bytes = kAll * 16;
  EXPECT_NO_THROW(check_state_fits(pipeline(), small(), "p.yaml", {.bytes = bytes, .source = "main memory"}));
  EXPECT_THAT(error_of(ExitCode::kOutOfMemory,
                       [&] { check_state_fits(pipeline(), small(), "p.yaml", {.bytes = bytes - 1, .source = "a"}); }),
              HasSubstr("p.yaml:2:1: 'model': 252 parameters"));
}

TEST(CheckStateFits, NamesWhatIsNeededWhatThereIsAndWhatToDo) {
  const auto shape = resolve_model({.preset = "llama-3.1-405b"});
  const auto message = error_of(ExitCode::kOutOfMemory, [&] {
    check_state_fits(pipeline(), shape, "p.yaml", {.bytes = std::uint64_t{16} << 30, .source = "main memory"});
  });
  // 405,853,388,800 x 16 / 2^40
  EXPECT_THAT(message, HasSubstr("405,853,388,800 parameters"));
  EXPECT_THAT(message, HasSubstr("expected at most 16.0 GiB (main memory), got 5.9 TiB; take a smaller preset"));
}

TEST(MemoryLimit, IsTheMachinesOrTheAddressSpaces) {
  const auto machine = memory_limit();
  EXPECT_EQ(machine.bytes, host_memory().total);
  EXPECT_EQ(machine.source, "main memory");
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_AS, &before), 0);
  const rlimit lower{.rlim_cur = machine.bytes - 4096, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_AS, &lower), 0);
  const auto limited = memory_limit();
  ASSERT_EQ(::setrlimit(RLIMIT_AS, &before), 0);
  EXPECT_EQ(limited.bytes, machine.bytes - 4096);
  EXPECT_THAT(limited.source, HasSubstr("address space"));
}

}  // namespace
}  // namespace llmtrain
