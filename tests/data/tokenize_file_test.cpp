#include "lib/data/tokenize_file.h"

#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "lib/base/digest.h"
#include "lib/base/random.h"
#include "lib/base/signals.h"
#include "tests/data/data_fixtures.h"

namespace llmtrain {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

TokenizeTask task_for(const fs::path& path, const DataSource& like = {}) {
  TokenizeTask task;
  task.source = like;
  task.source.path = path.string();
  task.file = list_corpus_files(task.source).at(0);
  task.sha256 = sha256_hex(slurp(path));
  return task;
}

TokenShard tokenize(const TokenizeTask& task, const fs::path& shard, int threads = 1) {
  Progress progress("test", 0, "B", ProgressMode::kOff);
  tokenize_file(task, byte_tokenizer(), shard, progress, threads);
  return TokenShard(shard);
}

std::vector<ShardDocument> documents_of(const TokenShard& shard) {
  std::vector<ShardDocument> documents;
  shard.for_each_document([&](const ShardDocument& document) { documents.push_back(document); });
  return documents;
}

std::size_t files_in(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

TEST(TokenizeFile, EndsEveryDocumentWithTheEndToken) {
  const TempDir folder;
  const auto path = folder.write("a.jsonl", "{\"text\": \"ab\"}\n\n{\"text\": \"c\"}\n");
  const auto shard = tokenize(task_for(path), folder / "s");
  EXPECT_THAT(all_tokens(shard), ElementsAre(98, 99, 0, 100, 0));
  const auto documents = documents_of(shard);
  ASSERT_EQ(documents.size(), 2U);
  EXPECT_EQ(documents[0].end, 3U);
  EXPECT_EQ(documents[0].hash, content_hash("ab"));
  EXPECT_EQ(documents[1].place, 3U) << "the line";
  EXPECT_EQ(shard.text_bytes(), 3U);
}

TEST(TokenizeFile, TakesASpecialTokenInTextForText) {
  const TempDir folder;
  const auto path = folder.write("a.txt", "x<|endoftext|>y");
  EXPECT_EQ(all_tokens(tokenize(task_for(path), folder / "s")), byte_ids("x<|endoftext|>y"));
}

// 3 MB of documents from 1 byte to 20 kB: many batches, so that threads overtake each other where they may.
TEST(TokenizeFile, WritesTheSameBytesOnAnyNumberOfThreads) {
  const TempDir folder;
  RandomStream random(8, "text");
  std::string file;
  std::vector<std::int32_t> expected;
  while (file.size() < 3'000'000) {
    std::string text;
    for (auto left = 1 + random.below(random.below(4) == 0 ? 20000 : 300); left > 0; --left) {
      text += static_cast<char>('a' + random.below(26));
    }
    file += "{\"text\": \"" + text + "\"}\n";
    const auto ids = byte_ids(text);
    expected.insert(expected.end(), ids.begin(), ids.end());
  }
  const auto path = folder.write("a.jsonl", file);
  const auto one = tokenize(task_for(path), folder / "s1", 1);
  EXPECT_EQ(all_tokens(one), expected);
  const auto bytes = slurp(folder / "s1");
  for (const int threads : {2, 4, 7}) {
    const auto shard = folder / ("s" + std::to_string(threads));
    tokenize(task_for(path), shard, threads);
    EXPECT_EQ(slurp(shard), bytes) << threads << " threads";
  }
}

TEST(TokenizeFile, KeepsALongDocumentWhole) {
  const TempDir folder;
  std::string text;
  for (int line = 0; text.size() < 9'000'000; ++line) text += "line " + std::to_string(line) + "\n";
  const auto path = folder.write("a.txt", text);
  const auto shard = tokenize(task_for(path), folder / "s", 3);
  EXPECT_EQ(shard.documents(), 1U);
  EXPECT_EQ(all_tokens(shard), byte_ids(text));
}

TEST(TokenizeFile, TakesTokenFilesAsTheyStand) {
  const TempDir folder;
  const auto path = folder.write("a.bin", std::string("\x05\x00\x06\x00\x00\x01", 6));
  const auto shard = tokenize(task_for(path), folder / "s");
  EXPECT_THAT(all_tokens(shard), ElementsAre(5, 6, 256));
  EXPECT_EQ(shard.text_bytes(), 3U) << "one byte an id";
}

TEST(TokenizeFile, DividesTokenFilesAtTheDocumentToken) {
  const TempDir folder;
  const auto path = folder.write("a.bin", std::string("\x05\x00\x09\x00\x06\x00\x07\x00", 8));
  DataSource source;
  source.document_token = 9;
  const auto shard = tokenize(task_for(path, source), folder / "s");
  EXPECT_THAT(all_tokens(shard), ElementsAre(5, 0, 6, 7, 0));
  EXPECT_EQ(documents_of(shard).at(1).place, 4U) << "the byte";
}

TEST(TokenizeFile, RefusesAnIdThatTheTokenizerDoesNotHave) {
  const TempDir folder;
  const auto path = folder.write("a.bin", std::string("\x05\x00\x01\x01", 4));
  const auto message = error_of(ExitCode::kInput, [&] { tokenize(task_for(path), folder / "s"); });
  EXPECT_THAT(message, HasSubstr("a.bin"));
  EXPECT_THAT(message, HasSubstr("257"));
  EXPECT_EQ(files_in(folder.path()), 1U);
}

class FailingTokenizeTest : public testing::TestWithParam<int> {};

TEST_P(FailingTokenizeTest, LeavesNothingBehindABadLine) {
  const TempDir folder;
  std::string file;
  for (int i = 0; i < 20000; ++i) file += "{\"text\": \"a document of some length, again and again\"}\n";
  const auto path = folder.write("a.jsonl", file + "{\"text\": 3}\n" + file);
  const auto message = error_of(ExitCode::kInput, [&] { tokenize(task_for(path), folder / "s", GetParam()); });
  EXPECT_THAT(message, HasSubstr("a.jsonl:20001:"));
  EXPECT_EQ(files_in(folder.path()), 1U);
}

TEST_P(FailingTokenizeTest, LeavesNothingBehindAnInterruption) {
  const TempDir folder;
  std::string file;
  for (int i = 0; i < 20000; ++i) file += "{\"text\": \"a document of some length, again and again\"}\n";
  const auto path = folder.write("a.jsonl", file);
  install_signal_handlers();
  ASSERT_EQ(::raise(SIGTERM), 0);
  const auto message = error_of(ExitCode::kRequeue, [&] { tokenize(task_for(path), folder / "s", GetParam()); });
  reset_signal_flags();
  EXPECT_THAT(message, HasSubstr("stopped tokenizing"));
  EXPECT_EQ(files_in(folder.path()), 1U);
}

TEST_P(FailingTokenizeTest, RefusesAFileThatIsNotWhatWasHashed) {
  const TempDir folder;
  auto task = task_for(folder.write("a.txt", "abc"));
  task.sha256 = sha256_hex("abd");
  EXPECT_THAT(error_of(ExitCode::kInput, [&] { tokenize(task, folder / "s", GetParam()); }),
              HasSubstr("a.txt: changed while it was prepared"));
  EXPECT_EQ(files_in(folder.path()), 1U);
}

INSTANTIATE_TEST_SUITE_P(Threads, FailingTokenizeTest, testing::Values(1, 4));

TEST(ReadingSettings, NameWhatDecidesTheDocumentsOfAFormat) {
  const CorpusFile jsonl{.path = "a", .format = DataFormat::kJsonl, .identity = {}};
  const CorpusFile text{.path = "a", .format = DataFormat::kText, .identity = {}};
  const DataSource plain;
  DataSource other;
  other.field = "body";
  DataSource separated;
  separated.document_separator = "\n\n";
  EXPECT_NE(reading_settings(jsonl, plain, {}), reading_settings(jsonl, other, {}));
  EXPECT_EQ(reading_settings(text, plain, {}), reading_settings(text, other, {}));
  EXPECT_NE(reading_settings(text, plain, {}), reading_settings(text, separated, {}));
  EXPECT_NE(reading_settings(text, plain, {}), reading_settings(jsonl, plain, {}));
  EXPECT_NE(reading_settings(jsonl, plain, {}), reading_settings(jsonl, plain, {.on_bad_line = BadLinePolicy::kSkip}));
}

}  // namespace
}  // namespace llmtrain
