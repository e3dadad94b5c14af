#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/checkpoint/manifest.h"

namespace llmtrain {

// Told of each piece that was read, in bytes, so that long reading can be shown; what it throws ends the reading.
using BytesRead = std::function<void(std::uint64_t bytes)>;

// A checkpoint that was found whole when it was opened: its manifest fits itself, the folder's name and every file,
// byte for byte, and no other file is there. Its files stay open, so it can be read to the end while it is pruned.
class CheckpointReader {
 public:
  // Throws Error (6) with the reason otherwise.
  explicit CheckpointReader(std::filesystem::path path, const BytesRead& told = nullptr);

  const std::filesystem::path& path() const { return path_; }
  const Manifest& manifest() const { return manifest_; }
  // Fills `out` with a tensor, whose bytes must be as many and fit their CRC-32C. Throws Error (6).
  void read(std::string_view file, std::string_view tensor, std::span<std::byte> out) const;

 private:
  struct OpenFile {
    InputFile input;
    std::unordered_map<std::string, std::size_t> places;  // of tensors in the manifest's record
  };
  const InputFile& locate(std::string_view file, std::string_view tensor, const TensorRecord** record) const;

  std::filesystem::path path_;
  Manifest manifest_;
  std::vector<OpenFile> files_;  // as in the manifest
};

// Why a checkpoint cannot be used; nothing if it is whole.
std::optional<std::string> why_damaged(const std::filesystem::path& path, const BytesRead& told = nullptr);

// The newest checkpoint of a folder that is whole. Each newer one is named with its reason in a warning, but for those
// that were pruned meanwhile. Nothing where there are no checkpoints at all. Throws Error (6) naming each with its
// reason where there are some and none is whole, or where the folder cannot be read, or where the newest that is not
// damaged is of a format version that this program does not know: training is never begun anew without a word.
std::optional<CheckpointReader> newest_valid(const std::filesystem::path& folder, const Log& log,
                                             const BytesRead& told = nullptr);

struct ExpectedTensor {
  std::string file;
  std::string name;
  std::string dtype;
  std::vector<std::int64_t> shape;
};

// Throws Error (6) with every tensor that is missing, not expected, or of another shape or type (the first 20).
void compare_tensors(const std::vector<ExpectedTensor>& expected, const CheckpointReader& checkpoint);

}  // namespace llmtrain
