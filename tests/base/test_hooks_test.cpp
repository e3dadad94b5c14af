#include "lib/base/test_hooks.h"

#include <cstdlib>

#include <gtest/gtest.h>

namespace llmtrain {
namespace {

TEST(TestHooks, FindTheNumberOfAHook) {
  constexpr const char* kHooks = "slow_save_ms=200,nan_gradient_at_step=3,scale=-0.5e1";
  EXPECT_EQ(test_hook_in(kHooks, "slow_save_ms"), 200.0);
  EXPECT_EQ(test_hook_in(kHooks, "nan_gradient_at_step"), 3.0);
  EXPECT_EQ(test_hook_in(kHooks, "scale"), -5.0);
}

TEST(TestHooks, AreNothingWhereTheyAreNotNamedOrNoNumbers) {
  EXPECT_EQ(test_hook_in("slow_save_ms=200", "save_ms"), std::nullopt);
  EXPECT_EQ(test_hook_in("slow_save_ms=200", "slow"), std::nullopt);
  for (const char* text : {"", ",", "a", "a=", "a=x", "a=1x", "a= 1", " a=1", "=1", "a:1", "a=1;b=2"}) {
    EXPECT_EQ(test_hook_in(text, "a"), std::nullopt) << text;
  }
  EXPECT_EQ(test_hook_in("b=2,,a=1,", "a"), 1.0);
}

TEST(TestHooks, CountTheLast) { EXPECT_EQ(test_hook_in("a=1,a=2", "a"), 2.0); }

TEST(TestHooks, AreReadFromTheEnvironment) {
  ::setenv("LLMTRAIN_TEST_HOOKS", "slow_save_ms=7", 1);
  EXPECT_EQ(test_hook("slow_save_ms"), 7.0);
  ::unsetenv("LLMTRAIN_TEST_HOOKS");
  EXPECT_EQ(test_hook("slow_save_ms"), std::nullopt);
}

}  // namespace
}  // namespace llmtrain
