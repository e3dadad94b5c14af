#include "lib/io/jsonl.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "lib/base/error.h"
#include "lib/base/json_places.h"
#include "lib/base/text.h"

namespace llmtrain {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kShownKey = 40;
constexpr std::size_t kShownKeys = 20;
constexpr std::size_t kFewKeys = 8;
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

}  // namespace

// What the parser calls, token by token. A function that returns false ends the parse.
struct JsonLineParser::Handler {
  struct Key {
    std::string name;
    std::size_t column = 0;
  };
  enum class Wanted { kNothing, kText, kId };

  explicit Handler(JsonLineRules wanted_rules) : rules(std::move(wanted_rules)) {}

  void begin(std::string_view next_line, JsonLine& result) {
    key_count = 0;
    frames.clear();
    wanted = Wanted::kNothing;
    has_text = has_id = false;
    out = &result;
    places.start(next_line);
    fault.reset();
  }

  bool null() { return scalar("null"); }
  bool boolean(bool) { return scalar("a boolean"); }
  bool number_integer(std::int64_t value) { return integer(value); }
  bool number_unsigned(std::uint64_t value) { return integer(value); }
  bool number_float(double, const std::string&) { return scalar("a number"); }
  bool binary(Json::binary_t&) { return false; }  // not in JSON text

  bool string(std::string& value) {
    const std::size_t column = begin_token();
    if (frames.empty()) return not_an_object("a string", column);
    const Wanted now = std::exchange(wanted, Wanted::kNothing);
    if (now == Wanted::kNothing) return true;
    const std::string& name = now == Wanted::kText ? rules.field : *rules.id_field;
    if (value.find('\0') != std::string::npos) {
      return fail("NUL", column, fmt::format("NUL (\\u0000) in '{}', expected text", printable(name, kShownKey)));
    }
    if (now == Wanted::kText) {
      out->text.swap(value);
      has_text = true;
    } else {
      out->id.assign(1, 's').append(value);
      has_id = true;
    }
    return true;
  }

  bool key(std::string& name) {
    const std::size_t column = begin_token();
    if (name.size() > rules.max_key) {
      return fail("key too long", column,
                  fmt::format("key too long, expected at most {} bytes, got {}", rules.max_key, name.size()));
    }
    if (key_count == keys.size()) keys.emplace_back();
    keys[key_count].name.assign(name);
    keys[key_count++].column = column;
    if (frames.size() != 1) return true;
    if (name == rules.field) {
      wanted = Wanted::kText;
    } else if (rules.id_field && name == *rules.id_field) {
      wanted = Wanted::kId;
    } else if (rules.refuse_extra) {
      return fail("extra key", column,
                  fmt::format("extra key '{}', expected {}", printable(name, kShownKey), allowed()),
                  "extra_fields: allow");
    }
    return true;
  }

  bool start_object(std::size_t) { return start("an object"); }
  bool start_array(std::size_t) { return start("an array"); }
  bool end_array() { return end(); }
  bool end_object() {
    if (const Key* repeated = repeated_key()) {
      return fail("repeated key", repeated->column,
                  fmt::format("repeated key '{}', expected each key once", printable(repeated->name, kShownKey)));
    }
    if (frames.size() == 1) return finish();
    return end();
  }

  // The parser's own finding, in words like "[json...] parse error at line 1, column 5: syntax error while parsing
  // value - unexpected '}'; expected '[', '{', or a literal".
  bool parse_error(std::size_t position, const std::string& /*token*/, const Json::exception& error) {
    std::string_view words = error.what();
    if (error.id == 406) return fail("number out of range", begin_token(), "number out of range of a double");
    if (const auto dash = words.find(" - "); dash != std::string_view::npos) words.remove_prefix(dash + 3);
    if (const auto last = words.find("; last read"); last != std::string_view::npos) words = words.substr(0, last);
    std::string what = printable(words, 200);
    if (const auto expected = what.find("; expected"); expected != std::string::npos) what[expected] = ',';
    return fail("malformed JSON", position, "malformed JSON: " + what);
  }

  bool start(const char* what) {
    const bool is_first = frames.empty();
    const std::size_t column = begin_token();
    if (is_first && std::strcmp(what, "an array") == 0) return not_an_object(what, column);
    if (wanted != Wanted::kNothing) return wrong_type(what, column);
    if (frames.size() == rules.max_depth) {
      return fail("nested too deep", column,
                  fmt::format("nested too deep, expected at most {} levels", rules.max_depth), "max_depth");
    }
    frames.push_back(key_count);
    return true;
  }

  bool end() {
    begin_token();
    key_count = frames.back();
    frames.pop_back();
    return true;
  }

  bool finish() {
    if (!has_text) return missing(rules.field);
    if (rules.id_field && !has_id) return missing(*rules.id_field);
    begin_token();
    frames.clear();
    return true;
  }

  bool missing(const std::string& name) {
    const std::string hint = name != rules.field ? "another id_field" : key_count > 0 ? shown_field() : "";
    return fail("missing key", 1,
                fmt::format("missing key, expected '{}', got {}", printable(name, kShownKey), found_keys()), hint);
  }

  std::string shown_field() const { return fmt::format("field: {}", printable(keys.front().name, kShownKey)); }

  bool scalar(const char* what) {
    const std::size_t column = begin_token();
    if (frames.empty()) return not_an_object(what, column);
    return wanted == Wanted::kNothing || wrong_type(what, column);
  }

  template <class Integer>
  bool integer(Integer value) {
    if (wanted != Wanted::kId) return scalar("a number");
    begin_token();
    wanted = Wanted::kNothing;
    out->id = fmt::format("i{}", value);
    has_id = true;
    return true;
  }

  bool wrong_type(const char* what, std::size_t column) {
    const bool text = wanted == Wanted::kText;
    return fail("wrong type", column,
                fmt::format("wrong type of '{}', expected {}, got {}",
                            printable(text ? rules.field : *rules.id_field, kShownKey),
                            text ? "a string" : "a string or an integer", what));
  }

  bool not_an_object(const char* what, std::size_t column) {
    return fail(
        "not an object", column,
        fmt::format("not an object, expected {{\"{}\": ...}}, got {}", printable(rules.field, kShownKey), what));
  }

  bool fail(const char* kind, std::size_t column, std::string what, std::string hint = "") {
    fault = JsonLineFault{.kind = kind, .column = column, .what = std::move(what), .hint = std::move(hint)};
    return false;
  }

  // The column of the token just read.
  std::size_t begin_token() { return places.next_token() + 1; }

  // The later of two equal keys of the object that ends here.
  const Key* repeated_key() {
    const std::span<Key> own = std::span(keys).subspan(frames.back(), key_count - frames.back());
    if (own.size() <= kFewKeys) {
      for (std::size_t i = 1; i < own.size(); ++i) {
        const auto same = [&](const Key& other) { return other.name == own[i].name; };
        if (std::any_of(own.begin(), own.begin() + static_cast<std::ptrdiff_t>(i), same)) return &own[i];
      }
      return nullptr;
    }
    std::vector<const Key*> sorted;
    sorted.reserve(own.size());
    for (const Key& each : own) sorted.push_back(&each);
    std::sort(sorted.begin(), sorted.end(), [](const Key* a, const Key* b) {
      const int order = a->name.compare(b->name);
      return order != 0 ? order < 0 : a->column < b->column;
    });
    const Key* first = nullptr;
    for (std::size_t i = 1; i < sorted.size(); ++i) {
      const bool same = sorted[i]->name == sorted[i - 1]->name;
      if (same && (first == nullptr || sorted[i]->column < first->column)) first = sorted[i];
    }
    return first;
  }

  std::string found_keys() const {
    if (key_count == 0) return "no key";
    std::string names;
    for (std::size_t i = 0; i < std::min(key_count, kShownKeys); ++i) {
      names += (i == 0 ? "" : ", ") + printable(keys[i].name, kShownKey);
    }
    if (key_count > kShownKeys) names += fmt::format(" and {} more", key_count - kShownKeys);
    return names;
  }

  std::string allowed() const {
    const std::string text = fmt::format("'{}'", printable(rules.field, kShownKey));
    return rules.id_field ? fmt::format("{} and '{}'", text, printable(*rules.id_field, kShownKey)) : text + " alone";
  }

  JsonLineRules rules;
  std::vector<Key> keys;  // of the objects that are open, innermost last; the first key_count are in use
  std::size_t key_count = 0;
  std::vector<std::size_t> frames;  // where in keys the open objects and arrays begin
  Wanted wanted = Wanted::kNothing;
  bool has_text = false;
  bool has_id = false;
  JsonLine* out = nullptr;
  JsonPlaces places;
  std::optional<JsonLineFault> fault;
};

JsonLineParser::JsonLineParser(JsonLineRules rules) : handler_(std::make_unique<Handler>(std::move(rules))) {}
JsonLineParser::JsonLineParser(JsonLineParser&&) noexcept = default;
JsonLineParser::~JsonLineParser() = default;

std::optional<JsonLineFault> JsonLineParser::parse(std::string_view line, JsonLine& out) {
  // The library ends its input at a NUL and drops a byte order mark.
  if (const auto nul = line.find('\0'); nul != std::string_view::npos) {
    return JsonLineFault{.kind = "NUL", .column = nul + 1, .what = "NUL byte, expected text", .hint = ""};
  }
  if (line.starts_with(kByteOrderMark)) {
    return JsonLineFault{.kind = "byte order mark", .column = 1, .what = "byte order mark, expected '{'", .hint = ""};
  }
  Handler& h = *handler_;
  h.begin(line, out);
  if (Json::sax_parse(line.begin(), line.end(), &h)) return std::nullopt;
  if (const auto invalid = find_invalid_utf8(line)) {
    return JsonLineFault{
        .kind = "malformed UTF-8",
        .column = *invalid + 1,
        .what = fmt::format("malformed UTF-8 (byte 0x{:02x})", static_cast<unsigned char>(line[*invalid])),
        .hint = "converting the file to UTF-8"};
  }
  // Once more for the column: keeping track of it would make every line cost more than half as much again.
  h.begin(line, out);
  ENSURE(!Json::sax_parse(h.places.begin(), h.places.end(), &h) && h.fault, line.size());
  return h.fault;
}

bool is_json_object(std::string_view text) {
  const auto first = std::find_if_not(text.begin(), text.end(), is_json_space);
  return first != text.end() && *first == '{' && Json::accept(text.begin(), text.end());
}

}  // namespace llmtrain
