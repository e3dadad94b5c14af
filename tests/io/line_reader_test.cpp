#include "lib/io/line_reader.h"

#include <string>
#include <vector>

#include "tests/support/compression.h"
#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

struct Seen {
  std::string bytes;
  std::uint64_t number;
  std::uint64_t offset;
  bool too_long;
  bool operator==(const Seen&) const = default;
};

std::vector<Seen> lines_of(const std::filesystem::path& path, std::size_t max_line,
                           Compression compression = Compression::kNone) {
  LineReader reader(ExpandedStream(path, compression), max_line);
  std::vector<Seen> seen;
  Line line;
  while (reader.next(line)) seen.push_back({std::string(line.bytes), line.number, line.offset, line.too_long});
  return seen;
}

TEST(LineReader, GivesLinesWithNumberAndOffset) {
  const TempDir dir;
  const std::vector<Seen> expected = {
      {"one", 1, 0, false}, {"", 2, 4, false}, {"three\r", 3, 5, false}, {"four", 4, 12, false}};
  EXPECT_EQ(lines_of(dir.write("a", "one\n\nthree\r\nfour"), 100), expected);
  EXPECT_EQ(lines_of(dir.write("a", "one\n\nthree\r\nfour\n"), 100), expected);
}

TEST(LineReader, EmptyFileHasNoLine) {
  const TempDir dir;
  EXPECT_TRUE(lines_of(dir.write("a", ""), 100).empty());
}

TEST(LineReader, LineOfJustTheLimitIsTaken) {
  const TempDir dir;
  const std::vector<Seen> expected = {{"12345", 1, 0, false}, {"12345", 2, 6, true}, {"1234", 3, 13, false}};
  EXPECT_EQ(lines_of(dir.write("a", "12345\n123456\n1234"), 5), expected);
}

TEST(LineReader, GoesOnBehindALineThatIsTooLong) {
  const TempDir dir;
  // Longer than several of the blocks the reader works in, so that it is passed over in many steps.
  const std::string giant(5'000'000, 'g');
  const auto path = dir.write("a", "first\n" + giant + "\nlast");
  const auto seen = lines_of(path, 1000);
  ASSERT_EQ(seen.size(), 3U);
  EXPECT_EQ(seen[0], (Seen{"first", 1, 0, false}));
  EXPECT_EQ(seen[1], (Seen{std::string(256, 'g'), 2, 6, true}));
  EXPECT_EQ(seen[2], (Seen{"last", 3, 6 + giant.size() + 1, false}));
  EXPECT_EQ(lines_of(dir.write("b", giant), 1000).size(), 1U);
}

TEST(LineReader, JoinsLinesThatCrossBlocks) {
  const TempDir dir;
  std::string text;
  std::vector<Seen> expected;
  for (std::uint64_t i = 1; i <= 40; ++i) {
    const std::string line(i * 7919, static_cast<char>('a' + i % 26));
    expected.push_back({line, i, text.size(), false});
    text += line + "\n";
  }
  EXPECT_EQ(lines_of(dir.write("a", text), 1U << 20U), expected);
  EXPECT_EQ(lines_of(dir.write("a.gz", gzip_bytes(text)), 1U << 20U, Compression::kGzip), expected);
}

}  // namespace
}  // namespace llmtrain
