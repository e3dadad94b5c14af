#include "lib/train/batch_source.h"

#include <gmock/gmock.h>

#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

TEST(LoaderSource, RefusesAPositionThatIsNoneNamingFileAndKey) {
  const auto source = loader_source(nullptr);  // is not come to
  for (const std::string state : {"", " 7", "7 ", "-1", "1.5", "1e3", "0x10", "9223372036854775808", "seven\n"}) {
    EXPECT_THAT(error_of(ExitCode::kResumeRefused, [&] { source.load(state, "runs/q/step-7"); }),
                testing::StartsWith("runs/q/step-7: progress.cursor: expected the position of a row"))
        << state;
  }
}

}  // namespace
}  // namespace llmtrain
