#include <cstdlib>

#include <gmock/gmock.h>

#include "tests/pipeline/training_run.h"

// What a resumed run makes is what an undisturbed one makes, byte for byte, whatever kind of run it is.
namespace llmtrain {
namespace {

struct RunKind {
  std::string name;
  std::vector<std::string> overrides;
  std::string says;  // in the first line of a run, or empty
};

class ResumeOf : public testing::TestWithParam<RunKind> {
 protected:
  // Threads that wait for work without spinning leave the processors to other tests.
  void SetUp() override { ::setenv("OMP_WAIT_POLICY", "passive", 1); }
  void TearDown() override { ::unsetenv("OMP_WAIT_POLICY"); }
};

TEST_P(ResumeOf, IsTheUndisturbedRun) {
  const auto& kind = GetParam();
  const Reference reference(kind.overrides);
  EXPECT_THAT(slurp(reference.folder().stage() / "train.log"), testing::HasSubstr(kind.says));
  TrainingFolder run;
  for (const auto& text : kind.overrides) run.set(text);
  for (const std::int64_t step : {5, 12, 23}) run.stop_after(step);
  const auto result = run.run();
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, testing::HasSubstr("resuming after step 23"));
  expect_same(run, reference.folder());
}

const RunKind kKinds[] = {
    {"Bf16", {"run.precision=bf16"}, ", bf16, "},
    {"Bf16InOneMicroBatch", {"run.precision=bf16", "pretrain.micro_batch=5"}, ", bf16, "},
    {"Muon", {"pretrain.optim.name=muon"}, ""},
    {"MuonInBf16", {"pretrain.optim.name=muon", "run.precision=bf16"}, ", bf16, "},
    {"TwoThreads", {"run.threads=2"}, ", 2 threads"},
    {"BestFitPackingWithSmoothingAndZLoss",
     {"pretrain.data.packing=best_fit", "pretrain.label_smoothing=0.1", "pretrain.z_loss=1e-3"},
     ""},
    {"Gpt2WithAnInterruptedDecay",
     {"model.norm=layer_norm", "model.positions=learned", "model.activation=gelu_tanh",
      "pretrain.optim.schedule={name: wsd, warmup_steps: 4, decay_fraction: 0.5}"},
     ""},
    {"RecomputedActivations", {"pretrain.recompute=true"}, ""},
};
INSTANTIATE_TEST_SUITE_P(Kinds, ResumeOf, testing::ValuesIn(kKinds), [](const auto& kind) { return kind.param.name; });

}  // namespace
}  // namespace llmtrain
