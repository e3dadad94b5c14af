#include "apps/llmtrain/data_report.h"

#include <algorithm>

#include "lib/base/text.h"

namespace llmtrain {
namespace {

constexpr std::size_t kShownFiles = 20;
constexpr std::size_t kShownScripts = 6;

std::string ratio(std::uint64_t bytes, std::uint64_t tokens) {
  return tokens == 0 ? "-" : fmt::format("{:.2f}", static_cast<double>(bytes) / static_cast<double>(tokens));
}

struct FileTotals {
  std::uint64_t files = 0;
  std::uint64_t documents = 0;
  std::uint64_t tokens = 0;
  std::uint64_t text_bytes = 0;
  std::uint64_t made = 0;

  void add(const PreparedFile& file) {
    ++files;
    documents += file.documents;
    tokens += file.tokens;
    text_bytes += file.text_bytes;
    made += file.cached ? 0 : 1;
  }
  Row row(const std::string& name) const {
    const std::string state = made == 0 ? "cached" : made == files ? "new" : fmt::format("{} new", made);
    return {name, with_thousands(documents), with_thousands(tokens), ratio(text_bytes, tokens), state};
  }
};

void add_source(const PreparedSource& source, std::vector<Row>& rows, FileTotals& totals) {
  FileTotals others;
  for (std::size_t i = 0; i < source.files.size(); ++i) {
    const auto& file = source.files[i];
    totals.add(file);
    if (i < kShownFiles) {
      FileTotals one;
      one.add(file);
      rows.push_back(one.row(printable(file.file.path.string())));
    } else {
      others.add(file);
    }
  }
  if (others.files > 0) rows.push_back(others.row(fmt::format("and {} more", with_thousands(others.files))));
}

std::string side_text(const char* name, const std::vector<PreparedSource>& sources) {
  RowCounts all;
  for (const auto& source : sources) {
    all.documents += source.counts.documents;
    all.tokens += source.counts.tokens;
    all.rows += source.counts.rows;
  }
  return fmt::format("{}: {}, {}, {}\n", name, counted(all.documents, "document"), counted(all.tokens, "token"),
                     counted(all.rows, "row"));
}

// "Latin 81.2 %, Hangul 9.0 %, spaces 8.1 %": the largest shares of all characters.
std::string scripts_text(const ScriptCounts& counts) {
  std::vector<std::pair<std::uint64_t, std::size_t>> order;
  double all = 0.0;
  for (std::size_t i = 0; i < kScripts; ++i) {
    if (counts[i] > 0) order.emplace_back(counts[i], i);
    all += static_cast<double>(counts[i]);
  }
  std::ranges::sort(order, std::greater<>());
  std::vector<std::string> parts;
  for (const auto& [count, script] : order) {
    if (parts.size() == kShownScripts) break;
    parts.push_back(
        fmt::format("{} {:.1f} %", script_name(static_cast<Script>(script)), 100.0 * static_cast<double>(count) / all));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string source_text(const SourceStats& stats) {
  const std::vector<Row> rows = {
      {"  files", with_thousands(stats.files)},
      {"  documents", with_thousands(stats.documents)},
      {"  exact duplicates", with_thousands(stats.duplicates)},
      {"  tokens", with_thousands(stats.tokens)},
      {"  bytes a token", ratio(stats.text_bytes, stats.tokens)},
      {"  tokens a document", fmt::format("p50 {}, p90 {}, p99 {}, longest {}", with_thousands(stats.lengths.p50),
                                          with_thousands(stats.lengths.p90), with_thousands(stats.lengths.p99),
                                          with_thousands(stats.lengths.longest))},
      {"  characters", scripts_text(stats.scripts)},
      {"  rows", with_thousands(stats.rows)}};
  return printable(stats.name) + "\n" + aligned(rows, Columns::kText);
}

Json source_json(const SourceStats& stats) {
  Json scripts = Json::object();
  for (std::size_t i = 0; i < kScripts; ++i) {
    if (stats.scripts[i] > 0) scripts[std::string(script_name(static_cast<Script>(i)))] = stats.scripts[i];
  }
  return {{"path", stats.name},
          {"files", stats.files},
          {"documents", stats.documents},
          {"duplicates", stats.duplicates},
          {"tokens", stats.tokens},
          {"text_bytes", stats.text_bytes},
          {"bytes_per_token", stats.bytes_per_token()},
          {"document_tokens",
           {{"p50", stats.lengths.p50},
            {"p90", stats.lengths.p90},
            {"p99", stats.lengths.p99},
            {"longest", stats.lengths.longest}}},
          {"characters", scripts},
          {"rows", stats.rows}};
}

// A line of its own for every newline would tear the row apart.
std::string one_line(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\n') {
      escaped += "\\n";
    } else {
      escaped += c;
    }
  }
  return printable(escaped, 16 * escaped.size() + 1);
}

// A row document by document. The last token of a full row is a target only, and shown with the input before it.
std::string row_text(const RowBatch& batch, const Tokenizer& tokenizer) {
  std::string text;
  for (std::size_t i = 0; i + 1 < batch.document_bounds.size(); ++i) {
    const auto begin = static_cast<std::size_t>(batch.document_bounds[i]);
    const auto end = static_cast<std::size_t>(batch.document_bounds[i + 1]);
    const auto mask = std::span(batch.target_mask).subspan(begin, end - begin);
    const auto trained = std::ranges::count(mask, 1);
    if (trained == 0 && i > 0) {  // every other place that begins inside the row has a target behind it
      text += fmt::format("  tokens {}-{}: padding\n", begin, end - 1);
      continue;
    }
    const std::size_t shown = end - begin + (mask.back() == 1 ? 1 : 0);
    const auto tokens = std::span(batch.tokens).subspan(begin, shown);
    const std::vector<std::uint32_t> ids(tokens.begin(), tokens.end());
    text += fmt::format("  tokens {}-{}, {} trained\n    {}\n    \"{}\"\n", begin, begin + shown - 1, trained,
                        fmt::join(ids, " "), one_line(tokenizer.decode(ids)));
  }
  return text;
}

}  // namespace

std::string prepared_text(const PreparedCorpus& corpus, const PretrainConfig& config) {
  std::vector<Row> rows = {{"file", "documents", "tokens", "bytes/token", ""}};
  FileTotals totals;
  for (const auto& source : corpus.train) add_source(source, rows, totals);
  if (!config.data.validation.data.empty()) {
    for (const auto& source : corpus.validation) add_source(source, rows, totals);
  }
  rows.push_back(totals.row("total"));
  std::string text = aligned(rows, Columns::kNumbers) + "\n" + side_text("training", corpus.train);
  if (!corpus.validation.empty()) text += side_text("validation", corpus.validation);
  return text + fmt::format("rows of {} tokens, in {}\n", config.sequence_length, printable(config.data.cache));
}

std::string stats_text(const CorpusStats& stats, const PretrainConfig& config) {
  std::string text;
  for (const auto& source : stats.sources) text += source_text(source) + "\n";
  for (const auto& source : stats.validation) text += "validation: " + source_text(source) + "\n";
  text += fmt::format("training: {} of {} tokens", counted(stats.train_rows, "row"), config.sequence_length);
  if (stats.epochs) text += fmt::format(", gone through {:.2f} times", *stats.epochs);
  text += "\n";
  if (stats.validation_rows > 0) {
    text += fmt::format("validation: {}, {}\n", counted(stats.validation_documents, "document"),
                        counted(stats.validation_rows, "row"));
  }
  return text;
}

Json stats_json(const CorpusStats& stats, const PretrainConfig& config) {
  Json json = {{"sources", Json::array()},
               {"validation_sources", Json::array()},
               {"sequence_length", config.sequence_length},
               {"train_rows", stats.train_rows},
               {"validation_rows", stats.validation_rows},
               {"validation_documents", stats.validation_documents},
               {"epochs", nullptr}};
  for (const auto& source : stats.sources) json["sources"].push_back(source_json(source));
  for (const auto& source : stats.validation) json["validation_sources"].push_back(source_json(source));
  if (stats.epochs) json["epochs"] = *stats.epochs;
  return json;
}

std::string preview_text(const PreparedCorpus& corpus, const PretrainConfig& config, const Tokenizer& tokenizer,
                         const PreviewOptions& options) {
  auto sources = open_rows(corpus.train, config.sequence_length, tokenizer.vocab_size());
  const auto mixture = training_mixture(corpus.train, options.seed);
  std::string text;
  for (std::uint64_t position = options.position; position < options.position + options.rows; ++position) {
    const auto draw = mixture.at(position);
    RowBatch batch;
    append_row(sources.at(draw.source), draw.row, config.data.across_documents, batch);
    text += fmt::format("position {}: {}, epoch {}, row {} of {}, {} trained\n{}", position,
                        printable(corpus.train.at(draw.source).name), draw.epoch, draw.row,
                        sources.at(draw.source).rows(), batch.targets, row_text(batch, tokenizer));
  }
  return text;
}

}  // namespace llmtrain
