#include "lib/data/document_source.h"

#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>

#include "lib/base/digest.h"
#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/data/text_cutter.h"
#include "lib/io/jsonl.h"
#include "lib/io/line_reader.h"

namespace llmtrain {
namespace {

constexpr std::size_t kShownRecord = 120;
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

JsonLineRules line_rules(const DataSource& source, const ReadRules& rules) {
  return {.field = source.field,
          .id_field = source.id_field,
          .refuse_extra = source.extra_fields == ExtraFields::kRefuse,
          .max_depth = rules.max_depth};
}

// 128 bits of SHA-256 in place of an id: two ids never meet by chance.
struct IdKey {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  bool operator==(const IdKey&) const = default;
};
struct IdKeyHash {
  std::size_t operator()(const IdKey& key) const { return key.low; }
};
IdKey id_key(std::string_view id) {
  const std::string hex = sha256_hex(id);
  return {.high = std::stoull(hex.substr(0, 16), nullptr, 16), .low = std::stoull(hex.substr(16, 16), nullptr, 16)};
}

// The JSON lines of one file: the lines that hold a document, and a tally of those that should have.
class JsonlDocuments {
 public:
  JsonlDocuments(ExpandedStream stream, const DataSource& source, const ReadRules& rules)
      : lines_(std::move(stream), rules.max_line),
        parser_(line_rules(source, rules)),
        rules_(rules),
        has_ids_(source.id_field) {}

  bool next(Document& document) {
    Line line;
    while (lines_.next(line)) {
      std::string_view bytes = line.bytes;
      if (line.number == 1 && bytes.starts_with(kByteOrderMark)) {
        bytes.remove_prefix(kByteOrderMark.size());
        byte_order_mark_ = kByteOrderMark.size();
      }
      const std::size_t dropped = line.number == 1 ? byte_order_mark_ : 0;
      if (!line.too_long && is_blank(bytes)) continue;
      if (auto fault = fault_of(line, bytes)) {
        fault->column += dropped;
        pass_over_or_throw(line, bytes, *fault);
        continue;
      }
      if (is_blank(record_.text)) {
        ++empty_documents_;
        continue;
      }
      document.text.swap(record_.text);
      document.line = line.number;
      document.offset = line.offset;
      document.continues = false;
      return true;
    }
    return false;
  }

  std::uint64_t empty_documents() const { return empty_documents_; }
  const BadLines& bad_lines() const { return bad_lines_; }
  const ExpandedStream& stream() const { return lines_.stream(); }

 private:
  std::optional<JsonLineFault> fault_of(const Line& line, std::string_view bytes) {
    if (line.too_long) {
      return JsonLineFault{.kind = "line too long",
                           .what = fmt::format("line too long, expected at most {} bytes", rules_.max_line),
                           .hint = "max_line"};
    }
    if (auto fault = parser_.parse(bytes, record_)) return fault;
    if (!has_ids_) return std::nullopt;
    const auto [earlier, is_new] = ids_.try_emplace(id_key(record_.id), line.number);
    if (is_new) return std::nullopt;
    return JsonLineFault{.kind = "repeated id",
                         .what = fmt::format("repeated id '{}', expected one that line {} has not",
                                             printable(std::string_view(record_.id).substr(1), 80), earlier->second)};
  }

  void pass_over_or_throw(const Line& line, std::string_view bytes, const JsonLineFault& fault) {
    std::string message = fmt::format("{}:{}:{}: {}, in {}", stream().path().string(), line.number, fault.column,
                                      fault.what, printable(bytes, kShownRecord));
    if (rules_.on_bad_line == BadLinePolicy::kError) {
      throw input_error("{}; try {}", message, fault.hint.empty() ? "on_bad_line: skip" : fault.hint);
    }
    BadLines::Kind& kind = bad_lines_.kinds[fault.kind];
    if (kind.count++ == 0) kind.first = std::move(message);
    check_bad_lines(bad_lines_, rules_);
  }

  LineReader lines_;
  JsonLineParser parser_;
  ReadRules rules_;
  bool has_ids_;
  JsonLine record_;
  std::unordered_map<IdKey, std::uint64_t, IdKeyHash> ids_;  // and the line that had it
  std::size_t byte_order_mark_ = 0;
  std::uint64_t empty_documents_ = 0;
  BadLines bad_lines_;
};

using Documents = std::variant<TextCutter, JsonlDocuments>;

ExpandedStream open_stream(const CorpusFile& file, const ReadRules& rules) {
  ExpandedStream stream(file.path, file.compression, {.max_ratio = rules.max_ratio});
  if (stream.identity() != file.identity) {
    throw input_error("{}: the file changed since it was listed; try again when nothing writes to it",
                      file.path.string());
  }
  return stream;
}

Documents open_documents(const CorpusFile& file, const DataSource& source, const ReadRules& rules) {
  ENSURE(file.format == DataFormat::kText || file.format == DataFormat::kJsonl, file.path.string());
  if (file.format == DataFormat::kJsonl) return JsonlDocuments(open_stream(file, rules), source, rules);
  return TextCutter(open_stream(file, rules), source.document_separator, rules.max_piece);
}

}  // namespace

ReadRules read_rules(const CorpusConfig& config) {
  return {.on_bad_line = config.on_bad_line,
          .max_bad_lines = static_cast<std::uint64_t>(config.max_bad_lines),
          .max_line = static_cast<std::size_t>(config.max_line.value),
          .max_depth = static_cast<std::size_t>(config.max_depth),
          .max_ratio = config.max_ratio};
}

TokenBinaryRules token_binary_rules(const DataSource& source, std::uint64_t vocab_size, const ReadRules& rules) {
  TokenBinaryRules wanted = {.raw_width = source.token_width == TokenWidth::kU16 ? 2 : 4,
                             .vocab_size = vocab_size,
                             .expand = {.max_ratio = rules.max_ratio}};
  if (source.document_token) wanted.document_token = static_cast<std::uint32_t>(*source.document_token);
  return wanted;
}

std::uint64_t BadLines::count() const {
  std::uint64_t sum = 0;
  for (const auto& [name, kind] : kinds) sum += kind.count;
  return sum;
}

void BadLines::merge(const BadLines& other) {
  for (const auto& [name, kind] : other.kinds) {
    Kind& mine = kinds[name];
    if (mine.count == 0) mine.first = kind.first;
    mine.count += kind.count;
  }
}

std::string BadLines::summary() const {
  std::string text = fmt::format("{} bad {}", with_thousands(count()), count() == 1 ? "line" : "lines");
  std::string_view separator = ": ";
  for (const auto& [name, kind] : kinds) {
    text += fmt::format("{}{} {} (first: {})", separator, with_thousands(kind.count), name, kind.first);
    separator = "; ";
  }
  return text;
}

void check_bad_lines(const BadLines& bad, const ReadRules& rules) {
  if (bad.count() <= rules.max_bad_lines) return;
  throw input_error(
      "more bad lines than max_bad_lines, expected at most {}, got {}; try mending them, or a higher max_bad_lines",
      with_thousands(rules.max_bad_lines), bad.summary());
}

struct DocumentReader::State {
  State(const CorpusFile& file, const DataSource& source, const ReadRules& rules)
      : documents(open_documents(file, source, rules)) {}

  const ExpandedStream& stream() const {
    return std::visit([](const auto& d) -> const ExpandedStream& { return d.stream(); }, documents);
  }
  std::uint64_t empty_documents() const {
    return std::visit([](const auto& d) { return d.empty_documents(); }, documents);
  }
  const BadLines& bad_lines() const {
    const auto* lines = std::get_if<JsonlDocuments>(&documents);
    return lines == nullptr ? no_bad_lines : lines->bad_lines();
  }

  Documents documents;
  std::uint64_t count = 0;
  BadLines no_bad_lines;
};

DocumentReader::DocumentReader(const CorpusFile& file, const DataSource& source, const ReadRules& rules)
    : state_(std::make_unique<State>(file, source, rules)) {}
DocumentReader::DocumentReader(DocumentReader&&) noexcept = default;
DocumentReader::~DocumentReader() = default;

bool DocumentReader::next(Document& document) {
  State& s = *state_;
  if (std::visit([&](auto& documents) { return documents.next(document); }, s.documents)) {
    if (!document.continues) ++s.count;
    return true;
  }
  if (s.count == 0) {
    throw input_error("{}: no usable document, expected at least one, got {} empty and {}", s.stream().path().string(),
                      s.empty_documents(), s.bad_lines().summary());
  }
  return false;
}

std::uint64_t DocumentReader::bytes_read() const { return state_->stream().bytes_read(); }
std::uint64_t DocumentReader::documents() const { return state_->count; }
std::uint64_t DocumentReader::empty_documents() const { return state_->empty_documents(); }
const BadLines& DocumentReader::bad_lines() const { return state_->bad_lines(); }
const std::string& DocumentReader::sha256() const { return state_->stream().sha256(); }

}  // namespace llmtrain
