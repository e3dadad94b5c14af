#include "lib/tokenizer/scanner.h"

#include <array>
#include <cstring>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/random.h"
#include "lib/base/text.h"
#include "lib/tokenizer/unicode_class.h"
#include "tests/support/test_support.h"
#include "tests/tokenizer/pcre2_oracle.h"

namespace llmtrain {
namespace {

using Pattern = PretokenizerPattern;
using Pieces = std::vector<std::string>;

std::vector<std::uint32_t> scanned(Pattern pattern, std::string_view text) {
  std::vector<std::uint32_t> ends;
  scan_pretokens(pattern, text, ends);
  return ends;
}

Pieces cut(std::string_view text, const std::vector<std::uint32_t>& ends) {
  Pieces pieces;
  std::size_t begin = 0;
  for (const auto end : ends) {
    pieces.emplace_back(text.substr(begin, end - begin));
    begin = end;
  }
  EXPECT_EQ(begin, text.size());
  return pieces;
}

Pieces cut(Pattern pattern, std::string_view text) { return cut(text, scanned(pattern, text)); }

std::string repeated(std::string_view piece, std::size_t count) {
  std::string text;
  text.reserve(piece.size() * count);
  for (std::size_t i = 0; i < count; ++i) text += piece;
  return text;
}

// openai/gpt-2 src/encoder.py; meta-llama/llama-models tokenizer.py; tokenizer.json of Qwen 2.
TEST(PretokenizerRegex, IsAsPublished) {
  EXPECT_EQ(pretokenizer_regex(Pattern::kGpt2),
            R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)");
  EXPECT_EQ(pretokenizer_regex(Pattern::kLlama3),
            R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*)"
            R"(|\s*[\r\n]+|\s+(?!\S)|\s+)");
  EXPECT_EQ(pretokenizer_regex(Pattern::kQwen2),
            R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*)"
            R"(|\s*[\r\n]+|\s+(?!\S)|\s+)");
}

TEST(ScanPretokens, AppendsBehindWhatIsThere) {
  std::vector<std::uint32_t> ends = {7};
  scan_pretokens(Pattern::kGpt2, "a b", ends);
  scan_pretokens(Pattern::kGpt2, "", ends);
  EXPECT_THAT(ends, testing::ElementsAre(7, 1, 3));
}

TEST(ScanPretokens, CutsASentenceByEachPattern) {
  const std::string text = "I'LL pay $1234.50,\r\n\n  it's \tfine!\n";
  EXPECT_EQ(cut(Pattern::kGpt2, text), (Pieces{"I", "'", "LL", " pay", " $", "1234", ".", "50", ",", "\r\n\n ", " it",
                                               "'s", " ", "\t", "fine", "!", "\n"}));
  EXPECT_EQ(cut(Pattern::kLlama3, text), (Pieces{"I", "'LL", " pay", " $", "123", "4", ".", "50", ",\r\n\n", " ", " it",
                                                 "'s", " ", "\tfine", "!\n"}));
  EXPECT_EQ(cut(Pattern::kQwen2, text), (Pieces{"I", "'LL", " pay", " $", "1", "2", "3", "4", ".", "5", "0", ",\r\n\n",
                                                " ", " it", "'s", " ", "\tfine", "!\n"}));
}

TEST(ScanPretokens, TakesEachMalformedByteForOneSymbol) {
  for (const auto& [name, bytes] :
       std::vector<std::pair<std::string, std::string>>{{"a continuation byte alone", "\x80"},
                                                        {"a lead byte alone", "\xc3"},
                                                        {"a three-byte character cut short", "\xe4\xb8"},
                                                        {"a four-byte character cut short", "\xf0\x9f\x98"},
                                                        {"an overlong slash", "\xc0\xaf"},
                                                        {"an overlong letter in three bytes", "\xe0\x81\x81"},
                                                        {"an overlong letter in four bytes", "\xf0\x80\x81\x81"},
                                                        {"a surrogate", "\xed\xa0\x80"},
                                                        {"more than U+10FFFF", "\xf4\x90\x80\x80"},
                                                        {"bytes that UTF-8 never has", "\xf5\xfe\xff"}}) {
    SCOPED_TRACE(name);
    // Symbols run on, one after the other, and letters may take just one of them.
    EXPECT_EQ(cut(Pattern::kGpt2, "a" + bytes + "!b " + bytes + "1"),
              (Pieces{"a", bytes + "!", "b", " " + bytes, "1"}));
    const Pieces llama = bytes.size() == 1 ? Pieces{"a", bytes + "b"} : Pieces{"a", bytes, "b"};
    EXPECT_EQ(cut(Pattern::kLlama3, "a" + bytes + "b"), llama);
    EXPECT_EQ(cut(Pattern::kQwen2, "  " + bytes), (Pieces{" ", " " + bytes}));
    EXPECT_EQ(cut(Pattern::kQwen2, bytes), (Pieces{bytes}));
  }
}

TEST(ScanPretokens, FindsTheCharacterBehindABrokenOne) {
  EXPECT_EQ(cut(Pattern::kGpt2, "\xe4\xb8\xc3\xa9"), (Pieces{"\xe4\xb8", "\xc3\xa9"}));
  EXPECT_EQ(cut(Pattern::kGpt2, "\xf0\x9f\xe3\x80\x80x"), (Pieces{"\xf0\x9f", "\xe3\x80\x80", "x"}));
}

// Memory that ends where the process may not read.
class GuardedPage {
 public:
  GuardedPage() {
    void* const pages = mmap(nullptr, 2 * size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT_NE(pages, MAP_FAILED);
    start_ = static_cast<char*>(pages);
    EXPECT_EQ(mprotect(start_ + size_, size_, PROT_NONE), 0);
  }
  GuardedPage(const GuardedPage&) = delete;
  GuardedPage& operator=(const GuardedPage&) = delete;
  ~GuardedPage() { munmap(start_, 2 * size_); }

  std::string_view place(std::string_view text) {
    char* const at = start_ + size_ - text.size();
    std::memcpy(at, text.data(), text.size());
    return {at, text.size()};
  }

 private:
  std::size_t size_ = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  char* start_ = nullptr;
};

TEST(ScanPretokens, ReadsNothingBehindTheText) {
  GuardedPage page;
  const std::string text = "'s 'l 'v 12 \n abcdefgh \u00e9\u4e00 \U0001f600\U00020000\u017f'";
  for (std::size_t begin = 0; begin < text.size(); ++begin) {
    for (std::size_t end = begin + 1; end <= text.size(); ++end) {
      const auto part = page.place(std::string_view(text).substr(begin, end - begin));
      for (const auto pattern : {Pattern::kGpt2, Pattern::kLlama3, Pattern::kQwen2}) {
        ASSERT_EQ(scanned(pattern, part).back(), part.size());
      }
    }
  }
}

class ScanPretokensBy : public testing::TestWithParam<Pattern> {
 protected:
  void expect_equal_to_pcre2(std::string_view text) {
    ends_.clear();
    scan_pretokens(GetParam(), text, ends_);
    const auto expected = oracle_.piece_ends(text);
    EXPECT_EQ(ends_, expected) << testing::PrintToString(cut(text, ends_)) << "\nexpected "
                               << testing::PrintToString(cut(text, expected));
  }

  // All strings of up to `longest` of the symbols, `count` in all.
  void expect_equal_on_all_strings(const std::vector<std::string_view>& symbols, std::size_t longest,
                                   std::size_t count) {
    std::vector<std::size_t> digits;  // one string: the places of its symbols
    std::string text;
    for (std::size_t i = 0; i < count && !HasFailure(); ++i) {
      text.clear();
      for (const auto digit : digits) text += symbols[digit];
      expect_equal_to_pcre2(text);
      std::size_t place = 0;
      while (place < digits.size() && ++digits[place] == symbols.size()) digits[place++] = 0;
      if (place == digits.size()) digits.push_back(0);
    }
    EXPECT_EQ(digits, std::vector<std::size_t>(longest + 1, 0));
  }

  Pcre2Oracle oracle_{pretokenizer_regex(GetParam())};
  std::vector<std::uint32_t> ends_;
};

TEST_P(ScanPretokensBy, EqualsPcre2OnAllShortStrings) {
  expect_equal_on_all_strings({"'", "s", "l", "x", "1", "\u0663", " ", "\t", "\n", "\r", "!", "\u3000"}, 5, 271453);
}

TEST_P(ScanPretokensBy, EqualsPcre2OnAllContractions) {
  expect_equal_on_all_strings(
      {"'", "s", "t", "r", "e", "v", "m", "l", "d", "S", "T", "R", "E", "V", "M", "L", "D", "\u017f", "\u212a", " "}, 4,
      168421);
}

TEST_P(ScanPretokensBy, EqualsPcre2OnWordsOfEveryLengthBesideEveryAsciiCharacter) {
  const std::string letters = "azAZbyBYcxCXdwDWevEV";
  for (std::size_t before = 0; before <= letters.size() && !HasFailure(); ++before) {
    for (std::size_t after = 0; after <= letters.size(); ++after) {
      for (std::uint32_t c = 0; c <= 0x80; ++c) {
        std::string text = letters.substr(0, before);
        append_utf8(text, c);
        expect_equal_to_pcre2(text + letters.substr(0, after));
      }
    }
  }
}

// Code points that are of the same class to PCRE2 and to us, sorted by what they may do to a scanner.
struct CodePointPools {
  std::vector<char32_t> letters, numbers, spaces, marks, symbols, unassigned, bounds;
};

CodePointPools make_pools() {
  const auto is_letter = Pcre2Oracle("\\p{L}").find_code_points();
  const auto is_number = Pcre2Oracle("\\p{N}").find_code_points();
  const auto is_space = Pcre2Oracle("\\s").find_code_points();
  const auto is_mark = Pcre2Oracle("\\p{M}").find_code_points();
  const auto is_unassigned = Pcre2Oracle("\\p{Cn}").find_code_points();
  CodePointPools pools;
  char32_t last = 0;
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (c >= 0xd800 && c < 0xe000) continue;
    const CharClass pcre2_class = is_letter[c]   ? CharClass::kLetter
                                  : is_number[c] ? CharClass::kNumber
                                  : is_space[c]  ? CharClass::kSpace
                                                 : CharClass::kOther;
    if (char_class(c) != pcre2_class) continue;
    auto& pool = is_letter[c]       ? pools.letters
                 : is_number[c]     ? pools.numbers
                 : is_space[c]      ? pools.spaces
                 : is_mark[c]       ? pools.marks
                 : is_unassigned[c] ? pools.unassigned
                                    : pools.symbols;
    pool.push_back(c);
    if (char_class(last) != pcre2_class) pools.bounds.insert(pools.bounds.end(), {last, c});
    last = c;
  }
  return pools;
}

template <class List>
auto any_of(const List& list, RandomStream& random) {
  return list[random.below(std::size(list))];
}

std::string random_piece(const CodePointPools& pools, RandomStream& random) {
  constexpr std::string_view kAscii("abcstremvldSTREMVLDxyzXYZ0123456789!?-.,()\x00\x1c\x7f", 45);
  constexpr auto kRuns = std::to_array<std::string_view>(
      {"'s", "'S", "'Re", "'LL", "''", "\r", "\n", "\r\n", "\n\n", " ", "  ", "   ", "\t", "12345", "..."});
  constexpr auto kPools = std::to_array({&CodePointPools::letters, &CodePointPools::numbers, &CodePointPools::spaces,
                                         &CodePointPools::marks, &CodePointPools::symbols, &CodePointPools::unassigned,
                                         &CodePointPools::bounds});
  switch (random.below(7)) {
    case 0:
      return "'";
    case 1:
      return " ";
    case 2:
      return std::string(1, any_of(kAscii, random));
    case 3:
      return std::string(any_of(kRuns, random));
    default:
      std::string character;
      append_utf8(character, any_of(pools.*any_of(kPools, random), random));
      return character;
  }
}

TEST_P(ScanPretokensBy, EqualsPcre2OnRandomTexts) {
  const CodePointPools pools = make_pools();
  RandomStream random(6, "scanner_test");
  std::string text;
  for (int i = 0; i < 100000 && !HasFailure(); ++i) {
    text.clear();
    for (auto left = 1 + random.below(24); left > 0; --left) text += random_piece(pools, random);
    expect_equal_to_pcre2(text);
  }
}

TEST_P(ScanPretokensBy, EqualsPcre2OnRealText) {
  LLMTRAIN_NEEDS_REAL_DATA(data);
  for (const char* name : {"text/tinyshakespeare.txt", "gsm8k/test.jsonl", "tokenizers/deepseek/tokenizer.json"}) {
    SCOPED_TRACE(name);
    expect_equal_to_pcre2(slurp(data / name));
  }
}

TEST_P(ScanPretokensBy, EqualsPcre2OnAdversarialTexts) {
  const auto is_equal = [&](const std::string& text) { return scanned(GetParam(), text) == oracle_.piece_ends(text); };
  for (const std::string one :
       {"a", "1", " ", "\n", "\r", "!", "'", "\t", "\u4e00", "\u3000", "! ", "'s", "\n x", "\n "}) {
    std::string text;
    for (int i = 0; i < 1000000; ++i) text += one;
    EXPECT_TRUE(is_equal(text)) << printable(one);
    EXPECT_TRUE(is_equal("\n" + text + "x")) << printable(one);
  }
  std::string han;
  for (std::uint32_t i = 0; i < 26000; ++i) append_utf8(han, 0x4E00 + i % 20000);
  EXPECT_TRUE(is_equal(han));
}

INSTANTIATE_TEST_SUITE_P(Patterns, ScanPretokensBy, testing::Values(Pattern::kGpt2, Pattern::kLlama3, Pattern::kQwen2),
                         [](const auto& tested) {
                           for (const auto& [pattern, name] : EnumTable<Pattern>::names) {
                             if (pattern == tested.param) return std::string(name);
                           }
                           return std::string();
                         });

// Runs work on a thread with the given stack, where deep recursion would end the process.
void run_on_small_stack(std::size_t stack_bytes, void (*work)()) {
  pthread_attr_t attributes;
  ASSERT_EQ(pthread_attr_init(&attributes), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, stack_bytes), 0);
  pthread_t thread{};
  ASSERT_EQ(pthread_create(
                &thread, &attributes,
                [](void* started) -> void* {
                  reinterpret_cast<void (*)()>(started)();
                  return nullptr;
                },
                reinterpret_cast<void*>(work)),
            0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}

constexpr std::size_t kStack = std::size_t{64} * 1024;
constexpr std::size_t kMany = 1000000;

std::size_t count_of(Pattern pattern, const std::string& text) {
  const auto ends = scanned(pattern, text);
  EXPECT_EQ(ends.empty() ? 0 : ends.back(), text.size());
  return ends.size();
}

TEST(ScanPretokens, TakesAMillionEqualCharactersInLinearTimeAndLittleStack) {
  run_on_small_stack(kStack, [] {
    for (const auto* one : {"a", " ", "\n", "\r", "!", "'", "\t", "\u4e00", "\u3000", "\u0301", "\xff"}) {
      SCOPED_TRACE(printable(one));
      for (const auto pattern : {Pattern::kGpt2, Pattern::kLlama3, Pattern::kQwen2}) {
        EXPECT_EQ(count_of(pattern, repeated(one, kMany)), 1);
      }
    }
    EXPECT_EQ(count_of(Pattern::kGpt2, repeated("1", kMany)), 1);
    EXPECT_EQ(count_of(Pattern::kLlama3, repeated("1", kMany)), (kMany + 2) / 3);
    EXPECT_EQ(count_of(Pattern::kQwen2, repeated("1", kMany)), kMany);
    EXPECT_EQ(count_of(Pattern::kLlama3, repeated("\u4e00", 26000)), 1);
  });
}

// What makes a backtracking engine look again and again: long runs that a look-ahead or a late newline cuts.
TEST(ScanPretokens, TakesRunsThatInviteBacktrackingInLinearTimeAndLittleStack) {
  run_on_small_stack(kStack, [] {
    const std::string spaces = repeated(" ", kMany);
    for (const auto pattern : {Pattern::kLlama3, Pattern::kQwen2}) {
      EXPECT_EQ(count_of(pattern, "\n" + spaces + "x"), 3);
      EXPECT_EQ(count_of(pattern, spaces + "\n"), 1);
      EXPECT_EQ(count_of(pattern, spaces + "\n!"), 2);
      EXPECT_EQ(count_of(pattern, repeated("\n ", kMany) + "x"), 2);
      EXPECT_EQ(count_of(pattern, repeated("! ", kMany)), kMany + 1);
      EXPECT_EQ(count_of(pattern, repeated("'x", kMany)), kMany);
      EXPECT_EQ(count_of(pattern, repeated("\t!", kMany)), 2 * kMany);
    }
    EXPECT_EQ(count_of(Pattern::kGpt2, spaces + "x"), 2);
    EXPECT_EQ(count_of(Pattern::kGpt2, repeated("'s", kMany)), kMany);
    EXPECT_EQ(count_of(Pattern::kGpt2, repeated("\n x", kMany)), 2 * kMany);
  });
}

}  // namespace
}  // namespace llmtrain
