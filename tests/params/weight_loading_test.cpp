#include "lib/params/weight_loading.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include "lib/base/signals.h"
#include "tests/interop/golden_export.h"
#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

class LoadWeights : public testing::TestWithParam<std::string> {
 protected:
  LoadWeights() : golden_(golden_model(GetParam())) { write_hf_folder(folder_ / "model", export_of(golden_)); }

  WeightStore store(const StoreTypes& types) const {
    return {{.parameters = parameter_table(golden_.shape), .joined = {}, .rules = {}}, types};
  }
  at::Tensor elements_of(const std::string& name) const { return at::tensor(golden_.weights.at(name), at::kFloat); }

  GoldenModel golden_;
  TempDir folder_;
};

// What the weights are is the formula of scripts/fixtures/make_parity_models.py.
TEST_P(LoadWeights, GivesEveryElementOfTheFolder) {
  auto into = store({});
  load_weights(into, HfFolder(folder_ / "model"));
  ASSERT_EQ(into.names(), golden_.parameters);
  for (const auto& name : into.names()) {
    EXPECT_TRUE(at::equal(into.master(name).flatten(), elements_of(name))) << name;
  }
}

TEST_P(LoadWeights, MakesTheComputeWeights) {
  auto into = store({.compute = at::kBFloat16, .master = at::kFloat, .grad = at::kFloat});
  load_weights(into, HfFolder(folder_ / "model"));
  for (const auto& name : into.names()) {
    EXPECT_TRUE(at::equal(into.weight(name).value.flatten(), elements_of(name).to(at::kBFloat16))) << name;
  }
}

TEST_P(LoadWeights, RoundsForAStoreThatKeepsEachWeightOnce) {
  auto into = store(inference_types(at::kBFloat16));
  load_weights(into, HfFolder(folder_ / "model"));
  for (const auto& name : into.names()) {
    EXPECT_TRUE(at::equal(into.weight(name).value.flatten(), elements_of(name).to(at::kBFloat16))) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, LoadWeights, testing::Values("gpt2", "llama-gqa", "qwen3"), [](const auto& test) {
  std::string name = test.param;
  std::erase(name, '-');
  return name;
});

}  // namespace
}  // namespace llmtrain
