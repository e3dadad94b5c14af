#include "lib/tokenizer/tokenizer_trainer.h"

#include <unordered_set>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/tokenizer/bpe_trainer.h"
#include "lib/tokenizer/char_trainer.h"
#include "lib/tokenizer/char_vocabulary.h"

namespace llmtrain {
namespace {

void check_special_tokens(const TokenizerTrainConfig& config) {
  std::unordered_set<std::string> seen;
  for (const auto& token : config.special_tokens) {
    if (find_invalid_utf8(token)) {
      throw config_error("special_tokens: '{}' is not well-formed UTF-8", printable(token));
    }
    std::size_t characters = 0;
    for_each_character(token, [&](std::uint32_t) { ++characters; });
    if (characters < 2) {
      throw config_error("special_tokens: '{}' is too short, expected two characters or more", printable(token));
    }
    if (!seen.insert(token).second) throw config_error("special_tokens: '{}' stands twice", printable(token));
  }
}

}  // namespace

TrainedTokenizer train_tokenizer(const TokenizerTrainConfig& config, const NextDocument& next,
                                 const TrainerOptions& options) {
  check_special_tokens(config);
  return config.kind == TokenizerKind::kByteBpe ? train_bpe(config, next, options) : train_char(config, next, options);
}

}  // namespace llmtrain
