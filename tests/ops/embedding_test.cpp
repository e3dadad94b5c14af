#include "lib/ops/embedding.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/base/error.h"
#include "tests/ops/gradcheck.h"
#include "tests/ops/operator_checks.h"

namespace llmtrain {
namespace {

at::Tensor ids_of(const std::vector<std::int32_t>& ids) { return at::tensor(ids, at::kInt); }

// Words of a text: few of them very often.
at::Tensor frequent_ids(std::int64_t tokens, std::int64_t rows) {
  return (normal_doubles({tokens}, 61).abs().pow(3).mul(2).remainder(rows)).to(at::kInt);
}

TEST(Embedding, TakesRowsAndAddsTheirGradients) {
  const at::Tensor value = at::arange(8, at::kDouble).view({4, 2});
  const Weight table = {.value = value, .grad = at::full({4, 2}, 0.5, at::kDouble)};
  const at::Tensor y = embedding(ids_of({3, 0, 3}), table);
  expect_values(y, {6, 7, 0, 1, 6, 7}, 0);
  y.backward(at::tensor({1.0, 2.0, 10.0, 20.0, 100.0, 200.0}, at::kDouble).view({3, 2}));
  expect_values(table.grad, {10.5, 20.5, 0.5, 0.5, 0.5, 0.5, 101.5, 202.5}, 0);
  embedding(ids_of({3, 0, 3}), table)
      .backward(at::tensor({1.0, 2.0, 10.0, 20.0, 100.0, 200.0}, at::kDouble).view({3, 2}));
  expect_values(table.grad, {20.5, 40.5, 0.5, 0.5, 0.5, 0.5, 202.5, 404.5}, 0);
}

TEST(Embedding, GradientsAreThoseOfDifferences) {
  const Weight table = normal_weight({6, 5}, 62);
  expect_gradients({.inputs = {}, .weights = {table}}, [&] { return embedding(ids_of({4, 0, 4, 1, 4}), table); });
}

// Wider than what is summed at a time, and a width that is no multiple of anything.
TEST(Embedding, AgreesWithIndexAddInFp32) {
  for (const std::int64_t width : {1, 63, 1100}) {
    const at::Tensor value = normal_doubles({50, width}, 63).to(at::kFloat);
    const Weight table = {.value = value, .grad = at::zeros_like(value)};
    const at::Tensor ids = frequent_ids(400, 50);
    const at::Tensor y = embedding(ids, table);
    EXPECT_TRUE(at::equal(y, value.index_select(0, ids)));
    const at::Tensor gy = normal_doubles(y.sizes(), 64).to(at::kFloat);
    y.backward(gy);
    const at::Tensor exact = at::zeros({50, width}, at::kDouble).index_add(0, ids, gy.to(at::kDouble));
    EXPECT_LE((table.grad - exact).abs().max().item<double>(), 1e-6 * exact.abs().max().item<double>());
  }
}

TEST(Embedding, IsAsExactInBf16AsPlainOperators) {
  const at::Tensor ids = frequent_ids(400, 50);
  const at::Tensor gy = normal_doubles({400, 33}, 66).to(at::kBFloat16);
  const Weight table = {.value = at::zeros({50, 33}, at::kBFloat16), .grad = at::zeros({50, 33}, at::kBFloat16)};
  embedding(ids, table).backward(gy);
  const at::Tensor plain = at::zeros({50, 33}, at::kBFloat16).index_add(0, ids, gy);
  const at::Tensor exact = at::zeros({50, 33}, at::kDouble).index_add(0, ids, gy.to(at::kDouble));
  EXPECT_LE((table.grad - exact).square().mean().item<double>(), 4 * (plain - exact).square().mean().item<double>());
}

// Added one by one in bf16, 512 ones would stop at 256.
TEST(Embedding, SumsRowsOfAnIdBeforeRoundingThem) {
  const Weight table = {.value = at::zeros({3, 70}, at::kBFloat16), .grad = at::zeros({3, 70}, at::kBFloat16)};
  const at::Tensor y = embedding(at::full({512}, 1, at::kInt), table);
  y.backward(at::ones_like(y));
  expect_values(table.grad.select(0, 1), std::vector<double>(70, 512), 0);
  expect_values(table.grad.select(0, 2), std::vector<double>(70, 0), 0);
}

TEST(Embedding, AddsBf16RowsToFp32Gradients) {
  const Weight table = {.value = at::ones({2, 3}, at::kBFloat16), .grad = at::ones({2, 3}, at::kFloat)};
  const at::Tensor y = embedding(ids_of({1, 1, 0}), table);
  EXPECT_EQ(y.scalar_type(), at::kBFloat16);
  y.backward(at::full_like(y, 0x1p-10));
  expect_values(table.grad, {1 + 0x1p-10, 1 + 0x1p-10, 1 + 0x1p-10, 1 + 0x1p-9, 1 + 0x1p-9, 1 + 0x1p-9}, 0);
}

TEST(Embedding, GivesTheSameBitsOnOneThread) {
  const auto gradient = [](int threads) {
    const Threads guard(threads);
    const Weight table = {.value = at::zeros({50, 256}, at::kFloat), .grad = at::zeros({50, 256}, at::kFloat)};
    const at::Tensor y = embedding(frequent_ids(2000, 50), table);
    y.backward(normal_doubles(y.sizes(), 65).to(at::kFloat));
    return table.grad;
  };
  EXPECT_TRUE(at::equal(gradient(1), gradient(2)));
  EXPECT_TRUE(at::equal(gradient(2), gradient(2)));
}

TEST(Embedding, LeavesAFrozenTableAlone) {
  const Weight frozen = {.value = at::ones({4, 2}), .grad = {}};
  EXPECT_FALSE(embedding(ids_of({1}), frozen).requires_grad());
  const Weight table = {.value = at::ones({4, 2}), .grad = at::zeros({4, 2})};
  const at::Tensor ids = ids_of({1, 2});
  EXPECT_EQ(references_kept(ids, [&] { return embedding(ids, table); }), 1);
  const at::NoGradGuard guard;
  EXPECT_FALSE(embedding(ids, table).requires_grad());
  EXPECT_EQ(references_kept(ids, [&] { return embedding(ids, table); }), 0);
}

TEST(Embedding, RefusesIdsOutsideTheTable) {
  const Weight table = {.value = at::zeros({4, 2}), .grad = {}};
  for (const std::int32_t id : {4, -1}) {
    try {
      embedding(ids_of({0, id, 3}), table);
      ADD_FAILURE() << "took id " << id;
    } catch (const InternalError& error) {
      EXPECT_THAT(error.what(), testing::HasSubstr(std::to_string(id)));
    }
  }
  EXPECT_THROW(embedding(at::zeros({2}, at::kLong), table), InternalError);
  EXPECT_EQ(embedding(at::zeros({0}, at::kInt), table).size(0), 0);
}

}  // namespace
}  // namespace llmtrain
