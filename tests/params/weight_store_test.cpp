#include "lib/params/weight_store.h"

#include <numeric>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "lib/base/error.h"

namespace llmtrain {
namespace {

Parameter matrix(const std::string& name, std::vector<std::int64_t> shape) {
  return {.name = name, .shape = std::move(shape), .part = ModelPart::kAttention, .decays = true};
}
Parameter vector(const std::string& name, std::int64_t size) {
  return {.name = name, .shape = {size}, .part = ModelPart::kNorm, .decays = false};
}

// As in a block: three matrices with their biases between them, of sizes that end on no cache line.
StoreLayout worked_layout() {
  auto tied = matrix("head", {7, 5});
  tied.tied_to = "table";
  return {.parameters = {matrix("table", {7, 5}), vector("norm", 5), matrix("q", {6, 5}), vector("q_bias", 6),
                         matrix("k", {3, 5}), vector("k_bias", 3), matrix("v", {3, 5}), vector("v_bias", 3),
                         matrix("o", {5, 6}), tied},
          .joined = {{"q", "k", "v"}, {"q_bias", "k_bias", "v_bias"}},
          .rules = {}};
}

constexpr StoreTypes kMixed = {.compute = at::kBFloat16, .master = at::kFloat, .grad = at::kBFloat16};

// Another number in every place of every parameter.
void number_elements(const WeightStore& store) {
  std::int64_t next = 1;
  for (const auto& name : store.names()) {
    const auto weight = store.weight(name);
    const auto values = at::arange(next, next + weight.value.numel()).view(weight.value.sizes());
    weight.value.copy_(values);
    weight.grad.copy_(-values);
    next += weight.value.numel();
  }
}

TEST(WeightStore, JoinedWeightsAreTheNamedOnesInOnePiece) {
  const WeightStore store(worked_layout(), {});
  number_elements(store);
  const auto q = store.weight("q");
  const auto v = store.weight("v");
  const auto joined = store.joined({"q", "k", "v"});
  EXPECT_EQ(joined.value.sizes(), (std::vector<std::int64_t>{12, 5}));
  EXPECT_TRUE(joined.value.is_contiguous() && joined.grad.is_contiguous());
  EXPECT_TRUE(at::equal(joined.value, at::cat({q.value, store.weight("k").value, v.value})));
  EXPECT_TRUE(at::equal(joined.grad, at::cat({q.grad, store.weight("k").grad, v.grad})));
  EXPECT_EQ(joined.value.data_ptr(), q.value.data_ptr());
  joined.value[11].fill_(-5);
  joined.grad[0].fill_(9);
  EXPECT_TRUE(at::equal(v.value[2], at::full({5}, -5.0F)));
  EXPECT_TRUE(at::equal(q.grad[0], at::full({5}, 9.0F)));
  const auto bias = store.joined({"q_bias", "k_bias", "v_bias"});
  EXPECT_EQ(bias.value.sizes(), (std::vector<std::int64_t>{12}));
  EXPECT_TRUE(at::equal(bias.value.narrow(0, 6, 3), store.weight("k_bias").value));
}

TEST(WeightStore, RefusesToJoinWhatWasNotLaidOutSo) {
  const WeightStore store(worked_layout(), {});
  EXPECT_THROW(store.joined({"v", "o"}), InternalError);
  EXPECT_THROW(store.joined({"k", "q"}), InternalError);
  EXPECT_THROW(store.joined({"q", "q_bias"}), InternalError);
  EXPECT_THROW(store.weight("w"), InternalError);
}

// 64 bytes, in every buffer; what follows another in a joined weight begins where that one ends.
TEST(WeightStore, WeightsBeginOnCacheLines) {
  const WeightStore store(worked_layout(), kMixed);
  const auto aligned = [](const at::Tensor& view) {
    return reinterpret_cast<std::uintptr_t>(view.data_ptr()) % 64 == 0;
  };
  for (const std::string name : {"table", "norm", "q", "q_bias", "o"}) {
    EXPECT_TRUE(aligned(store.weight(name).value)) << name;
    EXPECT_TRUE(aligned(store.weight(name).grad)) << name;
    EXPECT_TRUE(aligned(store.master(name))) << name;
  }
  EXPECT_EQ(store.weight("k").value.storage_offset(), store.weight("q").value.storage_offset() + 30);
}

TEST(WeightStore, NoTwoWeightsShareAnElement) {
  const WeightStore store(worked_layout(), {});
  number_elements(store);
  std::int64_t next = 1;
  for (const auto& name : store.names()) {
    const auto count = store.weight(name).value.numel();
    EXPECT_TRUE(at::equal(store.weight(name).value.flatten(), at::arange(next, next + count).to(at::kFloat))) << name;
    next += count;
  }
  EXPECT_EQ(store.elements(), next - 1);
  EXPECT_EQ(store.elements(), 35 + 5 + 30 + 6 + 15 + 3 + 15 + 3 + 30);
}

TEST(WeightStore, TiedWeightsAreOne) {
  const WeightStore store(worked_layout(), {});
  EXPECT_EQ(store.weight("head").value.data_ptr(), store.weight("table").value.data_ptr());
  EXPECT_EQ(store.weight("head").grad.data_ptr(), store.weight("table").grad.data_ptr());
  EXPECT_EQ(store.names(),
            (std::vector<std::string>{"table", "norm", "q", "q_bias", "k", "k_bias", "v", "v_bias", "o"}));
  EXPECT_TRUE(store.has("head"));
  EXPECT_FALSE(store.has("q_norm"));
}

TEST(WeightStore, GroupsWhatIsSteppedAlike) {
  auto layout = worked_layout();
  layout.rules = {{"q", StepRule::kMuon}, {"k", StepRule::kMuon}, {"v", StepRule::kMuon}, {"o", StepRule::kMuon}};
  const WeightStore store(layout, {});
  std::vector<std::string> seen;
  for (const auto& group : store.groups()) {
    std::string text =
        std::string(group.rule == StepRule::kMuon ? "muon" : "adamw") + (group.decays ? " decays:" : ":");
    for (const auto& parameter : group.parameters) text += " " + parameter.name;
    seen.push_back(text);
  }
  EXPECT_EQ(seen, (std::vector<std::string>{"adamw decays: table", "adamw: norm q_bias k_bias v_bias",
                                            "muon decays: q k v o"}));
}

TEST(WeightStore, TheComputeWeightsAreTheMastersWhereTypesAgree) {
  const WeightStore store(worked_layout(), {});
  EXPECT_EQ(store.weight("q").value.data_ptr(), store.master("q").data_ptr());
  WeightStore mixed(worked_layout(), kMixed);
  EXPECT_EQ(mixed.weight("q").value.scalar_type(), at::kBFloat16);
  EXPECT_EQ(mixed.weight("q").grad.scalar_type(), at::kBFloat16);
  mixed.master("q").fill_(1.00390625);  // half between two of bf16: to the even one
  EXPECT_EQ(mixed.weight("q").value.max().item<double>(), 0);
  mixed.refresh_compute();
  EXPECT_EQ(mixed.weight("q").value.max().item<double>(), 1);
}

TEST(WeightStore, BeginsWithZerosAndGoesBackToThemInGradients) {
  WeightStore store(worked_layout(), {});
  for (const auto& group : store.groups()) {
    EXPECT_EQ(group.master.abs().max().item<double>(), 0);
    EXPECT_EQ(group.grad.abs().max().item<double>(), 0);
  }
  number_elements(store);
  store.zero_grad();
  for (const auto& group : store.groups()) {
    EXPECT_GT(group.master.abs().max().item<double>(), 0);
    EXPECT_EQ(group.grad.abs().max().item<double>(), 0);
  }
}

TEST(WeightStore, KeepsEachWeightOnceForInference) {
  WeightStore store(worked_layout(), inference_types(at::kBFloat16));
  for (const auto& name : store.names()) {
    const auto weight = store.weight(name);
    EXPECT_FALSE(weight.trains()) << name;
    EXPECT_EQ(weight.value.scalar_type(), at::kBFloat16);
    EXPECT_EQ(weight.value.data_ptr(), store.master(name).data_ptr()) << name;
  }
  EXPECT_FALSE(store.joined({"q", "k", "v"}).trains());
  store.zero_grad();
}

}  // namespace
}  // namespace llmtrain
