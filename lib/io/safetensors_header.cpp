#include "lib/io/safetensors_header.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "lib/base/error.h"
#include "lib/base/json_places.h"
#include "lib/base/text.h"

namespace llmtrain {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kShownName = 200;
constexpr std::size_t kShownValue = 40;
constexpr std::uint64_t kHeaderStart = 8;  // after the length
constexpr std::string_view kMetadataName = "__metadata__";

std::string shown(std::string_view text) { return printable(text, kShownValue); }

bool has_control_byte(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

// Takes the parser's events; there is no stack, for the format is three levels deep.
class HeaderReader {
 public:
  HeaderReader(std::string_view json, const std::string& file) : json_(json), file_(file) { places_.start(json); }

  void run() {
    // The library ends its input at a NUL and drops a byte order mark.
    if (const auto nul = json_.find('\0'); nul != std::string_view::npos) fail_at(nul, "NUL byte, expected JSON");
    if (json_.empty() || json_.front() != '{') fail_at(0, "expected '{'");
    const bool whole = Json::sax_parse(places_.begin(), places_.end(), this);
    ENSURE(whole && wanted_ == Wanted::kEnd, file_);
  }

  std::vector<SafetensorsTensor>& tensors() { return tensors_; }
  const std::vector<std::uint32_t>& token_offsets() const { return name_offsets_; }
  SafetensorsMetadata& metadata() { return metadata_; }

  bool null() { return unexpected("null"); }
  bool boolean(bool) { return unexpected("a boolean"); }
  bool binary(Json::binary_t&) { return unexpected("binary data"); }
  bool number_integer(std::int64_t) { return unexpected("a negative number"); }
  bool number_float(double, const std::string& text) { return unexpected(shown(text)); }

  bool number_unsigned(std::uint64_t value) {
    if (wanted_ != Wanted::kSizes && wanted_ != Wanted::kOffset) return unexpected("a number");
    at_ = places_.next_token();
    if (value > INT64_MAX) fail(fmt::format("{}: {} is too large a number", member_, value));
    if (wanted_ == Wanted::kOffset) {
      if (offset_count_ == 2) fail("data_offsets: expected two numbers, got more");
      (offset_count_++ == 0 ? begin_ : end_) = value;
      return true;
    }
    auto& shape = tensors_.back().shape;
    if (shape.size() == kMaxSafetensorsDims) {
      fail(fmt::format("shape: expected at most {} sizes, got more", kMaxSafetensorsDims));
    }
    shape.push_back(static_cast<std::int64_t>(value));
    return true;
  }

  bool string(std::string& value) {
    if (wanted_ == Wanted::kMetadataValue) {
      places_.next_token();
      metadata_[key_] = std::move(value);
      wanted_ = Wanted::kMetadataKey;
      return true;
    }
    if (wanted_ != Wanted::kDtype) return unexpected(fmt::format("'{}'", shown(value)));
    at_ = places_.next_token();
    const auto dtype = safetensors_dtype(value);
    if (!dtype) fail(fmt::format("dtype: unknown type '{}'", shown(value)));
    tensors_.back().dtype = *dtype;
    wanted_ = Wanted::kMember;
    return true;
  }

  bool key(std::string& key) {
    at_ = places_.next_token();
    if (wanted_ == Wanted::kName) return name(key);
    if (wanted_ == Wanted::kMember) return member(key);
    ENSURE(wanted_ == Wanted::kMetadataKey);
    if (metadata_.contains(key)) fail(fmt::format("key '{}' stands twice", shown(key)));
    if (metadata_.size() == kMaxSafetensorsTensors) fail(fmt::format("more than {} keys", kMaxSafetensorsTensors));
    key_ = std::move(key);
    wanted_ = Wanted::kMetadataValue;
    return true;
  }

  bool start_object(std::size_t) {
    if (wanted_ == Wanted::kHeader) return want(Wanted::kName);
    if (wanted_ == Wanted::kMetadata) return want(Wanted::kMetadataKey);
    if (wanted_ == Wanted::kTensor) return want(Wanted::kMember);
    return unexpected("an object");
  }
  bool start_array(std::size_t) {
    if (wanted_ == Wanted::kShape) return want(Wanted::kSizes);
    if (wanted_ == Wanted::kOffsets) return want(Wanted::kOffset);
    return unexpected("an array");
  }
  bool end_array() {
    at_ = places_.next_token();
    if (wanted_ == Wanted::kOffset && offset_count_ != 2) {
      fail(fmt::format("data_offsets: expected two numbers, got {}", offset_count_));
    }
    wanted_ = Wanted::kMember;
    return true;
  }
  bool end_object() {
    at_ = places_.next_token();
    if (wanted_ == Wanted::kName) {
      wanted_ = Wanted::kEnd;
      return true;
    }
    if (wanted_ == Wanted::kMember) finish_tensor();
    name_.clear();
    wanted_ = Wanted::kName;
    return true;
  }

  bool parse_error(std::size_t position, const std::string& token, const Json::exception&) {
    if (const auto invalid = find_invalid_utf8(json_)) fail_at(*invalid, "malformed UTF-8");
    fail_at(position == 0 ? 0 : position - 1, fmt::format("malformed JSON at '{}'", shown(token)));
  }

 private:
  // What may come next.
  enum class Wanted {
    kHeader,
    kName,
    kMetadata,
    kMetadataKey,
    kMetadataValue,
    kTensor,
    kMember,
    kDtype,
    kShape,
    kSizes,
    kOffsets,
    kOffset,
    kEnd
  };

  bool want(Wanted next) {
    places_.next_token();
    wanted_ = next;
    return true;
  }

  bool name(std::string& name) {
    if (name.empty()) fail("empty name of a tensor");
    if (name.size() > kMaxSafetensorsName) {
      fail(fmt::format("name '{}' is too long: expected at most {} bytes, got {}", shown(name), kMaxSafetensorsName,
                       name.size()));
    }
    name_ = name;
    if (has_control_byte(name)) fail("control byte in the name of a tensor");
    if (name == kMetadataName) {
      if (metadata_seen_) fail("stands twice");
      metadata_seen_ = true;
      wanted_ = Wanted::kMetadata;
      return true;
    }
    if (tensors_.size() == kMaxSafetensorsTensors) fail(fmt::format("more than {} tensors", kMaxSafetensorsTensors));
    SafetensorsTensor& tensor = tensors_.emplace_back();
    tensor.name = std::move(name);
    name_offsets_.push_back(static_cast<std::uint32_t>(at_));
    dtype_seen_ = shape_seen_ = offsets_seen_ = false;
    offset_count_ = 0;
    wanted_ = Wanted::kTensor;
    return true;
  }

  bool member(const std::string& key) {
    if (key == "dtype") return begin_member("dtype", dtype_seen_, Wanted::kDtype);
    if (key == "shape") return begin_member("shape", shape_seen_, Wanted::kShape);
    if (key == "data_offsets") return begin_member("data_offsets", offsets_seen_, Wanted::kOffsets);
    fail(fmt::format("unknown key '{}', expected dtype, shape and data_offsets", shown(key)));
  }

  bool begin_member(const char* member, bool& seen, Wanted next) {
    member_ = member;
    if (std::exchange(seen, true)) fail(fmt::format("key '{}' stands twice", member_));
    wanted_ = next;
    return true;
  }

  void finish_tensor() {
    if (!dtype_seen_ || !shape_seen_ || !offsets_seen_) {
      fail(fmt::format("has no {}", !dtype_seen_ ? "dtype" : !shape_seen_ ? "shape" : "data_offsets"));
    }
    SafetensorsTensor& tensor = tensors_.back();
    std::uint64_t bytes = element_bytes(tensor.dtype);
    for (const auto size : tensor.shape) {
      if (__builtin_mul_overflow(bytes, static_cast<std::uint64_t>(size), &bytes)) {
        fail(fmt::format("shape [{}] has too many elements", fmt::join(tensor.shape, ", ")));
      }
    }
    if (begin_ > end_) fail(fmt::format("data_offsets: begin {} is past the end {}", begin_, end_));
    if (end_ - begin_ != bytes) {
      fail(fmt::format("data_offsets hold {} bytes, but {} [{}] takes {}", end_ - begin_, dtype_name(tensor.dtype),
                       fmt::join(tensor.shape, ", "), bytes));
    }
    tensor.offset = begin_;
    tensor.bytes = bytes;
  }

  bool unexpected(const std::string& got) {
    at_ = places_.next_token();
    switch (wanted_) {
      case Wanted::kMetadata:
      case Wanted::kTensor:
        fail(fmt::format("expected an object, got {}", got));
      case Wanted::kMetadataValue:
        fail(fmt::format("key '{}': expected a string, got {}", shown(key_), got));
      case Wanted::kDtype:
        fail(fmt::format("dtype: expected a string, got {}", got));
      case Wanted::kShape:
      case Wanted::kOffsets:
        fail(fmt::format("{}: expected an array, got {}", member_, got));
      default:
        fail(fmt::format("{}: expected a whole number from 0, got {}", member_, got));
    }
  }

  [[noreturn]] void fail(const std::string& what) const { fail_at(at_, what); }
  [[noreturn]] void fail_at(std::size_t at, const std::string& what) const {
    const auto tensor = name_.empty() ? "" : printable(name_, kShownName) + ": ";
    throw input_error("{}: byte {}: {}{}", file_, kHeaderStart + at, tensor, what);
  }

  std::string_view json_;
  const std::string& file_;
  JsonPlaces places_;
  std::size_t at_ = 0;  // of the token in hand
  Wanted wanted_ = Wanted::kHeader;

  std::string name_;  // of the tensor in hand
  const char* member_ = "";
  bool dtype_seen_ = false;
  bool shape_seen_ = false;
  bool offsets_seen_ = false;
  int offset_count_ = 0;
  std::uint64_t begin_ = 0;
  std::uint64_t end_ = 0;
  std::string key_;  // of the metadata
  bool metadata_seen_ = false;

  std::vector<SafetensorsTensor> tensors_;
  std::vector<std::uint32_t> name_offsets_;
  SafetensorsMetadata metadata_;
};

std::vector<std::uint32_t> places_of(const std::vector<SafetensorsTensor>& tensors) {
  std::vector<std::uint32_t> places(tensors.size());
  std::iota(places.begin(), places.end(), 0U);
  return places;
}

// The faults that show only when all tensors are known.
class LayoutCheck {
 public:
  LayoutCheck(const std::vector<SafetensorsTensor>& tensors, const std::vector<std::uint32_t>& name_offsets,
              const std::string& file)
      : tensors_(tensors), name_offsets_(name_offsets), file_(file) {}

  std::vector<std::uint32_t> sorted_names() const {
    auto places = places_of(tensors_);
    std::sort(places.begin(), places.end(), [&](std::uint32_t a, std::uint32_t b) {
      const int order = tensors_[a].name.compare(tensors_[b].name);
      return order != 0 ? order < 0 : a < b;
    });
    for (std::size_t i = 1; i < places.size(); ++i) {
      if (tensors_[places[i]].name == tensors_[places[i - 1]].name) fail(places[i], "stands twice");
    }
    return places;
  }

  void data(std::uint64_t data_start, std::uint64_t data_bytes) const {
    auto places = places_of(tensors_);
    const auto end_of = [&](std::uint32_t place) { return tensors_[place].offset + tensors_[place].bytes; };
    std::sort(places.begin(), places.end(), [&](std::uint32_t a, std::uint32_t b) {
      return std::pair(tensors_[a].offset, end_of(a)) < std::pair(tensors_[b].offset, end_of(b));
    });
    std::uint64_t end = 0;
    for (std::size_t i = 0; i < places.size(); ++i) {
      const auto& tensor = tensors_[places[i]];
      if (tensor.offset < end) {
        fail(places[i], fmt::format("overlaps '{}'", printable(tensors_[places[i - 1]].name, kShownName)));
      }
      if (tensor.offset > end) fail(places[i], fmt::format("a hole of {} bytes before it", tensor.offset - end));
      end = end_of(places[i]);
      if (end > data_bytes) {
        fail(places[i], fmt::format("ends at byte {} of the data, but the file holds {}", end, data_bytes));
      }
    }
    if (end < data_bytes) {
      throw input_error("{}: byte {}: {} bytes left over after the last tensor", file_, data_start + end,
                        data_bytes - end);
    }
  }

 private:
  [[noreturn]] void fail(std::uint32_t place, const std::string& what) const {
    throw input_error("{}: byte {}: {}: {}", file_, kHeaderStart + name_offsets_[place],
                      printable(tensors_[place].name, kShownName), what);
  }

  const std::vector<SafetensorsTensor>& tensors_;
  const std::vector<std::uint32_t>& name_offsets_;
  const std::string& file_;
};

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view json, std::uint64_t data_bytes, const std::string& file) {
  HeaderReader reader(json, file);
  reader.run();
  const LayoutCheck check(reader.tensors(), reader.token_offsets(), file);
  SafetensorsHeader header;
  header.by_name = check.sorted_names();
  check.data(kHeaderStart + json.size(), data_bytes);
  header.tensors = std::move(reader.tensors());
  header.metadata = std::move(reader.metadata());
  return header;
}

}  // namespace llmtrain
