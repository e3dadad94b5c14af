#include "lib/data/corpus.h"

#include <chrono>
#include <csignal>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "lib/base/signals.h"
#include "tests/data/data_fixtures.h"

namespace llmtrain {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const Log kQuiet(LogLevel::kQuiet);

std::string json_lines(int first, int last) {
  std::string text;
  for (int i = first; i < last; ++i) text += "{\"text\": \"document number " + std::to_string(i) + "\"}\n";
  return text;
}

class CorpusTest : public testing::Test {
 protected:
  CorpusTest() {
    write("data/a.jsonl", json_lines(0, 60));
    write("data/b.jsonl", json_lines(60, 100));
    config_.data.train = {DataSource{}};
    config_.data.train[0].path = (folder_ / "data").string();
    config_.data.cache = (folder_ / "cache").string();
    config_.sequence_length = 16;
    config_.batch_tokens = 32;
  }

  // Old enough for its time to be believed.
  fs::path write(const std::string& name, const std::string& text) {
    const auto path = folder_.write(name, text);
    fs::last_write_time(path, fs::file_time_type::clock::now() - std::chrono::hours(--age_hours_ + 1000));
    return path;
  }
  PreparedCorpus prepare(const PrepareOptions& options = {}) const {
    return prepare_corpus(config_, byte_tokenizer(), options, kQuiet);
  }
  // Which files were tokenized by this run.
  static std::set<std::string> made(const PreparedCorpus& corpus) {
    std::set<std::string> names;
    for (const auto& source : corpus.train) {
      for (const auto& file : source.files) {
        if (!file.cached) names.insert(file.file.path.filename().string());
      }
    }
    return names;
  }
  // Writes other content of the same size and sets the time back.
  fs::path change_behind_its_time(const std::string& name) const {
    const auto path = folder_ / name;
    const auto time = fs::last_write_time(path);
    std::string text = slurp(path);
    text[text.find("number 7") + 7] = '8';
    folder_.write(name, text);
    fs::last_write_time(path, time);
    return path;
  }
  std::vector<std::int32_t> tokens_of(const PreparedFile& file) const { return all_tokens(TokenShard(file.shard)); }
  std::string fault() const {
    return error_of(ExitCode::kInput, [&] { prepare(); });
  }

  TempDir folder_;
  PretrainConfig config_;
  int age_hours_ = 0;
};

TEST_F(CorpusTest, TokenizesOnce) {
  const auto first = prepare();
  EXPECT_THAT(made(first), ElementsAre("a.jsonl", "b.jsonl"));
  ASSERT_THAT(first.train, SizeIs(1));
  EXPECT_EQ(first.train[0].files[0].documents, 60U);
  // "document number N": 16 bytes and the digits, and the end token.
  EXPECT_EQ(first.train[0].files[0].tokens, 60U * 17 + 10 + 50 * 2);
  EXPECT_EQ(first.train[0].counts.tokens, 100U * 17 + 10 + 90 * 2);
  const auto second = prepare();
  EXPECT_THAT(made(second), IsEmpty());
  EXPECT_EQ(second.fingerprint, first.fingerprint);
  EXPECT_EQ(second.train_rows(), first.train_rows());
}

TEST_F(CorpusTest, TokenizesOnlyTheFileThatCameInBetween) {
  prepare();
  write("data/aa.jsonl", json_lines(200, 210));
  const auto corpus = prepare();
  EXPECT_THAT(made(corpus), ElementsAre("aa.jsonl"));
  EXPECT_EQ(corpus.train[0].counts.documents, 110U);
}

TEST_F(CorpusTest, TokenizesAChangedFileAnew) {
  const auto before = prepare();
  std::string text = json_lines(0, 60);
  text[text.find("number 7") + 7] = '8';  // the same size, in place
  write("data/a.jsonl", text);
  const auto after = prepare();
  EXPECT_THAT(made(after), ElementsAre("a.jsonl"));
  EXPECT_NE(after.fingerprint, before.fingerprint);
  std::string expected = "document number 8";
  const auto tokens = tokens_of(after.train[0].files[0]);
  const auto ids = byte_ids(expected);
  EXPECT_EQ(std::vector(tokens.begin() + 7 * 18, tokens.begin() + 8 * 18), ids);
}

TEST_F(CorpusTest, FindsAChangeWhoseTimeWasSetBack) {
  prepare();
  change_behind_its_time("data/a.jsonl");
  EXPECT_THAT(made(prepare()), ElementsAre("a.jsonl"));
}

// Nothing but the content tells here: what the cache remembers of the file is made to say that it is as it was.
TEST_F(CorpusTest, VerifyFindsAChangeThatNothingTells) {
  prepare();
  const auto path = change_behind_its_time("data/a.jsonl");
  const auto memory = fs::path(config_.data.cache) / "files.json";
  auto remembered = nlohmann::json::parse(slurp(memory));
  remembered["files"][fs::absolute(path).string()]["changed_ns"] = InputFile(path).identity().changed_ns;
  write_file(memory, remembered.dump());
  EXPECT_THAT(made(prepare()), IsEmpty()) << "the test is to hide the change";
  EXPECT_THAT(made(prepare({.verify = Verify::kAll})), ElementsAre("a.jsonl"));
  EXPECT_THAT(made(prepare()), IsEmpty());
}

TEST_F(CorpusTest, KnowsAFileByItsContentAlone) {
  const auto before = prepare();
  fs::last_write_time(folder_ / "data/a.jsonl", fs::file_time_type::clock::now());
  EXPECT_THAT(made(prepare()), IsEmpty()) << "touched";
  fs::rename(folder_ / "data/a.jsonl", folder_ / "data/0.jsonl");
  const auto after = prepare();
  EXPECT_THAT(made(after), IsEmpty()) << "renamed";
  EXPECT_EQ(after.fingerprint, before.fingerprint);
}

TEST_F(CorpusTest, FingerprintTellsOrderAndReading) {
  const auto before = prepare().fingerprint;
  fs::rename(folder_ / "data/a.jsonl", folder_ / "data/c.jsonl");
  const auto swapped = prepare().fingerprint;
  EXPECT_NE(swapped, before);
  config_.data.max_bad_lines = 7;
  EXPECT_NE(prepare().fingerprint, swapped);
}

TEST_F(CorpusTest, KeepsTokenizersApart) {
  const auto bytes = prepare();
  TokenizerSpec spec = byte_tokenizer().spec();
  spec.merges = {{.left = 'n' + 1, .right = 'u' + 1, .merged = 257}};
  spec.tokens.push_back({.bytes = "nu"});
  const auto merged = prepare_corpus(config_, Tokenizer(spec), {}, kQuiet);
  EXPECT_THAT(made(merged), ElementsAre("a.jsonl", "b.jsonl"));
  EXPECT_NE(merged.train[0].files[0].shard, bytes.train[0].files[0].shard);
  EXPECT_EQ(merged.fingerprint, bytes.fingerprint);
  EXPECT_THAT(made(prepare()), IsEmpty()) << "both are kept";
}

TEST_F(CorpusTest, MakesDamagedFilesAnew) {
  const auto corpus = prepare();
  const auto shard = corpus.train[0].files[1].shard;
  const auto rows = corpus.train[0].row_index;
  const std::map<fs::path, std::string> whole = {{shard, slurp(shard)}, {rows, slurp(rows)}};
  for (const auto& [path, bytes] : whole) {
    fs::resize_file(path, bytes.size() - 1);
    prepare();
    EXPECT_EQ(slurp(path), bytes) << "cut short";
    std::string flipped = bytes;
    flipped[100] = static_cast<char>(flipped[100] ^ 1);
    for (const auto verify : {Verify::kCache, Verify::kAll}) {
      folder_.write(fs::relative(path, folder_.path()).string(), flipped);
      prepare();
      EXPECT_EQ(slurp(path), flipped) << "the test is to flip what nothing but its digest tells";
      prepare({.verify = verify});
      EXPECT_EQ(slurp(path), bytes) << "one bit";
    }
  }
}

TEST_F(CorpusTest, HoldsOutAShareOfTheDocuments) {
  config_.data.validation.fraction = 0.2;
  const auto corpus = prepare();
  ASSERT_THAT(corpus.validation, SizeIs(1));
  const auto& train = corpus.train[0].counts;
  const auto& held_out = corpus.validation[0].counts;
  EXPECT_EQ(train.documents + held_out.documents, 100U);
  EXPECT_NEAR(static_cast<double>(held_out.documents), 20.0, 16.0);  // four standard deviations
  EXPECT_EQ(train.other_side, held_out.documents);
}

TEST_F(CorpusTest, HoldsOutTheTailOfASingleDocument) {
  write("data/a.jsonl", "");
  fs::remove(folder_ / "data/a.jsonl");
  fs::remove(folder_ / "data/b.jsonl");
  write("data/one.txt", std::string(999, 'x'));
  config_.data.validation = {.fraction = 0.1, .hold_out = HoldOut::kTail, .data = {}};
  const auto corpus = prepare();
  EXPECT_EQ(corpus.train[0].counts.tokens, 900U);  // of 1,000 with the end token
  EXPECT_EQ(corpus.validation[0].counts.tokens, 100U);
}

TEST_F(CorpusTest, SaysThatTooLittleIsHeldOut) {
  config_.data.validation.fraction = 1e-6;
  EXPECT_THAT(fault(), HasSubstr("pretrain.data.validation.fraction: 1e-06 holds out none of 100 documents"));
}

TEST_F(CorpusTest, SaysThatAllIsHeldOut) {
  config_.data.validation.fraction = 0.999999;
  EXPECT_THAT(fault(), HasSubstr("no row to train on: of 100 documents 100 are held out"));
}

TEST_F(CorpusTest, TakesValidationFilesOfTheirOwn) {
  config_.data.validation.data = {DataSource{}};
  config_.data.validation.data[0].path = write("held-out.jsonl", json_lines(500, 510)).string();
  const auto corpus = prepare();
  EXPECT_EQ(corpus.validation[0].counts.documents, 10U);
  EXPECT_EQ(corpus.train[0].counts.documents, 100U);
}

TEST_F(CorpusTest, RefusesLessThanABatch) {
  config_.batch_tokens = 16 * 119;  // 1,890 tokens make 119 rows of 16 targets
  EXPECT_EQ(prepare().train_rows(), 119U);
  config_.batch_tokens = 16 * 120;
  EXPECT_THAT(fault(), HasSubstr("expected at least 120 rows of 16 tokens (pretrain.batch_tokens), got 119"));
}

TEST_F(CorpusTest, RefusesASourceThatGivesNoRow) {
  config_.data.train.push_back(config_.data.train[0]);
  config_.data.train[1].path = write("empty.txt", "\n").string();
  EXPECT_THAT(fault(), HasSubstr("empty.txt"));
}

TEST_F(CorpusTest, RefusesToDropMoreThanOneInAHundred) {
  config_.data.long_documents = LongDocuments::kDrop;
  config_.sequence_length = 32;
  write("data/c.jsonl", "{\"text\": \"" + std::string(500, 'x') + "\"}\n");
  EXPECT_EQ(prepare().train[0].counts.too_long, 1U) << "1 of 101";
  write("data/d.jsonl", "{\"text\": \"" + std::string(400, 'x') + "\"}\n");
  EXPECT_THAT(fault(), AllOf(HasSubstr("2 of 102 documents are longer than a row of 33 tokens"),
                             HasSubstr("c.jsonl:1)"), HasSubstr("expected at most 1 % to drop")));
  config_.data.long_documents = LongDocuments::kTruncate;
  EXPECT_EQ(prepare().train[0].counts.dropped_tokens, 501U + 401 - 2 * 33);
  config_.data.long_documents = LongDocuments::kError;
  EXPECT_THAT(fault(), HasSubstr("c.jsonl:1: the document is longer than a row"));
}

TEST_F(CorpusTest, RefusesToDropEverything) {
  config_.data.long_documents = LongDocuments::kDrop;
  config_.sequence_length = 8;
  EXPECT_THAT(fault(), HasSubstr("100 of 100 documents are longer"));
}

TEST_F(CorpusTest, ReportsTheFaultsOfSeveralFilesInOrder) {
  write("data/a.jsonl", "{\"text\": 1}\n");
  write("data/c.jsonl", json_lines(0, 5) + "nonsense\n");
  const auto message = fault();
  const auto first = message.find("a.jsonl:1:");
  const auto second = message.find("c.jsonl:6:");
  EXPECT_NE(first, std::string::npos) << message;
  EXPECT_NE(second, std::string::npos) << message;
  EXPECT_LT(first, second);
}

TEST_F(CorpusTest, TellsOfSkippedLinesEachTime) {
  write("data/c.jsonl", json_lines(0, 5) + "nonsense\n");
  config_.data.on_bad_line = BadLinePolicy::kSkip;
  EXPECT_EQ(prepare().bad_lines.count(), 1U);
  EXPECT_EQ(prepare().bad_lines.count(), 1U) << "from the cache";
  config_.data.max_bad_lines = 0;
  EXPECT_THAT(fault(), HasSubstr("c.jsonl:6:"));
}

TEST_F(CorpusTest, CountsSkippedLinesOverAllFiles) {
  write("data/c.jsonl", json_lines(0, 5) + "nonsense\n");
  write("data/d.jsonl", json_lines(0, 5) + "nonsense\n\nmore\n");
  config_.data.on_bad_line = BadLinePolicy::kSkip;
  config_.data.max_bad_lines = 2;
  EXPECT_THAT(fault(), HasSubstr("3 bad lines"));
}

TEST_F(CorpusTest, UsesOneShardForFilesOfOneContent) {
  write("data/copy.jsonl", json_lines(0, 60));
  const auto corpus = prepare();
  EXPECT_EQ(corpus.train[0].files[0].shard, corpus.train[0].files[2].shard);
  EXPECT_EQ(corpus.train[0].counts.documents, 160U);
}

TEST_F(CorpusTest, SeveralProcessesShareTheWork) {
  write("data/large.jsonl", json_lines(0, 60000));
  std::vector<pid_t> children;
  for (int i = 0; i < 4; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      try {
        ::_exit(static_cast<int>(made(prepare({.threads = 1})).size()));
      } catch (...) {
        ::_exit(100);
      }
    }
    children.push_back(child);
  }
  int files_made = 0;
  for (const auto child : children) {
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status));
    files_made += WEXITSTATUS(status);
  }
  EXPECT_EQ(files_made, 3) << "each file once";
  const auto corpus = prepare({.verify = Verify::kAll});
  EXPECT_THAT(made(corpus), IsEmpty());
  EXPECT_EQ(corpus.train[0].counts.documents, 60100U);
}

// Killed at twelve moments; what is left must be whole, and the next run must end with the same files.
TEST_F(CorpusTest, LeavesNothingBrokenWhenKilled) {
  write("data/large.jsonl", json_lines(0, 30000));
  for (int i = 0; i < 12; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      prepare({.threads = 2});
      ::_exit(0);
    }
    ::usleep(static_cast<useconds_t>(i * 4000));
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    if (!fs::exists(folder_ / "cache")) continue;
    for (const auto& entry : fs::recursive_directory_iterator(folder_ / "cache")) {
      if (entry.path().extension() == ".tokens") {
        EXPECT_TRUE(verify_cache_file(TokenShard(entry.path()).file())) << entry.path();
      }
    }
  }
  const auto corpus = prepare({.verify = Verify::kAll});
  EXPECT_EQ(corpus.train[0].counts.documents, 30100U);
  for (const auto& entry : fs::recursive_directory_iterator(folder_ / "cache")) {
    EXPECT_EQ(entry.path().filename().string().find(".tmp-"), std::string::npos) << entry.path();
  }
}

TEST_F(CorpusTest, StopsOnRequestAndGoesOn) {
  install_signal_handlers();
  ASSERT_EQ(::raise(SIGTERM), 0);
  EXPECT_THAT(error_of(ExitCode::kRequeue, [&] { prepare(); }), HasSubstr("stopped"));
  reset_signal_flags();
  EXPECT_EQ(prepare().train[0].counts.documents, 100U);
}

TEST_F(CorpusTest, RowsAreTheDocuments) {
  config_.data.packing = Packing::kBestFit;
  config_.sequence_length = 20;
  const auto corpus = prepare();
  auto rows = open_rows(corpus.train, config_.sequence_length, 257);
  ASSERT_THAT(rows, SizeIs(1));
  std::set<std::vector<std::int32_t>> documents;
  RowShape shape;
  for (std::uint64_t row = 0; row < rows[0].rows(); ++row) {
    std::vector<std::int32_t> tokens(21);
    rows[0].read(row, tokens, shape);
    tokens.resize(shape.length);
    documents.insert(tokens);
  }
  std::set<std::vector<std::int32_t>> expected;
  for (int i = 0; i < 100; ++i) expected.insert(byte_ids("document number " + std::to_string(i)));
  EXPECT_EQ(documents, expected);
}

}  // namespace
}  // namespace llmtrain
