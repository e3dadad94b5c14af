#include "lib/interop/hf_end_tokens.h"

#include <gmock/gmock.h>

#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

using testing::HasSubstr;
using Ids = std::vector<std::uint32_t>;

TEST(HfEndTokens, AreThoseOfGenerationConfigBeforeConfig) {
  const TempDir folder;
  folder.write("config.json", R"({"eos_token_id": 5})");
  EXPECT_EQ(hf_end_tokens(folder.path(), 10), Ids{5});
  folder.write("generation_config.json", R"({"bos_token_id": 1})");
  EXPECT_EQ(hf_end_tokens(folder.path(), 10), Ids{5});
  folder.write("generation_config.json", R"({"eos_token_id": [7, 9]})");
  EXPECT_EQ(hf_end_tokens(folder.path(), 10), (Ids{7, 9}));
}

TEST(HfEndTokens, MayBeNone) {
  const TempDir folder;
  folder.write("config.json", R"({"eos_token_id": null})");
  EXPECT_EQ(hf_end_tokens(folder.path(), 10), Ids{});
}

TEST(HfEndTokens, AreBelowTheVocabulary) {
  const TempDir folder;
  folder.write("config.json", R"({"eos_token_id": [3, 10]})");
  EXPECT_THAT(error_of(ExitCode::kInput, [&] { hf_end_tokens(folder.path(), 10); }),
              HasSubstr("config.json: eos_token_id[1]: expected an id below the vocabulary's 10, got 10"));
  folder.write("config.json", R"({"eos_token_id": "</s>"})");
  EXPECT_THAT(error_of(ExitCode::kInput, [&] { hf_end_tokens(folder.path(), 10); }), HasSubstr("eos_token_id"));
}

}  // namespace
}  // namespace llmtrain
