#include "lib/base/strict_json.h"

#include <algorithm>

#include "lib/base/error.h"
#include "lib/base/text.h"

namespace llmtrain {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxDepth = 64;
constexpr std::size_t kShownBytes = 60;
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

std::string shown(std::string_view text) { return printable(text, kShownBytes); }

bool is_plain_key(std::string_view key) {
  return !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

std::string key_step(std::string_view key) {
  return is_plain_key(key) ? fmt::format(".{}", key) : fmt::format("[\"{}\"]", shown(key));
}

// Builds the document from the parser's events; the parser keeps its own stack on the heap.
class StrictBuilder {
 public:
  explicit StrictBuilder(const std::string& name) : name_(name) {}
  json take() { return std::move(root_); }

  bool null() { return add(nullptr); }
  bool boolean(bool value) { return add(value); }
  bool number_integer(std::int64_t value) { return add(value); }
  bool number_unsigned(std::uint64_t value) { return add(value); }
  bool number_float(double value, const std::string&) { return add(value); }
  bool string(std::string& value) { return add(std::move(value)); }
  bool binary(json::binary_t&) { return false; }
  bool start_object(std::size_t) { return open(json::object()); }
  bool start_array(std::size_t) { return open(json::array()); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }
  bool key(std::string& key) {
    Frame& frame = frames_.back();
    if (frame.value->contains(key)) fail(fmt::format("key \"{}\" stands twice", shown(key)));
    frame.key = std::move(key);
    return true;
  }
  bool parse_error(std::size_t position, const std::string& token, const json::exception&) {
    throw input_error("{}: byte {}: malformed JSON at '{}'", name_, position, shown(token));
  }

 private:
  struct Frame {
    json* value;
    std::string key;
  };

  template <class Value>
  bool add(Value&& value) {
    place(json(std::forward<Value>(value)));
    return true;
  }
  json* place(json value) {
    if (frames_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    Frame& frame = frames_.back();
    if (frame.value->is_array()) {
      frame.value->push_back(std::move(value));
      return &frame.value->back();
    }
    json& slot = (*frame.value)[frame.key];
    slot = std::move(value);
    return &slot;
  }
  bool open(json container) {
    if (frames_.size() >= kMaxDepth) fail(fmt::format("nested deeper than {} levels", kMaxDepth));
    frames_.push_back({place(std::move(container)), ""});
    return true;
  }
  bool close() {
    frames_.pop_back();
    return true;
  }
  [[noreturn]] void fail(const std::string& what) const {
    std::string path;
    for (std::size_t i = 0; i + 1 < frames_.size() && path.size() < 10 * kShownBytes; ++i) {
      const Frame& frame = frames_[i];
      path += frame.value->is_array() ? fmt::format("[{}]", frame.value->size() - 1) : key_step(frame.key);
    }
    if (!path.empty() && path.front() == '.') path.erase(0, 1);
    throw input_error("{}: {}{}{}", name_, path, path.empty() ? "" : ": ", what);
  }

  const std::string& name_;
  json root_;
  std::vector<Frame> frames_;
};

}  // namespace

json parse_strict_json(std::string_view text, const std::string& name) {
  // The library ends its input at a NUL and drops a byte order mark.
  if (const auto nul = text.find('\0'); nul != std::string_view::npos) {
    throw input_error("{}: byte {}: NUL byte, expected text", name, nul);
  }
  if (text.starts_with(kByteOrderMark)) throw input_error("{}: byte 0: byte order mark, expected JSON", name);
  StrictBuilder builder(name);
  const bool whole = json::sax_parse(text.begin(), text.end(), &builder);
  ENSURE(whole, name);
  return builder.take();
}

JsonView JsonView::at(const json& value, const std::string& step) const {
  std::string path = path_ + step;
  if (!path.empty() && path.front() == '.') path.erase(0, 1);
  return {value, name_, std::move(path)};
}

void JsonView::fail(const std::string& what) const {
  throw input_error("{}: {}{}{}", name_, path_, path_.empty() ? "" : ": ", what);
}

void JsonView::expect_object() const {
  if (!value_->is_object()) fail(fmt::format("expected an object, got {}", value_->type_name()));
}

bool JsonView::has(const std::string& key) const {
  expect_object();
  return value_->contains(key);
}

JsonView JsonView::member(const std::string& key) const {
  if (!has(key)) fail(fmt::format("has no '{}'", key));
  return at((*value_)[key], key_step(key));
}

JsonView JsonView::member_or_null(const std::string& key) const {
  static const json null;
  return has(key) ? member(key) : at(null, key_step(key));
}

std::vector<JsonView> JsonView::elements() const {
  if (!value_->is_array()) fail(fmt::format("expected an array, got {}", value_->type_name()));
  std::vector<JsonView> views;
  views.reserve(value_->size());
  for (const auto& element : *value_) views.push_back(at(element, fmt::format("[{}]", views.size())));
  return views;
}

bool JsonView::flag(const std::string& key, bool otherwise) const {
  return has(key) ? member(key).boolean() : otherwise;
}

const std::string& JsonView::string() const {
  if (!value_->is_string()) fail(fmt::format("expected a string, got {}", value_->type_name()));
  return value_->get_ref<const std::string&>();
}

bool JsonView::boolean() const {
  if (!value_->is_boolean()) fail(fmt::format("expected true or false, got {}", value_->type_name()));
  return value_->get<bool>();
}

std::uint32_t JsonView::id() const {
  if (!value_->is_number_unsigned() || value_->get<std::uint64_t>() >= UINT32_MAX) {
    fail(fmt::format("expected an id from 0 to {}, got {}", UINT32_MAX - 1, shown(value_->dump())));
  }
  return value_->get<std::uint32_t>();
}

std::int64_t JsonView::count() const {
  if (!value_->is_number_unsigned() || value_->get<std::uint64_t>() > INT64_MAX) {
    fail(fmt::format("expected a whole number from 0 to {}, got {}", INT64_MAX, shown(value_->dump())));
  }
  return value_->get<std::int64_t>();
}

double JsonView::number() const {
  if (!value_->is_number()) fail(fmt::format("expected a number, got {}", value_->type_name()));
  return value_->get<double>();
}

void JsonView::expect_keys(std::initializer_list<std::string_view> known) const {
  expect_object();
  for (const auto& [key, value] : value_->items()) {
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      at(value, key_step(key)).fail(fmt::format("unknown key, expected one of {}", fmt::join(known, ", ")));
    }
  }
}

void JsonView::expect_absent_or(const std::string& key, const json& value) const {
  if (!has(key)) return;
  const auto found = member(key);
  if (!found.is_null() && found.value() != value) {
    found.fail(fmt::format("{} is not supported, expected {}", shown(found.value().dump()), value.dump()));
  }
}

}  // namespace llmtrain
