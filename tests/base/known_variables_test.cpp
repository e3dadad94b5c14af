#include "lib/base/known_variables.h"

#include <algorithm>
#include <cstdlib>

#include <gmock/gmock.h>

#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

using testing::Contains;

TEST(CheckVariables, TakesWhatIsKnownAndWhatIsNotOurs) {
  EXPECT_NO_THROW(check_variables(known_variables()));
  EXPECT_NO_THROW(check_variables({"PATH", "OMP_NUM_THREADS", "MY_LLMTRAIN_X", "llmtrain_x", "LLMTRAIN"}));
}

TEST(CheckVariables, NamesEachThatNobodyReadsAndTheNearest) {
  EXPECT_EQ(error_of(ExitCode::kUsage,
                     [] {
                       check_variables({"PATH", "LLMTRAIN_HUGE_PAGE", "LLMTRAIN_ZZZZZZZZZZ"});
                     }),
            "environment: unknown variable 'LLMTRAIN_HUGE_PAGE'; did you mean 'LLMTRAIN_HUGE_PAGES'?\n"
            "environment: unknown variable 'LLMTRAIN_ZZZZZZZZZZ'; those that there are: LLMTRAIN_HUGE_PAGES, "
            "LLMTRAIN_MKL_AVX512, LLMTRAIN_REQUIRE_DATA, LLMTRAIN_TEST_DATA, LLMTRAIN_TEST_HOOKS");
}

TEST(VariableNames, AreThoseOfTheProcess) {
  ::setenv("A_NAME_OF_THIS_TEST", "a=b", 1);
  EXPECT_THAT(variable_names(), Contains("A_NAME_OF_THIS_TEST"));
  ::unsetenv("A_NAME_OF_THIS_TEST");
}

}  // namespace
}  // namespace llmtrain
