#include "lib/model/kv_cache.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "tests/model/tiny_model.h"

namespace llmtrain {
namespace {

class Cached : public testing::TestWithParam<std::string> {};

constexpr std::int64_t kTokens = 40;

// Room beyond the window and any tile.
TinyModel long_model(const std::string& name) {
  return TinyModel(name, kFp32Store, [](ModelShape& shape) { shape.context = 64; });
}

TokenIds part_of(const TokenIds& ids, std::size_t first, std::size_t count) {
  return {ids.begin() + static_cast<std::ptrdiff_t>(first), ids.begin() + static_cast<std::ptrdiff_t>(first + count)};
}

// Logits of the rest of a slot's sequence, in pieces as given, the last one again and again.
at::Tensor decoded(const TinyModel& model, KvCache& cache, const TokenIds& ids,
                   const std::vector<std::size_t>& pieces) {
  std::vector<at::Tensor> all;
  auto done = static_cast<std::size_t>(cache.length(0));
  for (std::size_t i = 0; done < ids.size(); ++i) {
    const auto count = std::min(pieces[std::min(i, pieces.size() - 1)], ids.size() - done);
    all.push_back(model.decoder.hidden_cached(int_tensor(part_of(ids, done, count)), cache, 0));
    done += count;
  }
  return logits_of(model.decoder, at::cat(all));
}

TEST_P(Cached, DecodingIsTheFullForwardAtEveryPosition) {
  const OneThread one_thread;
  const auto model = long_model(GetParam());
  const auto ids = some_ids(kTokens, 3);
  const auto full = logits_of(model.decoder, input_of({ids}));
  for (const auto& pieces : std::vector<std::vector<std::size_t>>{{1}, {5, 1}, {17, 1}, {33, 2, 1}, {11}, {40}}) {
    KvCache cache(model.shape, 1, kTokens, at::kFloat);
    EXPECT_LE(largest_error(decoded(model, cache, ids, pieces), full), 1e-5) << pieces.front();
    EXPECT_EQ(cache.length(0), kTokens);
  }
}

TEST_P(Cached, ASequenceThatIsTakenBackGoesOnOtherwise) {
  const OneThread one_thread;
  const auto model = long_model(GetParam());
  const auto first = some_ids(kTokens, 3);
  KvCache cache(model.shape, 1, kTokens, at::kFloat);
  decoded(model, cache, first, {20, 1});
  auto second = part_of(first, 0, 13);
  const auto rest = some_ids(24, 8);
  second.insert(second.end(), rest.begin(), rest.end());
  cache.set_length(0, 13);
  const auto full = logits_of(model.decoder, input_of({second}));
  EXPECT_LE(largest_error(decoded(model, cache, second, {4, 1}), full.narrow(0, 13, 24)), 1e-5);
  cache.set_length(0, 0);
  EXPECT_LE(largest_error(decoded(model, cache, second, {1}), full), 1e-5);
}

TEST_P(Cached, SlotsAreIndependent) {
  const OneThread one_thread;
  const auto model = long_model(GetParam());
  const std::vector<TokenIds> sequences = {some_ids(16, 3), some_ids(16, 4)};
  KvCache cache(model.shape, 3, kTokens, at::kFloat);
  std::vector<std::vector<at::Tensor>> hidden(2);
  for (std::size_t i = 0; i < 16; ++i) {
    for (std::size_t s = 0; s < 2; ++s) {
      hidden[s].push_back(
          model.decoder.hidden_cached(int_tensor({sequences[s][i]}), cache, 1 + static_cast<std::int64_t>(s)));
    }
  }
  for (std::size_t s = 0; s < 2; ++s) {
    const auto full = logits_of(model.decoder, input_of({sequences[s]}));
    EXPECT_LE(largest_error(logits_of(model.decoder, at::cat(hidden[s])), full), 1e-5);
  }
  EXPECT_EQ(cache.length(0), 0);
  EXPECT_EQ(cache.length(1), 16);
  EXPECT_EQ(cache.length(2), 16);
}

// Sequences of different lengths, one of which rests now and then.
TEST_P(Cached, SequencesDecodedTogetherAreTheFullForwardAtEveryPosition) {
  const OneThread one_thread;
  const auto model = long_model(GetParam());
  const std::vector<TokenIds> sequences = {some_ids(kTokens, 3), some_ids(29, 4), some_ids(33, 5)};
  const std::vector<std::int64_t> slots = {2, 0, 3};
  KvCache cache(model.shape, 4, kTokens, at::kFloat);
  std::vector<std::vector<at::Tensor>> hidden(3);
  const auto step = [&](const std::vector<std::pair<std::size_t, std::int64_t>>& parts) {
    TokenIds tokens;
    std::vector<CachedPiece> pieces;
    for (const auto& [s, count] : parts) {
      const auto next =
          part_of(sequences[s], static_cast<std::size_t>(cache.length(slots[s])), static_cast<std::size_t>(count));
      tokens.insert(tokens.end(), next.begin(), next.end());
      pieces.push_back({.slot = slots[s], .tokens = count});
    }
    const auto out = model.decoder.hidden_cached(int_tensor(tokens), cache, pieces);
    std::int64_t first = 0;
    for (const auto& [s, count] : parts) {
      hidden[s].push_back(out.narrow(0, first, count));
      first += count;
    }
  };
  step({{0, 9}, {1, 1}, {2, 17}});
  for (std::size_t i = 0; i < kTokens; ++i) {
    std::vector<std::pair<std::size_t, std::int64_t>> parts;
    for (std::size_t s = 0; s < 3; ++s) {
      const bool rests = s == 1 && i % 4 == 3;
      const auto left = static_cast<std::int64_t>(sequences[s].size()) - cache.length(slots[s]);
      if (!rests && left > 0) parts.emplace_back(s, 1);
    }
    if (!parts.empty()) step(parts);
  }
  for (std::size_t s = 0; s < 3; ++s) {
    ASSERT_EQ(cache.length(slots[s]), static_cast<std::int64_t>(sequences[s].size()));
    const auto full = logits_of(model.decoder, input_of({sequences[s]}));
    EXPECT_LE(largest_error(logits_of(model.decoder, at::cat(hidden[s])), full), 1e-5) << s;
  }
}

TEST_P(Cached, ACopiedBeginningGoesOnAsItsOwn) {
  const OneThread one_thread;
  const auto model = long_model(GetParam());
  const auto first = some_ids(30, 3);
  KvCache cache(model.shape, 2, kTokens, at::kFloat);
  model.decoder.hidden_cached(int_tensor(first), cache, 0);
  auto second = part_of(first, 0, 21);
  const auto rest = some_ids(9, 8);
  second.insert(second.end(), rest.begin(), rest.end());
  cache.copy(0, 1, 21);
  const auto out = model.decoder.hidden_cached(int_tensor(rest), cache, 1);
  const auto full = logits_of(model.decoder, input_of({second}));
  EXPECT_LE(largest_error(logits_of(model.decoder, out), full.narrow(0, 21, 9)), 1e-5);
  EXPECT_EQ(cache.length(0), 30);
}

INSTANTIATE_TEST_SUITE_P(Models, Cached, testing::ValuesIn(golden_model_names()), golden_test_name);

TEST(KvCache, TakesNoMoreThanItsRoom) {
  const auto model = long_model("llama-gqa");
  KvCache cache(model.shape, 1, 8, at::kFloat);
  model.decoder.hidden_cached(int_tensor(some_ids(6, 1)), cache, 0);
  EXPECT_THROW(model.decoder.hidden_cached(int_tensor(some_ids(3, 1)), cache, 0), InternalError);
  EXPECT_EQ(cache.length(0), 6);
  EXPECT_THROW(cache.set_length(0, 9), InternalError);
}

// By hand: 2 of keys and values, 2 layers, 2 key heads of 8, 4 bytes.
TEST(KvCache, TakesTheBytesOfItsKeysAndValues) {
  const auto shape = golden_model("llama-gqa").shape;
  EXPECT_EQ(kv_cache_bytes(shape, 10, at::kFloat), 2 * 2 * 10 * 2 * 8 * 4);
  EXPECT_EQ(kv_cache_bytes(shape, 10, at::kBFloat16), 2 * 2 * 10 * 2 * 8 * 2);
}

}  // namespace
}  // namespace llmtrain
