#include <cmath>
#include <cstring>
#include <fstream>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "lib/base/digest.h"
#include "lib/checkpoint/checkpoint_reader.h"
#include "lib/checkpoint/save_protocol.h"
#include "tests/pipeline/training_run.h"

// What a resume makes of checkpoints that are not what was saved (FAULTS, rows 21 to 27).
namespace llmtrain {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr int kRefused = 6;

// A run stopped with step-8 and step-12.
class Damage : public testing::Test {
 protected:
  Damage() {
    run_.stop_after(12);
    EXPECT_EQ(names_in(run_.checkpoints()), (std::vector<std::string>{"step-12", "step-8"}));
  }

  // The run goes on from step-8, says why, and comes to the reference's end.
  void expect_fall_back(const Reference& reference, const std::string& reason) {
    const auto result = run_.run();
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_THAT(result.err, HasSubstr("llmtrain: warning: runs/r/pretrain/checkpoints/step-12" + reason));
    EXPECT_THAT(result.err, HasSubstr("falling back to step-8"));
    EXPECT_THAT(slurp(run_.stage() / "train.log"), HasSubstr("falling back to step-8"));
    expect_same(run_, reference.folder());
  }

  TrainingFolder run_;
};

void flip_a_bit(const fs::path& file, std::uint64_t offset) {
  std::fstream stream(file, std::ios::binary | std::ios::in | std::ios::out);
  stream.seekg(static_cast<std::streamoff>(offset));
  const char byte = static_cast<char>(stream.get() ^ 0x10);
  stream.seekp(static_cast<std::streamoff>(offset));
  stream.put(byte);
  ASSERT_TRUE(stream.good());
}

TEST_F(Damage, OfAnyKindInTheNewestFallsBackToTheOneBefore) {
  const Reference reference;
  const auto newest = run_.checkpoint(12);
  const auto stopped = run_.path() / "stopped";
  fs::copy(run_.stage(), stopped, fs::copy_options::recursive);
  const auto size = [&](const char* name) { return fs::file_size(newest / name); };
  const std::vector<std::pair<std::string, std::function<void()>>> damages = {
      {"/weights.safetensors: expected",
       [&] { fs::resize_file(newest / "weights.safetensors", size("weights.safetensors") / 2); }},
      {"/manifest.json: damaged", [&] { fs::resize_file(newest / "manifest.json", 0); }},
      {"/weights.safetensors: damaged",
       [&] { flip_a_bit(newest / "weights.safetensors", size("weights.safetensors") - 5); }},
      {"/optimizer.safetensors: damaged", [&] { flip_a_bit(newest / "optimizer.safetensors", 3); }},
      {"/manifest.json: damaged", [&] { flip_a_bit(newest / "manifest.json", size("manifest.json") / 2); }},
      {"/optimizer.safetensors: ", [&] { fs::remove(newest / "optimizer.safetensors"); }},
      {"/more.safetensors: does not belong", [&] { std::ofstream(newest / "more.safetensors") << "x"; }},
      {"/weights.safetensors: damaged",
       [&] {
         fs::copy_file(run_.checkpoint(8) / "weights.safetensors", newest / "weights.safetensors",
                       fs::copy_options::overwrite_existing);
       }},
      {": its manifest is of step-8",
       [&] {
         fs::remove_all(newest);
         fs::copy(run_.checkpoint(8), newest);
       }},
  };
  for (const auto& [reason, damage] : damages) {
    SCOPED_TRACE(reason);
    fs::remove_all(run_.stage());
    fs::copy(stopped, run_.stage(), fs::copy_options::recursive);
    damage();
    expect_fall_back(reference, reason);
  }
}

TEST_F(Damage, OfAllIsRefusedAndNamesEach) {
  fs::resize_file(run_.checkpoint(12) / "weights.safetensors", 100);
  fs::remove(run_.checkpoint(8) / "manifest.json");
  const auto before = all_files(run_.stage());
  const auto result = run_.run();
  EXPECT_EQ(result.exit_code, kRefused);
  EXPECT_THAT(result.err, HasSubstr("step-12/weights.safetensors: expected "));
  EXPECT_THAT(result.err, HasSubstr("step-8/manifest.json: "));
  EXPECT_THAT(result.err, HasSubstr("no checkpoint is whole; restore one, or begin anew with --resume never"));
  EXPECT_TRUE(all_files(run_.stage()) == before);
}

// A checkpoint read whole, so that it can be changed and written anew with hashes that fit.
struct LoadedCheckpoint {
  CheckpointContent content;
  std::map<std::string, std::vector<std::byte>> tensors;

  explicit LoadedCheckpoint(const fs::path& path) {
    const CheckpointReader reader(path);
    const auto& manifest = reader.manifest();
    content.step = manifest.step;
    content.run_id = manifest.run_id;
    content.facts = manifest.facts;
    for (const auto& record : manifest.files) {
      CheckpointFile file{.name = record.name,
                          .header = slurp(path / record.name).substr(0, record.tensors.at(0).offset),
                          .tensors = {}};
      for (const auto& tensor : record.tensors) {
        auto& bytes = tensors[record.name + "/" + tensor.name];
        bytes.resize(tensor.bytes);
        reader.read(record.name, tensor.name, bytes);
        file.tensors.push_back({tensor.name, tensor.dtype, tensor.shape, bytes});
      }
      content.files.push_back(std::move(file));
    }
  }

  NamedSpan& tensor(const std::string& file_name, const std::string& name) {
    for (auto& file : content.files) {
      if (file.name != file_name) continue;
      for (auto& tensor : file.tensors) {
        if (tensor.name == name) return tensor;
      }
    }
    ENSURE(false, file_name, name);
    return content.files[0].tensors[0];
  }

  void put(const std::string& file, const std::string& name, std::size_t index, float value) {
    std::memcpy(tensors.at(file + "/" + name).data() + index * sizeof(float), &value, sizeof(float));
  }

  void write_over(const fs::path& path) const {
    fs::remove_all(path);
    save_checkpoint(path.parent_path(), content);
  }
};

TEST_F(Damage, ByANumberThatIsNotFiniteIsRefusedByNameAndIndexUnlessAccepted) {
  for (const auto& [file, value] :
       {std::pair("weights.safetensors", std::nanf("")), std::pair("optimizer.safetensors", INFINITY)}) {
    LoadedCheckpoint checkpoint(run_.checkpoint(12));
    const auto name = checkpoint.content.files[file[0] == 'w' ? 0 : 1].tensors[1].name;
    checkpoint.put(file, name, 5, value);
    const auto whole = run_.path() / "whole";
    fs::remove_all(whole);
    fs::rename(run_.checkpoint(12), whole);
    checkpoint.write_over(run_.checkpoint(12));
    const auto result = run_.run();
    EXPECT_EQ(result.exit_code, kRefused);
    EXPECT_THAT(result.err, HasSubstr(fmt::format("step-12: {}: element 5 is not a finite number (1 in all)", name)));
    if (file[0] == 'o') break;
    fs::remove_all(run_.checkpoint(12));
    fs::rename(whole, run_.checkpoint(12));
  }
  // An infinite moment makes updates of nothing or of NaN: what comes of it is the guard's.
  const auto accepted = run_.run({.arguments = {"--accept-non-finite"}});
  EXPECT_THAT(accepted.err, HasSubstr("resuming after step 12"));
  EXPECT_NE(accepted.exit_code, kRefused);
}

TEST_F(Damage, ByTensorsOfAnotherModelIsRefusedWithEveryDifference) {
  LoadedCheckpoint checkpoint(run_.checkpoint(12));
  auto& file = checkpoint.content.files[0];
  ASSERT_EQ(file.name, "weights.safetensors");
  auto& shaped =
      *std::find_if(file.tensors.begin(), file.tensors.end(), [](const auto& t) { return t.shape.size() == 2; });
  const auto before = shaped.shape;
  shaped.shape = {before[1], before[0] / 2, 2};
  const auto renamed = file.tensors.back().name;
  file.tensors.back().name = "model.stranger";
  checkpoint.write_over(run_.checkpoint(12));
  const auto result = run_.run();
  EXPECT_EQ(result.exit_code, kRefused);
  EXPECT_THAT(result.err, HasSubstr(fmt::format("weights.safetensors: {}: expected F32 [{}, {}], got F32 [{}, {}, 2]",
                                                shaped.name, before[0], before[1], before[1], before[0] / 2)));
  EXPECT_THAT(result.err, HasSubstr(renamed + ": missing"));
  EXPECT_THAT(result.err, HasSubstr("model.stranger: not expected"));
  EXPECT_THAT(result.err, HasSubstr("3 tensors are not those of this model"));
}

// Sealed as whole, but the run cannot go on from it: refused, not our bug.
TEST_F(Damage, OfWhereTheRunStandsIsRefusedByKey) {
  const LoadedCheckpoint whole(run_.checkpoint(12));
  for (const auto& [key, value] :
       std::map<std::string, nlohmann::json>{{"cursor", "nowhere"}, {"guard", "{}"}, {"step", 12.5}, {"tokens", -7}}) {
    auto checkpoint = whole.content;
    auto facts = nlohmann::json::parse(checkpoint.facts);
    facts.at("progress").at(key) = value;
    checkpoint.facts = facts.dump();
    fs::remove_all(run_.checkpoint(12));
    save_checkpoint(run_.checkpoints(), checkpoint);
    const auto result = run_.run();
    EXPECT_EQ(result.exit_code, kRefused) << result.err;
    EXPECT_THAT(result.err, HasSubstr("llmtrain: error: runs/r/pretrain/checkpoints/step-12: progress." + key + ": "));
  }
}

// As another version of the program would have sealed it.
void set_format_version(const fs::path& checkpoint, int version) {
  const auto path = checkpoint / kManifestName;
  auto text = slurp(path);
  auto body = text.substr(0, text.rfind(",\"sha256\":\"")) + "}";
  const std::string now = fmt::format("\"format_version\":{}", kManifestVersion);
  body.replace(body.find(now), now.size(), fmt::format("\"format_version\":{}", version));
  const auto digest = sha256_hex(body);
  body.pop_back();
  std::ofstream(path) << body << ",\"sha256\":\"" << digest << "\"}\n";
}

// It is not damaged: to fall back would be to throw away what a newer program trained.
TEST_F(Damage, IsNotWhatANewerFormatIsTakenFor) {
  set_format_version(run_.checkpoint(12), 2);
  const auto result = run_.run();
  EXPECT_EQ(result.exit_code, kRefused);
  EXPECT_THAT(result.err, HasSubstr("step-12/manifest.json: format version 2, expected 1; it was written by a newer"));
}

}  // namespace
}  // namespace llmtrain
