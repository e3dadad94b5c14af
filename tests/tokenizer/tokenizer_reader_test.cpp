#include "lib/tokenizer/tokenizer_reader.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "lib/tokenizer/byte_alphabet.h"
#include "lib/tokenizer/scanner.h"
#include "lib/tokenizer/tokenizer.h"
#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

using nlohmann::json;
using testing::HasSubstr;

// The smallest tokenizer.json of byte-level BPE, as the `tokenizers` package writes one: 256 bytes, " t", " th".
json small() {
  json vocab;
  for (int byte = 0; byte < 256; ++byte) vocab[bytes_to_alphabet(std::string(1, static_cast<char>(byte)))] = byte;
  vocab["Ġt"] = 256;
  vocab["Ġth"] = 257;
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens",
           {{{"id", 258},
             {"content", "<|end|>"},
             {"single_word", false},
             {"lstrip", false},
             {"rstrip", false},
             {"normalized", false},
             {"special", true}}}},
          {"normalizer", nullptr},
          {"pre_tokenizer",
           {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", true}}},
          {"post_processor", nullptr},
          {"decoder", {{"type", "ByteLevel"}, {"add_prefix_space", true}, {"trim_offsets", true}, {"use_regex", true}}},
          {"model",
           {{"type", "BPE"},
            {"dropout", nullptr},
            {"unk_token", nullptr},
            {"continuing_subword_prefix", nullptr},
            {"end_of_word_suffix", nullptr},
            {"fuse_unk", false},
            {"byte_fallback", false},
            {"ignore_merges", false},
            {"vocab", vocab},
            {"merges", {"Ġ t", "Ġt h"}}}}};
}

json split_then_bytes(const std::string& regex) {
  return {{"type", "Sequence"},
          {"pretokenizers",
           {{{"type", "Split"}, {"pattern", {{"Regex", regex}}}, {"behavior", "Isolated"}, {"invert", false}},
            {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", false}}}}};
}

TokenizerSpec read(const json& document) { return read_tokenizer_json(document.dump(), "t.json"); }

std::string fault_of(const json& document) {
  return error_of(ExitCode::kInput, [&] { read(document); });
}

json with(const std::string& pointer, const json& value) {
  json document = small();
  document[json::json_pointer(pointer)] = value;
  return document;
}

TEST(TokenizerReader, ReadsBytesMergesAndAddedTokens) {
  const auto spec = read(small());
  EXPECT_EQ(spec.kind, TokenizerKind::kByteBpe);
  EXPECT_EQ(spec.pattern, PretokenizerPattern::kGpt2);
  ASSERT_EQ(spec.tokens.size(), 259U);
  EXPECT_EQ(spec.tokens[10].bytes, "\n");
  EXPECT_EQ(spec.tokens[257].bytes, " th");
  EXPECT_EQ(spec.tokens[258], (SpecToken{.bytes = "<|end|>", .in_model = false}));
  EXPECT_EQ(spec.merges, (std::vector<MergeRule>{{' ', 't', 256}, {256, 'h', 257}}));
  EXPECT_EQ(spec.added_tokens, (std::vector<AddedToken>{{.id = 258, .content = "<|end|>", .special = true}}));
}

TEST(TokenizerReader, ReadsMergesAsPairsToo) {
  EXPECT_EQ(read(with("/model/merges", json::array({json::array({"Ġ", "t"}), json::array({"Ġt", "h"})}))).merges,
            read(small()).merges);
}

TEST(TokenizerReader, KnowsThePatternsByTheirRegularExpressions) {
  for (const auto& [pattern, name] : EnumTable<PretokenizerPattern>::names) {
    auto document = with("/pre_tokenizer", split_then_bytes(std::string(pretokenizer_regex(pattern))));
    EXPECT_EQ(read(document).pattern, pattern) << name;
  }
}

TEST(TokenizerReader, ReadsNormalFormCAloneOrInASequence) {
  EXPECT_TRUE(read(with("/normalizer", {{"type", "NFC"}})).nfc);
  EXPECT_TRUE(read(with("/normalizer", {{"type", "Sequence"}, {"normalizers", {{{"type", "NFC"}}}}})).nfc);
  EXPECT_FALSE(read(with("/normalizer", {{"type", "Sequence"}, {"normalizers", json::array()}})).nfc);
}

TEST(TokenizerReader, TakesAFileWithoutTheOptionalParts) {
  auto document = small();
  for (const char* key : {"version", "truncation", "padding", "normalizer", "post_processor", "added_tokens"}) {
    document.erase(key);
  }
  document["model"].erase("ignore_merges");
  EXPECT_EQ(read(document).tokens.size(), 258U);
}

// What it cannot do exactly as the file says, it names: path, what stands there, what it takes.
TEST(TokenizerReader, NamesWhatIsNotSupported) {
  const std::vector<std::pair<json, std::string>> cases = {
      {with("/model/type", "Unigram"), "t.json: model.type: 'Unigram' is not supported, expected BPE or WordLevel"},
      {with("/normalizer", {{"type", "NFKC"}}), "t.json: normalizer.type: 'NFKC' is not supported, expected NFC"},
      {with("/pre_tokenizer/add_prefix_space", true), "pre_tokenizer.add_prefix_space: true is not supported"},
      {with("/pre_tokenizer/type", "Metaspace"), "pre_tokenizer.type: 'Metaspace' is not supported"},
      {with("/pre_tokenizer", nullptr), "pre_tokenizer: null is not supported"},
      {with("/pre_tokenizer", split_then_bytes("\\w+")),
       "pre_tokenizer.pretokenizers[0].pattern.Regex: '\\w+' is not a known"},
      {with("/post_processor", {{"type", "TemplateProcessing"}}), "post_processor.type: 'TemplateProcessing' is not"},
      {with("/decoder", {{"type", "WordPiece"}}), "decoder.type: 'WordPiece' is not supported, expected ByteLevel"},
      {with("/model/dropout", 0.1), "model.dropout: 0.1 is not supported"},
      {with("/model/byte_fallback", true), "model.byte_fallback: true is not supported"},
      {with("/model/end_of_word_suffix", "</w>"), "model.end_of_word_suffix: \"</w>\" is not supported"},
      {with("/added_tokens/0/lstrip", true), "added_tokens[0].lstrip: true is not supported"},
      {with("/added_tokens/0/single_word", true), "added_tokens[0].single_word: true is not supported"},
      {with("/truncation", {{"max_length", 5}}), "truncation:"},
      {with("/padding", {{"strategy", "Fixed"}}), "padding:"},
      {with("/version", "2.0"), "version: \"2.0\" is not supported"},
      {with("/surprise", 1), "surprise: unknown key"},
      {with("/model/surprise", 1), "model.surprise: unknown key"},
  };
  for (const auto& [document, expected] : cases) EXPECT_THAT(fault_of(document), HasSubstr(expected));
}

TEST(TokenizerReader, NamesWhatIsBroken) {
  const std::vector<std::pair<json, std::string>> cases = {
      {with("/model/vocab/Ġt", -1), "t.json: model.vocab[\"Ġt\"]: expected an id from 0 to 4294967294, got -1"},
      {with("/model/vocab/Ġt", 4294967295U),
       "model.vocab[\"Ġt\"]: expected an id from 0 to 4294967294, got 4294967295"},
      {with("/model/vocab/Ġt", 1.5), "model.vocab[\"Ġt\"]: expected an id"},
      {with("/model/vocab/Ġt", "256"), "model.vocab[\"Ġt\"]: expected an id"},
      {with("/model/vocab/Ġt", 257), "id 257 is that of"},
      {with("/model/vocab/Ġt", 900), "model.vocab: 'Ġt' has id 900, expected every id from 0 to 258 once"},
      {with("/model/vocab/한", 259), "model.vocab[\"한\"]: the key is not written in the byte alphabet"},
      {with("/added_tokens/0/id", 257), "model.vocab: '<|end|>' has id 257, which another token has"},
      {with("/added_tokens/0/id", 300), "'<|end|>' has id 300, expected every id from 0 to 258 once"},
      {with("/added_tokens/0/id", 259), "'<|end|>' has id 259, expected every id from 0 to 258 once"},
      {with("/added_tokens/0/content", ""), "added_tokens[0].content: is empty"},
      {with("/added_tokens/0/content", "Ġt"), "added_tokens[0].id: 'Ġt' has id 256 in the vocabulary, got 258"},
      {with("/model/merges/1", "Ġt x"), "model.merges[1]: 'Ġtx' is not in the vocabulary"},
      {with("/model/merges/1", "Ġt 한"), "model.merges[1]: '한' is not in the vocabulary"},
      {with("/model/merges/1", "zz h"), "model.merges[1]: 'zz' is not in the vocabulary"},
      {with("/model/merges/1", "Ġth"), "model.merges[1]: expected two tokens with one space between"},
      {with("/model/merges/1", "Ġ t h"), "model.merges[1]: expected two tokens with one space between"},
      {with("/model/merges/1", " t"), "model.merges[1]: merges an empty token"},
      {with("/model/merges/1", {"a"}), "model.merges[1]: expected a pair of tokens, got 1 elements"},
      {with("/model/merges/1", 7), "model.merges[1]: expected a string, got number"},
      {with("/model/unk_token", "<unk>"), "model.unk_token: '<unk>' is not in the vocabulary"},
      {with("/model/vocab", json::array()), "model.vocab: expected an object, got array"},
      {with("/model", "BPE"), "model: expected an object, got string"},
      {with("/added_tokens", 3), "added_tokens: expected an array, got number"},
  };
  for (const auto& [document, expected] : cases) EXPECT_THAT(fault_of(document), HasSubstr(expected));
}

TEST(TokenizerReader, NamesTheByteWithoutAToken) {
  auto document = small();
  document["model"]["vocab"].erase("ł");
  document["model"]["vocab"]["xx"] = 160;
  EXPECT_THAT(fault_of(document), HasSubstr("model.vocab: has no token for byte 0xa0, expected 'ł'"));
}

TEST(TokenizerReader, RefusesNormalizedAddedTokensBesideANormalizer) {
  auto document = with("/normalizer", {{"type", "NFC"}});
  document["added_tokens"][0]["normalized"] = true;
  EXPECT_THAT(fault_of(document), HasSubstr("added_tokens: '<|end|>': normalized: true is not supported beside"));
}

TEST(TokenizerReader, RefusesTwoAddedTokensOfOneIdOrContent) {
  auto document = small();
  document["added_tokens"].push_back({{"id", 258}, {"content", "<|x|>"}, {"special", true}});
  EXPECT_THAT(fault_of(document), HasSubstr("added_tokens[1].id: id 258 is that of '<|end|>' too"));
  document["added_tokens"][1] = {{"id", 259}, {"content", "<|end|>"}, {"special", true}};
  EXPECT_THAT(fault_of(document), HasSubstr("added_tokens[1]: '<|end|>' stands twice"));
}

TEST(TokenizerReader, RefusesRepeatedKeysDeepNestingAndBrokenJson) {
  const auto fault = [](std::string_view text) {
    return error_of(ExitCode::kInput, [&] { read_tokenizer_json(text, "t.json"); });
  };
  EXPECT_THAT(fault(R"({"model": {"vocab": {"a": 1, "b": 2, "a": 3}}})"),
              HasSubstr("t.json: model.vocab: key \"a\" stands twice"));
  const std::string deep = R"({"normalizer": )" + [] {
    std::string text;
    for (int i = 0; i < 2000; ++i) text += R"({"type": "Sequence", "normalizers": [)";
    return text;
  }();
  EXPECT_THAT(fault(deep), HasSubstr("nested deeper than 64 levels"));
  EXPECT_THAT(fault(std::string(1'000'000, '[')), HasSubstr("nested deeper than 64 levels"));
  EXPECT_THAT(fault(R"({"a": 1)"), HasSubstr("t.json: byte 8: malformed JSON"));
  EXPECT_THAT(fault("{\"a\": \"\xff\"}"), HasSubstr("malformed JSON"));
  EXPECT_THAT(fault(""), HasSubstr("malformed JSON"));
  EXPECT_THAT(fault("[]"), HasSubstr("expected an object, got array"));
}

// No cut and no changed byte of a file may do anything but load or be refused.
TEST(TokenizerReader, SurvivesEveryCutAndChangedByte) {
  const std::string text = small().dump();
  std::size_t refused = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = static_cast<char>(changed[i] ^ 0x15);
    for (const auto& hostile : {text.substr(0, i), changed}) {
      try {
        read_tokenizer_json(hostile, "t.json");
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::kInput);
        ++refused;
      }
    }
  }
  EXPECT_GT(refused, text.size());
}

json chars() {
  return {{"version", "1.0"},
          {"added_tokens", {{{"id", 2}, {"content", "<unk>"}, {"special", true}}}},
          {"normalizer", nullptr},
          {"pre_tokenizer",
           {{"type", "Split"}, {"pattern", {{"Regex", "[\\s\\S]"}}}, {"behavior", "Isolated"}, {"invert", false}}},
          {"decoder", {{"type", "Fuse"}}},
          {"model", {{"type", "WordLevel"}, {"vocab", {{"a", 0}, {"한", 1}, {"<unk>", 2}}}, {"unk_token", "<unk>"}}}};
}

TEST(TokenizerReader, ReadsACharacterTokenizer) {
  const auto spec = read(chars());
  EXPECT_EQ(spec.kind, TokenizerKind::kChar);
  EXPECT_EQ(spec.tokens[1].bytes, "한");
  EXPECT_EQ(spec.unknown, 2U);
}

TEST(TokenizerReader, ReadsNoOtherWordLevel) {
  auto document = chars();
  document["pre_tokenizer"]["pattern"]["Regex"] = "\\w+";
  EXPECT_THAT(fault_of(document), HasSubstr("pre_tokenizer.pattern.Regex: '\\w+' is not supported with WordLevel"));
  document = chars();
  document["normalizer"] = {{"type", "NFC"}};
  EXPECT_THAT(fault_of(document), HasSubstr("normalizer: is not supported with WordLevel"));
}

TEST(Gpt2Files, NameTheLineOfAMergeThatFails) {
  const TempDir dir;
  const auto vocab = dir.write("vocab.json", small()["model"]["vocab"].dump());
  const auto merges = dir.write("merges.txt", "#version: 0.2\nĠ t\r\nĠt h\nĠt x\n");
  const auto fault = error_of(ExitCode::kInput, [&] { read_gpt2_files(vocab, merges); });
  EXPECT_THAT(fault, HasSubstr("merges.txt:4: 'Ġtx' is not in the vocabulary"));
  dir.write("merges.txt", "#version: 0.2\nĠ t\r\nĠt h\n");
  const Tokenizer tokenizer = Tokenizer::load(dir.path());
  EXPECT_EQ(tokenizer.encode(" th"), (std::vector<std::uint32_t>{257}));
}

}  // namespace
}  // namespace llmtrain
