#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace llmtrain {

struct JsonLineRules {
  std::string field = "text";                // whose string is wanted
  std::optional<std::string> id_field = {};  // whose string or integer is wanted as well
  bool refuse_extra = false;                 // any other key is a fault
  std::size_t max_depth = 64;                // nested arrays and objects, the line's own object among them
  std::size_t max_key = 1024;                // bytes
};

struct JsonLine {
  std::string text;
  std::string id;  // with id_field: "s" and the string, or "i" and the integer
};

// What is wrong with a line.
struct JsonLineFault {
  std::string kind = {};   // a name shared by all lines with this fault: "missing key"
  std::size_t column = 1;  // in bytes, from 1; one past the end if something is missing there
  std::string what = {};   // "missing key, expected 'text', got question, answer"
  std::string hint = {};   // what to try, or nothing
};

// Reads lines that hold one JSON object each (RFC 8259, strict), without recursion. Refuses malformed JSON and UTF-8, a
// byte order mark, NUL (raw anywhere, \u0000 in the wanted strings), lone surrogate escapes, repeated keys in any
// object, and what the rules say. Numbers must fit into a double. Memory and time are linear in the line (but for the
// log of the number of keys).
class JsonLineParser {
 public:
  explicit JsonLineParser(JsonLineRules rules);
  JsonLineParser(JsonLineParser&&) noexcept;
  ~JsonLineParser();

  // Fills `out` (reusing its memory), or says what is wrong.
  std::optional<JsonLineFault> parse(std::string_view line, JsonLine& out);

 private:
  struct Handler;
  std::unique_ptr<Handler> handler_;
};

// Whether the text is one well-formed JSON object.
bool is_json_object(std::string_view text);

}  // namespace llmtrain
