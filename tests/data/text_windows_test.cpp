#include "lib/data/text_windows.h"

#include <numeric>

#include <gmock/gmock.h>

namespace llmtrain {
namespace {

using testing::ElementsAre;
using Ids = std::vector<std::int32_t>;

struct Window {
  Ids ids;
  std::size_t first = 0;
  bool operator==(const Window&) const = default;
};
void PrintTo(const Window& window, std::ostream* out) {
  *out << testing::PrintToString(window.ids) << " from " << window.first;
}

std::vector<Window> drain(TextWindows& windows) {
  std::vector<Window> all;
  while (const auto run = windows.next()) all.push_back({run->ids, run->first});
  return all;
}

std::vector<std::uint32_t> ids_to(std::uint32_t count) {
  std::vector<std::uint32_t> ids(count);
  std::iota(ids.begin(), ids.end(), 0);
  return ids;
}

std::vector<Window> windows_of(std::uint32_t count, std::size_t context, std::size_t stride) {
  TextWindows windows(context, stride);
  windows.add(ids_to(count));
  windows.end_document();
  return drain(windows);
}

TEST(TextWindows, TakesADocumentThatFitsWhole) {
  EXPECT_THAT(windows_of(4, 8, 4), ElementsAre(Window{{0, 1, 2, 3}, 1}));
  EXPECT_THAT(windows_of(9, 8, 4), ElementsAre(Window{{0, 1, 2, 3, 4, 5, 6, 7, 8}, 1}));
}

// Each later window is asked for `stride` ids, which have at least context - stride before them.
TEST(TextWindows, MovesOnByTheStride) {
  EXPECT_THAT(windows_of(9, 4, 2),
              ElementsAre(Window{{0, 1, 2, 3, 4}, 1}, Window{{2, 3, 4, 5, 6}, 3}, Window{{4, 5, 6, 7, 8}, 3}));
  EXPECT_THAT(windows_of(8, 4, 2),
              ElementsAre(Window{{0, 1, 2, 3, 4}, 1}, Window{{2, 3, 4, 5, 6}, 3}, Window{{4, 5, 6, 7}, 3}));
}

TEST(TextWindows, SharesOneIdAtTheSeamWhereTheStrideIsTheWindow) {
  EXPECT_THAT(windows_of(7, 3, 3), ElementsAre(Window{{0, 1, 2, 3}, 1}, Window{{3, 4, 5, 6}, 1}));
}

TEST(TextWindows, AsksForEveryIdButTheFirstOnce) {
  for (std::uint32_t count = 0; count < 24; ++count) {
    for (std::size_t context = 1; context <= 6; ++context) {
      for (std::size_t stride = 1; stride <= context; ++stride) {
        Ids asked;
        for (const auto& window : windows_of(count, context, stride)) {
          EXPECT_LE(window.ids.size(), context + 1);
          for (std::size_t i = window.first; i < window.ids.size(); ++i) {
            asked.push_back(window.ids[i]);
            const auto before = static_cast<std::int32_t>(i);
            EXPECT_GE(before, std::min(window.ids[i], static_cast<std::int32_t>(context - stride)));
          }
        }
        Ids all(count > 0 ? count - 1 : 0);
        std::iota(all.begin(), all.end(), 1);
        ASSERT_EQ(asked, all) << count << " " << context << " " << stride;
      }
    }
  }
}

TEST(TextWindows, AreTheSameHoweverTheDocumentComes) {
  const auto whole = windows_of(23, 6, 4);
  for (std::size_t piece = 1; piece < 23; ++piece) {
    TextWindows windows(6, 4);
    std::vector<Window> all;
    const auto ids = ids_to(23);
    for (std::size_t begin = 0; begin < ids.size(); begin += piece) {
      windows.add(std::span(ids).subspan(begin, std::min(piece, ids.size() - begin)));
      for (auto& window : drain(windows)) all.push_back(std::move(window));
    }
    windows.end_document();
    for (auto& window : drain(windows)) all.push_back(std::move(window));
    EXPECT_EQ(all, whole) << piece;
  }
}

TEST(TextWindows, BeginAnewWithTheNextDocument) {
  TextWindows windows(3, 2);
  windows.add(ids_to(6));
  windows.end_document();
  drain(windows);
  windows.add(std::vector<std::uint32_t>{9});
  windows.end_document();
  EXPECT_THAT(drain(windows), testing::IsEmpty()) << "one id has nothing to be predicted from";
  windows.add(std::vector<std::uint32_t>{7, 8});
  windows.end_document();
  EXPECT_THAT(drain(windows), ElementsAre(Window{{7, 8}, 1}));
}

}  // namespace
}  // namespace llmtrain
