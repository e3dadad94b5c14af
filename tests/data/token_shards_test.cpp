#include "lib/data/token_shards.h"

#include <filesystem>
#include <vector>

#include <gmock/gmock.h>

#include "tests/data/data_fixtures.h"

namespace llmtrain {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<ShardDocument> documents_of(const TokenShard& shard) {
  std::vector<ShardDocument> documents;
  shard.for_each_document([&](const ShardDocument& document) { documents.push_back(document); });
  return documents;
}

std::vector<std::int32_t> tokens_of(const TokenShard& shard, std::uint64_t begin, std::size_t count) {
  std::vector<std::int32_t> ids(count);
  shard.read(begin, ids);
  return ids;
}

// FIPS 180-4's example: SHA-256 of "abc" begins ba7816bf 8f01cfea.
TEST(ContentHash, IsTheBeginningOfSha256) { EXPECT_EQ(content_hash("abc"), 0xba7816bf8f01cfeaULL); }

TEST(TokenShard, GivesBackTokensAndDocuments) {
  const TempDir folder;
  const TokenShard shard(write_shard(folder / "s", {{1, 2, 3}, {4}, {5, 6}}));
  EXPECT_EQ(shard.tokens(), 6U);
  EXPECT_EQ(shard.text_bytes(), 18U);
  EXPECT_EQ(shard.documents(), 3U);
  EXPECT_THAT(tokens_of(shard, 0, 6), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(tokens_of(shard, 2, 3), ElementsAre(3, 4, 5));
  const auto documents = documents_of(shard);
  ASSERT_EQ(documents.size(), 3U);
  EXPECT_EQ(documents[0].end, 3U);
  EXPECT_EQ(documents[1].end, 4U);
  EXPECT_EQ(documents[2].end, 6U);
  EXPECT_EQ(documents[2].place, 3U);
  EXPECT_EQ(shard.origin().tokenizer, "cd");
  EXPECT_TRUE(verify_cache_file(shard.file()));
}

TEST(TokenShard, IsNarrowAsLongAsEveryIdFits) {
  const TempDir folder;
  const TokenShard narrow(write_shard(folder / "n", {{0, 65535}}, 65536));
  EXPECT_EQ(narrow.token_bytes(), 2);
  EXPECT_THAT(tokens_of(narrow, 0, 2), ElementsAre(0, 65535));
  const TokenShard wide(write_shard(folder / "w", {{0, 65536}}, 65537));
  EXPECT_EQ(wide.token_bytes(), 4);
  EXPECT_THAT(tokens_of(wide, 0, 2), ElementsAre(0, 65536));
}

TEST(TokenShard, KnowsWhereATokenStandsInTheFile) {
  const TempDir folder;
  const TokenShard shard(write_shard(folder / "s", {{1, 2, 0x1234}}, 65536));
  EXPECT_EQ(slurp(folder / "s").substr(shard.byte_offset(2), 2), "\x34\x12");
}

TEST(TokenShard, HashesADocumentInPiecesByThePieces) {
  const TempDir folder;
  TokenizedBatch first;
  first.ids = {1, 2};
  first.pieces = {{.end = 2, .hash = 11, .place = 5, .text_bytes = 4, .continues = true}};
  TokenizedBatch second;
  second.ids = {3, 4};
  second.pieces = {{.end = 1, .hash = 22, .place = 6, .text_bytes = 2, .continues = false},
                   {.end = 2, .hash = 33, .place = 7, .text_bytes = 2, .continues = false}};
  ShardWriter writer(folder / "s", origin_with(100));
  writer.append(first);
  writer.append(second);
  writer.commit({}, 0, "corpus.jsonl");
  const auto documents = documents_of(TokenShard(folder / "s"));
  ASSERT_EQ(documents.size(), 2U);
  EXPECT_EQ(documents[0].end, 3U);
  EXPECT_EQ(documents[0].place, 5U);
  EXPECT_EQ(documents[0].hash, content_hash({"\x0b\0\0\0\0\0\0\0\x16\0\0\0\0\0\0\0", 16}));
  EXPECT_EQ(documents[1].hash, 33U);
}

TEST(TokenShard, IsTheSameHoweverItWasBatched) {
  const TempDir folder;
  write_shard(folder / "once", {{1, 2, 3}, {4}, {5, 6}});
  ShardWriter writer(folder / "twice", origin_with(100));
  writer.append(batch_of({{1, 2, 3}, {4}}));
  auto rest = batch_of({{5, 6}});
  rest.pieces[0].place = 3;
  writer.append(rest);
  writer.commit({}, 0, "corpus.jsonl");
  EXPECT_EQ(slurp(folder / "once"), slurp(folder / "twice"));
}

TEST(TokenShard, HoldsMoreDocumentsThanStayInMemory) {
  const TempDir folder;
  constexpr std::uint64_t kDocuments = 100000;  // 2.4 MB of them
  write_shard(folder / "s", std::vector<TokenDocument>(kDocuments, {1, 2}));
  std::uint64_t seen = 0;
  TokenShard(folder / "s").for_each_document([&](const ShardDocument& document) {
    ++seen;
    ASSERT_EQ(document.end, 2 * seen);
    ASSERT_EQ(document.place, seen);
  });
  EXPECT_EQ(seen, kDocuments);
}

TEST(TokenShard, TellsOfBadLinesUnderTheNameAskedFor) {
  const TempDir folder;
  BadLines bad;
  bad.kinds["malformed JSON"] = {.count = 2, .first = "old name.jsonl:7:3: malformed JSON"};
  ShardWriter writer(folder / "s", origin_with(100));
  writer.append(batch_of({{1, 2}}));
  writer.commit(bad, 4, "old name.jsonl");
  const TokenShard shard(folder / "s");
  EXPECT_EQ(shard.empty_documents(), 4U);
  const auto found = shard.bad_lines("new.jsonl");
  EXPECT_EQ(found.kinds.at("malformed JSON").count, 2U);
  EXPECT_EQ(found.kinds.at("malformed JSON").first, "new.jsonl:7:3: malformed JSON");
}

TEST(TokenShard, NeverHoldsAnIdBeyondTheVocabulary) {
  const TempDir folder;
  EXPECT_THROW(write_shard(folder / "s", {{1, 100}}, 100), InternalError);
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(TokenShard, RefusesBoundsThatRunBackwards) {
  const TempDir folder;
  const auto path = write_shard(folder / "s", {{1, 2, 3}, {4}, {5, 6}});
  std::string bytes = slurp(path);
  const std::string end_of_first("\x03\0\0\0\0\0\0\0", 8);
  bytes[bytes.find(end_of_first)] = 5;
  folder.write("bad", bytes);
  const TokenShard shard(folder / "bad");
  EXPECT_THAT(error_of(ExitCode::kStorage, [&] { documents_of(shard); }),
              HasSubstr("a document ends at token 4, expected 5 to 6"));
}

TEST(ShardKey, DependsOnEveryPartOfTheOrigin) {
  const auto key = shard_key(origin_with(100));
  EXPECT_EQ(key.size(), 64U);
  EXPECT_EQ(key, shard_key(origin_with(100)));
  EXPECT_NE(key, shard_key(origin_with(101)));
  auto origin = origin_with(100);
  origin.source_sha256 = "ac";
  EXPECT_NE(key, shard_key(origin));
  origin = origin_with(100);
  origin.tokenizer = "ce";
  EXPECT_NE(key, shard_key(origin));
  origin = origin_with(100);
  origin.settings = "{1}";
  EXPECT_NE(key, shard_key(origin));
}

}  // namespace
}  // namespace llmtrain
