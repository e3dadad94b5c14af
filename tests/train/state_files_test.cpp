#include "lib/train/state_files.h"

#include <cstring>
#include <limits>

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gmock/gmock.h>

#include "lib/io/safetensors.h"
#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

using testing::HasSubstr;

constexpr StoreTypes kFp32 = {};
constexpr StoreTypes kBf16 = {.compute = at::kBFloat16, .master = at::kFloat, .grad = at::kBFloat16};
constexpr StoreTypes kFp64 = {.compute = at::kDouble, .master = at::kDouble, .grad = at::kDouble};

Parameter parameter(const std::string& name, std::vector<std::int64_t> shape) {
  const bool matrix = shape.size() == 2;
  return {.name = name, .shape = std::move(shape), .part = ModelPart::kFeedForward, .decays = matrix};
}

// Sizes that leave padding behind every weight, and a tied one.
StoreLayout worked_layout() {
  auto tied = parameter("head", {5, 3});
  tied.tied_to = "table";
  return {.parameters = {parameter("table", {5, 3}), parameter("norm", {7}), parameter("up", {9, 7}), tied},
          .joined = {},
          .rules = {{"up", StepRule::kMuon}}};
}

OptimConfig worked_config() {
  OptimConfig config;
  config.name = OptimizerName::kMuon;
  return config;
}

// A store and its optimizer after two steps, so that no part of the state is zero.
struct Trained {
  explicit Trained(const StoreTypes& types, const StoreLayout& layout = worked_layout())
      : store(layout, types), optimizer(store, worked_config()) {}
  Trained(const Trained&) = delete;
  Trained& operator=(const Trained&) = delete;

  void train(std::uint64_t seed) {
    auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
    for (const auto& name : store.names()) store.master(name).normal_(0, 1, generator);
    for (const auto& state : optimizer.state()) state.value.fill_(0.5);
    store.refresh_compute();
    for (int step = 0; step < 2; ++step) {
      for (const auto& name : store.names()) store.weight(name).grad.normal_(0, 1, generator);
      optimizer.step(1.0, 1.0);
    }
  }

  std::vector<NamedState> all() const {
    std::vector<NamedState> states;
    for (const auto& name : store.names()) states.push_back({name, store.master(name)});
    for (auto& state : optimizer.state()) states.push_back(state);
    return states;
  }

  // The bytes of everything that a checkpoint holds.
  std::vector<std::string> bytes() const {
    std::vector<std::string> parts;
    for (const auto& state : all()) {
      parts.emplace_back(static_cast<const char*>(state.value.data_ptr()), state.value.nbytes());
    }
    return parts;
  }

  WeightStore store;
  Optimizer optimizer;
};

constexpr const char* kFacts = R"({"progress":{"step":7}})";

std::filesystem::path save(const TempDir& folder, const Trained& from, std::int64_t step = 7) {
  return save_checkpoint(
      folder.path(), take_snapshot(from.store, from.optimizer, {.step = step, .run_id = "r", .facts = kFacts}).content);
}

TEST(StateFiles, GiveBackEveryBitInEveryType) {
  for (const auto& types : {kFp32, kBf16, kFp64}) {
    const TempDir folder;
    Trained from(types);
    from.train(1);
    from.store.master("norm")[0] = -0.0;
    from.store.master("norm")[1] = std::numeric_limits<float>::denorm_min();
    CheckpointReader reader(save(folder, from));
    EXPECT_EQ(reader.manifest().step, 7);
    EXPECT_EQ(reader.manifest().run_id, "r");
    EXPECT_EQ(reader.manifest().facts, kFacts);
    Trained into(types);
    restore_state(into.store, into.optimizer, reader, false);
    EXPECT_EQ(into.bytes(), from.bytes());
    for (const auto& name : into.store.names()) {
      const auto weight = into.store.weight(name).value;
      EXPECT_EQ(weight.scalar_type(), types.compute);
      EXPECT_TRUE(at::equal(weight, from.store.master(name).to(types.compute))) << name;
    }
    EXPECT_TRUE(at::equal(into.store.weight("head").value, into.store.weight("table").value));
  }
}

TEST(StateFiles, GoOnWhereTheOtherStopped) {
  const TempDir folder;
  Trained from(kBf16);
  from.train(2);
  CheckpointReader reader(save(folder, from));
  Trained into(kBf16);
  restore_state(into.store, into.optimizer, reader, false);
  into.optimizer.set_steps(from.optimizer.steps());
  for (auto* both : {&from, &into}) {
    for (const auto& name : both->store.names()) both->store.weight(name).grad.fill_(0.25);
    both->optimizer.step(0.5, 1.0);
  }
  EXPECT_EQ(into.bytes(), from.bytes());
}

TEST(StateFiles, GiveBackTheWeightsAlone) {
  const TempDir folder;
  Trained from(kBf16);
  from.train(3);
  CheckpointReader reader(save(folder, from));
  Trained into(kBf16);
  into.train(4);
  std::vector<at::Tensor> moments;
  for (const auto& state : into.optimizer.state()) moments.push_back(state.value.clone());
  restore_weights(into.store, reader, false);
  for (const auto& name : into.store.names()) {
    EXPECT_TRUE(at::equal(into.store.master(name), from.store.master(name))) << name;
    EXPECT_TRUE(at::equal(into.store.weight(name).value, from.store.master(name).to(at::kBFloat16))) << name;
  }
  const auto after = into.optimizer.state();
  for (std::size_t i = 0; i < after.size(); ++i) EXPECT_TRUE(at::equal(after[i].value, moments[i])) << after[i].name;
}

// What other programs read: the files are safetensors, their tensors by the names of the weights, tied ones once.
TEST(StateFiles, AreSafetensors) {
  const TempDir folder;
  Trained from(kBf16);
  from.train(5);
  const auto path = save(folder, from);
  const SafetensorsFile weights(path / "weights.safetensors");
  ASSERT_EQ(weights.tensors().size(), 3U);
  for (const auto& name : {"table", "norm", "up"}) {
    const auto* tensor = weights.find(name);
    ASSERT_NE(tensor, nullptr) << name;
    const auto master = from.store.master(name);
    EXPECT_EQ(tensor->dtype, SafetensorsDtype::kF32);
    EXPECT_EQ(tensor->shape, master.sizes().vec());
    std::vector<std::byte> bytes(tensor->bytes);
    weights.read(*tensor, bytes);
    ASSERT_EQ(bytes.size(), master.nbytes());
    EXPECT_EQ(std::memcmp(bytes.data(), master.data_ptr(), bytes.size()), 0) << name;
  }
  const SafetensorsFile moments(path / "optimizer.safetensors");
  std::vector<std::string> names;
  for (const auto& tensor : moments.tensors()) names.push_back(tensor.name);
  EXPECT_THAT(names, testing::UnorderedElementsAre("exp_avg.table", "exp_avg_sq.table", "exp_avg.norm",
                                                   "exp_avg_sq.norm", "momentum.up"));
}

TEST(StateFiles, HoldTheBytesThatWereForetold) {
  const Trained small(kBf16);
  // table 15, norm 7, up 63 elements: weight, and two moments or Muon's one.
  EXPECT_EQ(checkpoint_bytes(small.store, small.optimizer), 4U * (15 * 3 + 7 * 3 + 63 * 2));
  const Trained wide(kFp64);
  EXPECT_EQ(checkpoint_bytes(wide.store, wide.optimizer), 8U * (15 * 3 + 7 * 3 + 63 * 2));
}

TEST(TakeSnapshot, KeepsTheStateWhateverComesAfter) {
  for (const auto& types : {kFp32, kBf16, kFp64}) {
    const TempDir folder;
    Trained from(types);
    for (std::uint64_t round = 1; round <= 10; ++round) {
      from.train(round);
      const auto expected = from.bytes();
      const auto step = static_cast<std::int64_t>(round);
      const auto snapshot = take_snapshot(from.store, from.optimizer, {.step = step, .run_id = "r", .facts = "{}"});
      for (const auto& state : from.all()) state.value.fill_(std::numeric_limits<double>::quiet_NaN());
      from.store.refresh_compute();
      CheckpointReader reader(save_checkpoint(folder.path(), snapshot.content));
      Trained into(types);
      restore_state(into.store, into.optimizer, reader, false);
      ASSERT_EQ(into.bytes(), expected) << "save " << round;
    }
  }
}

TEST(RestoreState, RefusesWhatIsNotFiniteUnlessItIsAccepted) {
  const auto plant = [](const std::string& name, std::int64_t index, double value, const std::string& expected) {
    const TempDir folder;
    Trained from(kBf16);
    from.train(6);
    for (const auto& state : from.all()) {
      if (state.name == name) state.value.flatten()[index] = value;
    }
    CheckpointReader reader(save(folder, from));
    Trained into(kBf16);
    EXPECT_EQ(error_of(ExitCode::kResumeRefused, [&] { restore_state(into.store, into.optimizer, reader, false); }),
              reader.path().string() + ": " + expected + " in all); --accept-non-finite takes them as they are");
    restore_state(into.store, into.optimizer, reader, true);
    EXPECT_EQ(into.bytes(), from.bytes());
  };
  const double infinity = std::numeric_limits<double>::infinity();
  plant("up", 62, std::numeric_limits<double>::quiet_NaN(), "up: element 62 is not a finite number (1");
  plant("table", 4, infinity, "table: element 4 is not a finite number (1");
  plant("exp_avg_sq.norm", 0, -infinity, "exp_avg_sq.norm: element 0 is not a finite number (1");
  plant("momentum.up", 30, infinity, "momentum.up: element 30 is not a finite number (1");
}

TEST(RestoreState, CountsWhatIsNotFiniteAndNamesTheFirst) {
  const TempDir folder;
  Trained from(kFp32);
  from.train(7);
  from.store.master("up").slice(0, 2, 4).fill_(std::numeric_limits<double>::quiet_NaN());
  CheckpointReader reader(save(folder, from));
  const std::string expected = "up: element 14 is not a finite number (14 in all)";
  EXPECT_THAT(error_of(ExitCode::kResumeRefused, [&] { restore_weights(from.store, reader, false); }),
              HasSubstr(expected));
}

TEST(RestoreState, ListsEveryDifferenceAndLoadsNothing) {
  const TempDir folder;
  Trained from(kFp32);
  from.train(8);
  CheckpointReader reader(save(folder, from));
  const auto path = reader.path().string();
  Trained into(kFp32, {.parameters = {parameter("table", {3, 5}), parameter("norm", {7}), parameter("down", {2, 2})},
                       .joined = {},
                       .rules = {{"down", StepRule::kMuon}}});
  into.train(9);
  const auto before = into.bytes();
  EXPECT_EQ(error_of(ExitCode::kResumeRefused, [&] { restore_state(into.store, into.optimizer, reader, false); }),
            path + ": weights.safetensors: table: expected F32 [3, 5], got F32 [5, 3]\n" +                   //
                path + ": weights.safetensors: down: missing, expected F32 [2, 2]\n" +                       //
                path + ": optimizer.safetensors: exp_avg.table: expected F32 [3, 5], got F32 [5, 3]\n" +     //
                path + ": optimizer.safetensors: exp_avg_sq.table: expected F32 [3, 5], got F32 [5, 3]\n" +  //
                path + ": optimizer.safetensors: momentum.down: missing, expected F32 [2, 2]\n" +            //
                path + ": optimizer.safetensors: momentum.up: not expected\n" +                              //
                path + ": weights.safetensors: up: not expected\n" +                                         //
                path + ": 7 tensors are not those of this model");
  EXPECT_EQ(into.bytes(), before);
}

TEST(RestoreState, RefusesAnotherType) {
  const TempDir folder;
  Trained from(kFp32);
  from.train(10);
  CheckpointReader reader(save(folder, from));
  Trained into(kFp64);
  EXPECT_THAT(error_of(ExitCode::kResumeRefused, [&] { restore_state(into.store, into.optimizer, reader, false); }),
              HasSubstr("weights.safetensors: norm: expected F64 [7], got F32 [7]"));
}

}  // namespace
}  // namespace llmtrain
