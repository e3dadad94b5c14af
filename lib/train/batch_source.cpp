#include "lib/train/batch_source.h"

#include <charconv>

#include "lib/base/error.h"

namespace llmtrain {

BatchSource loader_source(std::shared_ptr<RowLoader> loader) {
  return {.next = [loader] { return to_batch(loader->next()); },
          .state = [loader] { return std::to_string(loader->position()); },
          .load =
              [loader](const std::string& state) {
                std::uint64_t position = 0;
                const auto [end, fault] = std::from_chars(state.data(), state.data() + state.size(), position);
                ENSURE(fault == std::errc() && end == state.data() + state.size(), state);
                loader->seek(position);
              }};
}

}  // namespace llmtrain
