#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "lib/tokenizer/tokenizer.h"
#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kPipeline = R"(run: {name: test, dir: runs}
tokenizer: {train: {vocab_size: 266, pattern: gpt2}}
pretrain: {data: {train: [{path: text.jsonl}]}, steps: 1}
)";
constexpr const char* kText = R"({"text": "the cat and the hat and the rat"}
{"text": "하나 하 하 하 하늘 하"}
)";

struct Folder : TempDir {
  Folder() {
    write("pipeline.yaml", kPipeline);
    write("text.jsonl", kText);
  }
  ProgramResult run(std::vector<std::string> arguments, const std::string& input = "") const {
    return run_llmtrain(std::move(arguments), {.directory = path(), .environment = {}, .input = input});
  }
  ProgramResult train(std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments = {"tokenizer", "train", "pipeline.yaml"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(arguments);
  }
};

TEST(TokenizerTrain, WritesThePipelinesTokenizerAndSaysWhere) {
  const Folder folder;
  const auto result = folder.train();
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "runs/test/tokenizer/tokenizer.json\n");
  EXPECT_THAT(result.err, HasSubstr("266 ids from 2 documents"));
  EXPECT_EQ(Tokenizer::load(folder / "runs/test/tokenizer").vocab_size(), 266U);
}

TEST(TokenizerTrain, SaysThatItIsDoneAlready) {
  const Folder folder;
  ASSERT_EQ(folder.train().exit_code, 0);
  const auto file = folder / "runs/test/tokenizer/tokenizer.json";
  const auto before = std::filesystem::last_write_time(file);
  const auto again = folder.train();
  EXPECT_EQ(again.exit_code, 0);
  EXPECT_EQ(again.out, "runs/test/tokenizer/tokenizer.json\n");
  EXPECT_THAT(again.err, HasSubstr("learnt already"));
  EXPECT_EQ(std::filesystem::last_write_time(file), before);
}

TEST(TokenizerTrain, LearnsAnewWhereTextOrSettingsChanged) {
  const Folder folder;
  ASSERT_EQ(folder.train().exit_code, 0);
  const auto first = slurp(folder / "runs/test/tokenizer/tokenizer.json");
  auto result = folder.train({"--set", "tokenizer.train.vocab_size=262"});
  EXPECT_THAT(result.err, HasSubstr("the settings changed; it is learnt anew"));
  EXPECT_EQ(Tokenizer::load(folder / "runs/test/tokenizer").vocab_size(), 262U);
  ASSERT_EQ(folder.train().exit_code, 0);
  EXPECT_EQ(slurp(folder / "runs/test/tokenizer/tokenizer.json"), first);

  // Same size, other content.
  folder.write("text.jsonl", std::string(kText).replace(std::string(kText).find("cat"), 3, "bat"));
  result = folder.train();
  EXPECT_THAT(result.err, HasSubstr("text.jsonl changed; it is learnt anew"));
  folder.write("runs/test/tokenizer/tokenizer.json", first + " ");
  EXPECT_THAT(folder.train().err, HasSubstr("tokenizer.json was changed; it is learnt anew"));
  const auto record = json::parse(slurp(folder / "runs/test/tokenizer/tokenizer_training.json"));
  folder.write("runs/test/tokenizer/tokenizer_training.json", json{{"version", record["version"]}}.dump());
  EXPECT_THAT(folder.train().err, HasSubstr("tokenizer_training.json: damaged; the tokenizer is learnt anew"));
}

TEST(TokenizerTrain, SaysThatTheTextIsTooSmallForTheVocabulary) {
  const Folder folder;
  const auto result = folder.train({"--set", "tokenizer.train.vocab_size=1000"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.err, HasSubstr("warning: made "));
  EXPECT_THAT(result.err, HasSubstr(" of 1,000 ids: no other pair stands 2 times in the text"));
}

TEST(TokenizerTrain, WorksWithoutAPipelineFile) {
  const Folder folder;
  folder.write("more.txt", "the end and the start");
  const auto result = folder.run({"tokenizer", "train", "--data", "text.jsonl", "more.txt", "--vocab-size", "266",
                                  "--pattern", "qwen2", "--special", "<s>", "</s>", "--output", "out"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "out/tokenizer.json\n");
  const auto made = json::parse(slurp(folder / "out/tokenizer.json"));
  EXPECT_EQ(made["model"]["vocab"].size(), 266U);
  EXPECT_EQ(made["normalizer"]["type"], "NFC");
  EXPECT_EQ(made["added_tokens"][1]["content"], "</s>");
}

TEST(TokenizerTrain, TakesAnEvenSampleOfTooMuchText) {
  const Folder folder;
  std::string lines;
  for (int i = 0; i < 1000; ++i) lines += "{\"text\": \"word" + std::to_string(i) + " and so on\"}\n";
  folder.write("text.jsonl", lines);
  const auto result = folder.train({"--set", "tokenizer.train.max_bytes=4KiB"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("even sample"));
  const auto record = json::parse(slurp(folder / "runs/test/tokenizer/tokenizer_training.json"));
  EXPECT_GT(record["bytes"], 3000);
  EXPECT_LT(record["bytes"], 5200);
}

TEST(TokenizerTrain, NamesWhatIsWrong) {
  const Folder folder;
  EXPECT_EQ(folder.run({"tokenizer", "train"}).exit_code, 2);
  EXPECT_EQ(folder.train({"--vocab-size", "300"}).exit_code, 2);
  auto result = folder.train({"--set", "tokenizer.train.vocab_size=100"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("100 is too small, expected at least 257"));
  result = folder.train({"--set", "pretrain.data.train=[{path: nothing.txt}]"});
  EXPECT_EQ(result.exit_code, 3) << result.err;
  folder.write("text.jsonl", "{\"text\": \"fine\"}\n{\"text\": 7}\n");
  result = folder.train();
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, HasSubstr("text.jsonl:2:"));
  EXPECT_FALSE(std::filesystem::exists(folder / "runs/test/tokenizer/tokenizer.json"));
}

struct Trained : Folder {
  Trained() {
    EXPECT_EQ(train().exit_code, 0);
    tokenizer = "runs/test/tokenizer";
  }
  std::string tokenizer;
};

TEST(TokenizerEncode, PrintsTokensAsAPersonReadsThem) {
  const Trained folder;
  const auto result = folder.run({"tokenizer", "encode", "--tokenizer", folder.tokenizer, " the 하 é"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr(" tokens, 11 bytes\n"));
  EXPECT_THAT(result.out, HasSubstr("\" the\""));
  EXPECT_THAT(result.out, HasSubstr("\" 하\""));
  EXPECT_THAT(result.out, HasSubstr("\"\\xc3\"\n"));  // é was not in the text learnt from
}

TEST(TokenizerEncode, PrintsJsonAndBareIds) {
  const Trained folder;
  const auto result =
      folder.run({"tokenizer", "encode", "--tokenizer", folder.tokenizer, "--json", "and<|endoftext|>", "--special"});
  const auto found = json::parse(result.out);
  const Tokenizer tokenizer = Tokenizer::load(folder / folder.tokenizer);
  EXPECT_EQ(found["ids"], tokenizer.encode("and<|endoftext|>", SpecialText::kAsToken));
  EXPECT_EQ(found["count"], found["ids"].size());
  EXPECT_EQ(found["tokens"].back(), "<|endoftext|>");
  EXPECT_EQ(folder.run({"tokenizer", "encode", "--tokenizer", folder.tokenizer, "--ids-only", "!\""}).out, "1 2\n");
}

TEST(TokenizerEncode, ReadsStdinOrAFile) {
  const Trained folder;
  const auto tokenizer = folder.tokenizer;
  const auto given = folder.run({"tokenizer", "encode", "--tokenizer", tokenizer, "--ids-only", "the cat\n"}).out;
  EXPECT_EQ(folder.run({"tokenizer", "encode", "--tokenizer", tokenizer, "--ids-only"}, "the cat\n").out, given);
  folder.write("in.txt", "the cat\n");
  EXPECT_EQ(folder.run({"tokenizer", "encode", "--tokenizer", tokenizer, "--ids-only", "--file", "in.txt"}).out, given);
  EXPECT_EQ(folder.run({"tokenizer", "encode", "--tokenizer", tokenizer, "--ids-only", ""}).out, "\n");
}

TEST(TokenizerDecode, GivesBackTheBytes) {
  const Trained folder;
  const std::string text("a\0\xff 한\r\n<|endoftext|>", 22);
  const auto ids = folder.run({"tokenizer", "encode", "--tokenizer", folder.tokenizer, "--ids-only"}, text).out;
  EXPECT_EQ(folder.run({"tokenizer", "decode", "--tokenizer", folder.tokenizer}, ids).out, text);
  EXPECT_EQ(folder.run({"tokenizer", "decode", "--tokenizer", folder.tokenizer, "0", "1"}).out, "<|endoftext|>!");
  EXPECT_EQ(folder.run({"tokenizer", "decode", "--tokenizer", folder.tokenizer}, "[0, 1]\n").out, "<|endoftext|>!");
}

TEST(TokenizerDecode, NamesWhatIsNoId) {
  const Trained folder;
  for (const std::string id : {"266", "4294967296", "x", "1.5"}) {
    const auto result = folder.run({"tokenizer", "decode", "--tokenizer", folder.tokenizer}, "5 " + id);
    EXPECT_EQ(result.exit_code, 3) << id;
    EXPECT_THAT(result.err, HasSubstr("'" + id + "' at byte 2 is no id of this tokenizer, expected 0 to 265"));
    EXPECT_EQ(result.out, "");
  }
  EXPECT_EQ(folder.run({"tokenizer", "decode", "--tokenizer", folder.tokenizer}, "-1").exit_code, 3);
}

TEST(TokenizerInfo, SaysWhatATokenizerIs) {
  const Trained folder;
  const auto result = folder.run({"tokenizer", "info", folder.tokenizer});
  EXPECT_EQ(result.exit_code, 0);
  for (const char* part : {"byte_bpe", "266", "gpt2", "\"<|endoftext|>\"  ends a document"}) {
    EXPECT_THAT(result.out, HasSubstr(part));
  }
  EXPECT_THAT(result.out, HasSubstr(Tokenizer::load(folder / folder.tokenizer).hash()));
}

TEST(TokenizerCommands, NameAFileThatIsNoTokenizer) {
  const Folder folder;
  const auto result = folder.run({"tokenizer", "encode", "--tokenizer", "pipeline.yaml", "x"});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, HasSubstr("pipeline.yaml: byte 1: malformed JSON"));
}

TEST(CharTokenizer, NamesACharacterThatItLacks) {
  const Folder folder;
  ASSERT_EQ(folder.train({"--set", "tokenizer.train={kind: char, special_tokens: []}"}).exit_code, 0);
  const auto result = folder.run({"tokenizer", "encode", "--tokenizer", "runs/test/tokenizer", "the zebra"});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, HasSubstr("character 'z' (U+007A) is not among the tokenizer's"));
  EXPECT_THAT(result.err, Not(HasSubstr("internal")));
}

}  // namespace
}  // namespace llmtrain
