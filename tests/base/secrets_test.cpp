#include "lib/base/secrets.h"

#include <gtest/gtest.h>

namespace llmtrain {
namespace {

TEST(WithoutSecrets, HidesTheValueOfAKeyThatLooksLikeOne) {
  EXPECT_EQ(without_secrets("--set=hub.password=canary, canary"), "--set=hub.password=***");
  EXPECT_EQ(without_secrets("HF_TOKEN=canary"), "HF_TOKEN=***");
  EXPECT_EQ(without_secrets("--api-key=canary"), "--api-key=***");
  EXPECT_EQ(without_secrets("a.aws_secret_access_key = canary"), "a.aws_secret_access_key = ***");
  EXPECT_EQ(without_secrets("auth: \"can\"ary"), "auth: ***ary");
  EXPECT_EQ(without_secrets("client-secret='can, ary"), "client-secret=***");
}

TEST(WithoutSecrets, LeavesTheRestOfAMap) {
  EXPECT_EQ(without_secrets("x=[{path: a, password: canary}, {\"passwd\": 'can,ary', b: 2}]"),
            "x=[{path: a, password: ***}, {\"passwd\": ***, b: 2}]");
}

TEST(WithoutSecrets, HidesWhoAUrlNames) {
  EXPECT_EQ(without_secrets("--set=a=https://me:canary@host/x?y=1"), "--set=a=https://***@host/x?y=1");
  EXPECT_EQ(without_secrets("s3://canary@bucket"), "s3://***@bucket");
  EXPECT_EQ(without_secrets("https://host/@me"), "https://host/@me");
  EXPECT_EQ(without_secrets("token://x"), "token://x");
}

// Keys of a pipeline file that hold words of the kind.
TEST(WithoutSecrets, LeavesWhatIsNone) {
  for (const char* text :
       {"--set=pretrain.tokens=4M", "pretrain.batch_tokens=8192", "tokenizer={from: t.json}", "special_tokens=[<|x|>]",
        "--set=run.name=secret", "secret.name=x", "author=me", "monkey=1", "key=7", "", "a=", "password"}) {
    EXPECT_EQ(without_secrets(text), text);
  }
}

}  // namespace
}  // namespace llmtrain
