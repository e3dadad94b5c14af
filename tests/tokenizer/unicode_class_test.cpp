#include "lib/tokenizer/unicode_class.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/base/digest.h"
#include "lib/tokenizer/utf8_char.h"
#include "tests/tokenizer/pcre2_oracle.h"

namespace llmtrain {
namespace {

constexpr char32_t kCodePoints = 0x110000;

bool is_surrogate(char32_t code_point) { return code_point >= 0xd800 && code_point < 0xe000; }

// The numbers and the digest are scripts/fixtures/unicode_class_golden.py's: tokenizers 0.23.3 and tiktoken 0.14.0.
TEST(CharClass, IsWhatTheTokenizerPackagesSeeOnEveryCodePoint) {
  std::map<CharClass, int> counts;
  std::string classes;
  for (char32_t c = 0; c < kCodePoints; ++c) {
    ++counts[char_class(c)];
    classes += static_cast<char>(char_class(c));
  }
  EXPECT_EQ(counts[CharClass::kLetter], 141028);
  EXPECT_EQ(counts[CharClass::kNumber], 1911);
  EXPECT_EQ(counts[CharClass::kSpace], 25);
  EXPECT_EQ(sha256_hex(classes), "ba830e7f669dd0fcc40141409e2c8be621eead74b1d0d659dc89185f117d69c8");
}

// PropList.txt, White_Space.
TEST(CharClass, SpaceIsThePropertyWhiteSpace) {
  std::vector<char32_t> spaces;
  for (char32_t c = 0; c < kCodePoints; ++c) {
    if (char_class(c) == CharClass::kSpace) spaces.push_back(c);
  }
  EXPECT_THAT(spaces, testing::ElementsAre(0x9, 0xa, 0xb, 0xc, 0xd, 0x20, 0x85, 0xa0, 0x1680, 0x2000, 0x2001, 0x2002,
                                           0x2003, 0x2004, 0x2005, 0x2006, 0x2007, 0x2008, 0x2009, 0x200a, 0x2028,
                                           0x2029, 0x202f, 0x205f, 0x3000));
}

TEST(CharClass, WhatIsNoCodePointIsOther) {
  for (const char32_t c : {char32_t{0xd800}, char32_t{0xdfff}, char32_t{0x110000}, char32_t{0x7fffffff}, kMalformed}) {
    EXPECT_EQ(char_class(c), CharClass::kOther) << std::hex << static_cast<std::uint32_t>(c);
  }
}

// Code points where a property of PCRE2's and ours differ.
struct Differences {
  int count = 0;
  std::vector<char32_t> assigned;  // those that are characters to PCRE2
};

Differences differences_from_pcre2(std::string_view regex, CharClass expected) {
  const auto matched = Pcre2Oracle(regex).find_code_points();
  const auto unassigned = Pcre2Oracle("\\p{Cn}").find_code_points();
  Differences found;
  for (char32_t c = 0; c < kCodePoints; ++c) {
    if (is_surrogate(c) || matched[c] == (char_class(c) == expected)) continue;
    ++found.count;
    if (!unassigned[c]) found.assigned.push_back(c);
  }
  return found;
}

TEST(CharClass, DiffersFromPcre2OnlyInSpaceU180eAndWhatIsUnassignedThere) {
  EXPECT_THAT(differences_from_pcre2("\\p{L}", CharClass::kLetter).assigned, testing::IsEmpty());
  EXPECT_THAT(differences_from_pcre2("\\p{N}", CharClass::kNumber).assigned, testing::IsEmpty());
  EXPECT_THAT(differences_from_pcre2("\\s", CharClass::kSpace).assigned, testing::ElementsAre(0x180e));
}

// How many letters and numbers Unicode 15, 15.1 and 16 added, as Python's unicodedata (14) and unicodedata2 (16) count.
TEST(CharClass, DiffersFromUnicode14InAsManyCodePointsAsWereAdded) {
  if (!pcre2_unicode_version().starts_with("14.")) GTEST_SKIP() << "PCRE2 has Unicode " << pcre2_unicode_version();
  EXPECT_EQ(differences_from_pcre2("\\p{L}", CharClass::kLetter).count, 9272);
  EXPECT_EQ(differences_from_pcre2("\\p{N}", CharClass::kNumber).count, 120);
}

TEST(CharClass, ContractionsFoldOnlyTheLongS) {
  std::vector<char32_t> seconds;
  const auto matched = Pcre2Oracle("(?i:[stmdrevl])").find_code_points();
  for (char32_t c = 0x80; c < kCodePoints; ++c) {
    if (matched[c]) seconds.push_back(c);
  }
  EXPECT_THAT(seconds, testing::ElementsAre(0x17f));
}

TEST(NfcTrait, TellsInertMarkAndOpenApart) {
  EXPECT_EQ(nfc_trait('a'), NfcTrait::kInert);
  EXPECT_EQ(nfc_trait(0xe9), NfcTrait::kInert);    // é stays as it is
  EXPECT_EQ(nfc_trait(0xac00), NfcTrait::kInert);  // a Hangul syllable
  EXPECT_EQ(nfc_trait(0x1100), NfcTrait::kInert);  // a leading consonant joins nothing before it
  EXPECT_EQ(nfc_trait(0x64e), NfcTrait::kMark);    // Arabic fatha, class 30, in no composition
  EXPECT_EQ(nfc_trait(0xe48), NfcTrait::kMark);    // Thai mai ek, class 107
  EXPECT_EQ(nfc_trait(0x301), NfcTrait::kOpen);    // joins letters
  EXPECT_EQ(nfc_trait(0x1161), NfcTrait::kOpen);   // Hangul vowel
  EXPECT_EQ(nfc_trait(0x212b), NfcTrait::kOpen);   // the ångström sign becomes U+00C5
  EXPECT_EQ(nfc_trait(0x958), NfcTrait::kOpen);    // excluded from composition
  EXPECT_EQ(nfc_trait(0x9be), NfcTrait::kOpen);    // joins although of class 0
  EXPECT_EQ(nfc_trait(0x16d68), NfcTrait::kOpen);  // its decomposition starts with what joins
  EXPECT_EQ(nfc_trait(kMalformed), NfcTrait::kInert);
}

}  // namespace
}  // namespace llmtrain
