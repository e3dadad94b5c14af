#include "lib/tokenizer/tokenizer_writer.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "lib/base/error.h"
#include "lib/tokenizer/byte_alphabet.h"
#include "lib/tokenizer/scanner.h"
#include "lib/tokenizer/tokenizer_reader.h"

namespace llmtrain {
namespace {

std::string json_string(std::string_view text) { return nlohmann::json(text).dump(); }
const char* word(bool value) { return value ? "true" : "false"; }

// The key of a token in the model's vocabulary.
std::string key_of(const TokenizerSpec& spec, std::uint32_t id) {
  const auto& bytes = spec.tokens[id].bytes;
  if (spec.kind == TokenizerKind::kChar) return bytes;
  const auto added = std::lower_bound(spec.added_tokens.begin(), spec.added_tokens.end(), id,
                                      [](const AddedToken& token, std::uint32_t value) { return token.id < value; });
  return added != spec.added_tokens.end() && added->id == id ? bytes : bytes_to_alphabet(bytes);
}

void append_added_tokens(const TokenizerSpec& spec, std::string& json) {
  json += "  \"added_tokens\": [";
  const char* separator = "\n";
  for (const auto& token : spec.added_tokens) {
    json += fmt::format(R"({}    {{"id": {}, "content": {}, "single_word": false, "lstrip": false, "rstrip": false, )"
                        R"("normalized": {}, "special": {}}})",
                        separator, token.id, json_string(token.content), word(token.normalized), word(token.special));
    separator = ",\n";
  }
  json += spec.added_tokens.empty() ? "],\n" : "\n  ],\n";
}

std::string byte_level(bool use_regex) {
  return fmt::format(R"({{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": {}}})",
                     word(use_regex));
}

std::string split(std::string_view regex) {
  return fmt::format(R"({{"type": "Split", "pattern": {{"Regex": {}}}, "behavior": "Isolated", "invert": false}})",
                     json_string(regex));
}

void append_parts(const TokenizerSpec& spec, std::string& json) {
  const bool bytes = spec.kind == TokenizerKind::kByteBpe;
  std::string pre_tokenizer = split(char_pattern());
  if (bytes && spec.pattern == PretokenizerPattern::kGpt2) {
    pre_tokenizer = byte_level(true);
  } else if (bytes) {
    pre_tokenizer = fmt::format("{{\"type\": \"Sequence\", \"pretokenizers\": [\n    {},\n    {}\n  ]}}",
                                split(pretokenizer_regex(spec.pattern)), byte_level(false));
  }
  json += fmt::format("  \"normalizer\": {},\n", spec.nfc ? R"({"type": "NFC"})" : "null");
  json += fmt::format("  \"pre_tokenizer\": {},\n", pre_tokenizer);
  json += "  \"post_processor\": null,\n";
  json += fmt::format("  \"decoder\": {},\n", bytes ? byte_level(true) : R"({"type": "Fuse"})");
}

void append_vocabulary(const TokenizerSpec& spec, std::string& json) {
  json += "    \"vocab\": {";
  const char* separator = "\n";
  for (std::uint32_t id = 0; id < spec.tokens.size(); ++id) {
    if (!spec.tokens[id].in_model) continue;
    json += fmt::format("{}      {}: {}", separator, json_string(key_of(spec, id)), id);
    separator = ",\n";
  }
  json += "\n    }";
}

void append_merges(const TokenizerSpec& spec, std::string& json) {
  json += ",\n    \"merges\": [";
  const char* separator = "\n";
  for (const auto& merge : spec.merges) {
    json +=
        fmt::format("{}      {}", separator, json_string(key_of(spec, merge.left) + " " + key_of(spec, merge.right)));
    separator = ",\n";
  }
  json += spec.merges.empty() ? "]" : "\n    ]";
}

}  // namespace

std::string write_tokenizer_json(const TokenizerSpec& spec) {
  std::string json = "{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n  \"padding\": null,\n";
  append_added_tokens(spec, json);
  append_parts(spec, json);
  if (spec.kind == TokenizerKind::kByteBpe) {
    json += R"(  "model": {
    "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null, "end_of_word_suffix": null,
    "fuse_unk": false, "byte_fallback": false, "ignore_merges": )";
    json += word(spec.ignore_merges);
    json += ",\n";
    append_vocabulary(spec, json);
    append_merges(spec, json);
  } else {
    const std::string unknown = spec.unknown ? spec.tokens[*spec.unknown].bytes : "<unk>";
    json += fmt::format("  \"model\": {{\n    \"type\": \"WordLevel\", \"unk_token\": {},\n", json_string(unknown));
    append_vocabulary(spec, json);
  }
  json += "\n  }\n}\n";
  return json;
}

}  // namespace llmtrain
