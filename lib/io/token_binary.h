#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/io/compressed.h"

namespace llmtrain {

struct TokenBinaryRules {
  int raw_width = 2;             // bytes an id in a file without a header: 2 or 4
  std::uint64_t vocab_size = 0;  // ids must lie below
  // Divides documents where given and belongs to none of them; without it the file is one document.
  std::optional<std::uint32_t> document_token = {};
  std::size_t max_piece = std::size_t{1} << 20;  // ids
  ExpandLimits expand = {};
};

// A document, or where it is long a part of one.
struct TokenPiece {
  std::vector<std::uint32_t> ids;  // at least one
  std::uint64_t offset = 0;        // of the first id, in bytes of the (expanded) file
  bool continues = false;          // the next piece belongs to the same document
};

// Whether the first bytes are the header of llm.c's token files (int32 20240520 or 20240801, little-endian).
bool is_llmc_header(std::string_view first_bytes);

// Reads token files, little-endian, in constant memory:
// - nanoGPT's: ids of raw_width bytes and nothing else;
// - llm.c's: a header of 256 int32 {magic, version, count, 0...}, then `count` ids; magic 20240520 with version 1 holds
//   uint16, 20240801 with version 7 uint32 (llm.c, dev/data/data_common.py).
// Errors (3) name file and byte offset: an id not below vocab_size, a file that ends inside an id, more or fewer ids
// than the header says, an unknown version, a negative count, no id at all; and all errors of ExpandedStream.
class TokenBinaryReader {
 public:
  TokenBinaryReader(const std::filesystem::path& path, Compression compression, const TokenBinaryRules& rules);
  TokenBinaryReader(TokenBinaryReader&&) noexcept;
  ~TokenBinaryReader();

  // False at the end. Reuses the memory of `piece`.
  bool next(TokenPiece& piece);
  std::uint64_t bytes_read() const;   // of the file itself
  std::uint64_t tokens() const;       // handed out so far
  const std::string& sha256() const;  // of the file itself, after next() returned false

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace llmtrain
