#include "lib/data/document_source.h"

#include <cstdlib>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "lib/base/digest.h"
#include "tests/data/reading.h"
#include "tests/support/compression.h"
#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

Reading skipping(std::uint64_t max_bad_lines = 100) {
  return {.rules = {.on_bad_line = BadLinePolicy::kSkip, .max_bad_lines = max_bad_lines}};
}

const std::string kGood = "{\"text\": \"good\"}\n";

TEST(JsonlDocuments, ComeWithLineAndOffset) {
  const auto documents = read_bytes("{\"text\": \"a\"}\n\n  \r\n{\"text\": \"b\"}\r\n{\"text\": \"c\"}", {});
  ASSERT_THAT(texts_of(documents), ElementsAre("a", "b", "c"));
  EXPECT_EQ(documents[1].line, 4U);
  EXPECT_EQ(documents[1].offset, 19U);
  EXPECT_EQ(documents[2].line, 5U);
  EXPECT_EQ(documents[2].offset, 34U);
  EXPECT_FALSE(documents[0].continues);
}

TEST(JsonlDocuments, MalformedLineIsNamedWhereverItStands) {
  const std::string bad = "{\"text\": bad}\n";
  const std::string tail = "malformed JSON: invalid literal, in {\"text\": bad}; try on_bad_line: skip";
  EXPECT_EQ(error_in(bad + kGood + kGood, {}), "data:1:10: " + tail);
  EXPECT_EQ(error_in(kGood + bad + kGood, {}), "data:2:10: " + tail);
  EXPECT_EQ(error_in(kGood + kGood + bad, {}), "data:3:10: " + tail);
  EXPECT_EQ(error_in(kGood + kGood + bad.substr(0, bad.size() - 1), {}), "data:3:10: " + tail);
  // Cut in the middle, as by a full disk.
  EXPECT_THAT(error_in(kGood + "{\"text\": \"go", {}), HasSubstr("data:2:13: malformed JSON: "));
}

TEST(JsonlDocuments, RecordInTheMessageIsCut) {
  const auto message = error_in("{\"other\": \"" + std::string(5000, 'x') + "\"}\n", {});
  EXPECT_THAT(message, HasSubstr("missing key, expected 'text', got other, in {\"other\": \"xxx"));
  EXPECT_THAT(message, HasSubstr("; try field: other"));
  EXPECT_LT(message.size(), 250U);
}

TEST(JsonlDocuments, ControlBytesInTheMessageAreEscaped) {
  EXPECT_THAT(error_in("{\"text\": \"\x1b[31m\"}\n", {}), HasSubstr("in {\"text\": \"\\x1b[31m\"}"));
}

TEST(JsonlDocuments, SkippedLinesAreCountedByKind) {
  const TempDir dir;
  const auto path =
      dir.write("a.jsonl", "{bad\n" + kGood + "{\"question\": 1}\n{\"question\": 2}\n{bad\n" + kGood + "[]\n");
  const auto setup = skipping();
  DocumentReader reader(file_of(path, DataFormat::kJsonl), setup.source, setup.rules);
  EXPECT_THAT(texts_of(read_all(reader)), ElementsAre("good", "good"));
  const auto& bad = reader.bad_lines();
  EXPECT_EQ(bad.count(), 5U);
  EXPECT_EQ(bad.kinds.at("malformed JSON").count, 2U);
  EXPECT_EQ(bad.kinds.at("missing key").count, 2U);
  EXPECT_EQ(bad.kinds.at("not an object").count, 1U);
  EXPECT_THAT(bad.kinds.at("missing key").first, HasSubstr("a.jsonl:3:1: missing key"));
  EXPECT_THAT(bad.summary(), AllOf(HasSubstr("5 bad lines: 2 malformed JSON (first: "), HasSubstr("; 2 missing key")));
}

TEST(JsonlDocuments, TooManySkippedLinesAreAnError) {
  EXPECT_THAT(texts_of(read_bytes("{bad\n{bad\n" + kGood, skipping(2))), ElementsAre("good"));
  EXPECT_THAT(error_of(ExitCode::kInput, [] { read_bytes("{bad\n{bad\n{bad\n" + kGood, skipping(2)); }),
              AllOf(HasSubstr("more bad lines than max_bad_lines, expected at most 2, got 3 bad lines"),
                    HasSubstr("data:1:2: malformed JSON")));
}

TEST(JsonlDocuments, BadLinesOfSeveralFilesAddUp) {
  BadLines one;
  one.kinds["missing key"] = {.count = 2, .first = "a:1:1: x"};
  BadLines two;
  two.kinds["missing key"] = {.count = 3, .first = "b:1:1: x"};
  two.kinds["NUL"] = {.count = 1, .first = "b:2:1: y"};
  one.merge(two);
  EXPECT_EQ(one.count(), 6U);
  EXPECT_EQ(one.kinds["missing key"].first, "a:1:1: x");
  check_bad_lines(one, {.max_bad_lines = 6});
  EXPECT_THAT(error_of(ExitCode::kInput, [&] { check_bad_lines(one, {.max_bad_lines = 5}); }),
              HasSubstr("expected at most 5, got 6 bad lines"));
}

// The table of bytes of document_source.h.
TEST(JsonlDocuments, BytesHaveOneRuleEach) {
  struct Case {
    std::string bytes;
    std::string kind;  // of the fault; empty: accepted
    std::string text;
  };
  for (const auto& c : std::vector<Case>{{"{\"text\": \"\xc3\x28\"}", "malformed UTF-8", ""},
                                         {"{\"text\": \"\xc0\x80\"}", "malformed UTF-8", ""},
                                         {"{\"text\": \"\xed\xb0\x80\"}", "malformed UTF-8", ""},
                                         {"\xef\xbb\xbf{\"text\": \"bom\"}", "", "bom"},
                                         {"\n\xef\xbb\xbf{\"text\": \"bom\"}", "byte order mark", ""},
                                         {std::string("{\"text\": \"a\0\"}", 14), "NUL", ""},
                                         {"{\"text\": \"a\\u0000\"}", "NUL", ""},
                                         {"{\"text\": \"crlf\"}\r\n", "", "crlf"},
                                         {"{\"text\": \"a\\r\\nb\"}\n", "", "a\r\nb"},
                                         {"{\"text\": \"\\ud800\"}", "malformed JSON", ""},
                                         {"{\"text\": \"\\udfff\\ud800\"}", "malformed JSON", ""},
                                         {"{\"text\": \"\xef\xbf\xbf\xef\xb7\x90\"}", "", "\xef\xbf\xbf\xef\xb7\x90"},
                                         {"{\"text\": \"a\xef\xbb\xbf\"}", "", "a\xef\xbb\xbf"},
                                         {"{\"text\": \"n\", \"x\": [-0, 18446744073709551616]}", "", "n"},
                                         {"{\"text\": \"n\", \"x\": 1e99999}", "number out of range", ""}}) {
    if (c.kind.empty()) {
      EXPECT_THAT(texts_of(read_bytes(c.bytes, {})), ElementsAre(c.text)) << c.bytes;
    } else {
      const TempDir dir;
      const auto setup = skipping();
      const auto path = dir.write("a", c.bytes + "\n" + kGood);
      DocumentReader reader(file_of(path, DataFormat::kJsonl), setup.source, setup.rules);
      EXPECT_THAT(texts_of(read_all(reader)), ElementsAre("good")) << c.bytes;
      EXPECT_EQ(reader.bad_lines().kinds.count(c.kind), 1U) << c.bytes << reader.bad_lines().summary();
    }
  }
}

TEST(JsonlDocuments, ColumnCountsADroppedByteOrderMark) {
  EXPECT_THAT(error_in("\xef\xbb\xbf{\"text\": bad}", {}), HasSubstr("data:1:13: malformed JSON"));
}

TEST(JsonlDocuments, RepeatedIdNamesBothLines) {
  Reading setup;
  setup.source.id_field = "id";
  const std::string lines =
      "{\"id\": \"x\", \"text\": \"a\"}\n{\"id\": 1, \"text\": \"b\"}\n{\"id\": \"1\", \"text\": \"c\"}\n";
  EXPECT_EQ(read_bytes(lines, setup).size(), 3U);
  EXPECT_THAT(error_in(lines + "\n{\"id\": 1, \"text\": \"d\"}\n", setup),
              HasSubstr("data:5:1: repeated id '1', expected one that line 2 has not"));
}

TEST(JsonlDocuments, RepeatedMissingExtraAndWrongTypedFieldsAreNamed) {
  EXPECT_THAT(error_in(kGood + "{\"text\": \"a\", \"text\": \"b\"}\n", {}),
              HasSubstr("data:2:15: repeated key 'text'"));
  EXPECT_THAT(error_in("{\"question\": \"q\", \"answer\": \"a\"}\n", {}),
              HasSubstr("data:1:1: missing key, expected 'text', got question, answer"));
  EXPECT_THAT(error_in("{\"text\": [1]}\n", {}), HasSubstr("data:1:10: wrong type of 'text', expected a string"));
  Reading strict;
  strict.source.extra_fields = ExtraFields::kRefuse;
  EXPECT_THAT(error_in("{\"text\": \"a\", \"url\": \"b\"}\n", strict),
              AllOf(HasSubstr("data:1:15: extra key 'url'"), HasSubstr("try extra_fields: allow")));
}

TEST(JsonlDocuments, DepthAndKeyLengthAreLimited) {
  EXPECT_THAT(error_in("{\"text\": \"a\", \"deep\": " + std::string(1'000'000, '[') + "\n", {}),
              AllOf(HasSubstr("data:1:86: nested too deep, expected at most 64 levels"), HasSubstr("try max_depth")));
  EXPECT_THAT(error_in("{\"" + std::string(1'000'000, 'k') + "\": 1}\n", {}),
              HasSubstr("data:1:2: key too long, expected at most 1024 bytes, got 1000000"));
}

TEST(JsonlDocuments, LineBeyondTheLimitIsNamedAndCanBeSkipped) {
  Reading setup;
  setup.rules.max_line = 1000;
  const std::string giant = "{\"text\": \"" + std::string(3'000'000, 'x') + "\"}\n";
  EXPECT_THAT(error_in(kGood + giant + kGood, setup),
              AllOf(HasSubstr("data:2:1: line too long, expected at most 1000 bytes, in {\"text\": \"xxx"),
                    HasSubstr("try max_line")));
  setup.rules.on_bad_line = BadLinePolicy::kSkip;
  EXPECT_THAT(texts_of(read_bytes(kGood + giant + kGood, setup)), ElementsAre("good", "good"));
}

// A hole of 1 GB in the file: one line of NULs, read without being held.
TEST(JsonlDocuments, LineOfOneGigabyteNeedsLittleMemory) {
  const TempDir dir;
  const auto path = dir.write("a.jsonl", kGood);
  fs::resize_file(path, std::uintmax_t{1} << 30U);
  Reading setup;
  setup.rules.max_line = std::size_t{1} << 20U;
  const long before = resident_kib();
  DocumentReader reader(file_of(path, DataFormat::kJsonl), setup.source, setup.rules);
  EXPECT_THAT(error_of(ExitCode::kInput, [&] { read_all(reader); }), HasSubstr("a.jsonl:2:1: line too long"));
  EXPECT_LT(resident_kib() - before, 32 * 1024);
}

TEST(JsonlDocuments, NoUsableDocumentIsAnError) {
  EXPECT_THAT(error_in("\n \n", {}), HasSubstr("data: no usable document, expected at least one, got 0 empty"));
  EXPECT_THAT(error_in("{\"text\": \"\"}\n{\"text\": \" \\n\"}\n", {}), HasSubstr("no usable document"));
  EXPECT_THAT(error_in("{\"text\": \"\"}\n{\"text\": \" \\n\"}\n", {}), HasSubstr("got 2 empty and 0 bad lines"));
  EXPECT_THAT(error_in("{bad\n", skipping()), HasSubstr("got 0 empty and 1 bad line: 1 malformed JSON"));
}

TEST(JsonlDocuments, ReadTheSameFromEveryContainer) {
  const TempDir dir;
  std::string text;
  std::vector<std::string> expected;
  for (int i = 0; i < 20'000; ++i) {
    expected.push_back("document " + std::to_string(i * i));
    text += "{\"id\": " + std::to_string(i) + ", \"text\": \"" + expected.back() + "\"}\n";
  }
  for (const auto& path : {dir.write("a", text), dir.write("b", gzip_bytes(text)), dir.write("c", zstd_bytes(text))}) {
    DocumentReader reader(file_of(path, DataFormat::kJsonl), {}, {});
    EXPECT_EQ(texts_of(read_all(reader)), expected);
    EXPECT_EQ(reader.documents(), expected.size());
    EXPECT_EQ(reader.bytes_read(), fs::file_size(path));
    EXPECT_EQ(reader.sha256(), sha256_hex(slurp(path)));
  }
}

TEST(JsonlDocuments, RealQuestionsAreAllRead) {
  LLMTRAIN_NEEDS_REAL_DATA(data);
  DataSource source;
  source.field = "question";
  // 7,473 records, says the data's own description.
  DocumentReader reader(file_of(data / "gsm8k/train.jsonl", DataFormat::kJsonl), source, {});
  EXPECT_EQ(read_all(reader).size(), 7473U);
}

TEST(DocumentReader, FileThatChangedSinceItWasListedIsRefused) {
  const TempDir dir;
  const auto file = file_of(dir.write("a.jsonl", kGood), DataFormat::kJsonl);
  dir.write("a.jsonl", kGood + kGood);
  EXPECT_THAT(error_of(ExitCode::kInput, [&] { DocumentReader(file, {}, {}); }),
              HasSubstr("a.jsonl: the file changed since it was listed"));
}

TEST(DocumentReader, FileThatShrinksWhileReadIsRefused) {
  const TempDir dir;
  std::string lines;
  for (int i = 0; i < 200'000; ++i) lines += kGood;
  const auto path = dir.write("a.jsonl", lines);
  DocumentReader reader(file_of(path, DataFormat::kJsonl), {}, {});
  Document document;
  ASSERT_TRUE(reader.next(document));
  fs::resize_file(path, kGood.size() * 100'000);
  EXPECT_THAT(error_of(ExitCode::kInput, [&] { read_all(reader); }),
              HasSubstr("a.jsonl: byte 1700000: the file ends here"));
}

TEST(DocumentReader, RulesComeFromTheConfig) {
  CorpusConfig config;
  config.on_bad_line = BadLinePolicy::kSkip;
  config.max_bad_lines = 7;
  config.max_line = {.value = 8};
  config.max_depth = 9;
  config.max_ratio = 10;
  const auto rules = read_rules(config);
  EXPECT_EQ(rules.on_bad_line, BadLinePolicy::kSkip);
  EXPECT_EQ(rules.max_bad_lines, 7U);
  EXPECT_EQ(rules.max_line, 8U);
  EXPECT_EQ(rules.max_depth, 9U);
  EXPECT_EQ(rules.max_ratio, 10.0);
  DataSource source;
  source.token_width = TokenWidth::kU32;
  source.document_token = 50256;
  const auto tokens = token_binary_rules(source, 50257, rules);
  EXPECT_EQ(tokens.raw_width, 4);
  EXPECT_EQ(tokens.vocab_size, 50257U);
  EXPECT_EQ(tokens.document_token, 50256U);
  EXPECT_EQ(tokens.expand.max_ratio, 10.0);
}

}  // namespace
}  // namespace llmtrain
