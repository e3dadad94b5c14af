#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/file.h"

// The safetensors format (github.com/huggingface/safetensors, "Format"): the length of a JSON header, the header, the
// tensors' bytes, row-major and little-endian, without holes.
namespace llmtrain {

enum class SafetensorsDtype {
  kF64,
  kF32,
  kF16,
  kBF16,
  kF8E4M3,
  kF8E5M2,
  kI64,
  kI32,
  kI16,
  kI8,
  kU64,
  kU32,
  kU16,
  kU8,
  kBool
};

// "F32", as the header writes it.
std::string_view dtype_name(SafetensorsDtype dtype);
std::optional<SafetensorsDtype> safetensors_dtype(std::string_view name);
std::size_t element_bytes(SafetensorsDtype dtype);

using SafetensorsMetadata = std::map<std::string, std::string>;

// What a writer says of a tensor.
struct SafetensorsEntry {
  std::string name;
  SafetensorsDtype dtype = SafetensorsDtype::kF32;
  std::vector<std::int64_t> shape;  // empty: a scalar; a size of 0: no bytes

  // Throws InternalError if the product does not fit.
  std::uint64_t bytes() const;
};

// What stands before the tensors' bytes, which must follow in the order of the entries with nothing between them.
// Padded with spaces so that they begin at a multiple of 8. The same input gives the same bytes.
std::string safetensors_header(const std::vector<SafetensorsEntry>& entries, const SafetensorsMetadata& metadata = {});

struct SafetensorsContent {
  SafetensorsEntry entry;
  std::span<const std::byte> bytes;
};

// Through AtomicFile: whole or not at all. Throws storage_error (5).
void write_safetensors(const std::filesystem::path& path, const std::vector<SafetensorsContent>& tensors,
                       const SafetensorsMetadata& metadata = {});

// What a file says of a tensor.
struct SafetensorsTensor {
  std::string name;
  SafetensorsDtype dtype = SafetensorsDtype::kF32;
  std::vector<std::int64_t> shape;
  std::uint64_t offset = 0;  // from the start of the file
  std::uint64_t bytes = 0;
};

// Limits of what is read.
inline constexpr std::uint64_t kMaxSafetensorsHeader = 100'000'000;  // bytes, as in the format's own reader
inline constexpr std::size_t kMaxSafetensorsTensors = 1'000'000;     // and as many lines of metadata
inline constexpr std::size_t kMaxSafetensorsName = 1024;             // bytes
inline constexpr std::size_t kMaxSafetensorsDims = 8;

// A foreign file, whose every length is checked before it is used. Nothing is mapped: it may shrink while it is read.
// Throws input_error (3) "FILE: byte OFFSET: TENSOR: what" for whatever is not as the format says: a header that is too
// long or not strict JSON with the format's keys and no others, an empty or repeated name or one with control bytes,
// an unknown type, a shape that overflows or does not fit the offsets, tensors that overlap, a hole, bytes left over.
class SafetensorsFile {
 public:
  explicit SafetensorsFile(std::filesystem::path path);

  const std::filesystem::path& path() const { return file_.path(); }
  const std::vector<SafetensorsTensor>& tensors() const { return tensors_; }  // in the order of the header
  // Nothing if there is no such tensor.
  const SafetensorsTensor* find(std::string_view name) const;
  const SafetensorsMetadata& metadata() const { return metadata_; }

  // Fills `out`, which has the tensor's size, or with the bytes from `offset` in the tensor on. Safe to call from
  // several threads at once.
  void read(const SafetensorsTensor& tensor, std::span<std::byte> out) const;
  void read(const SafetensorsTensor& tensor, std::uint64_t offset, std::span<std::byte> out) const;

 private:
  InputFile file_;
  std::vector<SafetensorsTensor> tensors_;
  std::vector<std::uint32_t> by_name_;  // places in tensors_
  SafetensorsMetadata metadata_;
};

}  // namespace llmtrain
