#include "lib/tokenizer/token_text_bytes.h"

#include <gmock/gmock.h>

#include "lib/tokenizer/tokenizer_spec.h"

namespace llmtrain {
namespace {

TEST(TokenTextBytes, AreThoseOfTheTextAndNoneOfSpecialOrMissingTokens) {
  TokenizerSpec spec;
  spec.kind = TokenizerKind::kChar;
  spec.tokens = {{.bytes = "a", .in_model = true},
                 {.bytes = "é", .in_model = true},
                 {.bytes = "<|end|>", .in_model = false},
                 {.bytes = "plain", .in_model = false}};
  spec.added_tokens = {{.id = 2, .content = "<|end|>"}, {.id = 3, .content = "plain", .special = false}};
  EXPECT_THAT(token_text_bytes(Tokenizer(std::move(spec)), 6), testing::ElementsAre(1, 2, 0, 5, 0, 0));
}

}  // namespace
}  // namespace llmtrain
