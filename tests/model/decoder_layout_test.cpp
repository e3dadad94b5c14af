#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "tests/model/tiny_model.h"

namespace llmtrain {
namespace {

class DecoderLayout : public testing::TestWithParam<std::string> {};

// Muon is for the matrices of the blocks: not for tables, the head, vectors (Jordan et al. 2024).
TEST_P(DecoderLayout, GivesMuonTheMatricesOfTheBlocks) {
  const auto golden = golden_model(GetParam());
  const WeightStore store(decoder_layout(golden.shape, StepRule::kMuon), kFp32Store);
  std::size_t matrices = 0;
  for (const auto& group : store.groups()) {
    for (const auto& parameter : group.parameters) {
      const bool expected = parameter.name.ends_with("_proj.weight");
      EXPECT_EQ(group.rule == StepRule::kMuon, expected) << parameter.name;
      matrices += expected ? 1 : 0;
    }
  }
  const bool gated = golden.shape.activation == ActivationKind::kSwiglu;
  EXPECT_EQ(matrices, static_cast<std::size_t>(golden.shape.layers) * (gated ? 7 : 6));
}

TEST_P(DecoderLayout, ComputesTheSameWhateverTheGroups) {
  const TinyModel model(GetParam());
  WeightStore store(decoder_layout(model.shape, StepRule::kMuon), kFp32Store);
  fill_golden(store, model.golden);
  const Decoder decoder(model.shape, store);
  const auto input = input_of({some_ids(20, 1)});
  EXPECT_TRUE(at::equal(decoder.hidden(input), model.decoder.hidden(input)));
}

INSTANTIATE_TEST_SUITE_P(Models, DecoderLayout, testing::ValuesIn(golden_model_names()), golden_test_name);

}  // namespace
}  // namespace llmtrain
