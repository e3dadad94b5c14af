#include "lib/data/row_index.h"

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

#include "lib/base/error.h"
#include "lib/base/signals.h"

namespace llmtrain {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::string_view kRowsKind = "ROWS";
constexpr std::uint64_t kLook = std::uint64_t{1} << 16;  // documents between two looks for a stop

std::string settings_text(const RowRules& rules) {
  const Json settings = {{"sequence_length", rules.sequence_length},
                         {"packing", enum_name(rules.packing)},
                         {"long_documents", enum_name(rules.long_documents)},
                         {"hold_out", enum_name(rules.hold_out)},
                         {"fraction", rules.held_out_fraction},
                         {"held_out", rules.held_out}};
  return settings.dump();
}

// Goes through the documents of a source and lays those of one side into rows.
class RowIndexWriter {
 public:
  RowIndexWriter(const fs::path& path, const RowRules& rules, std::uint64_t source_tokens)
      : rules_(rules),
        file_(path, kRowsKind),
        stream_(rules.sequence_length),
        best_fit_(rules.sequence_length),
        pieces_offset_(file_.begin_array()) {
    const double left = std::floor(static_cast<double>(source_tokens) * (1.0 - rules.held_out_fraction));
    tail_begin_ = std::min(source_tokens, static_cast<std::uint64_t>(left));
  }

  // [begin, end): the document's tokens in the source.
  void add(std::uint64_t begin, std::uint64_t end, const ShardDocument& document, std::uint64_t shard) {
    const bool by_document = rules_.hold_out == HoldOut::kDocuments;
    const bool other_side = by_document && is_held_out(document.hash, rules_.held_out_fraction) != rules_.held_out;
    if (!by_document) clip_to_side(begin, end);
    if (other_side || begin == end) {
      ++counts_.other_side;
      return;
    }
    if (end - begin < 2) {
      ++counts_.too_short;
      return;
    }
    if (end - begin > rules_.sequence_length + 1 && !take_long(begin, end, {.shard = shard, .place = document.place})) {
      return;
    }
    ++counts_.documents;
    counts_.tokens += end - begin;
    pack(begin, end - begin);
  }

  void commit() {
    if (rules_.packing == Packing::kBestFit) best_fit_.finish(ready_);
    flush();
    counts_.rows = rules_.packing == Packing::kBestFit ? best_fit_.rows() : stream_.rows();
    Json info = {{"settings", settings_text(rules_)},
                 {"stride", rules_.sequence_length + (rules_.packing == Packing::kBestFit ? 1 : 0)},
                 {"pieces", pieces_},
                 {"pieces_offset", pieces_offset_},
                 {"rows", counts_.rows},
                 {"tokens", counts_.tokens},
                 {"documents", counts_.documents},
                 {"other_side", counts_.other_side},
                 {"too_short", counts_.too_short},
                 {"too_long", counts_.too_long},
                 {"dropped_tokens", counts_.dropped_tokens}};
    if (counts_.first_too_long) {
      info["first_too_long"] = {{"shard", counts_.first_too_long->shard}, {"place", counts_.first_too_long->place}};
    }
    file_.commit(info.dump());
  }

 private:
  void clip_to_side(std::uint64_t& begin, std::uint64_t& end) const {
    if (rules_.held_out) begin = std::clamp(tail_begin_, begin, end);
    if (!rules_.held_out) end = std::clamp(tail_begin_, begin, end);
  }

  // Whether anything is left of a document that is longer than a row.
  bool take_long(std::uint64_t begin, std::uint64_t& end, DocumentPlace place) {
    if (counts_.too_long++ == 0) counts_.first_too_long = place;
    const std::uint64_t row_end = begin + rules_.sequence_length + 1;
    switch (rules_.long_documents) {
      case LongDocuments::kSplit:
      case LongDocuments::kError:  // the caller refuses, with the file's name
        return true;
      case LongDocuments::kDrop:
        counts_.dropped_tokens += end - begin;
        return false;
      case LongDocuments::kTruncate:
        counts_.dropped_tokens += end - row_end;
        end = row_end;
        return true;
    }
    return true;
  }

  void pack(std::uint64_t begin, std::uint64_t length) {
    if (rules_.packing == Packing::kBestFit) {
      best_fit_.add(begin, length, ready_);
    } else {
      ready_.push_back(stream_.add(begin, length));
    }
    if (ready_.size() >= kPackingWindow) flush();
  }

  void flush() {
    file_.append(std::as_bytes(std::span(ready_)));
    pieces_ += ready_.size();
    ready_.clear();
  }

  RowRules rules_;
  CacheFileWriter file_;
  StreamPacker stream_;
  BestFitPacker best_fit_;
  std::uint64_t pieces_offset_;
  std::uint64_t tail_begin_ = 0;
  std::uint64_t pieces_ = 0;
  std::vector<RowPiece> ready_;
  RowCounts counts_;
};

std::uint64_t tokens_of(const std::vector<fs::path>& shards) {
  std::uint64_t tokens = 0;
  for (const auto& path : shards) tokens += TokenShard(path).tokens();
  return tokens;
}

}  // namespace

bool is_held_out(std::uint64_t content_hash, double share) {
  // The top 53 bits are a double in [0, 1) exactly.
  return static_cast<double>(content_hash >> 11U) * 0x1.0p-53 < share;
}

std::string row_index_key(const RowRules& rules, const std::vector<std::string>& shards) {
  return sha256_hex(
      fmt::format("row index {}\n{}\n{}\n", kCacheFileVersion, settings_text(rules), fmt::join(shards, "\n")));
}

std::string document_name(const CorpusFile& file, std::uint64_t place) {
  return file.format == DataFormat::kTokens ? fmt::format("{}: byte {}", file.path.string(), place)
                                            : fmt::format("{}:{}", file.path.string(), place);
}

void write_row_index(const fs::path& path, const RowRules& rules, const std::vector<fs::path>& shards,
                     const std::vector<CorpusFile>& files) {
  ENSURE(rules.sequence_length >= 2 && shards.size() == files.size(), rules.sequence_length, shards.size());
  RowIndexWriter writer(path, rules, tokens_of(shards));
  std::uint64_t shard_begin = 0;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    stop_point("laying documents into rows");
    const TokenShard shard(shards[i]);
    std::uint64_t begin = 0;
    std::uint64_t documents = 0;
    shard.for_each_document([&](const ShardDocument& document) {
      if (++documents % kLook == 0) stop_point("laying documents into rows");
      if (rules.long_documents == LongDocuments::kError && document.end - begin > rules.sequence_length + 1) {
        throw input_error(
            "{}: the document is longer than a row: expected at most {} tokens (pretrain.sequence_length + 1), got "
            "{}; raise sequence_length, or set pretrain.data.long_documents to split, truncate or drop",
            document_name(files[i], document.place), rules.sequence_length + 1, document.end - begin);
      }
      writer.add(shard_begin + begin, shard_begin + document.end, document, i);
      begin = document.end;
    });
    shard_begin += shard.tokens();
  }
  writer.commit();
}

RowIndex::RowIndex(const fs::path& path) : file_(path, kRowsKind) {
  std::uint64_t pieces = 0;
  std::uint64_t offset = 0;
  try {
    const Json info = Json::parse(file_.info());
    counts_ = {.rows = info.at("rows"),
               .tokens = info.at("tokens"),
               .documents = info.at("documents"),
               .other_side = info.at("other_side"),
               .too_short = info.at("too_short"),
               .too_long = info.at("too_long"),
               .dropped_tokens = info.at("dropped_tokens")};
    if (info.contains("first_too_long")) {
      const auto& first = info.at("first_too_long");
      counts_.first_too_long = {.shard = first.at("shard"), .place = first.at("place")};
    }
    stride_ = info.at("stride");
    pieces = info.at("pieces");
    offset = info.at("pieces_offset");
  } catch (const Json::exception& error) {
    throw storage_error("{}: damaged: {}; delete it and prepare the data again", path.string(), error.what());
  }
  pieces_ = file_.array<RowPiece>(offset, pieces);
}

std::span<const RowPiece> RowIndex::pieces(std::uint64_t begin, std::uint64_t end) const {
  const auto ends_before = [](const RowPiece& piece, std::uint64_t at) { return piece.row_begin + piece.length <= at; };
  const auto begins_before = [](const RowPiece& piece, std::uint64_t at) { return piece.row_begin < at; };
  const auto first = std::lower_bound(pieces_.begin(), pieces_.end(), begin, ends_before);
  const auto last = std::lower_bound(first, pieces_.end(), end, begins_before);
  return {first, last};
}

}  // namespace llmtrain
