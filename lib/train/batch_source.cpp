#include "lib/train/batch_source.h"

#include <charconv>

#include "lib/base/error.h"
#include "lib/base/text.h"

namespace llmtrain {
namespace {

constexpr std::size_t kShownBytes = 60;

}  // namespace

BatchSource loader_source(std::shared_ptr<RowLoader> loader) {
  return {.next = [loader] { return to_batch(loader->next()); },
          .state = [loader] { return std::to_string(loader->position()); },
          .load =
              [loader](const std::string& state, const std::string& source) {
                std::int64_t position = 0;
                const auto [end, fault] = std::from_chars(state.data(), state.data() + state.size(), position);
                if (fault != std::errc() || end != state.data() + state.size() || position < 0) {
                  throw resume_error("{}: progress.cursor: expected the position of a row, a whole number, got '{}'",
                                     source, printable(state, kShownBytes));
                }
                loader->seek(static_cast<std::uint64_t>(position));
              }};
}

}  // namespace llmtrain
