#include "tests/tokenizer/seeded_text.h"

#include <algorithm>
#include <array>
#include <fstream>

#include "lib/base/digest.h"
#include "lib/tokenizer/byte_alphabet.h"
#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

constexpr auto kPieces = std::to_array<std::string_view>({
    "the",
    "there",
    "other",
    "an",
    "and",
    "hand",
    "ing",
    "king",
    "ed",
    "red",
    "er",
    "re",
    "on",
    "one",
    "station",
    " a",
    " of",
    " in",
    " the",
    " The",
    "'s",
    "'ll",
    "'T",
    "n't",
    "0",
    "17",
    "2024",
    "3.14",
    "1,000",
    ".",
    ", ",
    "!?",
    "...",
    "-",
    "--",
    "()",
    "[]",
    "{};",
    " = ",
    "<|endoftext|>",
    " ",
    "  ",
    "   ",
    "\n",
    "\n\n",
    "\r\n",
    "\t",
    " \n ",
    "\u00a0",
    "\u3000",
    "é",
    "e\u0301",
    "naïve",
    "straße",
    "Ωμέγα",
    "мир",
    " привет",
    "한국어",
    " 모델",
    "을",
    "\u1112\u1161\u11ab",
    "中文",
    "模型",
    "日本",
    "カタカナ",
    "ひらがな",
    "\u0639\u0631\u0628",
    "नमस्ते",
    "ไทย",
    "😀",
    "👩‍👩‍👧",
    "½",
    "Ⅷ",
    "٣",
    "_",
    "#",
    "@",
});

class Lcg {
 public:
  explicit Lcg(std::uint64_t seed) : state_(seed) {}
  std::uint64_t below(std::uint64_t bound) {
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;
    return ((state_ >> 32) * bound) >> 32;
  }

 private:
  std::uint64_t state_;
};

}  // namespace

std::vector<std::string> seeded_documents(std::uint64_t seed, std::size_t count) {
  Lcg random(seed);
  std::vector<std::string> documents(count);
  for (auto& document : documents) {
    const std::uint64_t pieces = random.below(400);
    for (std::uint64_t i = 0; i < pieces; ++i) {
      const std::uint64_t limit = 1 + random.below(kPieces.size());
      document += kPieces[random.below(limit)];
      if (random.below(3) == 0) document += ' ';
    }
  }
  return documents;
}

NextDocument documents_of(std::vector<std::string> documents) {
  return [documents = std::move(documents), at = std::size_t{0}](std::string& document) mutable {
    if (at == documents.size()) return false;
    document = documents[at++];
    return true;
  };
}

std::string digest_of_ids(std::span<const std::vector<std::uint32_t>> documents) {
  Sha256 digest;
  const auto add = [&](std::uint32_t id) {
    const std::array<char, 4> bytes = {static_cast<char>(id), static_cast<char>(id >> 8), static_cast<char>(id >> 16),
                                       static_cast<char>(id >> 24)};
    digest.update(std::string_view(bytes.data(), bytes.size()));
  };
  for (const auto& ids : documents) {
    for (const std::uint32_t id : ids) add(id);
    add(0xffffffffU);
  }
  return digest.finish();
}

std::string digest_of_training(const TokenizerSpec& spec) {
  const auto written = [&](std::uint32_t id) {
    const bool added = std::any_of(spec.added_tokens.begin(), spec.added_tokens.end(),
                                   [&](const AddedToken& token) { return token.id == id; });
    return added ? spec.tokens[id].bytes : bytes_to_alphabet(spec.tokens[id].bytes);
  };
  Sha256 digest;
  for (std::uint32_t id = 0; id < spec.tokens.size(); ++id) digest.update(written(id) + "\n");
  for (const auto& merge : spec.merges) digest.update(written(merge.left) + " " + written(merge.right) + "\n");
  return digest.finish();
}

std::filesystem::path golden_file(const std::string& name) {
  return std::filesystem::path(LLMTRAIN_SOURCE_DIR) / "tests/tokenizer/golden" / name;
}

std::string golden_digest(const std::string& name) {
  std::ifstream file(golden_file("digests.txt"));
  std::string key;
  std::string digest;
  while (file >> key >> digest) {
    if (key == name) return digest;
  }
  return "missing";
}

}  // namespace llmtrain
