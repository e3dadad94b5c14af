#include "lib/generate/generator.h"

#include <set>

#include <ATen/ATen.h>
#include <gmock/gmock.h>

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

struct Made {
  std::vector<Ids> ids;
  std::vector<EndReason> reasons;
};

// All texts, from a cache that is just large enough.
Made generate_all(const Decoder& decoder, const std::vector<GenerateRequest>& requests, const GenerateOptions& options,
                  std::int64_t slots, const std::function<bool(std::size_t, std::uint32_t)>& each = nullptr) {
  Made made{.ids = std::vector<Ids>(requests.size()), .reasons = std::vector<EndReason>(requests.size())};
  std::vector<bool> ended(requests.size(), false);
  Generator generator(decoder, {.slots = slots,
                                .capacity = capacity_for(decoder.shape(), requests, options.max_tokens),
                                .vocab = decoder.shape().vocab});
  GenerateEvents events;
  events.token = [&](std::size_t request, std::uint32_t id) {
    EXPECT_FALSE(ended[request]);
    made.ids[request].push_back(id);
    return !each || each(request, id);
  };
  events.end = [&](std::size_t request, EndReason reason) {
    EXPECT_FALSE(ended[request]);
    ended[request] = true;
    made.reasons[request] = reason;
  };
  EXPECT_TRUE(generator.run(requests, options, events));
  EXPECT_EQ(ended, std::vector<bool>(requests.size(), true));
  return made;
}

Ids generate(const Decoder& decoder, const Ids& prompt, const GenerateOptions& options,
             const std::function<bool(std::uint32_t)>& each = nullptr) {
  return generate_all(decoder, {{.prompt = prompt}}, options, 1,
                      [&](std::size_t, std::uint32_t id) { return !each || each(id); })
      .ids.front();
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

// A random stream of its own for each seed, prompt and sample.
TEST(Generator, DrawsByItsSeedPromptAndSample) {
  const OneThread one_thread;
  const auto model = model_with_context("llama-gqa", 96);
  GenerateOptions options{.sampler = {}, .max_tokens = 40, .end_ids = {}, .seed = 11};
  const auto of = [&](std::uint64_t number, std::uint32_t sample) {
    return generate_all(model.decoder, {{.prompt = prompt_of(5), .prompt_number = number, .sample = sample}}, options,
                        1)
        .ids.front();
  };
  const auto made = of(4, 2);
  EXPECT_EQ(of(4, 2), made);
  EXPECT_NE(of(4, 3), made);
  EXPECT_NE(of(5, 2), made);
  EXPECT_NE(of(2, 4), made);
  options.seed = 12;
  EXPECT_NE(of(4, 2), made);
}

// In fp64 rounding decides nothing: a text is the same alone, among others, in any slot, after whatever was there.
TEST_P(Generate, MakesTheSameTextsInAnyCompany) {
  const OneThread one_thread;
  const auto model = model_with_context(GetParam(), 96, kFp64Store);
  std::vector<GenerateRequest> requests;
  for (std::uint32_t i = 0; i < 7; ++i) {
    requests.push_back({.prompt = prompt_of(3 + 5 * i, i % 3), .prompt_number = i, .sample = i % 2});
  }
  // The same prompt again, and one that goes on from it.
  requests.push_back({.prompt = requests[2].prompt, .prompt_number = 2, .sample = 9});
  auto longer = requests[2].prompt;
  longer.push_back(7);
  requests.push_back({.prompt = longer, .prompt_number = 8});
  const GenerateOptions options{
      .sampler = {.temperature = 0.9, .top_p = 0.95}, .max_tokens = 24, .end_ids = {5}, .seed = 3};
  std::vector<Ids> alone;
  for (const auto& request : requests) alone.push_back(generate_all(model.decoder, {request}, options, 1).ids.front());
  for (const std::int64_t slots : {1, 2, 4, 9, 20}) {
    EXPECT_EQ(generate_all(model.decoder, requests, options, slots).ids, alone) << slots;
  }
}

// The generator that made other texts before goes on from what its slots hold.
TEST(Generator, ReusesWhatASlotHolds) {
  const OneThread one_thread;
  const auto model = model_with_context("llama-gqa", 96, kFp64Store);
  Generator generator(model.decoder, {.slots = 2, .capacity = 96, .vocab = 61});
  const auto run = [&](const Ids& prompt) {
    Ids ids;
    GenerateEvents events;
    events.token = [&](std::size_t, std::uint32_t id) {
      ids.push_back(id);
      return true;
    };
    generator.run(std::vector<GenerateRequest>{{.prompt = prompt}}, greedy(6), events);
    return ids;
  };
  auto talk = prompt_of(20, 2);
  for (int turn = 0; turn < 5; ++turn) {
    const auto made = run(talk);
    EXPECT_EQ(made, generate(model.decoder, talk, greedy(6))) << turn;
    talk.insert(talk.end(), made.begin(), made.end());
    talk.push_back(3);
  }
  auto other = talk;
  other[10] ^= 1U;
  EXPECT_EQ(run(other), generate(model.decoder, other, greedy(6)));
  EXPECT_EQ(run(talk), generate(model.decoder, talk, greedy(6)));
}

TEST(Generator, EndsWithAStopIdAndGivesItBack) {
  const auto model = model_with_context("llama-gqa", 96);
  auto options = greedy(40);
  const auto all = generate(model.decoder, prompt_of(5), options);
  const auto stop = all[3];
  const auto first = std::find(all.begin(), all.end(), stop);
  options.end_ids = {60, stop};
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

TEST(Generator, SaysWhyATextEnded) {
  const auto model = model_with_context("gpt2", 32);
  const std::vector<GenerateRequest> requests = {{.prompt = prompt_of(5)}, {.prompt = prompt_of(30)}};
  EXPECT_EQ(generate_all(model.decoder, requests, greedy(4), 2).reasons,
            (std::vector<EndReason>{EndReason::kLength, EndReason::kLength}));
  auto options = greedy(4);
  const auto all = generate_all(model.decoder, requests, options, 2);
  options.end_ids = {all.ids[0][1]};
  EXPECT_EQ(generate_all(model.decoder, requests, options, 2).reasons.front(), EndReason::kEndId);
  const auto stopped = generate_all(model.decoder, requests, greedy(4), 2,
                                    [](std::size_t request, std::uint32_t) { return request != 1; });
  EXPECT_EQ(stopped.reasons, (std::vector<EndReason>{EndReason::kLength, EndReason::kStopped}));
  EXPECT_EQ(stopped.ids[1].size(), 1U);
}

TEST(Generator, EndsEverythingOnceNobodyWantsMore) {
  const auto model = model_with_context("gpt2", 32);
  Generator generator(model.decoder, {.slots = 1, .capacity = 32, .vocab = 61});
  int tokens = 0;
  GenerateEvents events;
  events.token = [&](std::size_t, std::uint32_t) { return ++tokens > 0; };
  events.wanted = [&] { return tokens < 3; };
  const std::vector<GenerateRequest> requests(3, {.prompt = prompt_of(5)});
  EXPECT_FALSE(generator.run(requests, greedy(8), events));
  EXPECT_EQ(tokens, 3);
}

// A model may have more rows than its tokenizer has tokens.
TEST(Generator, DrawsNoIdThatIsNoToken) {
  const auto model = model_with_context("llama-gqa", 96);
  GenerateOptions options;
  options.sampler.temperature = 50;
  options.max_tokens = 90;
  Generator generator(model.decoder, {.slots = 1, .capacity = 96, .vocab = 20});
  std::set<std::uint32_t> drawn;
  GenerateEvents events;
  events.token = [&](std::size_t, std::uint32_t id) { return drawn.insert(id), true; };
  const std::vector<GenerateRequest> requests = {{.prompt = {1, 2, 3}}};
  EXPECT_TRUE(generator.run(requests, options, events));
  EXPECT_EQ(*drawn.rbegin(), 19U);
  EXPECT_GE(drawn.size(), 15U);
}

// By hand: 2 of keys and values, 2 layers, 2 key heads of 8, 4 bytes make 256 bytes a token.
TEST(Generator, TakesAsManySlotsAsFit) {
  const auto shape = golden_model("llama-gqa").shape;
  EXPECT_EQ(slots_that_fit(shape, at::kFloat, 8, 10, 1 << 20), 8);
  EXPECT_EQ(slots_that_fit(shape, at::kFloat, 8, 10, 3 * 2560 + 2559), 3);
  EXPECT_THAT(error_of(ExitCode::kOutOfMemory, [&] { slots_that_fit(shape, at::kFloat, 8, 10, 2559); }),
              testing::HasSubstr("one text of 10 tokens take 2.5 KiB, 2.5 KiB of memory are available"));
}

// By hand: of the last token made nothing is kept.
TEST(Generator, NeedsRoomForTheLongestPromptAndWhatFollows) {
  const auto shape = golden_model("llama-gqa").shape;  // a context of 32
  const std::vector<GenerateRequest> requests = {{.prompt = prompt_of(5)}, {.prompt = prompt_of(9)}};
  EXPECT_EQ(capacity_for(shape, requests, 1), 9);
  EXPECT_EQ(capacity_for(shape, requests, 11), 19);
  EXPECT_EQ(capacity_for(shape, requests, 1000), 32);
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
