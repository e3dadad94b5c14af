#include "lib/io/token_binary.h"

#include <numeric>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "lib/base/digest.h"
#include "tests/support/compression.h"
#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Ids = std::vector<std::uint32_t>;

std::string bytes_of(const Ids& ids, int width) {
  std::string bytes;
  for (const std::uint32_t id : ids) {
    for (int i = 0; i < width; ++i) bytes += static_cast<char>((id >> (8 * i)) & 0xFFU);
  }
  return bytes;
}

std::string llmc(std::uint32_t magic, std::uint32_t version, std::uint32_t count) {
  Ids header(256, 0);
  header[0] = magic;
  header[1] = version;
  header[2] = count;
  return bytes_of(header, 4);
}

std::vector<TokenPiece> pieces_of(const std::filesystem::path& path, const TokenBinaryRules& rules,
                                  Compression compression = Compression::kNone) {
  TokenBinaryReader reader(path, compression, rules);
  std::vector<TokenPiece> pieces;
  TokenPiece piece;
  while (reader.next(piece)) pieces.push_back(piece);
  return pieces;
}

std::string error_in(const std::string& bytes, const TokenBinaryRules& rules) {
  const TempDir dir;
  return error_of(ExitCode::kInput, [&] { pieces_of(dir.write("train.bin", bytes), rules); });
}

TEST(TokenBinary, ReadsRawIdsOfBothWidths) {
  const TempDir dir;
  // 0x0102 little-endian is 02 01.
  const auto narrow = pieces_of(dir.write("a.bin", std::string("\x02\x01\xff\xff\x00\x00", 6)), {.vocab_size = 65536});
  ASSERT_EQ(narrow.size(), 1U);
  EXPECT_THAT(narrow[0].ids, ElementsAre(258, 65535, 0));
  EXPECT_FALSE(narrow[0].continues);
  const auto wide =
      pieces_of(dir.write("b.bin", std::string("\x00\xf4\x01\x00", 4)), {.raw_width = 4, .vocab_size = 128256});
  ASSERT_EQ(wide.size(), 1U);
  EXPECT_THAT(wide[0].ids, ElementsAre(128000));
}

TEST(TokenBinary, ReadsBothKindsOfLlmc) {
  const TempDir dir;
  const auto gpt2 = dir.write("a.bin", llmc(20240520, 1, 3) + bytes_of({50256, 1, 2}, 2));
  const auto llama = dir.write("b.bin", llmc(20240801, 7, 2) + bytes_of({128000, 9}, 4));
  EXPECT_THAT(pieces_of(gpt2, {.vocab_size = 50257}).at(0).ids, ElementsAre(50256, 1, 2));
  EXPECT_EQ(pieces_of(gpt2, {.vocab_size = 50257}).at(0).offset, 1024U);
  // The header goes before the width asked for.
  EXPECT_THAT(pieces_of(llama, {.raw_width = 2, .vocab_size = 128256}).at(0).ids, ElementsAre(128000, 9));
}

TEST(TokenBinary, DocumentTokenDividesAndIsDropped) {
  const TempDir dir;
  const auto path = dir.write("a.bin", bytes_of({9, 9, 1, 2, 9, 3, 9, 9}, 2));
  const auto pieces = pieces_of(path, {.vocab_size = 9, .document_token = 9});
  ASSERT_EQ(pieces.size(), 2U);
  EXPECT_THAT(pieces[0].ids, ElementsAre(1, 2));
  EXPECT_EQ(pieces[0].offset, 4U);
  EXPECT_THAT(pieces[1].ids, ElementsAre(3));
  EXPECT_EQ(pieces[1].offset, 10U);
  EXPECT_FALSE(pieces[0].continues || pieces[1].continues);
}

TEST(TokenBinary, LongDocumentsComeInPieces) {
  const TempDir dir;
  const auto path = dir.write("a.bin", bytes_of({1, 2, 3, 4, 9, 5, 6, 7, 8, 5}, 2));
  const auto pieces = pieces_of(path, {.vocab_size = 10, .document_token = 9, .max_piece = 2});
  ASSERT_EQ(pieces.size(), 5U);
  EXPECT_THAT(pieces[0].ids, ElementsAre(1, 2));
  EXPECT_TRUE(pieces[0].continues);
  EXPECT_THAT(pieces[1].ids, ElementsAre(3, 4));
  EXPECT_FALSE(pieces[1].continues);
  EXPECT_THAT(pieces[2].ids, ElementsAre(5, 6));
  EXPECT_TRUE(pieces[2].continues && pieces[3].continues);
  EXPECT_THAT(pieces[4].ids, ElementsAre(5));
  EXPECT_FALSE(pieces[4].continues);
}

TEST(TokenBinary, ReadsBeyondOneBlockAndCompressed) {
  const TempDir dir;
  Ids ids(1'500'000);
  std::iota(ids.begin(), ids.end(), 0U);
  const std::string bytes = bytes_of(ids, 4);
  for (const auto& [path, compression] : {std::pair{dir.write("a.bin", bytes), Compression::kNone},
                                          std::pair{dir.write("a.bin.gz", gzip_bytes(bytes)), Compression::kGzip},
                                          std::pair{dir.write("a.bin.zst", zstd_bytes(bytes)), Compression::kZstd}}) {
    TokenBinaryReader reader(path, compression, {.raw_width = 4, .vocab_size = 1'500'000});
    Ids read;
    TokenPiece piece;
    while (reader.next(piece)) read.insert(read.end(), piece.ids.begin(), piece.ids.end());
    EXPECT_EQ(read, ids);
    EXPECT_EQ(reader.tokens(), ids.size());
    EXPECT_EQ(reader.bytes_read(), std::filesystem::file_size(path));
    EXPECT_EQ(reader.sha256(), sha256_hex(slurp(path)));
  }
}

TEST(TokenBinary, IdOutsideTheVocabularyIsNamedWithItsOffset) {
  EXPECT_THAT(error_in(bytes_of({1, 2, 50257}, 2), {.vocab_size = 50257}),
              HasSubstr("train.bin: byte 4: token id 50257 is not in the vocabulary, expected below 50257"));
  // -1 as int32.
  EXPECT_THAT(error_in(bytes_of({1, 0xFFFFFFFF}, 4), {.raw_width = 4, .vocab_size = 50257}),
              HasSubstr("train.bin: byte 4: token id 4294967295"));
  EXPECT_THAT(error_in(llmc(20240520, 1, 2) + bytes_of({0, 100}, 2), {.vocab_size = 100}),
              HasSubstr("train.bin: byte 1026: token id 100"));
}

TEST(TokenBinary, IdOutsideTheVocabularyIsFoundBehindTheFirstBlock) {
  Ids ids(600'000, 1);
  ids[599'999] = 7;
  EXPECT_THAT(error_in(bytes_of(ids, 2), {.vocab_size = 7}), HasSubstr("train.bin: byte 1199998: token id 7"));
}

TEST(TokenBinary, OddLengthIsNamedWithItsOffset) {
  EXPECT_THAT(error_in(bytes_of({1, 2}, 2) + "x", {.vocab_size = 10}),
              HasSubstr("train.bin: byte 4: the file ends inside a token id, expected 2 bytes, got 1"));
  EXPECT_THAT(error_in(bytes_of({1, 2}, 4) + "xyz", {.raw_width = 4, .vocab_size = 10}),
              HasSubstr("train.bin: byte 8: the file ends inside a token id, expected 4 bytes, got 3"));
}

TEST(TokenBinary, HeaderMustBeTrue) {
  const TokenBinaryRules rules = {.vocab_size = 100};
  EXPECT_THAT(error_in(llmc(20240520, 1, 3) + bytes_of({1, 2}, 2), rules),
              HasSubstr("byte 1028: fewer tokens than llm.c's header says, expected 3, got 2"));
  EXPECT_THAT(error_in(llmc(20240520, 1, 1) + bytes_of({1, 2}, 2), rules),
              HasSubstr("byte 1026: more tokens than llm.c's header says, expected 1"));
  EXPECT_THAT(error_in(llmc(20240520, 7, 1) + bytes_of({1}, 2), rules),
              HasSubstr("byte 4: unknown version of llm.c's token file, expected 1 after magic 20240520, got 7"));
  EXPECT_THAT(error_in(llmc(20240801, 1, 1) + bytes_of({1}, 4), rules),
              HasSubstr("byte 4: unknown version of llm.c's token file, expected 7 after magic 20240801, got 1"));
  EXPECT_THAT(error_in(llmc(20240801, 7, 0x80000000), rules), HasSubstr("byte 8: negative token count -2147483648"));
  EXPECT_THAT(error_in(llmc(20240520, 1, 1).substr(0, 500), rules),
              HasSubstr("byte 500: the file ends in llm.c's header"));
}

TEST(TokenBinary, WrongMagicIsRefusedWhateverTheVocabulary) {
  for (const std::uint64_t vocab_size : {50257U, 70000U}) {
    EXPECT_THAT(error_in(llmc(20240519, 1, 1) + bytes_of({1}, 2), {.vocab_size = vocab_size}),
                HasSubstr("byte 0: unknown magic number 20240519"));
  }
}

TEST(TokenBinary, FileWithoutATokenIsRefused) {
  EXPECT_THAT(error_in("", {.vocab_size = 10}), HasSubstr("train.bin: byte 0: no token in the file"));
  EXPECT_THAT(error_in(llmc(20240520, 1, 0), {.vocab_size = 10}), HasSubstr("byte 1024: no token in the file"));
  EXPECT_THAT(error_in(bytes_of({9, 9}, 2), {.vocab_size = 10, .document_token = 9}),
              HasSubstr("byte 4: no token in the file"));
}

}  // namespace
}  // namespace llmtrain
