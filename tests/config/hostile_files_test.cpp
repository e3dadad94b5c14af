#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/config/pipeline.h"
#include "tests/support/test_support.h"

// Pipeline files that are wrong or meant to harm, each with the line of its first fault (0: the file as a whole) and
// words of it. All must end as a fault of the file, in a moment.
namespace llmtrain {
namespace {

struct HostileFile {
  std::string text;
  std::size_t line;
  std::string words;
};

std::string repeated(std::string_view piece, std::size_t times) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i) text += piece;
  return text;
}

std::vector<HostileFile> hostile_files() {
  using namespace std::string_literals;
  return {
      // Not text.
      {"\xFF\xFEr\0u\0n\0"s, 1, "not UTF-8"},
      {"run:\n  name: \xC0\xAF\n", 2, "not UTF-8"},
      {"run:\n  name: \xED\xA0\x80\n", 2, "not UTF-8"},
      {"run:\n  name: a\0b\n"s, 2, "control character \\x00"},
      {"run:\n  name: \"a\\0b\"\n", 2, "a plain name"},
      {"run:\n  dir: \"a\\0b\"\n", 2, "text, not empty"},
      {"run: \x1b[2J\n", 1, "control character \\x1b"},
      {"run:\r  name: x\n", 1, "control character \\x0d"},
      {"\x7F"
       "ELF\x02\x01\x01",
       1, "control character"},
      {repeated("\uFEFF", 300'000), 1, "expected keys"},
      // Nothing, or too much.
      {"", 0, "empty"},
      {"# comment\n", 0, "empty"},
      {repeated("\n", 1 << 20), 0, "empty"},
      {repeated("#", 1 << 20), 0, "empty"},
      {repeated("a", (1 << 20) + 1), 0, "at most 1048576 bytes"},
      {"a: " + repeated("[", 10'000), 1, "nested deeper than 64"},
      {"a: " + repeated("[", 1'000'000), 1, "nested deeper than 64"},
      {repeated("{a: ", 200'000), 1, "nested deeper than 64"},
      {repeated("- ", 500'000), 1, "nested deeper than 64"},
      {repeated("? ", 500'000), 1, "nested deeper than 64"},
      {"a: [" + repeated("[],", 300'000) + "]", 1, "more than 100000 values"},
      {"a: [" + repeated("&a 1,", 200'000) + "]", 1, "anchors"},
      {repeated("run: {}\n", 100'000), 2, "key 'run' is repeated"},
      {repeated("&a ", 300'000), 1, "anchors"},
      {repeated("!a ", 300'000), 1, "tags"},
      {repeated("---\n", 200'000), 2, "second document"},
      {"run: {name: '" + repeated("x", 1'000'000) + "\n", 1, "a quote is not closed"},
      {repeated("x", 1'000'000) + ": 1\n", 1, "':'"},
      // What YAML has and a pipeline file has not.
      {"run: &r {name: x}\nmodel: *r\n", 1, "anchors"},
      {"model: *r\n", 1, "aliases"},
      {"run: {name: x}\n<<: {seed: 1}\n", 2, "merge keys"},
      {"run: !!map {name: x}\n", 1, "tags"},
      {"run:\n  name: !env HOME\n", 2, "tags"},
      {"run:\n  seed: !!int 3\n", 2, "tags"},
      {"run: {}\n---\nrun: {}\n", 2, "second document"},
      {"run: {}\nrun: {}\n", 2, "repeated"},
      {"run:\n\tname: x\n", 2, "a tab"},
      {"? {run: 1}\n: 2\n", 1, "a key must be a name"},
      {"- run\n", 1, "expected keys"},
      {"run\n", 1, "expected keys"},
      {"%TAG ! x:\n---\nrun: !a {}\n", 3, "tags"},
      // Not YAML.
      {"run: {name: x\n", 2, "'{' is not closed"},
      {"run: [name\n", 2, "'[' is not closed"},
      {"run:\n  name: x\n seed: 1\n", 3, "check the indentation"},
      {"run: name: x\n", 1, "':'"},
      {"run: }\n", 1, ""},
      {"run:\n  name: @x\n", 2, "quote the text"},
      {"run:\n  name: \"\\q\"\n", 2, "not valid YAML"},
      {"run:\n  name: \"\\uD800\"\n", 2, "not valid YAML"},
      // Typing.
      {"run:\n  seed: no\n", 2, "expected an integer"},
      {"run:\n  seed: 08\n", 2, "write 8"},
      {"run:\n  seed: 010\n", 2, "write 10"},
      {"run:\n  seed: 0x10\n", 2, "write 16"},
      {"run:\n  seed: 1_000\n", 2, "write 1000"},
      {"run:\n  seed: 1e-4\n", 2, "not a whole number"},
      {"run:\n  seed: 9223372036854775808\n", 2, "the largest integer"},
      {"run:\n  seed: 1e999999999999999999999\n", 2, "the largest integer"},
      {"run:\n  seed: " + repeated("9", 500'000) + "\n", 2, "the largest integer"},
      {"run:\n  seed: -1\n", 2, "at least 0"},
      {"run:\n  seed: .inf\n", 2, "finite"},
      {"run:\n  seed: ~\n", 2, "got null"},
      {"run:\n  seed:\n", 2, "got nothing"},
      {"run:\n  seed: \"1\"\n", 2, "take the quotes off"},
      {"run:\n  seed: [1]\n", 2, "got a list"},
      {"run:\n  name: ../x\n", 2, "a plain name"},
      {"run:\n  name: ..\n", 2, "a plain name"},
      {"run: x\n", 1, "expected a section"},
      {"run:\n  dir: ${LLMTRAIN_TEST_THIS_IS_NOT_SET}\n", 2, "is not set"},
      {"run:\n  dir: ${\n", 2, "is not closed"},
      {"runs: {}\n", 1, "did you mean 'run'?"},
      {"constructor: {}\n__proto__: {}\n", 1, "unknown key"},
      {"tokenizer: {from: a, train: {}}\n", 1, "exclude each other"},
      {"pretrain: {steps: 1}\n", 1, "missing key 'pretrain.data.train'"},
  };
}

TEST(HostileFiles, EndAsFaultsWithALine) {
  const TempDir dir;
  const auto files = hostile_files();
  ASSERT_GE(files.size(), 40U);
  for (std::size_t i = 0; i < files.size(); ++i) {
    const auto& [text, line, words] = files[i];
    const auto path = dir.write(fmt::format("{}.yaml", i), text);
    SCOPED_TRACE(fmt::format("file {}: {}", i, text.substr(0, 80)));
    try {
      load_pipeline(path);
      ADD_FAILURE() << "accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::kUsage);
      const std::string& message = error.faults().front().message;
      const std::string place = line == 0 ? path.string() + ":" : fmt::format("{}:{}:", path.string(), line);
      EXPECT_THAT(message, testing::StartsWith(place));
      EXPECT_THAT(message, testing::HasSubstr(words));
    }
  }
}

}  // namespace
}  // namespace llmtrain
