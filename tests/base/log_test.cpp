#include "lib/base/log.h"

#include <vector>

#include <gtest/gtest.h>

namespace llmtrain {
namespace {

TEST(Log, WithASinkWritesNothingItself) {
  std::vector<std::string> lines;
  const Log log(LogLevel::kNormal, [&](LogKind kind, std::string_view text) {
    lines.push_back((kind == LogKind::kWarning ? "W " : "I ") + std::string(text));
  });
  testing::internal::CaptureStderr();
  log.info("{} steps", 3);
  log.warn("disk {}", "full");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(lines, (std::vector<std::string>{"I 3 steps", "W disk full"}));
}

TEST(Log, LetsWarningsThroughWhereQuiet) {
  const Log log(LogLevel::kQuiet);
  testing::internal::CaptureStderr();
  log.info("one");
  log.warn("two\x1b");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "llmtrain: warning: two\\x1b\n");
}

}  // namespace
}  // namespace llmtrain
