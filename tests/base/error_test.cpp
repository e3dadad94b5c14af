#include "lib/base/error.h"

#include <gtest/gtest.h>

namespace llmtrain {
namespace {

TEST(Error, CountsItsFaultsInWhat) {
  const Error error(ExitCode::kUsage, {{"a.yaml:1:1: one", ""}, {"a.yaml:2:1: two", ""}});
  EXPECT_STREQ(error.what(), "a.yaml:1:1: one (and 1 more)");
  EXPECT_EQ(error.faults().size(), 2U);
}

TEST(Ensure, SaysWhereWhatAndTheValues) {
  const int rows = 3;
  try {
    ENSURE(rows < 0, rows, "x");
    FAIL();
  } catch (const InternalError& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("rows < 0 does not hold: 3, x"), std::string::npos) << text;
    EXPECT_NE(text.find("error_test.cpp:"), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace llmtrain
