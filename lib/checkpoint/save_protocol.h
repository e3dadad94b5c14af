#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace llmtrain {

struct NamedSpan {
  std::string name;
  std::string dtype;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;
};

// A file of a checkpoint: the header, then the tensors' bytes with nothing between them.
struct CheckpointFile {
  std::string name;
  std::string header;
  std::vector<NamedSpan> tensors;
};

struct CheckpointContent {
  std::int64_t step = 0;
  std::string run_id;
  std::string facts;  // a JSON object
  std::vector<CheckpointFile> files;
};

struct SaveOptions {
  int attempts = 2;                            // each with new files: what failed to sync once is never trusted again
  std::chrono::milliseconds pause_per_file{};  // for tests: slows the writer before each file is synced
};

// "step-500".
std::string checkpoint_name(std::int64_t step);

// Saves into folder/step-N: everything is written to step-N.tmp-PID, each file is synced, then the manifest, then the
// folder; one rename makes it a checkpoint, and the parent is synced. Killed at any moment, it leaves the whole
// checkpoint or none under that name. A step that is there already and whole is left as it is; one that is damaged
// gives way when the new one is written. Returns its path. Throws storage_error (5) with file and reason when every
// attempt failed, or where something else than a folder has the name; nothing of the attempts stays.
std::filesystem::path save_checkpoint(const std::filesystem::path& folder, const CheckpointContent& content,
                                      const SaveOptions& options = {});

}  // namespace llmtrain
