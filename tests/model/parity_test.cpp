// Against transformers: tests/model/golden, made by scripts/fixtures/make_parity_models.py.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "tests/model/tiny_model.h"

namespace llmtrain {
namespace {

class Parity : public testing::TestWithParam<std::string> {};

DecoderInput golden_input(const GoldenModel& golden) {
  return input_of(golden.json.at("ids").get<std::vector<TokenIds>>());
}

// [rows * positions, vocab], in double.
at::Tensor golden_logits(const nlohmann::json& rows) {
  std::vector<at::Tensor> all;
  for (const auto& row : rows) {
    for (const auto& logits : row) all.push_back(at::tensor(logits.get<std::vector<double>>(), at::kDouble));
  }
  return at::stack(all);
}

// Ours at the same places.
at::Tensor our_logits(const TinyModel& model) {
  const auto input = golden_input(model.golden);
  const auto logits = logits_of(model.decoder, input);
  std::vector<at::Tensor> all;
  for (std::size_t row = 0; row + 1 < input.documents.size(); ++row) {
    for (const auto& position : model.golden.json.at("positions")) {
      all.push_back(logits[input.documents[row] + position.get<std::int64_t>()]);
    }
  }
  return at::stack(all);
}

// The mean over all targets, in double, and gradients in the store.
double golden_loss(TinyModel& model) {
  std::vector<std::int32_t> targets;
  for (const auto& row : model.golden.json.at("targets").get<std::vector<TokenIds>>()) {
    targets.insert(targets.end(), row.begin(), row.end());
  }
  const auto count = static_cast<std::int64_t>(targets.size());
  return backward(model, {.input = golden_input(model.golden),
                          .targets = int_tensor(targets),
                          .weights = at::full({count}, 1.0 / static_cast<double>(count), at::kDouble)});
}

double relative(double ours, double theirs) { return std::abs(ours - theirs) / std::abs(theirs); }

// Each gradient's norm within `tolerance` of its size, elements within ten times that of the larger of themselves and
// the gradient's root mean square. Without rotation a bias on the keys moves all scores of a query alike, so its
// gradient is rounding alone: what is below kSmall is measured against that.
void expect_gradients(const TinyModel& model, double tolerance) {
  constexpr double kSmall = 1e-2;
  for (const auto& parameter : model.golden.json.at("parameters")) {
    const auto name = parameter.at("name").get<std::string>();
    const auto grad = model.store.weight(name).grad.flatten().to(at::kDouble);
    const double norm = parameter.at("grad_norm");
    const double size = std::max(norm, kSmall);
    EXPECT_LE(std::abs(grad.norm().item<double>() - norm), tolerance * size) << name;
    const double typical = size / std::sqrt(static_cast<double>(grad.numel()));
    for (const auto& pair : parameter.at("grad")) {
      const double value = pair[1];
      const double ours = grad[pair[0].get<std::int64_t>()].item<double>();
      EXPECT_LE(std::abs(ours - value), 10 * tolerance * std::max(std::abs(value), typical)) << name << " " << pair;
    }
  }
}

TEST_P(Parity, HasTheParametersOfTheGolden) {
  const TinyModel model(GetParam());
  EXPECT_EQ(model.store.names(), model.golden.parameters);
}

TEST_P(Parity, GivesTheLogitsInFp32) {
  const TinyModel model(GetParam());
  EXPECT_LE(largest_error(our_logits(model), golden_logits(model.golden.json.at("logits"))), 1e-5);
}

TEST_P(Parity, GivesTheLogitsInFp64) {
  const TinyModel model(GetParam(), kFp64Store);
  EXPECT_LE(largest_error(our_logits(model), golden_logits(model.golden.json.at("logits_fp64"))), 1e-10);
}

TEST_P(Parity, GivesTheLossAndGradientsInFp32) {
  const OneThread one_thread;
  TinyModel model(GetParam());
  EXPECT_LE(relative(golden_loss(model), model.golden.json.at("loss")), 1e-6);
  expect_gradients(model, 1e-5);
}

TEST_P(Parity, GivesTheLossAndGradientsInFp64) {
  const OneThread one_thread;
  TinyModel model(GetParam(), kFp64Store);
  EXPECT_LE(relative(golden_loss(model), model.golden.json.at("loss_fp64")), 1e-12);
  expect_gradients(model, 1e-9);
}

INSTANTIATE_TEST_SUITE_P(Models, Parity, testing::ValuesIn(golden_model_names()), golden_test_name);

}  // namespace
}  // namespace llmtrain
