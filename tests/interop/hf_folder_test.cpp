#include "lib/interop/hf_folder.h"

#include <bit>
#include <cmath>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/arch/parameter_table.h"
#include "lib/io/safetensors.h"
#include "tests/interop/golden_export.h"

namespace llmtrain {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::StartsWith;

// A safetensors file in memory, to be changed.
struct Tensors {
  std::vector<SafetensorsEntry> entries;
  std::vector<std::vector<std::byte>> bytes;

  explicit Tensors(const fs::path& path) {
    const SafetensorsFile file(path);
    for (const auto& tensor : file.tensors()) {
      entries.push_back({.name = tensor.name, .dtype = tensor.dtype, .shape = tensor.shape});
      file.read(tensor, bytes.emplace_back(tensor.bytes));
    }
  }
  std::size_t place(const std::string& name) const {
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (entries[i].name == name) return i;
    }
    ADD_FAILURE() << "no tensor " << name;
    return 0;
  }
  void erase(const std::string& name) {
    const auto at = static_cast<std::ptrdiff_t>(place(name));
    entries.erase(entries.begin() + at);
    bytes.erase(bytes.begin() + at);
  }
  void add(const SafetensorsEntry& entry, std::vector<std::byte> content = {}) {
    entries.push_back(entry);
    content.resize(entry.bytes());
    bytes.push_back(std::move(content));
  }
  void write(const fs::path& path) const {
    std::vector<SafetensorsContent> contents;
    for (std::size_t i = 0; i < entries.size(); ++i) contents.push_back({.entry = entries[i], .bytes = bytes[i]});
    fs::remove(path);
    write_safetensors(path, contents);
  }
};

// An exported golden model, about to be damaged.
class Damaged {
 public:
  explicit Damaged(const std::string& name, std::uint64_t shard_bytes = 5'000'000'000) : model_(golden_model(name)) {
    auto made = export_of(model_);
    made.shard_bytes = shard_bytes;
    write_hf_folder(folder(), made);
  }

  fs::path folder() const { return dir_ / "model"; }
  fs::path file(const std::string& name = "model.safetensors") const { return folder() / name; }
  const GoldenModel& model() const { return model_; }
  template <class Change>
  void change(Change&& how) const {
    Tensors tensors(file());
    how(tensors);
    tensors.write(file());
  }
  template <class Change>
  void change_json(const std::string& name, Change&& how) const {
    auto json = nlohmann::json::parse(slurp(file(name)));
    how(json);
    std::ofstream(file(name)) << json.dump();
  }
  // What opening it says, with the folder's path cut off.
  std::string refusal() const {
    auto message = error_of(ExitCode::kInput, [&] { HfFolder{folder()}; });
    const std::string path = (dir_.path() / "").string();
    for (auto at = message.find(path); at != std::string::npos; at = message.find(path)) message.erase(at, path.size());
    return message;
  }
  bool reads_back() const {
    const HfFolder opened(folder());
    bool equal = opened.shape() == model_.shape;
    for (const auto& [parameter, elements] : model_.weights) {
      std::vector<float> out(elements.size(), NAN);
      opened.read(parameter, out);
      equal = equal && out == elements;
    }
    return equal;
  }

 private:
  TempDir dir_;
  GoldenModel model_;
};

constexpr const char* kShard1 = "model-00001-of-00002.safetensors";
constexpr const char* kShard2 = "model-00002-of-00002.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";

TEST(HfFolder, TakesGpt2sFilesWithoutPrefixAndWithMasks) {
  const Damaged folder("gpt2");
  folder.change([](Tensors& tensors) {
    for (auto& entry : tensors.entries) entry.name = entry.name.substr(std::string("transformer.").size());
    tensors.add({.name = "h.0.attn.bias", .shape = {1, 1, 32, 32}});
    tensors.add({.name = "h.0.attn.masked_bias", .shape = {}});
  });
  EXPECT_TRUE(folder.reads_back());
}

TEST(HfFolder, IgnoresStoredRotaryFrequencies) {
  const Damaged folder("llama-gqa");
  folder.change(
      [](Tensors& tensors) { tensors.add({.name = "model.layers.0.self_attn.rotary_emb.inv_freq", .shape = {4}}); });
  EXPECT_TRUE(folder.reads_back());
}

TEST(HfFolder, TakesATiedHeadThatIsStoredAllTheSame) {
  const Damaged folder("llama-tied");
  folder.change([](Tensors& tensors) {
    const auto table = tensors.place("model.embed_tokens.weight");
    tensors.add({.name = "lm_head.weight", .shape = {61, 32}}, tensors.bytes[table]);
  });
  EXPECT_TRUE(folder.reads_back());
  folder.change([](Tensors& tensors) { tensors.bytes.back().back() ^= std::byte{1}; });
  EXPECT_EQ(folder.refusal(),
            "model: tensor 'lm_head.weight': differs from 'model.embed_tokens.weight', but config.json says that they "
            "are tied");
}

TEST(HfFolder, ReadsFloat16AndEachTensorInItsOwnType) {
  const Damaged folder("llama-gqa");
  folder.change([](Tensors& tensors) {
    const auto at = tensors.place("model.norm.weight");
    tensors.entries[at].dtype = SafetensorsDtype::kF16;
    tensors.bytes[at].assign(64, std::byte{0x3C});  // 0x3C3C: 1 + 60/1024
  });
  const HfFolder opened(folder.folder());
  std::vector<float> norm(32);
  opened.read("model.norm.weight", norm);
  EXPECT_EQ(norm, std::vector<float>(32, 1.05859375F));
  std::vector<float> table(61 * 32);
  opened.read("model.embed_tokens.weight", table);
  EXPECT_EQ(table, folder.model().weights.at("model.embed_tokens.weight"));
}

// Longer than the pieces that a file is read in, and no multiple of them.
TEST(HfFolder, ReadsTensorsLongerThanItsPieces) {
  const TempDir dir;
  for (const auto dtype : {HfDtype::kF32, HfDtype::kBf16}) {
    HfExport made;
    made.shape = resolve_model({.preset = "gpt2", .layers = 1, .embed = 520, .heads = 4, .vocab = 1031, .context = 8});
    std::vector<float> values;
    const auto fill = [&](const std::string& parameter, std::size_t count) {
      values.resize(count);
      for (std::size_t i = 0; i < count; ++i) {
        values[i] = static_cast<float>((i * 2654435761U + parameter.size()) % 251) - 125.0F;  // exact in bfloat16
      }
      return std::span<const float>(values);
    };
    std::map<std::string, std::size_t> sizes;
    for (const auto& p : parameter_table(made.shape)) sizes[p.name] = static_cast<std::size_t>(p.elements());
    made.weights = [&](const std::string& parameter) { return fill(parameter, sizes.at(parameter)); };
    made.dtype = dtype;
    write_hf_folder(dir / "model", made);
    const HfFolder opened(dir / "model");
    for (const auto& [parameter, size] : sizes) {
      std::vector<float> out(size, NAN);
      opened.read(parameter, out);
      const auto tied = parameter == "lm_head.weight" ? std::string("model.embed_tokens.weight") : parameter;
      EXPECT_TRUE(std::ranges::equal(out, fill(tied, size))) << parameter;
    }
  }
}

TEST(HfFolder, NamesEveryTensorThatIsMissingUnexpectedOrWrong) {
  const Damaged folder("qwen2");
  folder.change([](Tensors& tensors) {
    tensors.entries[tensors.place("model.layers.1.mlp.up_proj.weight")].name = "model.layers.1.mlp.upp_proj.weight";
    tensors.erase("model.norm.weight");
    tensors.entries[tensors.place("model.layers.0.self_attn.k_proj.weight")].shape = {32, 16};
    tensors.entries[tensors.place("model.layers.0.self_attn.k_proj.bias")].dtype = SafetensorsDtype::kI32;
    tensors.add({.name = "score.weight", .shape = {}});
  });
  EXPECT_EQ(folder.refusal(),
            "model: tensor 'model.layers.0.self_attn.k_proj.weight': config.json makes it 16x32, got 32x16\n"
            "model: tensor 'model.layers.0.self_attn.k_proj.bias': expected F32, BF16 or F16, got I32\n"
            "model: tensor 'model.layers.1.mlp.up_proj.weight': missing, expected 48x32; is it "
            "'model.layers.1.mlp.upp_proj.weight'?\n"
            "model: tensor 'model.norm.weight': missing, expected 32\n"
            "model: tensor 'model.layers.1.mlp.upp_proj.weight': unexpected: the class that config.json names has no "
            "such tensor\n"
            "model: tensor 'score.weight': unexpected: the class that config.json names has no such tensor");
}

TEST(HfFolder, CutsALongListOfFaults) {
  const Damaged folder("qwen2");
  folder.change([](Tensors& tensors) {
    for (auto& entry : tensors.entries) entry.name += "_orig";
  });
  const auto message = folder.refusal();
  EXPECT_EQ(std::count(message.begin(), message.end(), '\n'), 20);
  EXPECT_THAT(message, HasSubstr("\nmodel: and 32 tensors more"));  // 26 of Qwen 2's tensors, twice
}

// Nearest names cost edits times edits: not for every pair of many.
TEST(HfFolder, TellsOfManyWrongNamesAtOnce) {
  const Damaged folder("llama-gqa");
  folder.change([](Tensors& tensors) {
    for (int i = 0; i < 20000; ++i)
      tensors.add({.name = fmt::format("{}{:05}", std::string(200, 'x'), i), .shape = {0}});
  });
  folder.change_json("config.json", [](auto& json) { json["num_hidden_layers"] = 10000; });
  EXPECT_THAT(folder.refusal(), HasSubstr(fmt::format("and {} tensors more", 9998 * 9 + 20000 - 20)));
}

TEST(HfFolder, WantsZerosWhereTheModelHasNoBias) {
  const Damaged folder("nanogpt");
  folder.change(
      [](Tensors& tensors) { tensors.bytes[tensors.place("transformer.h.1.mlp.c_fc.bias")].back() = std::byte{0x3F}; });
  EXPECT_EQ(folder.refusal(),
            "model: tensor 'transformer.h.1.mlp.c_fc.bias': expected zeros, for config.json says that the model has no "
            "such bias");
}

TEST(HfFolder, WantsTheConfigToFitTheTensors) {
  const Damaged folder("llama-gqa");
  folder.change_json("config.json", [](auto& json) { json["num_hidden_layers"] = 3; });
  EXPECT_THAT(folder.refusal(), StartsWith("model: tensor 'model.layers.2.input_layernorm.weight': missing"));
  folder.change_json("config.json", [](auto& json) { json["num_hidden_layers"] = 10000; });
  EXPECT_THAT(folder.refusal(), HasSubstr("tensors more"));
  folder.change_json("config.json", [](auto& json) { json["model_type"] = "mamba"; });
  EXPECT_THAT(folder.refusal(), StartsWith("model/config.json: model_type: \"mamba\" is not supported"));
  std::ofstream(folder.file("config.json")) << "{\"model_type\"";
  EXPECT_THAT(folder.refusal(), StartsWith("model/config.json: byte 14: malformed JSON"));
  fs::remove(folder.file("config.json"));
  EXPECT_EQ(folder.refusal(), "model/config.json: cannot open: No such file or directory");
}

TEST(HfFolder, NamesWhatIsNoModel) {
  const TempDir dir;
  const auto refusal = [](const fs::path& path) { return error_of(ExitCode::kInput, [&] { HfFolder{path}; }); };
  EXPECT_THAT(refusal(dir / "nowhere"), HasSubstr("nowhere: expected the folder of a model"));
  EXPECT_THAT(refusal(dir.write("file", "x")), HasSubstr("file: expected the folder of a model"));
  const Damaged folder("llama-gqa");
  fs::remove(folder.file());
  EXPECT_EQ(folder.refusal(), "model: holds neither model.safetensors nor model.safetensors.index.json");
  std::ofstream(folder.file("pytorch_model.bin")) << "x";
  EXPECT_EQ(folder.refusal(),
            "model: holds pytorch_model.bin, a pickle, which can run code and is never read; convert it to "
            "model.safetensors");
}

TEST(HfFolder, FindsACutFile) {
  const Damaged folder("llama-gqa");
  const auto size = fs::file_size(folder.file());
  for (const auto left : {size - 1, size / 2, std::uintmax_t{100}, std::uintmax_t{7}, std::uintmax_t{0}}) {
    fs::resize_file(folder.file(), left);
    EXPECT_THAT(folder.refusal(), StartsWith("model/model.safetensors: byte ")) << left;
  }
}

TEST(HfFolder, StopsWhereAFileShrinksWhileItIsRead) {
  const Damaged folder("llama-gqa");
  const HfFolder opened(folder.folder());
  fs::resize_file(folder.file(), fs::file_size(folder.file()) / 2);
  std::vector<float> out(61 * 32);
  EXPECT_THAT(error_of(ExitCode::kInput, [&] { opened.read("lm_head.weight", out); }),
              HasSubstr("model.safetensors: byte"));
}

TEST(HfFolder, WantsAnIndexThatIsTrue) {
  const auto refusal = [](auto&& change) {
    const Damaged folder("llama-gqa", 45000);
    folder.change_json(kIndex, change);
    return folder.refusal();
  };
  EXPECT_EQ(refusal([](auto& json) { json["weight_map"]["model.norm.weight"] = kShard1; }),
            "model: tensor 'model.norm.weight': stands in model-00002-of-00002.safetensors, but the index says "
            "model-00001-of-00002.safetensors");
  EXPECT_EQ(
      refusal([](auto& json) { json["weight_map"].erase("model.norm.weight"); }),
      "model: tensor 'model.norm.weight': stands in model-00002-of-00002.safetensors, but the index does not name "
      "it");
  EXPECT_EQ(refusal([](auto& json) { json["weight_map"]["extra"] = kShard2; }),
            "model: tensor 'extra': is not in model-00002-of-00002.safetensors, where the index says it is");
  EXPECT_EQ(refusal([](auto& json) { json["weight_map"]["model.norm.weight"] = "gone.safetensors"; }),
            "model/gone.safetensors: cannot open: No such file or directory");
  EXPECT_EQ(refusal([](auto& json) { json.erase("weight_map"); }),
            "model/model.safetensors.index.json: has no 'weight_map'");
  EXPECT_EQ(refusal([](auto& json) { json["weight_map"] = nlohmann::json::object(); }),
            "model/model.safetensors.index.json: weight_map: names no tensor");
  EXPECT_EQ(refusal([](auto& json) {
              json["weight_map"] = {1, 2};
            }),
            "model/model.safetensors.index.json: weight_map: expected an object, got array");
  EXPECT_EQ(refusal([](auto& json) { json["weight_map"]["model.norm.weight"] = 2; }),
            "model/model.safetensors.index.json: weight_map[\"model.norm.weight\"]: expected a string, got number");
}

TEST(HfFolder, RefusesATensorThatStandsInTwoShards) {
  const Damaged folder("llama-gqa", 45000);
  Tensors second(folder.file(kShard2));
  second.add({.name = "model.embed_tokens.weight", .shape = {61, 32}});
  second.write(folder.file(kShard2));
  EXPECT_EQ(folder.refusal(),
            "model: tensor 'model.embed_tokens.weight': stands in model-00002-of-00002.safetensors, but the index says "
            "model-00001-of-00002.safetensors");
}

TEST(HfFolder, RefusesShardsThatAreNoPlainFileNames) {
  for (const std::string name :
       {"../model.safetensors", "/etc/passwd", "sub/model.safetensors", "..", ".", "", "a\\b.safetensors"}) {
    const Damaged folder("llama-gqa", 45000);
    folder.change_json(kIndex, [&](auto& json) { json["weight_map"]["model.norm.weight"] = name; });
    EXPECT_THAT(folder.refusal(), StartsWith("model/model.safetensors.index.json: weight_map[\"model.norm.weight\"]: "
                                             "expected the plain name of a file in this folder, got \""))
        << name;
  }
  const Damaged folder("llama-gqa", 45000);
  folder.change_json(kIndex, [&](auto& json) { json["weight_map"]["model.norm.weight"] = std::string("a\0b", 3); });
  EXPECT_THAT(folder.refusal(), HasSubstr("expected the plain name of a file in this folder, got \"a\\x00b\""));
}

TEST(HfFolder, RefusesLinksThatLeadOut) {
  const TempDir outside;
  for (const std::string name : {"model.safetensors", "config.json"}) {
    const Damaged folder("llama-gqa");
    fs::rename(folder.file(name), outside / name);
    fs::create_symlink(outside / name, folder.file(name));
    EXPECT_THAT(folder.refusal(), StartsWith("model/" + name + ": a symbolic link that leads out of the folder, to "));
    fs::remove(folder.file(name));
    fs::create_symlink("nothing", folder.file(name));
    EXPECT_EQ(folder.refusal(), "model/" + name + ": a symbolic link to what is not there");
    fs::remove(folder.file(name));
    fs::create_symlink(name, folder.file(name));
    EXPECT_THAT(folder.refusal(), StartsWith("model/" + name + ": ")) << "a cycle";
  }
  const Damaged folder("llama-gqa");
  fs::rename(folder.file(), folder.file("blob"));
  fs::create_symlink("blob", folder.file());
  EXPECT_TRUE(folder.reads_back()) << "a link inside the folder";
}

// ~/.cache/huggingface/hub/models--org--name: snapshots/REVISION/file -> ../../blobs/HASH.
TEST(HfFolder, FollowsTheLinksOfACacheInsideItsRepository) {
  const TempDir hub;
  const auto model = golden_model("llama-tied");
  const auto folder = hub / "models--org--name/snapshots/abc";
  fs::create_directories(hub / "models--org--name/snapshots");
  fs::create_directories(hub / "models--org--name/blobs");
  write_hf_folder(folder, export_of(model));
  const auto link = [&](const fs::path& to) {
    fs::create_directories(to.parent_path());
    fs::rename(fs::canonical(folder / "model.safetensors"), to);
    fs::remove(folder / "model.safetensors");
    fs::create_symlink(fs::relative(to, folder), folder / "model.safetensors");
  };
  link(hub / "models--org--name/blobs/0123");
  EXPECT_EQ(HfFolder(folder).shape(), model.shape);
  link(hub / "models--org--other/blobs/0123");
  EXPECT_THAT(error_of(ExitCode::kInput, [&] { HfFolder{folder}; }), HasSubstr("leads out of the folder"));
}

TEST(HfFolder, RefusesWhatIsNoRegularFile) {
  const Damaged folder("llama-gqa");
  fs::remove(folder.file());
  fs::create_directory(folder.file());
  EXPECT_EQ(folder.refusal(), "model/model.safetensors: not a regular file: expected a file, got a directory");
}

}  // namespace
}  // namespace llmtrain
