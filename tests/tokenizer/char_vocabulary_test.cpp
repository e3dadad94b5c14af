#include "lib/tokenizer/char_vocabulary.h"

#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

using Ids = std::vector<std::uint32_t>;

TokenizerSpec spec_of(const std::vector<std::string>& tokens) {
  TokenizerSpec spec;
  spec.kind = TokenizerKind::kChar;
  for (const auto& token : tokens) spec.tokens.push_back({.bytes = token, .in_model = true});
  return spec;
}

Ids encode(const TokenizerSpec& spec, std::string_view text) {
  Ids ids;
  CharVocabulary(spec).encode(text, ids);
  return ids;
}

TEST(CharVocabulary, GivesEveryCharacterItsId) {
  EXPECT_EQ(encode(spec_of({"\n", "a", "é", "한", "😀"}), "a한\né😀a"), (Ids{1, 3, 0, 2, 4, 1}));
}

TEST(CharVocabulary, NamesTheCharacterThatIsMissing) {
  const auto message = error_of(ExitCode::kInput, [] { encode(spec_of({"a", "b"}), "abñ"); });
  EXPECT_NE(message.find("character 'ñ' (U+00F1) is not among the tokenizer's 2"), std::string::npos) << message;
}

TEST(CharVocabulary, PutsTheUnknownTokenForWhatIsMissing) {
  auto spec = spec_of({"a", "<unk>"});
  spec.unknown = 1;
  EXPECT_EQ(encode(spec,
                   "a한\xff\xed\x95"
                   "a"),
            (Ids{0, 1, 1, 1, 1, 0}));
}

TEST(CharVocabulary, NamesTheByteThatIsMalformed) {
  const auto message = error_of(ExitCode::kInput, [] { encode(spec_of({"a"}), "aa\xff"); });
  EXPECT_NE(message.find("byte 2: malformed UTF-8 (0xff)"), std::string::npos) << message;
}

TEST(CharVocabulary, DoesNotTakeASpecialTokenForCharacters) {
  const auto message = error_of(ExitCode::kInput, [] { encode(spec_of({"a", "<|endoftext|>"}), "<|endoftext|>"); });
  EXPECT_NE(message.find("character '<'"), std::string::npos) << message;
}

}  // namespace
}  // namespace llmtrain
