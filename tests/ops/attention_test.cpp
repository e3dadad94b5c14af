#include "lib/ops/attention.h"

#include <cmath>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "lib/base/error.h"
#include "tests/ops/central_difference.h"

namespace llmtrain {
namespace {

using Documents = std::vector<std::int32_t>;

at::Tensor random_qkv(std::int64_t tokens, const AttentionShape& shape, at::ScalarType type = at::kFloat) {
  at::manual_seed(7);
  return at::randn({tokens, (shape.heads + 2 * shape.kv_heads) * shape.head_dim}, at::kDouble).to(type);
}

struct Pass {
  at::Tensor out;
  at::Tensor d_qkv;
};

using Attend = at::Tensor (*)(const at::Tensor&, const AttentionShape&, const Documents&);

// Forward, then backward from a gradient that differs everywhere.
Pass run(Attend attend, const at::Tensor& qkv, const AttentionShape& shape, const Documents& documents) {
  const auto leaf = qkv.detach().clone().requires_grad_(true);
  const auto out = attend(leaf, shape, documents);
  torch::autograd::backward({out}, {uneven_gradient(out)});
  return {.out = out.detach(), .d_qkv = leaf.grad()};
}

struct Case {
  AttentionShape shape;
  Documents documents;
};

// Every size of tile and remainder, groups, windows shorter and longer than a tile, head sizes that no vector divides.
const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {{.heads = 1, .kv_heads = 1, .head_dim = 16, .window = {}}, {0, 1}},
      {{.heads = 2, .kv_heads = 1, .head_dim = 32, .window = {}}, {0, 5, 70, 71, 200}},
      {{.heads = 4, .kv_heads = 2, .head_dim = 64, .window = {}}, {0, 257, 300}},
      {{.heads = 3, .kv_heads = 3, .head_dim = 128, .window = {}}, {0, 130}},
      {{.heads = 6, .kv_heads = 2, .head_dim = 20, .window = {}}, {0, 33, 100}},
      {{.heads = 2, .kv_heads = 1, .head_dim = 80, .window = 7}, {0, 90, 300}},
      {{.heads = 2, .kv_heads = 2, .head_dim = 64, .window = 1}, {0, 100}},
      {{.heads = 2, .kv_heads = 1, .head_dim = 48, .window = 200}, {0, 700}},
      {{.heads = 4, .kv_heads = 1, .head_dim = 8, .window = {}}, {0, 1300}},
  };
  return all;
}

TEST(Attention, IsThatOfPlainOperators) {
  for (const auto& [shape, documents] : cases()) {
    const auto qkv = random_qkv(documents.back(), shape);
    const auto ours = run(attention, qkv, shape, documents);
    const auto plain = run(attention_reference, qkv.to(at::kDouble), shape, documents);
    EXPECT_LE(largest_difference(ours.out, plain.out), 1e-5) << shape.head_dim;
    const double scale = std::max(1.0, plain.d_qkv.abs().max().item<double>());  // sums over a document's queries
    EXPECT_LE(largest_difference(ours.d_qkv, plain.d_qkv), 1e-5 * scale) << shape.head_dim;
  }
}

TEST(Attention, IsThatOfPlainOperatorsInDouble) {
  for (const auto& [shape, documents] : cases()) {
    const auto qkv = random_qkv(documents.back(), shape, at::kDouble);
    const auto ours = run(attention, qkv, shape, documents);
    const auto plain = run(attention_reference, qkv, shape, documents);
    EXPECT_LE(largest_difference(ours.out, plain.out), 1e-12) << shape.head_dim;
    EXPECT_LE(largest_difference(ours.d_qkv, plain.d_qkv), 1e-12) << shape.head_dim;
  }
}

TEST(Attention, AgreesWithLibTorchOnOneDocument) {
  const AttentionShape shape{.heads = 4, .kv_heads = 4, .head_dim = 32, .window = {}};
  const auto qkv = random_qkv(150, shape);
  const auto heads = qkv.view({150, 12, 32}).transpose(0, 1).unsqueeze(0);
  const auto theirs = at::scaled_dot_product_attention(heads.narrow(1, 0, 4), heads.narrow(1, 4, 4),
                                                       heads.narrow(1, 8, 4), {}, 0, true);
  const auto ours = attention(qkv, shape, {0, 150});
  EXPECT_LE(largest_difference(ours, theirs.squeeze(0).transpose(0, 1).reshape({150, -1})), 1e-5);
}

// One key a query sees has all the weight: the output is its value.
TEST(Attention, OfOneTokenIsItsValue) {
  const AttentionShape shape{.heads = 2, .kv_heads = 1, .head_dim = 16, .window = {}};
  const auto qkv = random_qkv(3, shape);
  const auto value = qkv.narrow(1, 48, 16);
  EXPECT_TRUE(at::equal(attention(qkv, shape, {0, 1, 2, 3}), at::cat({value, value}, 1)));
}

// Equal keys: every key that is seen weighs the same, so outputs are means of values.
TEST(Attention, OfEqualKeysIsTheMeanOfTheValuesInTheWindow) {
  const AttentionShape shape{.heads = 1, .kv_heads = 1, .head_dim = 1, .window = 3};
  auto qkv = at::ones({5, 3});
  qkv.select(1, 2).copy_(at::tensor({2.0F, 4.0F, 9.0F, 5.0F, 1.0F}));
  const auto out = attention(qkv, shape, {0, 5});
  EXPECT_LE(largest_difference(out.view(-1), at::tensor({2.0, 3.0, 5.0, 6.0, 5.0})), 1e-6);
}

TEST(Attention, GradientIsTheSlope) {
  for (const std::optional<std::int64_t> window : {std::optional<std::int64_t>(), std::optional<std::int64_t>(4)}) {
    const AttentionShape shape{.heads = 4, .kv_heads = 2, .head_dim = 3, .window = window};
    const auto qkv = random_qkv(14, shape, at::kDouble);
    const Documents documents = {0, 9, 14};
    const auto slope = central_difference(
        [&](const at::Tensor& x) {
          const auto out = attention(x, shape, documents);
          return (out * uneven_gradient(out)).sum().item<double>();
        },
        qkv);
    EXPECT_LE(largest_difference(run(attention, qkv, shape, documents).d_qkv, slope), 1e-8);
  }
}

TEST(Attention, FutureTokensChangeNoBitOfEarlierOutputs) {
  const AttentionShape shape{.heads = 2, .kv_heads = 1, .head_dim = 64, .window = {}};
  const auto qkv = random_qkv(300, shape);
  const auto before = attention(qkv, shape, {0, 300});
  for (const std::int64_t cut : {1, 47, 100, 256, 299}) {
    auto changed = qkv.clone();
    changed.narrow(0, cut, 300 - cut).mul_(-3).add_(1);
    const auto after = attention(changed, shape, {0, 300});
    EXPECT_TRUE(at::equal(before.narrow(0, 0, cut), after.narrow(0, 0, cut))) << cut;
    EXPECT_FALSE(at::equal(before.narrow(0, cut, 1), after.narrow(0, cut, 1))) << cut;
  }
}

TEST(Attention, AnotherDocumentChangesNoBitOfOutputsAndGradients) {
  const AttentionShape shape{.heads = 4, .kv_heads = 2, .head_dim = 32, .window = {}};
  const auto qkv = random_qkv(260, shape);
  const Documents documents = {0, 90, 170, 260};
  auto changed = qkv.clone();
  changed.narrow(0, 90, 80).mul_(-2).add_(0.5);
  const auto before = run(attention, qkv, shape, documents);
  const auto after = run(attention, changed, shape, documents);
  for (const std::int64_t other : {0, 170}) {
    EXPECT_TRUE(at::equal(before.out.narrow(0, other, 90), after.out.narrow(0, other, 90)));
    EXPECT_TRUE(at::equal(before.d_qkv.narrow(0, other, 90), after.d_qkv.narrow(0, other, 90)));
  }
  EXPECT_FALSE(at::equal(before.out, after.out));
}

TEST(Attention, TokensOutsideTheWindowChangeNoBit) {
  const AttentionShape shape{.heads = 1, .kv_heads = 1, .head_dim = 32, .window = 10};
  const auto qkv = random_qkv(200, shape);
  auto changed = qkv.clone();
  changed.narrow(0, 0, 100).mul_(5);
  const auto before = attention(qkv, shape, {0, 200});
  const auto after = attention(changed, shape, {0, 200});
  EXPECT_TRUE(at::equal(before.narrow(0, 109, 91), after.narrow(0, 109, 91)));
  EXPECT_FALSE(at::equal(before.narrow(0, 108, 1), after.narrow(0, 108, 1)));
}

TEST(Attention, GivesTheSameBitsTwiceAndOnOneThread) {
  const AttentionShape shape{.heads = 4, .kv_heads = 1, .head_dim = 64, .window = {}};
  const Documents documents = {0, 40, 1900, 2000};
  const auto qkv = random_qkv(2000, shape);
  const auto threads = at::get_num_threads();
  const auto first = run(attention, qkv, shape, documents);
  const auto second = run(attention, qkv, shape, documents);
  at::set_num_threads(1);
  const auto alone = run(attention, qkv, shape, documents);
  at::set_num_threads(threads);
  EXPECT_TRUE(at::equal(first.out, second.out));
  EXPECT_TRUE(at::equal(first.d_qkv, second.d_qkv));
  EXPECT_TRUE(at::equal(first.out, alone.out));
  EXPECT_TRUE(at::equal(first.d_qkv, alone.d_qkv));
}

TEST(Attention, StaysFiniteWhereScoresAreLarge) {
  const AttentionShape shape{.heads = 1, .kv_heads = 1, .head_dim = 16, .window = {}};
  const auto qkv = random_qkv(600, shape).mul(100);
  const auto ours = run(attention, qkv, shape, {0, 600});
  EXPECT_TRUE(ours.out.isfinite().all().item<bool>());
  EXPECT_TRUE(ours.d_qkv.isfinite().all().item<bool>());
}

TEST(Attention, InBf16ErrsNoMoreThanTwicePlainOperators) {
  const AttentionShape shape{.heads = 4, .kv_heads = 2, .head_dim = 64, .window = {}};
  const Documents documents = {0, 100, 256};
  const auto qkv = random_qkv(256, shape, at::kBFloat16);
  const auto exact = run(attention_reference, qkv.to(at::kDouble), shape, documents);
  const auto ours = run(attention, qkv, shape, documents);
  const auto plain = run(
      [](const at::Tensor& x, const AttentionShape& s, const Documents& d) {
        std::vector<at::Tensor> outs;  // LibTorch's own bf16 attention, a document at a time
        for (std::size_t i = 1; i < d.size(); ++i) {
          const auto heads = x.view({x.size(0), 8, 64}).narrow(0, d[i - 1], d[i] - d[i - 1]).transpose(0, 1);
          const auto wide = [&](std::int64_t at) {
            return heads.narrow(0, at, 2).repeat_interleave(2, 0).unsqueeze(0);
          };
          const auto out =
              at::scaled_dot_product_attention(heads.narrow(0, 0, s.heads).unsqueeze(0), wide(4), wide(6), {}, 0, true);
          outs.push_back(out.squeeze(0).transpose(0, 1).reshape({-1, 256}));
        }
        return at::cat(outs);
      },
      qkv, shape, documents);
  const auto rms = [](const at::Tensor& a, const at::Tensor& b) {
    return (a.to(at::kDouble) - b).pow(2).mean().sqrt().item<double>();
  };
  EXPECT_EQ(ours.out.scalar_type(), at::kBFloat16);
  EXPECT_LE(rms(ours.out, exact.out), 2 * rms(plain.out, exact.out));
  EXPECT_LE(rms(ours.d_qkv, exact.d_qkv), 2 * rms(plain.d_qkv, exact.d_qkv));
}

TEST(AttentionCached, GivesTheRowsOfAttention) {
  for (const std::optional<std::int64_t> window : {std::optional<std::int64_t>(), std::optional<std::int64_t>(50)}) {
    const AttentionShape shape{.heads = 6, .kv_heads = 2, .head_dim = 48, .window = window};
    const auto qkv = random_qkv(200, shape);
    const auto whole = attention(qkv, shape, {0, 200});
    const auto cache = at::full({2, 2, 300, 48}, 1e9).transpose(1, 2);  // keys and values by head, longer than needed
    cache.narrow(1, 0, 200).copy_(qkv.narrow(1, 288, 192).view({200, 2, 2, 48}).transpose(0, 1));
    for (const std::int64_t queries : {1, 2, 5, 70, 200}) {
      const auto first = 200 - queries;
      const auto out = attention_cached(qkv.narrow(1, 0, 288).narrow(0, first, queries), cache[0].narrow(0, 0, 200),
                                        cache[1].narrow(0, 0, 200), shape);
      EXPECT_LE(largest_difference(out, whole.narrow(0, first, queries)), 1e-6) << queries;
    }
  }
}

// bf16 has 8 bits, so numbers near 2 round by up to 2^-7 / 2.
TEST(AttentionCached, GivesTheRowsOfAttentionInBf16) {
  const AttentionShape shape{.heads = 2, .kv_heads = 1, .head_dim = 40, .window = {}};
  const auto qkv = random_qkv(100, shape, at::kBFloat16);
  const auto whole = attention_reference(qkv.to(at::kDouble), shape, {0, 100});
  const auto keys = qkv.narrow(1, 80, 40).unsqueeze(1);
  const auto values = qkv.narrow(1, 120, 40).unsqueeze(1);
  for (const std::int64_t queries : {1, 20}) {
    const auto out = attention_cached(qkv.narrow(1, 0, 80).narrow(0, 100 - queries, queries), keys, values, shape);
    EXPECT_LE(largest_difference(out, whole.narrow(0, 100 - queries, queries)), 1.0 / 256) << queries;
  }
}

// Two sequences that lie apart in one cache, whose other rows are no numbers.
TEST(AttentionCached, TakesSeveralSequencesAtOnce) {
  const AttentionShape shape{.heads = 4, .kv_heads = 2, .head_dim = 24, .window = {}};
  const auto qkv = random_qkv(90, shape);
  const auto whole = attention_reference(qkv, shape, {0, 60, 90});
  const auto cache = at::full({2, 200, 2, 24}, std::nan(""));
  const auto rows = qkv.narrow(1, 96, 96).view({90, 2, 2, 24}).transpose(0, 1);
  cache.narrow(1, 100, 60).copy_(rows.narrow(1, 0, 60));
  cache.narrow(1, 7, 30).copy_(rows.narrow(1, 60, 30));
  for (const auto& [first, second] : std::vector<std::pair<std::int64_t, std::int64_t>>{{1, 1}, {3, 1}, {40, 2}}) {
    const auto q = at::cat({qkv.narrow(0, 60 - first, first), qkv.narrow(0, 90 - second, second)}).narrow(1, 0, 96);
    const auto out = attention_cached(
        q, cache[0], cache[1],
        {{.first_key = 100, .keys = 60, .queries = first}, {.first_key = 7, .keys = 30, .queries = second}}, shape);
    EXPECT_LE(
        largest_difference(out, at::cat({whole.narrow(0, 60 - first, first), whole.narrow(0, 90 - second, second)})),
        1e-6)
        << first;
  }
}

TEST(AttentionCached, RefusesSequencesBeyondTheCache) {
  const AttentionShape shape{.heads = 1, .kv_heads = 1, .head_dim = 4, .window = {}};
  const auto q = at::zeros({2, 4});
  const auto cache = at::zeros({10, 1, 4});
  const auto with = [&](const std::vector<CachedSequence>& sequences) {
    attention_cached(q, cache, cache, sequences, shape);
  };
  EXPECT_NO_THROW(with({{.first_key = 8, .keys = 2, .queries = 2}}));
  EXPECT_THROW(with({{.first_key = 9, .keys = 2, .queries = 2}}), InternalError);
  EXPECT_THROW(with({{.first_key = 0, .keys = 1, .queries = 2}}), InternalError);
  EXPECT_THROW(with({{.first_key = 0, .keys = 5, .queries = 1}}), InternalError);
}

// Keys and values in other places than a cache's.
TEST(AttentionCached, TakesKeysAndValuesOfDifferentStrides) {
  const AttentionShape shape{.heads = 2, .kv_heads = 2, .head_dim = 16, .window = {}};
  const auto qkv = random_qkv(30, shape);
  const auto keys = qkv.narrow(1, 32, 32).view({30, 2, 16});
  const auto values = qkv.narrow(1, 64, 32).view({30, 2, 16}).contiguous();
  const auto out = attention_cached(qkv.narrow(1, 0, 32), keys, values, shape);
  EXPECT_LE(largest_difference(out, attention(qkv, shape, {0, 30})), 1e-6);
}

TEST(Attention, RefusesDocumentsThatDoNotCoverTheTokens) {
  const AttentionShape shape{.heads = 1, .kv_heads = 1, .head_dim = 4, .window = {}};
  const auto qkv = random_qkv(6, shape);
  EXPECT_THROW(attention(qkv, shape, {0, 5}), InternalError);
  EXPECT_THROW(attention(qkv, shape, {1, 6}), InternalError);
  EXPECT_THROW(attention(qkv, shape, {0, 4, 4, 6}), InternalError);
  EXPECT_THROW(attention(qkv, {.heads = 3, .kv_heads = 2, .head_dim = 4, .window = {}}, {0, 6}), InternalError);
}

}  // namespace
}  // namespace llmtrain
