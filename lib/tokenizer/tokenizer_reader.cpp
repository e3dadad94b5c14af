#include "lib/tokenizer/tokenizer_reader.h"

#include <algorithm>

#include "lib/base/error.h"
#include "lib/base/file.h"
#include "lib/base/strict_json.h"
#include "lib/base/text.h"
#include "lib/tokenizer/scanner.h"
#include "lib/tokenizer/token_table.h"

namespace llmtrain {
namespace {

std::string type_of(const JsonView& part) { return part.member("type").string(); }

[[noreturn]] void refuse_type(const JsonView& part, std::string_view expected) {
  part.member("type").fail(fmt::format("'{}' is not supported, expected {}", printable(type_of(part), 60), expected));
}

// A part as the list of its steps: null is none, a Sequence is what it holds.
std::vector<JsonView> steps_of(const JsonView& part, const std::string& list_key) {
  if (part.is_null()) return {};
  if (type_of(part) != "Sequence") return {part};
  part.expect_keys({"type", std::string_view(list_key)});
  return part.member(list_key).elements();
}

bool read_normalizer(const JsonView& part) {
  const auto steps = steps_of(part, "normalizers");
  for (const auto& step : steps) {
    if (type_of(step) != "NFC") refuse_type(step, "NFC");
    step.expect_keys({"type"});
  }
  return !steps.empty();
}

// Changes offsets only, which nobody asks for here.
void read_byte_level_options(const JsonView& part) {
  part.expect_keys({"type", "add_prefix_space", "trim_offsets", "use_regex"});
}

bool read_byte_level_pre_tokenizer(const JsonView& step) {
  if (type_of(step) != "ByteLevel") refuse_type(step, "ByteLevel");
  read_byte_level_options(step);
  const auto prefix = step.member("add_prefix_space");
  if (prefix.boolean()) prefix.fail("true is not supported, expected false");
  return step.flag("use_regex", true);
}

// The regular expression of a Split that makes every match a piece of its own.
JsonView read_split_regex(const JsonView& step) {
  if (type_of(step) != "Split") refuse_type(step, "Split");
  step.expect_keys({"type", "pattern", "behavior", "invert"});
  const auto behavior = step.member("behavior");
  if (behavior.string() != "Isolated")
    behavior.fail(fmt::format("'{}' is not supported, expected 'Isolated'", printable(behavior.string(), 60)));
  step.expect_absent_or("invert", false);
  const auto pattern = step.member("pattern");
  pattern.expect_keys({"Regex"});
  return pattern.member("Regex");
}

PretokenizerPattern read_pattern(const JsonView& part) {
  if (part.is_null()) part.fail("null is not supported, expected ByteLevel");
  const auto steps = steps_of(part, "pretokenizers");
  if (steps.size() == 1) {
    if (!read_byte_level_pre_tokenizer(steps[0]))
      steps[0].member("use_regex").fail("false is supported after a Split only");
    return PretokenizerPattern::kGpt2;
  }
  if (steps.size() != 2)
    part.fail(fmt::format("expected ByteLevel, or Split and ByteLevel; got {} steps", steps.size()));
  const auto regex = read_split_regex(steps[0]);
  if (read_byte_level_pre_tokenizer(steps[1])) steps[1].member("use_regex").fail("true is not supported after a Split");
  for (const auto& [pattern, name] : EnumTable<PretokenizerPattern>::names) {
    if (regex.string() == pretokenizer_regex(pattern)) return pattern;
  }
  regex.fail(fmt::format("'{}' is not a known pattern, expected that of GPT-2, Llama 3 or Qwen 2",
                         printable(regex.string(), 120)));
}

void read_post_processor(const JsonView& part) {
  for (const auto& step : steps_of(part, "processors")) {
    if (type_of(step) != "ByteLevel") refuse_type(step, "ByteLevel");
    read_byte_level_options(step);
  }
}

void refuse_normalized_added_tokens(const TokenTable& table, const JsonView& document) {
  for (const auto& token : table.added_tokens()) {
    if (token.normalized) {
      document.member("added_tokens")
          .fail(
              fmt::format("'{}': normalized: true is not supported beside a normalizer", printable(token.content, 60)));
    }
  }
}

TokenizerSpec read_bpe(const JsonView& document, TokenTable& table) {
  const auto model = document.member("model");
  model.expect_keys({"type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk",
                     "byte_fallback", "ignore_merges", "vocab", "merges"});
  model.expect_absent_or("dropout", nullptr);
  model.expect_absent_or("continuing_subword_prefix", "");
  model.expect_absent_or("end_of_word_suffix", "");
  model.expect_absent_or("byte_fallback", false);
  if (model.has("fuse_unk")) model.member("fuse_unk").boolean();  // every byte has a token: nothing is unknown
  if (model.has("unk_token") && !model.member("unk_token").is_null()) {
    const auto unknown = model.member("unk_token");
    if (!table.find(unknown.string()))
      unknown.fail(fmt::format("'{}' is not in the vocabulary", printable(unknown.string(), 60)));
  }
  TokenizerSpec spec;
  spec.kind = TokenizerKind::kByteBpe;
  spec.nfc = read_normalizer(document.member_or_null("normalizer"));
  if (spec.nfc) refuse_normalized_added_tokens(table, document);
  spec.pattern = read_pattern(document.member_or_null("pre_tokenizer"));
  read_post_processor(document.member_or_null("post_processor"));
  const auto decoder = document.member_or_null("decoder");
  if (decoder.is_null()) decoder.fail("null is not supported, expected ByteLevel");
  if (type_of(decoder) != "ByteLevel") refuse_type(decoder, "ByteLevel");
  read_byte_level_options(decoder);
  spec.ignore_merges = model.flag("ignore_merges", false);
  spec.tokens = table.byte_level_tokens(model.member("vocab"));
  for (const auto& pair : model.member("merges").elements()) spec.merges.push_back(table.merge(pair));
  return spec;
}

TokenizerSpec read_char(const JsonView& document, const TokenTable& table) {
  const auto model = document.member("model");
  model.expect_keys({"type", "vocab", "unk_token"});
  const auto normalizer = document.member_or_null("normalizer");
  if (!normalizer.is_null()) normalizer.fail("is not supported with WordLevel, expected null");
  const auto pre_tokenizer = document.member_or_null("pre_tokenizer");
  if (pre_tokenizer.is_null()) pre_tokenizer.fail("null is not supported, expected Split");
  const auto regex = read_split_regex(pre_tokenizer);
  if (regex.string() != char_pattern()) {
    regex.fail(fmt::format("'{}' is not supported with WordLevel, expected '{}'", printable(regex.string(), 120),
                           char_pattern()));
  }
  const auto post_processor = document.member_or_null("post_processor");
  if (!post_processor.is_null()) post_processor.fail("is not supported with WordLevel, expected null");
  const auto decoder = document.member_or_null("decoder");
  if (decoder.is_null()) decoder.fail("null is not supported, expected Fuse");
  if (type_of(decoder) != "Fuse") refuse_type(decoder, "Fuse");
  TokenizerSpec spec;
  spec.kind = TokenizerKind::kChar;
  spec.tokens = table.literal_tokens();
  spec.unknown = table.find(model.member("unk_token").string());
  return spec;
}

}  // namespace

std::string_view char_pattern() { return "[\\s\\S]"; }

TokenizerSpec read_tokenizer_json(std::string_view json, const std::string& name) {
  const auto parsed = parse_strict_json(json, name);
  const JsonView document(parsed, name);
  document.expect_keys({"version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer",
                        "post_processor", "decoder", "model"});
  document.expect_absent_or("version", "1.0");
  document.expect_absent_or("truncation", nullptr);
  document.expect_absent_or("padding", nullptr);
  const auto model = document.member("model");
  const auto type = type_of(model);
  if (type != "BPE" && type != "WordLevel") refuse_type(model, "BPE or WordLevel");
  TokenTable table;
  table.add_vocabulary(model.member("vocab"));
  if (document.has("added_tokens")) table.add_added_tokens(document.member("added_tokens"));
  table.expect_dense(model.member("vocab"));
  TokenizerSpec spec = type == "BPE" ? read_bpe(document, table) : read_char(document, table);
  spec.added_tokens = table.added_tokens();
  return spec;
}

TokenizerSpec read_gpt2_files(const std::filesystem::path& vocab_json, const std::filesystem::path& merges_txt) {
  const auto parsed = parse_strict_json(read_file(vocab_json), vocab_json.string());
  const JsonView vocabulary(parsed, vocab_json.string());
  TokenTable table;
  table.add_vocabulary(vocabulary);
  nlohmann::json special = nlohmann::json::array();
  if (const auto id = table.find("<|endoftext|>")) {
    special.push_back({{"id", *id}, {"content", "<|endoftext|>"}, {"special", true}, {"normalized", false}});
  }
  table.add_added_tokens(JsonView(special, vocab_json.string()));
  table.expect_dense(vocabulary);
  TokenizerSpec spec;
  spec.kind = TokenizerKind::kByteBpe;
  spec.pattern = PretokenizerPattern::kGpt2;
  spec.added_tokens = table.added_tokens();
  spec.tokens = table.byte_level_tokens(vocabulary);

  const std::string merges = read_file(merges_txt);
  std::size_t line = 0;
  for (std::size_t begin = 0; begin < merges.size();) {
    const std::size_t end = std::min(merges.find('\n', begin), merges.size());
    std::string text = merges.substr(begin, end - begin);
    begin = end + 1;
    ++line;
    if (!text.empty() && text.back() == '\r') text.pop_back();
    if (text.empty() || (line == 1 && text.starts_with("#version"))) continue;
    const nlohmann::json pair = std::move(text);
    spec.merges.push_back(table.merge(JsonView(pair, fmt::format("{}:{}", merges_txt.string(), line))));
  }
  return spec;
}

}  // namespace llmtrain
