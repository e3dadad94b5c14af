#include "lib/checkpoint/checkpoint_reader.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <fmt/ranges.h>

#include "lib/base/crc32c.h"
#include "lib/base/digest.h"
#include "lib/base/error.h"
#include "lib/base/file.h"
#include "lib/checkpoint/retention.h"
#include "lib/checkpoint/save_protocol.h"

namespace llmtrain {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPiece = std::size_t{1} << 20;
constexpr std::size_t kMaxDifferences = 20;

std::string digest_of(const InputFile& file, const BytesRead& told) {
  Sha256 sha;
  std::vector<std::byte> buffer(kPiece);
  for (std::uint64_t at = 0; at < file.size(); at += kPiece) {
    const auto bytes = static_cast<std::size_t>(std::min<std::uint64_t>(kPiece, file.size() - at));
    file.read_exact(buffer.data(), bytes, at);
    sha.update(std::span(buffer).first(bytes));
    if (told) told(bytes);
  }
  return sha.finish();
}

InputFile open_whole(const fs::path& folder, const FileRecord& record, const BytesRead& told) {
  InputFile file(folder / record.name);
  if (file.size() != record.size) {
    throw resume_error("{}: expected {} bytes, got {}", file.path().string(), record.size, file.size());
  }
  if (digest_of(file, told) != record.sha256) {
    throw resume_error("{}: damaged, its SHA-256 does not fit", file.path().string());
  }
  return file;
}

void check_names(const fs::path& folder, const Manifest& manifest) {
  std::set<std::string> known = {kManifestName};
  for (const auto& file : manifest.files) known.insert(file.name);
  for (const auto& entry : fs::directory_iterator(folder)) {
    const auto name = entry.path().filename().string();
    if (known.count(name) == 0) throw resume_error("{}: does not belong to the checkpoint", entry.path().string());
  }
}

struct Whole {
  Manifest manifest;
  std::vector<InputFile> files;
};

Whole open_checkpoint(const fs::path& path, const BytesRead& told) {
  const auto manifest_path = path / kManifestName;
  auto manifest = manifest_from_json(read_file(manifest_path), manifest_path.string());
  const auto name = path.filename().empty() ? path.parent_path().filename() : path.filename();
  if (name.string() != checkpoint_name(manifest.step)) {
    throw resume_error("{}: its manifest is of {}", path.string(), checkpoint_name(manifest.step));
  }
  check_names(path, manifest);
  Whole whole{.manifest = std::move(manifest), .files = {}};
  for (const auto& file : whole.manifest.files) whole.files.push_back(open_whole(path, file, told));
  return whole;
}

// What cannot be read is as good as damaged.
Whole open_or_refuse(const fs::path& path, const BytesRead& told = nullptr) {
  try {
    return open_checkpoint(path, told);
  } catch (const Error& error) {
    if (error.code() == ExitCode::kRequeue) throw;  // of `told`
    throw Error(ExitCode::kResumeRefused, error.what());
  } catch (const fs::filesystem_error& error) {
    throw resume_error("{}: {}", path.string(), error.code().message());
  }
}

// Written by another version of the program: to fall back behind it would be to train again what is there.
bool is_foreign(const fs::path& path) {
  try {
    return is_of_unknown_version(read_file(path / kManifestName));
  } catch (const Error&) {
    return false;
  }
}

std::vector<CheckpointEntry> list_or_refuse(const fs::path& folder) {
  try {
    return list_checkpoints(folder);
  } catch (const Error& error) {
    throw Error(ExitCode::kResumeRefused, error.what());
  }
}

std::string shape_text(const std::string& dtype, const std::vector<std::int64_t>& shape) {
  return fmt::format("{} [{}]", dtype, fmt::join(shape, ", "));
}

}  // namespace

CheckpointReader::CheckpointReader(fs::path path, const BytesRead& told) : path_(std::move(path)) {
  auto whole = open_or_refuse(path_, told);
  manifest_ = std::move(whole.manifest);
  for (std::size_t i = 0; i < whole.files.size(); ++i) {
    auto& file = files_.emplace_back(OpenFile{.input = std::move(whole.files[i]), .places = {}});
    const auto& tensors = manifest_.files[i].tensors;
    for (std::size_t place = 0; place < tensors.size(); ++place) file.places.emplace(tensors[place].name, place);
  }
}

const InputFile& CheckpointReader::locate(std::string_view file, std::string_view tensor,
                                          const TensorRecord** record) const {
  for (std::size_t i = 0; i < files_.size(); ++i) {
    if (manifest_.files[i].name != file) continue;
    const auto found = files_[i].places.find(std::string(tensor));
    if (found == files_[i].places.end()) break;
    *record = &manifest_.files[i].tensors[found->second];
    return files_[i].input;
  }
  throw resume_error("{}: {}: no tensor '{}'", path_.string(), file, tensor);
}

void CheckpointReader::read(std::string_view file, std::string_view tensor, std::span<std::byte> out) const {
  const TensorRecord* record = nullptr;
  const auto& input = locate(file, tensor, &record);
  if (record->bytes != out.size()) {
    throw resume_error("{}: {}: {}: expected {} bytes, got {}", path_.string(), file, tensor, out.size(),
                       record->bytes);
  }
  try {
    input.read_exact(out.data(), out.size(), record->offset);
  } catch (const Error& error) {
    throw Error(ExitCode::kResumeRefused, error.what());
  }
  if (crc32c(out) != record->crc32c) {
    throw resume_error("{}: byte {}: {}: damaged, its CRC-32C does not fit", input.path().string(), record->offset,
                       tensor);
  }
}

std::optional<std::string> why_damaged(const fs::path& path, const BytesRead& told) {
  try {
    open_or_refuse(path, told);
    return std::nullopt;
  } catch (const Error& error) {
    if (error.code() == ExitCode::kRequeue) throw;
    return error.what();
  }
}

std::optional<CheckpointReader> newest_valid(const fs::path& folder, const Log& log, const BytesRead& told) {
  std::vector<Fault> faults;
  for (bool pruned = true; pruned;) {
    pruned = false;
    faults.clear();
    for (const auto& entry : list_or_refuse(folder)) {
      try {
        CheckpointReader reader(entry.path, told);
        for (const auto& fault : faults) log.warn("{}; falling back to {}", fault.message, checkpoint_name(entry.step));
        return reader;
      } catch (const Error& error) {
        if (error.code() == ExitCode::kRequeue || is_foreign(entry.path)) throw;
        // Gone while it was read: its writer has newer ones by now.
        std::error_code ignored;
        if (fs::symlink_status(entry.path, ignored).type() == fs::file_type::not_found) {
          pruned = true;
        } else {
          faults.push_back({error.what(), ""});
        }
      }
    }
  }
  if (faults.empty()) return std::nullopt;
  faults.push_back(
      {fmt::format("{}: no checkpoint is whole; restore one, or begin anew with --resume never", folder.string()), ""});
  throw Error(ExitCode::kResumeRefused, std::move(faults));
}

void compare_tensors(const std::vector<ExpectedTensor>& expected, const CheckpointReader& checkpoint) {
  std::map<std::pair<std::string, std::string>, const TensorRecord*> there;
  for (const auto& file : checkpoint.manifest().files) {
    for (const auto& tensor : file.tensors) there[{file.name, tensor.name}] = &tensor;
  }
  std::vector<std::string> differences;
  for (const auto& tensor : expected) {
    const auto found = there.find({tensor.file, tensor.name});
    const auto wanted = shape_text(tensor.dtype, tensor.shape);
    if (found == there.end()) {
      differences.push_back(fmt::format("{}: {}: missing, expected {}", tensor.file, tensor.name, wanted));
      continue;
    }
    const auto got = shape_text(found->second->dtype, found->second->shape);
    if (got != wanted) {
      differences.push_back(fmt::format("{}: {}: expected {}, got {}", tensor.file, tensor.name, wanted, got));
    }
    there.erase(found);
  }
  for (const auto& [place, tensor] : there) {
    differences.push_back(fmt::format("{}: {}: not expected", place.first, place.second));
  }
  if (differences.empty()) return;
  std::vector<Fault> faults;
  for (std::size_t i = 0; i < std::min(differences.size(), kMaxDifferences); ++i) {
    faults.push_back({fmt::format("{}: {}", checkpoint.path().string(), differences[i]), ""});
  }
  faults.push_back(
      {fmt::format("{}: {} tensors are not those of this model", checkpoint.path().string(), differences.size()), ""});
  throw Error(ExitCode::kResumeRefused, std::move(faults));
}

}  // namespace llmtrain
