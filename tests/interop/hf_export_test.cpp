#include "lib/interop/hf_export.h"

#include <chrono>
#include <cmath>
#include <csignal>
#include <cstring>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/arch/parameter_table.h"
#include "lib/base/random.h"
#include "lib/interop/float_formats.h"
#include "lib/interop/hf_folder.h"
#include "lib/io/safetensors.h"
#include "tests/interop/golden_export.h"

namespace llmtrain {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using namespace std::chrono_literals;

std::vector<float> read_back(const HfFolder& folder, const std::string& parameter, std::size_t elements) {
  std::vector<float> out(elements, NAN);
  folder.read(parameter, out);
  return out;
}

bool same_bits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

// Weights by formula, so the folders that transformers read (check_export.py) and these are the same.
TEST(HfExport, IsReadBackBitForBitForEveryFamily) {
  for (const auto& name : golden_model_names()) {
    const TempDir dir;
    const auto model = golden_model(name);
    write_hf_folder(dir / "model", export_of(model));
    keep_export(name, export_of(model));
    const HfFolder folder(dir / "model");
    EXPECT_EQ(folder.shape(), model.shape) << name;
    for (const auto& [parameter, elements] : model.weights) {
      EXPECT_TRUE(same_bits(read_back(folder, parameter, elements.size()), elements)) << name << " " << parameter;
    }
    const auto& head = model.weights.at(model.shape.tied ? "model.embed_tokens.weight" : "lm_head.weight");
    EXPECT_TRUE(same_bits(read_back(folder, "lm_head.weight", head.size()), head)) << name;
  }
}

TEST(HfExport, HoldsTheClassesTensorsAsTransformersLaysThemOut) {
  const TempDir dir;
  const auto model = golden_model("nanogpt");
  write_hf_folder(dir / "model", export_of(model));
  EXPECT_THAT(names_in(dir / "model"), ElementsAre("config.json", "generation_config.json", "model.safetensors"));
  const SafetensorsFile file(dir / "model/model.safetensors");
  EXPECT_EQ(file.metadata(), (SafetensorsMetadata{{"format", "pt"}}));
  const auto floats = [&](const std::string& name) {
    const auto* tensor = file.find(name);
    EXPECT_NE(tensor, nullptr) << name;
    EXPECT_EQ(tensor->dtype, SafetensorsDtype::kF32);
    std::vector<float> out(tensor->bytes / sizeof(float));
    file.read(*tensor, std::as_writable_bytes(std::span(out)));
    return out;
  };
  // Conv1D computes x W with W [in, out], c_attn's columns are queries, keys, values (modeling_gpt2.py).
  const auto joined = floats("transformer.h.1.attn.c_attn.weight");
  const std::size_t embed = 32;
  for (const auto& [part, projection] : {std::pair{0, "q_proj"}, {1, "k_proj"}, {2, "v_proj"}}) {
    const auto& ours = model.weights.at(fmt::format("model.layers.1.self_attn.{}.weight", projection));
    for (std::size_t out = 0; out < embed; ++out) {
      for (std::size_t in = 0; in < embed; ++in) {
        ASSERT_EQ(joined[in * 3 * embed + static_cast<std::size_t>(part) * embed + out], ours[out * embed + in]);
      }
    }
  }
  EXPECT_EQ(floats("transformer.h.0.mlp.c_fc.bias"), std::vector<float>(128, 0.0F));
  EXPECT_EQ(file.find("lm_head.weight"), nullptr) << "tied";
}

TEST(HfExport, RoundsToBfloat16) {
  const TempDir dir;
  for (const std::string name : {"gpt2", "qwen3"}) {
    const auto model = golden_model(name);
    auto made = export_of(model);
    made.dtype = HfDtype::kBf16;
    write_hf_folder(dir / name, made);
    keep_export(name + "-bf16", made);
    EXPECT_THAT(slurp(dir / name / "config.json"), HasSubstr("\"dtype\": \"bfloat16\""));
    const HfFolder folder(dir / name);
    for (const auto& [parameter, elements] : model.weights) {
      auto expected = elements;
      for (auto& element : expected) element = from_bfloat16(to_bfloat16(element));
      EXPECT_TRUE(same_bits(read_back(folder, parameter, elements.size()), expected)) << parameter;
    }
  }
}

TEST(HfExport, IsCutIntoShardsThatAnIndexNames) {
  const TempDir dir;
  const auto model = golden_model("llama-gqa");
  auto made = export_of(model);
  made.shard_bytes = 20000;
  write_hf_folder(dir / "model", made);
  keep_export("llama-gqa-shards", made);
  const auto index = nlohmann::json::parse(slurp(dir / "model/model.safetensors.index.json"));
  std::uint64_t elements = 0;
  for (const auto& [parameter, values] : model.weights) elements += values.size();
  EXPECT_EQ(index.at("metadata").at("total_size"), 4 * elements);
  EXPECT_EQ(index.at("weight_map").size(), model.weights.size());
  const auto names = names_in(dir / "model");
  const auto shards = std::count_if(names.begin(), names.end(), [](auto& n) { return n.starts_with("model-0000"); });
  EXPECT_GE(shards, 4 * elements / 20000);
  EXPECT_TRUE(fs::exists(dir / fmt::format("model/model-00001-of-0000{}.safetensors", shards)));
  for (const auto& name : names) {
    if (!name.starts_with("model-0000")) continue;
    EXPECT_LE(fs::file_size(dir / "model" / name), 20000U + 2000U) << name;  // and its header
  }
  const HfFolder folder(dir / "model");
  for (const auto& [parameter, values] : model.weights) {
    EXPECT_TRUE(same_bits(read_back(folder, parameter, values.size()), values)) << parameter;
  }
}

TEST(HfExport, GivesTheSameBytesTwiceAndReplacesAnotherModel) {
  const TempDir dir;
  const auto sharded = golden_model("llama-gqa");
  auto first = export_of(sharded);
  first.shard_bytes = 20000;
  write_hf_folder(dir / "model", first);
  const auto model = golden_model("gpt2");
  write_hf_folder(dir / "model", export_of(model));
  write_hf_folder(dir / "again", export_of(model));
  EXPECT_EQ(names_in(dir / "model"), names_in(dir / "again")) << "nothing of the old model is left";
  for (const auto& name : names_in(dir / "model")) EXPECT_EQ(slurp(dir / "model" / name), slurp(dir / "again" / name));
}

TEST(HfExport, RefusesAShapeThatNoClassComputes) {
  const TempDir dir;
  HfExport made;
  made.shape = resolve_model({.preset = "llama-2m", .norm = NormKind::kLayerNorm});
  const auto message = error_of(ExitCode::kUsage, [&] { write_hf_folder(dir / "model", made); });
  EXPECT_THAT(message, HasSubstr("model: no class of transformers computes this model (norm layer_norm, positions "
                                 "rotary, activation swiglu"));
  EXPECT_FALSE(fs::exists(dir / "model"));
}

TEST(HfExport, LeavesTheOldModelWhenItCannotBeWrittenWhole) {
  const TempDir dir;
  const auto model = golden_model("llama-tied");
  write_hf_folder(dir / "model", export_of(model));
  auto failing = export_of(model);
  failing.weights = [&](const std::string& parameter) -> std::span<const float> {
    if (parameter == "model.norm.weight") throw storage_error("no space");
    return model.weights.at(parameter);
  };
  error_of(ExitCode::kStorage, [&] { write_hf_folder(dir / "model", failing); });
  EXPECT_EQ(names_in(dir.path()), std::vector<std::string>{"model"});
  EXPECT_NO_THROW(HfFolder(dir / "model"));
}

// Two models that differ in every file are written in turn until a kill; then one of them stands there, whole.
TEST(HfExport, IsWholeAfterAKillAtAnyMoment) {
  const TempDir dir;
  const auto one = golden_model("llama-gqa");
  const auto two = golden_model("gpt2");
  auto sharded = export_of(one);
  sharded.shard_bytes = 20000;
  write_hf_folder(dir / "model", export_of(two));
  const auto start = std::chrono::steady_clock::now();
  write_hf_folder(dir / "model", sharded);
  const std::chrono::microseconds longest =
      (std::chrono::steady_clock::now() - start) / std::chrono::microseconds(1) * 4us;
  RandomStream random(7, "kill delays");
  std::map<std::string, int> seen;
  for (int round = 0; round < 40 || (seen.size() < 2 && round < 400); ++round) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      for (;;) {
        write_hf_folder(dir / "model", export_of(two));
        write_hf_folder(dir / "model", sharded);
      }
    }
    std::this_thread::sleep_for(std::chrono::microseconds(random.below(static_cast<std::uint64_t>(longest.count()))));
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    const HfFolder folder(dir / "model");
    const auto& model = folder.shape() == one.shape ? one : two;
    ASSERT_EQ(folder.shape(), model.shape);
    ++seen[model.name];
    for (const auto& [parameter, elements] : model.weights) {
      ASSERT_TRUE(same_bits(read_back(folder, parameter, elements.size()), elements)) << parameter;
    }
  }
  EXPECT_EQ(seen.size(), 2U) << "the delays met one of the two only";
  write_hf_folder(dir / "model", sharded);
  EXPECT_EQ(names_in(dir.path()), std::vector<std::string>{"model"}) << "what kills left is removed";
}

}  // namespace
}  // namespace llmtrain
