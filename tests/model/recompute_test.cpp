#include "lib/model/recompute.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "tests/model/plain_decoder.h"
#include "tests/model/tiny_model.h"
#include "tests/ops/counting_allocator.h"

namespace llmtrain {
namespace {

class Dropout : public testing::TestWithParam<std::string> {};

LossInput worked_input(double rate) {
  LossInput in{.input = input_of({some_ids(13, 1), some_ids(20, 2), some_ids(7, 3)}),
               .targets = int_tensor(some_ids(40, 4)),
               .weights = at::linspace(0, 1, 40, at::kDouble) / 20};
  in.forward.dropout = {.rate = rate, .key = 0x9876543212345678, .step = 3, .site = 0, .first_token = 12};
  return in;
}

TEST_P(Dropout, RecomputedBlocksAreBitIdentical) {
  for (const auto& types : {kFp32Store, kFp64Store}) {
    TinyModel model(GetParam(), types);
    auto in = worked_input(0.2);
    const auto hidden = model.decoder.hidden(in.input, in.forward).detach();
    const double loss = backward(model, in);
    const auto gradients = gradients_of(model.store);
    in.forward.recompute = true;
    EXPECT_TRUE(at::equal(model.decoder.hidden(in.input, in.forward), hidden));
    EXPECT_EQ(backward(model, in), loss);
    EXPECT_TRUE(all_equal(gradients_of(model.store), gradients));
  }
}

// Every site has a mask of its own, drawn as lib/ops/dropout.h says.
TEST_P(Dropout, IsAtEverySiteAsWrittenDownASecondTime) {
  const TinyModel model(GetParam(), kFp64Store);
  const auto in = worked_input(0.3);
  const auto plain = plain_decoder(model.shape, model.store, at::kDouble);
  const auto ours = model.decoder.hidden(in.input, in.forward);
  EXPECT_LE(largest_error(ours, plain.hidden(in.input, in.forward.dropout)), 1e-11);
  EXPECT_GE(largest_error(ours, plain.hidden(in.input)), 0.1);
}

TEST_P(Dropout, IsTheSameForRowsApart) {
  const TinyModel model(GetParam(), kFp64Store);
  const std::vector<TokenIds> rows = {some_ids(12, 1), some_ids(12, 2), some_ids(12, 3), some_ids(12, 4)};
  DropoutStream stream{.rate = 0.3, .key = 5, .step = 1, .site = 0, .first_token = 0};
  const auto together = model.decoder.hidden(input_of(rows), {.dropout = stream});
  stream.first_token = 24;
  const auto apart = model.decoder.hidden(input_of({rows[2], rows[3]}), {.dropout = stream});
  EXPECT_LE(largest_error(apart, together.narrow(0, 24, 24)), 1e-12);
}

INSTANTIATE_TEST_SUITE_P(Models, Dropout, testing::ValuesIn(golden_model_names()), golden_test_name);

// Blocks' inputs alone are held, one block's activations at a time: of eight blocks, less than half of all.
TEST(Recomputed, HoldsLessThanHalfOfDeepModels) {
  TinyModel model("llama-gqa", kFp32Store, [](ModelShape& shape) { shape.layers = 8; });
  LossInput in{.input = input_of({some_ids(32, 1), some_ids(32, 2), some_ids(32, 3), some_ids(32, 4)}),
               .targets = int_tensor(some_ids(128, 4)),
               .weights = at::full({128}, 1.0 / 128, at::kDouble)};
  CountingAllocator memory;
  const auto peak = [&](bool recompute) {
    in.forward.recompute = recompute;
    memory.reset();
    backward(model, in);
    return memory.peak();
  };
  const auto kept = peak(false);
  EXPECT_LT(peak(true), kept / 2);
}

TEST(Recomputed, RunsOnceWithoutGradients) {
  int calls = 0;
  const auto twice = [&](const at::Tensor& x) {
    ++calls;
    return x * 2;
  };
  const auto x = at::ones({2}).set_requires_grad(true);
  {
    const at::NoGradGuard no_grad;
    EXPECT_TRUE(at::equal(recomputed(x, twice), at::full({2}, 2.0F)));
  }
  EXPECT_EQ(calls, 1);
  const auto y = recomputed(x, twice);
  EXPECT_EQ(calls, 2);
  torch::autograd::backward({y.sum()}, {});
  EXPECT_EQ(calls, 3);
  EXPECT_TRUE(at::equal(x.grad(), at::full({2}, 2.0F)));
}

// By hand: y = x w^T over rows (1, 2) and (3, 4), so the gradient of the sum of y by w is (4, 6).
TEST(Recomputed, GivesWeightsTheirGradientsWhereTheInputNeedsNone) {
  const Weight weight{.value = at::tensor({0.5F, -1.0F}).view({1, 2}), .grad = at::zeros({1, 2})};
  const auto x = at::tensor({1.0F, 2.0F, 3.0F, 4.0F}).view({2, 2});
  const auto y = recomputed(x, [&](const at::Tensor& in) { return linear(in, weight); });
  EXPECT_TRUE(at::equal(y.detach(), at::tensor({-1.5F, -2.5F}).view({2, 1})));
  torch::autograd::backward({y.sum()}, {});
  EXPECT_TRUE(at::equal(weight.grad, at::tensor({4.0F, 6.0F}).view({1, 2})));
  EXPECT_FALSE(x.grad().defined());
}

TEST(Recomputed, LeavesABlockWithoutWeightsAloneWhereTheInputNeedsNoGradient) {
  const auto y = recomputed(at::ones({2}), [](const at::Tensor& x) { return x * 2; });
  EXPECT_TRUE(at::equal(y.detach(), at::full({2}, 2.0F)));
  EXPECT_NO_THROW(torch::autograd::backward({y.sum()}, {}));
}

}  // namespace
}  // namespace llmtrain
