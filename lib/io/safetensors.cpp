#include "lib/io/safetensors.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/io/safetensors_header.h"

namespace llmtrain {
namespace {

static_assert(std::endian::native == std::endian::little, "tensors are read and written as they lie in memory");

struct Dtype {
  SafetensorsDtype dtype;
  std::string_view name;
  std::size_t bytes;
};
constexpr std::array<Dtype, 15> kDtypes = {{{SafetensorsDtype::kF64, "F64", 8},
                                            {SafetensorsDtype::kF32, "F32", 4},
                                            {SafetensorsDtype::kF16, "F16", 2},
                                            {SafetensorsDtype::kBF16, "BF16", 2},
                                            {SafetensorsDtype::kF8E4M3, "F8_E4M3", 1},
                                            {SafetensorsDtype::kF8E5M2, "F8_E5M2", 1},
                                            {SafetensorsDtype::kI64, "I64", 8},
                                            {SafetensorsDtype::kI32, "I32", 4},
                                            {SafetensorsDtype::kI16, "I16", 2},
                                            {SafetensorsDtype::kI8, "I8", 1},
                                            {SafetensorsDtype::kU64, "U64", 8},
                                            {SafetensorsDtype::kU32, "U32", 4},
                                            {SafetensorsDtype::kU16, "U16", 2},
                                            {SafetensorsDtype::kU8, "U8", 1},
                                            {SafetensorsDtype::kBool, "BOOL", 1}}};
constexpr std::size_t kLengthBytes = 8;

std::string quoted(const std::string& text) { return nlohmann::json(text).dump(); }

std::string header_text(const InputFile& file) {
  const auto name = file.path().string();
  if (file.size() < kLengthBytes) {
    throw input_error("{}: byte 0: expected the {} bytes of the header's length, got a file of {}", name, kLengthBytes,
                      file.size());
  }
  std::uint64_t length = 0;
  file.read_exact(&length, kLengthBytes, 0);
  if (length > kMaxSafetensorsHeader) {
    throw input_error("{}: byte 0: header of {} bytes, expected at most {}", name, length, kMaxSafetensorsHeader);
  }
  if (length > file.size() - kLengthBytes) {
    throw input_error("{}: byte 0: header of {} bytes, but the file holds {} after its length", name, length,
                      file.size() - kLengthBytes);
  }
  std::string text(length, '\0');
  file.read_exact(text.data(), length, kLengthBytes);
  return text;
}

}  // namespace

std::string_view dtype_name(SafetensorsDtype dtype) { return kDtypes.at(static_cast<std::size_t>(dtype)).name; }

std::optional<SafetensorsDtype> safetensors_dtype(std::string_view name) {
  for (const auto& row : kDtypes) {
    if (row.name == name) return row.dtype;
  }
  return std::nullopt;
}

std::size_t element_bytes(SafetensorsDtype dtype) { return kDtypes.at(static_cast<std::size_t>(dtype)).bytes; }

std::uint64_t SafetensorsEntry::bytes() const {
  std::uint64_t bytes = element_bytes(dtype);
  for (const auto size : shape) {
    const bool overflow = __builtin_mul_overflow(bytes, static_cast<std::uint64_t>(size), &bytes);
    ENSURE(size >= 0 && !overflow, name, size);
  }
  return bytes;
}

std::string safetensors_header(const std::vector<SafetensorsEntry>& entries, const SafetensorsMetadata& metadata) {
  std::string json = "{";
  if (!metadata.empty()) {
    json += R"("__metadata__":{)";
    for (const auto& [key, value] : metadata) json += fmt::format("{}:{},", quoted(key), quoted(value));
    json.back() = '}';
    json += ',';
  }
  std::uint64_t offset = 0;
  std::set<std::string_view> names;
  for (const auto& entry : entries) {
    ENSURE(!entry.name.empty() && entry.name.size() <= kMaxSafetensorsName && names.insert(entry.name).second,
           entry.name);
    ENSURE(entry.shape.size() <= kMaxSafetensorsDims, entry.name, entry.shape.size());
    const std::uint64_t end = offset + entry.bytes();
    json += fmt::format(R"({}:{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}},)", quoted(entry.name),
                        dtype_name(entry.dtype), fmt::join(entry.shape, ","), offset, end);
    offset = end;
  }
  if (json.size() > 1) json.pop_back();
  json += '}';
  json.append((kLengthBytes - json.size() % kLengthBytes) % kLengthBytes, ' ');
  ENSURE(json.size() <= kMaxSafetensorsHeader && entries.size() <= kMaxSafetensorsTensors, json.size(), entries.size());

  std::string header(kLengthBytes, '\0');
  const std::uint64_t length = json.size();
  std::memcpy(header.data(), &length, kLengthBytes);
  return header + json;
}

void write_safetensors(const std::filesystem::path& path, const std::vector<SafetensorsContent>& tensors,
                       const SafetensorsMetadata& metadata) {
  std::vector<SafetensorsEntry> entries;
  for (const auto& tensor : tensors) {
    ENSURE(tensor.bytes.size() == tensor.entry.bytes(), tensor.entry.name, tensor.bytes.size());
    entries.push_back(tensor.entry);
  }
  AtomicFile file(path);
  file.write(safetensors_header(entries, metadata));
  for (const auto& tensor : tensors) file.write(tensor.bytes);
  file.commit();
}

SafetensorsFile::SafetensorsFile(std::filesystem::path path) : file_(std::move(path)) {
  const auto text = header_text(file_);
  const std::uint64_t data_start = kLengthBytes + text.size();
  auto header = parse_safetensors_header(text, file_.size() - data_start, file_.path().string());
  tensors_ = std::move(header.tensors);
  by_name_ = std::move(header.by_name);
  metadata_ = std::move(header.metadata);
  for (auto& tensor : tensors_) tensor.offset += data_start;
}

const SafetensorsTensor* SafetensorsFile::find(std::string_view name) const {
  const auto found = std::lower_bound(by_name_.begin(), by_name_.end(), name,
                                      [&](std::uint32_t place, const auto& key) { return tensors_[place].name < key; });
  if (found == by_name_.end() || tensors_[*found].name != name) return nullptr;
  return &tensors_[*found];
}

void SafetensorsFile::read(const SafetensorsTensor& tensor, std::span<std::byte> out) const {
  ENSURE(out.size() == tensor.bytes, tensor.name, out.size(), tensor.bytes);
  read(tensor, 0, out);
}

void SafetensorsFile::read(const SafetensorsTensor& tensor, std::uint64_t offset, std::span<std::byte> out) const {
  ENSURE(offset <= tensor.bytes && out.size() <= tensor.bytes - offset, tensor.name, offset, out.size());
  file_.read_exact(out.data(), out.size(), tensor.offset + offset);
}

}  // namespace llmtrain
