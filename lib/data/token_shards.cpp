#include "lib/data/token_shards.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include <nlohmann/json.hpp>

#include "lib/base/error.h"

namespace llmtrain {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::string_view kShardKind = "TOKS";
constexpr std::size_t kDocumentChunk = 16384;

// The narrow form holds every id of a vocabulary of this size.
bool fits_u16(std::uint64_t vocab_size) {
  return vocab_size <= std::uint64_t{std::numeric_limits<std::uint16_t>::max()} + 1;
}

std::string_view text_of(std::span<const std::uint64_t> numbers) {
  return {reinterpret_cast<const char*>(numbers.data()), numbers.size_bytes()};
}

// Messages begin with the file's name; the shard may outlive that name, so it is kept without.
std::string without_prefix(const std::string& text, const std::string& prefix) {
  return text.starts_with(prefix) ? text.substr(prefix.size()) : text;
}

Json to_json(const BadLines& bad_lines, const std::string& source) {
  Json kinds = Json::object();
  for (const auto& [what, kind] : bad_lines.kinds) {
    kinds[what] = {{"count", kind.count}, {"first", without_prefix(kind.first, source)}};
  }
  return kinds;
}

}  // namespace

std::uint64_t content_hash(std::string_view bytes) {
  const std::string digits = sha256_hex(bytes).substr(0, 16);
  std::uint64_t hash = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), hash, 16);
  ENSURE(error == std::errc() && end == digits.data() + digits.size(), digits);
  return hash;
}

std::string shard_key(const ShardOrigin& origin) {
  return sha256_hex(fmt::format("token shard {}\n{}\n{}\n{}\n{}\n", kCacheFileVersion, origin.source_sha256,
                                origin.tokenizer, origin.vocab_size, origin.settings));
}

ShardWriter::ShardWriter(const fs::path& path, ShardOrigin origin)
    : origin_(std::move(origin)),
      file_(path, kShardKind),
      documents_(path.parent_path()),
      tokens_offset_(file_.begin_array()) {}

void ShardWriter::append_ids(std::span<const std::uint32_t> ids) {
  const auto largest = std::ranges::max_element(ids);
  ENSURE(ids.empty() || *largest < origin_.vocab_size, *largest, origin_.vocab_size);
  if (fits_u16(origin_.vocab_size)) {
    narrow_.assign(ids.begin(), ids.end());
    file_.append(std::as_bytes(std::span(narrow_)));
  } else {
    file_.append(std::as_bytes(ids));
  }
}

void ShardWriter::append(const TokenizedBatch& batch) {
  append_ids(batch.ids);
  for (const auto& piece : batch.pieces) {
    if (piece_hashes_.empty()) place_ = piece.place;
    piece_hashes_.push_back(piece.hash);
    text_bytes_ += piece.text_bytes;
    if (piece.continues) continue;
    const std::uint64_t hash = piece_hashes_.size() == 1 ? piece.hash : content_hash(text_of(piece_hashes_));
    const ShardDocument document{.end = tokens_ + piece.end, .hash = hash, .place = place_};
    documents_.append(std::as_bytes(std::span(&document, 1)));
    piece_hashes_.clear();
  }
  tokens_ += batch.ids.size();
}

void ShardWriter::commit(const BadLines& bad_lines, std::uint64_t empty_documents, const fs::path& source) {
  ENSURE(piece_hashes_.empty(), piece_hashes_.size());
  const std::uint64_t documents_offset = file_.begin_array();
  documents_.read_back([&](std::span<const std::byte> part) { file_.append(part); });
  const Json info = {{"source_sha256", origin_.source_sha256},
                     {"tokenizer", origin_.tokenizer},
                     {"settings", origin_.settings},
                     {"vocab_size", origin_.vocab_size},
                     {"token_bytes", fits_u16(origin_.vocab_size) ? 2 : 4},
                     {"tokens", tokens_},
                     {"tokens_offset", tokens_offset_},
                     {"documents", documents_.size() / sizeof(ShardDocument)},
                     {"documents_offset", documents_offset},
                     {"text_bytes", text_bytes_},
                     {"empty_documents", empty_documents},
                     {"bad_lines", to_json(bad_lines, source.string())}};
  file_.commit(info.dump(-1, ' ', false, Json::error_handler_t::replace));
}

TokenShard::TokenShard(const fs::path& path) : file_(path, kShardKind) {
  try {
    const Json info = Json::parse(file_.info());
    origin_ = {.source_sha256 = info.at("source_sha256"),
               .tokenizer = info.at("tokenizer"),
               .settings = info.at("settings"),
               .vocab_size = info.at("vocab_size")};
    token_bytes_ = info.at("token_bytes");
    tokens_ = info.at("tokens");
    tokens_offset_ = info.at("tokens_offset");
    documents_ = info.at("documents");
    documents_offset_ = info.at("documents_offset");
    text_bytes_ = info.at("text_bytes");
    empty_documents_ = info.at("empty_documents");
  } catch (const Json::exception& error) {
    throw storage_error("{}: damaged: {}; delete it and prepare the data again", path.string(), error.what());
  }
  file_.array<ShardDocument>(documents_offset_, documents_);
  if (token_bytes_ == 2) {
    narrow_ = file_.array<std::uint16_t>(tokens_offset_, tokens_);
  } else {
    wide_ = file_.array<std::uint32_t>(tokens_offset_, tokens_);
  }
}

void TokenShard::for_each_document(const std::function<void(const ShardDocument&)>& take) const {
  const InputFile input(file_.path());
  std::vector<ShardDocument> chunk(std::min<std::uint64_t>(kDocumentChunk, documents_));
  std::uint64_t end = 0;
  for (std::uint64_t first = 0; first < documents_; first += chunk.size()) {
    const auto part = std::span(chunk).first(std::min<std::uint64_t>(chunk.size(), documents_ - first));
    input.read_exact(part.data(), part.size_bytes(), documents_offset_ + first * sizeof(ShardDocument));
    for (const auto& document : part) {
      if (document.end < end || document.end > tokens_) {
        throw storage_error(
            "{}: damaged: a document ends at token {}, expected {} to {}; delete it and prepare the "
            "data again",
            file_.path().string(), document.end, end, tokens_);
      }
      end = document.end;
      take(document);
    }
  }
}

BadLines TokenShard::bad_lines(const fs::path& source) const {
  BadLines lines;
  const Json info = Json::parse(file_.info());
  for (const auto& [what, kind] : info.at("bad_lines").items()) {
    lines.kinds[what] = {.count = kind.at("count"), .first = source.string() + kind.at("first").get<std::string>()};
  }
  return lines;
}

void TokenShard::read(std::uint64_t begin, std::span<std::int32_t> out) const {
  ENSURE(begin <= tokens_ && out.size() <= tokens_ - begin, begin, out.size(), tokens_);
  if (token_bytes_ == 2) {
    std::ranges::copy(narrow_.subspan(begin, out.size()), out.begin());
  } else {
    std::ranges::copy(wide_.subspan(begin, out.size()), out.begin());
  }
}

std::uint64_t TokenShard::byte_offset(std::uint64_t token) const {
  return tokens_offset_ + token * static_cast<std::uint64_t>(token_bytes_);
}

}  // namespace llmtrain
