#include "lib/io/token_binary.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

#include "lib/base/error.h"

namespace llmtrain {
namespace {

constexpr std::size_t kBlock = std::size_t{1} << 20;
constexpr std::size_t kHeaderInts = 256;
constexpr std::size_t kHeaderBytes = kHeaderInts * 4;

struct LlmcKind {
  std::int32_t magic;
  std::int32_t version;
  int width;
};
constexpr std::array<LlmcKind, 2> kLlmcKinds = {{{20240520, 1, 2}, {20240801, 7, 4}}};

std::uint32_t little_endian(const char* bytes, int width) {
  std::uint32_t value = 0;
  for (int i = 0; i < width; ++i) {
    value |= static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  }
  return value;
}

const LlmcKind* llmc_kind(std::string_view first_bytes) {
  if (first_bytes.size() < 4) return nullptr;
  const auto magic = static_cast<std::int32_t>(little_endian(first_bytes.data(), 4));
  const auto* found = std::find_if(kLlmcKinds.begin(), kLlmcKinds.end(), [&](auto& k) { return k.magic == magic; });
  return found == kLlmcKinds.end() ? nullptr : found;
}

// What has all of llm.c's header but its magic number: a known version, then a count, then zeros to the end.
bool is_llmc_header_but_for_magic(std::string_view first_bytes) {
  if (first_bytes.size() < kHeaderBytes || llmc_kind(first_bytes) != nullptr) return false;
  const auto version = static_cast<std::int32_t>(little_endian(first_bytes.data() + 4, 4));
  const bool known = std::any_of(kLlmcKinds.begin(), kLlmcKinds.end(), [&](auto& k) { return k.version == version; });
  const auto rest = first_bytes.substr(12, kHeaderBytes - 12);
  return known && std::all_of(rest.begin(), rest.end(), [](char c) { return c == 0; });
}

}  // namespace

bool is_llmc_header(std::string_view first_bytes) { return llmc_kind(first_bytes) != nullptr; }

struct TokenBinaryReader::State {
  State(const std::filesystem::path& path, Compression compression, const TokenBinaryRules& wanted)
      : stream(path, compression, wanted.expand), rules(wanted), width(wanted.raw_width), block(kBlock) {
    ENSURE(width == 2 || width == 4, width);
    ENSURE(rules.max_piece > 0 && rules.vocab_size > 0, rules.max_piece, rules.vocab_size);
    size = stream.read(block.data(), block.size());
    if (const LlmcKind* kind = llmc_kind({block.data(), size})) read_header(*kind);
    if (is_llmc_header_but_for_magic({block.data(), size})) {
      throw error_at(0, "unknown magic number {} before what is else llm.c's header, expected {} or {}",
                     static_cast<std::int32_t>(little_endian(block.data(), 4)), kLlmcKinds[0].magic,
                     kLlmcKinds[1].magic);
    }
  }

  template <class... Args>
  Error error_at(std::uint64_t offset, fmt::format_string<Args...> format, Args&&... args) const {
    return input_error("{}: byte {}: {}", stream.path().string(), offset,
                       fmt::format(format, std::forward<Args>(args)...));
  }

  void read_header(const LlmcKind& kind) {
    if (size < kHeaderBytes) {
      throw error_at(size, "the file ends in llm.c's header, expected {} bytes", kHeaderBytes);
    }
    const auto version = static_cast<std::int32_t>(little_endian(block.data() + 4, 4));
    const auto count = static_cast<std::int32_t>(little_endian(block.data() + 8, 4));
    if (version != kind.version) {
      throw error_at(4, "unknown version of llm.c's token file, expected {} after magic {}, got {}", kind.version,
                     kind.magic, version);
    }
    if (count < 0) throw error_at(8, "negative token count {} in llm.c's header", count);
    width = kind.width;
    expected = static_cast<std::uint64_t>(count);
    at = kHeaderBytes;
  }

  // Makes the next id readable at block[at]; false at the end of the file.
  bool have_id() {
    if (at + static_cast<std::size_t>(width) <= size) return true;
    // Blocks are a multiple of every width, so bytes are left over only at the end of the file.
    if (at < size) {
      throw error_at(block_offset + at, "the file ends inside a token id, expected {} bytes, got {}; try token_width",
                     width, size - at);
    }
    block_offset += size;
    size = stream.read(block.data(), block.size());
    at = 0;
    return size > 0 && have_id();
  }

  bool next(TokenPiece& piece) {
    piece.ids.clear();
    piece.continues = false;
    while (have_id()) {
      const std::uint64_t offset = block_offset + at;
      const std::uint32_t id = little_endian(block.data() + at, width);
      if (piece.ids.size() == rules.max_piece && id != rules.document_token) {
        piece.continues = true;  // this id is the first of the next piece
        return true;
      }
      at += static_cast<std::size_t>(width);
      ++ids_read;
      check_count(offset);
      if (id == rules.document_token) {
        if (!piece.ids.empty()) return true;
        continue;
      }
      check_id(id, offset);
      if (piece.ids.empty()) piece.offset = offset;
      piece.ids.push_back(id);
      ++tokens;
    }
    check_end();
    return !piece.ids.empty();
  }

  void check_id(std::uint32_t id, std::uint64_t offset) const {
    if (id < rules.vocab_size) return;
    throw error_at(offset,
                   "token id {} is not in the vocabulary, expected below {}; try the tokenizer it was made with{}", id,
                   rules.vocab_size, expected ? "" : ", or token_width");
  }

  void check_count(std::uint64_t offset) const {
    if (expected && ids_read > *expected) {
      throw error_at(offset, "more tokens than llm.c's header says, expected {}", *expected);
    }
  }

  void check_end() const {
    if (expected && ids_read < *expected) {
      throw error_at(block_offset,
                     "fewer tokens than llm.c's header says, expected {}, got {}; was the file cut short?", *expected,
                     ids_read);
    }
    if (tokens == 0) throw error_at(block_offset, "no token in the file, expected at least one");
  }

  ExpandedStream stream;
  TokenBinaryRules rules;
  int width;
  std::optional<std::uint64_t> expected;  // ids, by the header
  std::vector<char> block;
  std::size_t size = 0;            // of what is in the block
  std::size_t at = 0;              // in the block
  std::uint64_t block_offset = 0;  // of the block in the expanded file
  std::uint64_t ids_read = 0;
  std::uint64_t tokens = 0;
};

TokenBinaryReader::TokenBinaryReader(const std::filesystem::path& path, Compression compression,
                                     const TokenBinaryRules& rules)
    : state_(std::make_unique<State>(path, compression, rules)) {}
TokenBinaryReader::TokenBinaryReader(TokenBinaryReader&&) noexcept = default;
TokenBinaryReader::~TokenBinaryReader() = default;

bool TokenBinaryReader::next(TokenPiece& piece) { return state_->next(piece); }
std::uint64_t TokenBinaryReader::bytes_read() const { return state_->stream.bytes_read(); }
std::uint64_t TokenBinaryReader::tokens() const { return state_->tokens; }
const std::string& TokenBinaryReader::sha256() const { return state_->stream.sha256(); }

}  // namespace llmtrain
