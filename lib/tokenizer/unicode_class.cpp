#include "lib/tokenizer/unicode_class.h"

#include <algorithm>
#include <span>

#include "lib/tokenizer/unicode_ranges.h"

namespace llmtrain {
namespace detail {
namespace {

template <class Visit>
constexpr void for_each_range(Visit&& visit) {
  const auto visit_all = [&](std::span<const CharRange> ranges, CharClass char_class, NfcTrait nfc) {
    const auto traits = static_cast<std::uint8_t>(static_cast<int>(char_class) + 4 * static_cast<int>(nfc));
    for (const auto& range : ranges) visit(range, traits);
  };
  visit_all(kLetterRanges, CharClass::kLetter, NfcTrait::kInert);
  visit_all(kNumberRanges, CharClass::kNumber, NfcTrait::kInert);
  visit_all(kSpaceRanges, CharClass::kSpace, NfcTrait::kInert);
  visit_all(kOpenInNfcRanges, CharClass::kOther, NfcTrait::kOpen);
  visit_all(kMarkRanges, CharClass::kOther, NfcTrait::kMark);
}

constexpr std::size_t block_of(char32_t code_point) { return code_point / kUnicodeBlockSize; }

struct Blocks {
  std::array<std::uint8_t, kUnicodeBlocks> traits{};  // those that the whole block has
  std::array<bool, kUnicodeBlocks> is_mixed{};
};

constexpr Blocks kBlocks = [] {
  Blocks blocks;
  for_each_range([&](const CharRange& range, std::uint8_t traits) {
    for (std::size_t block = block_of(range.first); block <= block_of(range.last); ++block) {
      const std::size_t start = block * kUnicodeBlockSize;
      if (range.first <= start && start + kUnicodeBlockSize <= range.last + std::size_t{1}) {
        blocks.traits[block] = static_cast<std::uint8_t>(blocks.traits[block] | traits);
      } else {
        blocks.is_mixed[block] = true;
      }
    }
  });
  return blocks;
}();
static_assert(std::ranges::count(kBlocks.is_mixed, true) == kMixedBlocks, "kMixedBlocks is this count");
static_assert(kBlocks.is_mixed[0] && kBlocks.is_mixed[1], "ascii_class counts on it");

constexpr std::array<std::uint16_t, kUnicodeBlocks> find_block_starts() {
  std::array<std::uint16_t, kUnicodeBlocks> starts{};
  std::size_t next_mixed = kUniformBlocks;
  for (std::size_t block = 0; block < kUnicodeBlocks; ++block) {
    const std::size_t place = kBlocks.is_mixed[block] ? next_mixed++ : kBlocks.traits[block];
    starts[block] = static_cast<std::uint16_t>(place * kUnicodeBlockSize);
  }
  return starts;
}

}  // namespace

constinit const std::array<std::uint16_t, kUnicodeBlocks> kBlockStarts = find_block_starts();

constinit const decltype(kCharTraits) kCharTraits = [] {
  constexpr auto starts = find_block_starts();
  std::array<std::uint8_t, (kUniformBlocks + kMixedBlocks) * kUnicodeBlockSize> traits_of{};
  for (std::size_t i = 0; i < kUniformBlocks * kUnicodeBlockSize; ++i) {
    traits_of[i] = static_cast<std::uint8_t>(i / kUnicodeBlockSize);
  }
  for_each_range([&](const CharRange& range, std::uint8_t traits) {
    for (std::size_t block = block_of(range.first); block <= block_of(range.last); ++block) {
      if (!kBlocks.is_mixed[block]) continue;
      const std::size_t start = block * kUnicodeBlockSize;
      const std::size_t last = std::min<std::size_t>(range.last, start + kUnicodeBlockSize - 1);
      for (std::size_t point = std::max<std::size_t>(range.first, start); point <= last; ++point) {
        auto& entry = traits_of[starts[block] + point - start];
        entry = static_cast<std::uint8_t>(entry | traits);
      }
    }
  });
  return traits_of;
}();

}  // namespace detail
}  // namespace llmtrain
