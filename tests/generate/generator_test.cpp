#include "lib/generate/generator.h"

#include <set>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "lib/base/error.h"
#include "tests/model/tiny_model.h"

namespace llmtrain {
namespace {

using Ids = std::vector<std::uint32_t>;

Ids prompt_of(std::size_t count, std::uint64_t seed = 1) {
  const auto ids = some_ids(count, seed);
  return {ids.begin(), ids.end()};
}

TinyModel model_with_context(const std::string& name, std::int64_t context, const StoreTypes& types = kFp32Store) {
  return TinyModel(name, types, [context](ModelShape& shape) { shape.context = context; });
}

GenerateOptions greedy(std::int64_t tokens) {
  GenerateOptions options;
  options.sampler.temperature = 0;
  options.max_tokens = tokens;
  return options;
}

class Generate : public testing::TestWithParam<std::string> {};

TEST_P(Generate, GreedilyIsTheArgmaxOfFullForwards) {
  const OneThread one_thread;
  const auto model = model_with_context(GetParam(), 96);
  const auto made = generate(model.decoder, prompt_of(9, 3), greedy(64));
  TokenIds sequence = some_ids(9, 3);
  Ids expected;
  for (int i = 0; i < 64; ++i) {
    const auto logits = logits_of(model.decoder, input_of({sequence}));
    sequence.push_back(static_cast<std::int32_t>(logits[logits.size(0) - 1].argmax().item<std::int64_t>()));
    expected.push_back(static_cast<std::uint32_t>(sequence.back()));
  }
  EXPECT_EQ(made, expected);
  // Not one id for ever, as GPT-2's table gives, which is also its head.
  if (GetParam() != "gpt2") {
    EXPECT_GE(std::set<std::uint32_t>(made.begin(), made.end()).size(), 3U);
  }
}

INSTANTIATE_TEST_SUITE_P(Models, Generate, testing::ValuesIn(golden_model_names()), golden_test_name);

TEST(Generator, SameSeedSameIdsWhateverCameBefore) {
  const auto model = model_with_context("llama-gqa", 96);
  GenerateOptions options{.sampler = {}, .max_tokens = 40, .stop_ids = {}, .seed = 11, .sample = 2};
  const auto made = generate(model.decoder, prompt_of(5), options);
  generate(model.decoder, prompt_of(9, 4), options);
  EXPECT_EQ(generate(model.decoder, prompt_of(5), options), made);
  options.sample = 3;
  EXPECT_NE(generate(model.decoder, prompt_of(5), options), made);
  options.sample = 2;
  options.seed = 12;
  EXPECT_NE(generate(model.decoder, prompt_of(5), options), made);
}

TEST(Generator, EndsWithAStopIdAndGivesItBack) {
  const auto model = model_with_context("llama-gqa", 96);
  auto options = greedy(40);
  const auto all = generate(model.decoder, prompt_of(5), options);
  const auto stop = all[3];
  const auto first = std::find(all.begin(), all.end(), stop);
  options.stop_ids = {60, stop};
  ASSERT_EQ(std::find(all.begin(), first, 60U), first);
  EXPECT_EQ(generate(model.decoder, prompt_of(5), options), Ids(all.begin(), first + 1));
}

TEST(Generator, TellsEachIdAndEndsWhereItIsTold) {
  const auto model = model_with_context("llama-gqa", 96);
  Ids told;
  const auto made = generate(model.decoder, prompt_of(5), greedy(40), [&](std::uint32_t id) {
    told.push_back(id);
    return told.size() < 7;
  });
  EXPECT_EQ(made.size(), 7U);
  EXPECT_EQ(told, made);
  EXPECT_EQ(made, generate(model.decoder, prompt_of(5), greedy(7)));
}

TEST(Generator, MakesNoMoreThanAskedFor) {
  const auto model = model_with_context("gpt2", 32);
  EXPECT_TRUE(generate(model.decoder, prompt_of(5), greedy(0)).empty());
  EXPECT_EQ(generate(model.decoder, prompt_of(5), greedy(1)).size(), 1U);
  EXPECT_EQ(generate(model.decoder, prompt_of(5), greedy(8)).size(), 8U);
}

// By hand: after a prompt of 30 two ids fit into a context of 32, and one more is predicted from all of it.
TEST(Generator, EndsWhereTheContextIsFull) {
  for (const auto* name : {"gpt2", "mistral"}) {
    const auto model = model_with_context(name, 32);
    EXPECT_EQ(generate(model.decoder, prompt_of(30), greedy(100)).size(), 3U);
    EXPECT_EQ(generate(model.decoder, prompt_of(32), greedy(100)).size(), 1U);
    EXPECT_THROW(generate(model.decoder, prompt_of(33), greedy(100)), InternalError);
    EXPECT_THROW(generate(model.decoder, {}, greedy(100)), InternalError);
  }
}

// The likeliest id of wide logits: rounded to bf16, its lead over the next one may be lost.
TEST(Generator, DecidesInFp32WithBf16Weights) {
  if (!__builtin_cpu_supports("avx512bf16")) GTEST_SKIP() << "products of bf16 are rounded on this processor";
  const auto model = model_with_context("llama-gqa", 96, kBf16Store);
  const auto& head = model.decoder.head().value;
  // Two rows that differ by less than their product's rounding; the second is the larger.
  const at::NoGradGuard no_grad;
  const auto prompt = some_ids(5, 1);
  const auto hidden = model.decoder.hidden(input_of({prompt})).select(0, 4).to(at::kFloat);
  const auto row = (hidden * (200 / hidden.pow(2).sum())).to(at::kBFloat16);  // where bf16 has every whole number
  head.zero_();
  head[7].copy_(row);
  head[9].copy_(row);
  const auto place = std::get<1>(row.to(at::kFloat).abs().median(0)).item<std::int64_t>();
  head[9][place].mul_(1.0 + 1.0 / 64);
  const auto logits = at::mv(head.to(at::kFloat), hidden);
  ASSERT_GT(logits[9].item<float>(), logits[7].item<float>());
  ASSERT_EQ(logits[9].to(at::kBFloat16).item<float>(), logits[7].to(at::kBFloat16).item<float>());
  EXPECT_EQ(generate(model.decoder, prompt_of(5), greedy(1)), Ids{9});
}

}  // namespace
}  // namespace llmtrain
