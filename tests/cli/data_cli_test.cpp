#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/tokenizer/tokenizer_spec.h"
#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::Not;
using testing::StartsWith;

// A folder with ten documents "document 0" ... "document 9", a tokenizer of single bytes (byte b is id b + 1, 0 ends a
// document) and a pipeline file.
class DataCommandTest : public testing::Test {
 protected:
  DataCommandTest() {
    std::string lines;
    for (int i = 0; i < 10; ++i) lines += "{\"text\": \"document " + std::to_string(i) + "\"}\n";
    folder_.write("corpus.jsonl", lines);
    TokenizerSpec spec;
    spec.tokens.push_back({.bytes = "<|endoftext|>", .in_model = false});
    for (int byte = 0; byte < 256; ++byte) spec.tokens.push_back({.bytes = std::string(1, static_cast<char>(byte))});
    spec.added_tokens = {{.id = 0, .content = "<|endoftext|>"}};
    folder_.write("tokenizer.json", Tokenizer(spec).to_json());
    folder_.write("pipeline.yaml",
                  "run: {name: test, seed: 7}\n"
                  "model: {preset: llama-2m}\n"
                  "tokenizer: {from: tokenizer.json}\n"
                  "pretrain:\n"
                  "  data: {train: [{path: corpus.jsonl}], packing: best_fit, cache: cache}\n"
                  "  sequence_length: 15\n"
                  "  batch_tokens: 30\n"
                  "  steps: 20\n");
  }

  ProgramResult run(const std::string& command, std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments = {"data", command, "pipeline.yaml"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_llmtrain(arguments, {.directory = folder_.path(), .environment = {}, .input = ""});
  }

  // Starts `data prepare` and sends the signal as soon as it writes a shard; 128 + signal if it died of that.
  int prepare_and_signal(int signal) const {
    const pid_t child = ::fork();
    if (child == 0) {
      const int null = ::open("/dev/null", O_RDWR);
      ::dup2(null, 1);
      ::dup2(null, 2);
      if (::chdir(folder_.path().c_str()) != 0) ::_exit(127);
      const char* program = LLMTRAIN_BINARY_DIR "/llmtrain";
      ::execl(program, program, "data", "prepare", "pipeline.yaml", "--threads", "2", nullptr);
      ::_exit(127);
    }
    while (leftovers() == 0 && ::waitpid(child, nullptr, WNOHANG) == 0) ::usleep(500);
    ::kill(child, signal);
    int status = 0;
    if (::waitpid(child, &status, 0) != child) return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  int leftovers() const {
    int found = 0;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder_ / "cache/shards", error)) {
      if (entry.path().filename().string().find(".tmp-") != std::string::npos) ++found;
    }
    return found;
  }
  void write_large_corpus() const {
    std::string lines;
    for (int i = 0; i < 300000; ++i)
      lines += "{\"text\": \"a longer document with the number " + std::to_string(i) + "\"}\n";
    folder_.write("corpus.jsonl", lines);
  }

  TempDir folder_;
};

TEST_F(DataCommandTest, PrepareTellsFilesAndTotalsOnStdout) {
  const auto first = run("prepare");
  EXPECT_EQ(first.exit_code, 0) << first.err;
  // Ten documents of ten bytes and an end token.
  EXPECT_EQ(first.out,
            "file          documents  tokens  bytes/token\n"
            "corpus.jsonl         10     110         0.91  new\n"
            "total                10     110         0.91  new\n"
            "\n"
            "training: 10 documents, 110 tokens, 10 rows\n"
            "rows of 15 tokens, in cache\n");
  EXPECT_THAT(first.err, HasSubstr("tokenizing: "));
  const auto second = run("prepare");
  EXPECT_EQ(second.exit_code, 0);
  EXPECT_THAT(second.out, AllOf(HasSubstr("0.91  cached\ntotal"), Not(HasSubstr("new"))));
  EXPECT_EQ(second.err, "");
}

TEST_F(DataCommandTest, PrepareLearnsTheTokenizerFirstWhereItIsToBeLearnt) {
  const auto result = run("prepare", {"--set", "tokenizer={train: {vocab_size: 270}}", "--quiet"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(fs::exists(folder_ / "runs/test/tokenizer/tokenizer.json"));
}

TEST_F(DataCommandTest, StatsAreJsonWhereAsked) {
  folder_.write("corpus.jsonl", "{\"text\": \"aa\"}\n{\"text\": \"b 1\"}\n{\"text\": \"aa\"}\n");
  const auto result = run("stats", {"--json", "--set", "pretrain.batch_tokens=15"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto stats = nlohmann::json::parse(result.out);
  const auto& source = stats.at("sources").at(0);
  EXPECT_EQ(source.at("documents"), 3);
  EXPECT_EQ(source.at("duplicates"), 1);
  EXPECT_EQ(source.at("tokens"), 10);
  EXPECT_EQ(source.at("text_bytes"), 7);
  EXPECT_EQ(source.at("document_tokens").at("p50"), 3);
  EXPECT_EQ(source.at("document_tokens").at("longest"), 4);
  EXPECT_EQ(source.at("characters"), nlohmann::json({{"Latin", 5}, {"spaces", 1}, {"digits", 1}}));
  EXPECT_EQ(stats.at("train_rows"), 1);
  EXPECT_EQ(stats.at("epochs"), 20.0);  // 20 steps of the one row
}

TEST_F(DataCommandTest, StatsAreTextForPeople) {
  const auto result = run("stats");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out,
              AllOf(StartsWith("corpus.jsonl\n"), HasSubstr("tokens a document  p50 11, p90 11, p99 11, longest 11\n"),
                    HasSubstr("training: 10 rows of 15 tokens, gone through 4.00 times\n")));
}

// scripts/fixtures/sample_order_golden.py: with seed 7 the ten rows of the first source begin with 8, 6, and row r is
// document r.
TEST_F(DataCommandTest, PreviewShowsTheRowsThatTrainingSeesFirst) {
  const auto result = run("preview", {"--rows", "2"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out,
            "position 0: corpus.jsonl, epoch 0, row 8 of 10, 10 trained\n"
            "  tokens 0-10, 10 trained\n"
            "    101 112 100 118 110 102 111 117 33 57 0\n"
            "    \"document 8<|endoftext|>\"\n"
            "  tokens 11-14: padding\n"
            "position 1: corpus.jsonl, epoch 0, row 6 of 10, 10 trained\n"
            "  tokens 0-10, 10 trained\n"
            "    101 112 100 118 110 102 111 117 33 55 0\n"
            "    \"document 6<|endoftext|>\"\n"
            "  tokens 11-14: padding\n");
  EXPECT_EQ(run("preview", {"--rows", "1", "--position", "1"}).out, result.out.substr(result.out.find("position 1")));
}

TEST_F(DataCommandTest, NamesFileAndLineOfBadInput) {
  folder_.write("corpus.jsonl", "{\"text\": \"fine\"}\n{\"txt\": \"x\"}\n");
  const auto result = run("prepare");
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, StartsWith("llmtrain: error: corpus.jsonl:2:"));
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
}

TEST_F(DataCommandTest, CountsSkippedLinesOnStderr) {
  folder_.write("corpus.jsonl", "{\"text\": \"fine enough to make a batch of rows\"}\n{\"txt\": \"x\"}\n");
  const auto result = run("prepare", {"--set", "pretrain.data.on_bad_line=skip"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("warning: 1 bad line"));
  EXPECT_THAT(result.err, HasSubstr("corpus.jsonl:2:"));
}

TEST_F(DataCommandTest, RefusesAPipelineWithoutData) {
  folder_.write("pipeline.yaml", "run: {name: test}\n");
  const auto result = run("prepare");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("pipeline.yaml: no section 'pretrain'"));
}

TEST_F(DataCommandTest, RefusesACacheThatIsALink) {
  fs::create_directory(folder_ / "elsewhere");
  fs::create_symlink(folder_ / "elsewhere", folder_ / "cache");
  const auto result = run("prepare");
  EXPECT_EQ(result.exit_code, 5);
  EXPECT_THAT(result.err, HasSubstr("cache: the data cache is a symbolic link"));
  EXPECT_TRUE(fs::is_empty(folder_ / "elsewhere"));
}

TEST_F(DataCommandTest, VerifyDataLooksAtContent) {
  ASSERT_EQ(run("prepare").exit_code, 0);
  const auto time = fs::last_write_time(folder_ / "corpus.jsonl");
  std::string text = slurp(folder_ / "corpus.jsonl");
  text[text.find('9')] = '8';
  folder_.write("corpus.jsonl", text);
  fs::last_write_time(folder_ / "corpus.jsonl", time);
  const auto result = run("prepare", {"--verify-data"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("corpus.jsonl         10     110         0.91  new"));
}

TEST_F(DataCommandTest, StopsOnATermSignalAndGoesOn) {
  write_large_corpus();
  EXPECT_EQ(prepare_and_signal(SIGTERM), 75);
  EXPECT_EQ(leftovers(), 0);
  const auto result = run("prepare");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("300,000"));
}

TEST_F(DataCommandTest, SurvivesAKill) {
  write_large_corpus();
  EXPECT_EQ(prepare_and_signal(SIGKILL), 128 + SIGKILL);
  EXPECT_EQ(leftovers(), 1) << "the test is to kill it while it writes";
  const auto result = run("prepare");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("300,000"));
  EXPECT_EQ(leftovers(), 0);
}

}  // namespace
}  // namespace llmtrain
