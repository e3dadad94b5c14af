#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace llmtrain {

inline constexpr const char* kManifestName = "manifest.json";
inline constexpr std::int64_t kManifestVersion = 1;

struct TensorRecord {
  std::string name;
  std::string dtype;  // "F32"
  std::vector<std::int64_t> shape;
  std::uint64_t offset = 0;  // in the file
  std::uint64_t bytes = 0;
  std::uint32_t crc32c = 0;
};

struct FileRecord {
  std::string name;  // a plain file name
  std::uint64_t size = 0;
  std::string sha256;
  std::vector<TensorRecord> tensors;
};

// What a checkpoint holds, so that it can be told whole from damaged without being understood.
struct Manifest {
  std::int64_t step = 0;
  std::string run_id;
  std::string facts;  // a JSON object of who saves: progress, hashes, choices, versions
  std::vector<FileRecord> files;
};

// JSON whose last member is the SHA-256 of all that stands before it.
std::string to_json(const Manifest& manifest);
// Throws resume_error (6) "NAME: …": damaged, not as expected, or of a format version that this program does not know.
Manifest manifest_from_json(const std::string& text, const std::string& name);
// Whether it is a whole manifest of such a version: then nothing is damaged.
bool is_of_unknown_version(const std::string& text);

}  // namespace llmtrain
