#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/config/fields.h"
#include "lib/config/units.h"

namespace llmtrain {

enum class DataFormat { kAuto, kText, kJsonl, kTokens };
template <>
struct EnumTable<DataFormat> {
  static constexpr std::array<std::pair<DataFormat, std::string_view>, 4> names = {{{DataFormat::kAuto, "auto"},
                                                                                    {DataFormat::kText, "text"},
                                                                                    {DataFormat::kJsonl, "jsonl"},
                                                                                    {DataFormat::kTokens, "tokens"}}};
};

enum class ExtraFields { kAllow, kRefuse };
template <>
struct EnumTable<ExtraFields> {
  static constexpr std::array<std::pair<ExtraFields, std::string_view>, 2> names = {
      {{ExtraFields::kAllow, "allow"}, {ExtraFields::kRefuse, "refuse"}}};
};

enum class TokenWidth { kU16, kU32 };
template <>
struct EnumTable<TokenWidth> {
  static constexpr std::array<std::pair<TokenWidth, std::string_view>, 2> names = {
      {{TokenWidth::kU16, "u16"}, {TokenWidth::kU32, "u32"}}};
};

struct DataSource {
  std::string path;
  double weight = 1.0;
  DataFormat format = DataFormat::kAuto;
  std::string field = "text";
  std::optional<std::string> id_field;
  ExtraFields extra_fields = ExtraFields::kAllow;
  std::optional<std::string> document_separator;
  TokenWidth token_width = TokenWidth::kU16;
  std::optional<std::int64_t> document_token;
};

template <class Visitor>
void fields(DataSource& c, Visitor&& visit) {
  visit("path", c.path, "A file, a folder (all its data files), or a glob (*, ?, [...]; ** crosses folders).",
        required);
  visit("weight", c.weight, "Share of this source in a mixture, relative to the others.", positive);
  visit("format", c.format, "auto goes by content and name; tokens: nanoGPT's or llm.c's binaries.");
  visit("field", c.field, "The key that holds the text in JSON lines.", not_empty);
  visit("id_field", c.id_field,
        "A key in JSON lines whose value no other line of the file may have; keeps about 64 bytes a line.", not_empty);
  visit("extra_fields", c.extra_fields, "Keys in JSON lines besides field and id_field.");
  visit("document_separator", c.document_separator,
        "Cuts a text file into documents, for example '<|endoftext|>'; without it a file is one document.", not_empty);
  visit("token_width", c.token_width, "What an id is in a token file without a header.");
  visit("document_token", c.document_token,
        "The id between two documents in token files; without it a file is one document.", between(0, 4294967295.0));
}

inline void check(const DataSource& c, Contradictions& out) {
  const auto only_for = [&](const char* key, bool given, DataFormat format) {
    if (!given || c.format == DataFormat::kAuto || c.format == format) return;
    out.add(key, "'" + std::string(key) + "' is for format " + std::string(enum_name(format)) + ", not " +
                     std::string(enum_name(c.format)));
  };
  only_for("id_field", c.id_field.has_value(), DataFormat::kJsonl);
  only_for("document_separator", c.document_separator.has_value(), DataFormat::kText);
  only_for("document_token", c.document_token.has_value(), DataFormat::kTokens);
  only_for("field", c.field != DataSource{}.field, DataFormat::kJsonl);
  only_for("extra_fields", c.extra_fields != DataSource{}.extra_fields, DataFormat::kJsonl);
  only_for("token_width", c.token_width != DataSource{}.token_width, DataFormat::kTokens);
}

// Sources that are read whole, one after another, and not mixed.
inline void check_unmixed(const std::vector<DataSource>& data, Contradictions& out) {
  for (std::size_t i = 0; i < data.size(); ++i) {
    if (data[i].weight == DataSource{}.weight) continue;
    out.add("data[" + std::to_string(i) + "].weight", "'weight' is for mixtures; these sources are read whole");
  }
}

enum class BadLinePolicy { kError, kSkip };
template <>
struct EnumTable<BadLinePolicy> {
  static constexpr std::array<std::pair<BadLinePolicy, std::string_view>, 2> names = {
      {{BadLinePolicy::kError, "error"}, {BadLinePolicy::kSkip, "skip"}}};
};

enum class HoldOut { kDocuments, kTail };
template <>
struct EnumTable<HoldOut> {
  static constexpr std::array<std::pair<HoldOut, std::string_view>, 2> names = {
      {{HoldOut::kDocuments, "documents"}, {HoldOut::kTail, "tail"}}};
};

struct ValidationConfig {
  std::optional<double> fraction;
  HoldOut hold_out = HoldOut::kDocuments;
  std::vector<DataSource> data;
};

template <class Visitor>
void fields(ValidationConfig& c, Visitor&& visit) {
  visit("fraction", c.fraction, "Share of the training data that is held out.", below_one);
  visit("hold_out", c.hold_out,
        "What the fraction is taken from: documents, chosen by their content, or the tail of each source's tokens.");
  visit("data", c.data, "Files of their own to validate on.");
}

inline void check(const ValidationConfig& c, Contradictions& out) {
  if (c.fraction && !c.data.empty()) out.add("fraction", "'fraction' and 'data' exclude each other; keep one");
  if (!c.fraction && c.hold_out != HoldOut::kDocuments) out.add("hold_out", "'hold_out' is for a fraction; give one");
  check_unmixed(c.data, out);
}

enum class Packing { kStream, kBestFit };
template <>
struct EnumTable<Packing> {
  static constexpr std::array<std::pair<Packing, std::string_view>, 2> names = {
      {{Packing::kStream, "stream"}, {Packing::kBestFit, "best_fit"}}};
};

enum class LongDocuments { kSplit, kDrop, kTruncate, kError };
template <>
struct EnumTable<LongDocuments> {
  static constexpr std::array<std::pair<LongDocuments, std::string_view>, 4> names = {
      {{LongDocuments::kSplit, "split"},
       {LongDocuments::kDrop, "drop"},
       {LongDocuments::kTruncate, "truncate"},
       {LongDocuments::kError, "error"}}};
};

// Text to train on: pretraining's data section.
struct CorpusConfig {
  std::vector<DataSource> train;
  ValidationConfig validation;
  Packing packing = Packing::kStream;
  LongDocuments long_documents = LongDocuments::kSplit;
  bool across_documents = false;
  BadLinePolicy on_bad_line = BadLinePolicy::kError;
  std::int64_t max_bad_lines = 100;
  Bytes max_line = {.value = std::int64_t{64} << 20};
  std::int64_t max_depth = 64;
  double max_ratio = 1000.0;
  std::string cache = ".cache/llmtrain";
};

template <class Visitor>
void fields(CorpusConfig& c, Visitor&& visit) {
  visit("train", c.train, "Sources, mixed by their weights.", required);
  visit("validation", c.validation, "What is held out.");
  visit("packing", c.packing,
        "How documents become rows: stream cuts one after another wherever a row is full; best_fit keeps what fits "
        "into a row whole and pads.");
  visit("long_documents", c.long_documents,
        "Documents longer than a row: split over rows, drop (more than 1 % is an error), truncate to a row, or error.");
  visit("across_documents", c.across_documents,
        "Attention and targets cross from one document of a row into the next.");
  visit("on_bad_line", c.on_bad_line, "error stops at the first bad line; skip counts it and goes on.");
  visit("max_bad_lines", c.max_bad_lines, "With skip: more than this many is an error.", non_negative);
  visit("max_line", c.max_line, "Longest line taken.", positive);
  visit("max_depth", c.max_depth, "Deepest nesting taken in a JSON line.", between(1, 1000000));
  visit("max_ratio", c.max_ratio, "Most bytes that one byte of a compressed file may stand for.", at_least(1));
  visit("cache", c.cache, "Folder that holds tokenized shards; safe to delete.", may_change(not_empty));
}

inline void check(const CorpusConfig& c, Contradictions& out) {
  if (c.on_bad_line != BadLinePolicy::kSkip && c.max_bad_lines != CorpusConfig{}.max_bad_lines) {
    out.add("max_bad_lines", "'max_bad_lines' is for on_bad_line skip, not " + std::string(enum_name(c.on_bad_line)));
  }
}

}  // namespace llmtrain
