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

struct DataSource {
  std::string path;
  double weight = 1.0;
  DataFormat format = DataFormat::kAuto;
  std::string field = "text";
};

template <class Visitor>
void fields(DataSource& c, Visitor&& visit) {
  visit("path", c.path, "A file, a folder (all its data files), or a glob (*, ?, [...]; ** crosses folders).",
        required);
  visit("weight", c.weight, "Share of this source in a mixture, relative to the others.", positive);
  visit("format", c.format, "auto goes by content and name; tokens: nanoGPT's or llm.c's binaries.");
  visit("field", c.field, "The key that holds the text in JSON lines.", not_empty);
}

enum class BadLinePolicy { kError, kSkip };
template <>
struct EnumTable<BadLinePolicy> {
  static constexpr std::array<std::pair<BadLinePolicy, std::string_view>, 2> names = {
      {{BadLinePolicy::kError, "error"}, {BadLinePolicy::kSkip, "skip"}}};
};

struct ValidationConfig {
  std::optional<double> fraction;
  std::vector<DataSource> data;
};

template <class Visitor>
void fields(ValidationConfig& c, Visitor&& visit) {
  visit("fraction", c.fraction, "Share of the training documents that is held out, chosen by their content.",
        below_one);
  visit("data", c.data, "Files of their own to validate on.");
}

inline void check(const ValidationConfig& c, Contradictions& out) {
  if (c.fraction && !c.data.empty()) out.add("fraction", "'fraction' and 'data' exclude each other; keep one");
}

// Text to train on: pretraining's data section.
struct CorpusConfig {
  std::vector<DataSource> train;
  ValidationConfig validation;
  BadLinePolicy on_bad_line = BadLinePolicy::kError;
  std::int64_t max_bad_lines = 100;
  Bytes max_line = {.value = std::int64_t{64} << 20};
  std::string cache = ".cache/llmtrain";
};

template <class Visitor>
void fields(CorpusConfig& c, Visitor&& visit) {
  visit("train", c.train, "Sources, mixed by their weights.", required);
  visit("validation", c.validation, "What is held out.");
  visit("on_bad_line", c.on_bad_line, "error stops at the first bad line; skip counts it and goes on.");
  visit("max_bad_lines", c.max_bad_lines, "With skip: more than this many is an error.", non_negative);
  visit("max_line", c.max_line, "Longest line taken.", positive);
  visit("cache", c.cache, "Folder that holds tokenized shards; safe to delete.", not_empty);
}

}  // namespace llmtrain
