#include "lib/data/spill_buffer.h"

#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

void append(SpillBuffer& buffer, const std::string& text) {
  buffer.append(std::as_bytes(std::span(text.data(), text.size())));
}

std::string all_of(SpillBuffer& buffer) {
  std::string text;
  buffer.read_back([&](std::span<const std::byte> part) {
    EXPECT_LE(part.size(), 16U);
    text.append(reinterpret_cast<const char*>(part.data()), part.size());
  });
  return text;
}

TEST(SpillBuffer, GivesBackInOrderWhatItSpilled) {
  const TempDir folder;
  SpillBuffer buffer(folder.path(), 16);
  std::string expected;
  for (int i = 0; i < 100; ++i) {
    const std::string text = std::to_string(i) + ",";
    append(buffer, text);
    expected += text;
    if (i == 3) {
      EXPECT_EQ(all_of(buffer), expected) << "before it spills";
    }
  }
  EXPECT_EQ(buffer.size(), expected.size());
  EXPECT_EQ(all_of(buffer), expected);
  EXPECT_EQ(all_of(buffer), expected) << "again";
}

TEST(SpillBuffer, LeavesNoNameInTheFolder) {
  const TempDir folder;
  SpillBuffer buffer(folder.path(), 16);
  append(buffer, std::string(40, 'x'));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(SpillBuffer, NamesTheFolderItCannotWriteTo) {
  const TempDir folder;
  SpillBuffer buffer(folder / "missing", 16);
  const auto message = error_of(ExitCode::kStorage, [&] { append(buffer, std::string(40, 'x')); });
  EXPECT_NE(message.find("missing: cannot make a temporary file"), std::string::npos) << message;
}

}  // namespace
}  // namespace llmtrain
