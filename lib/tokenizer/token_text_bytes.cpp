#include "lib/tokenizer/token_text_bytes.h"

#include "lib/base/error.h"

namespace llmtrain {

std::vector<std::uint32_t> token_text_bytes(const Tokenizer& tokenizer, std::int64_t vocab) {
  ENSURE(vocab >= static_cast<std::int64_t>(tokenizer.vocab_size()), vocab, tokenizer.vocab_size());
  std::vector<std::uint32_t> bytes(static_cast<std::size_t>(vocab), 0);
  for (std::uint32_t id = 0; id < tokenizer.vocab_size(); ++id) {
    bytes[id] = static_cast<std::uint32_t>(tokenizer.token_bytes(id).size());
  }
  for (const auto& token : tokenizer.added_tokens()) {
    if (token.special) bytes[token.id] = 0;
  }
  return bytes;
}

}  // namespace llmtrain
