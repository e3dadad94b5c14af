#include "lib/tokenizer/encode_batch.h"

#include "lib/base/parallel.h"

namespace llmtrain {
namespace {

constexpr std::size_t kGroupBytes = std::size_t{256} << 10;  // documents handed out together

}  // namespace

std::vector<std::vector<std::uint32_t>> encode_batch(const Tokenizer& tokenizer,
                                                     std::span<const std::string_view> documents, int threads,
                                                     SpecialText special) {
  std::vector<std::size_t> group_starts;
  std::size_t bytes = kGroupBytes;
  for (std::size_t i = 0; i < documents.size(); ++i) {
    if (bytes >= kGroupBytes) {
      group_starts.push_back(i);
      bytes = 0;
    }
    bytes += documents[i].size();
  }
  std::vector<std::vector<std::uint32_t>> ids(documents.size());
  const auto encode_group = [&](std::size_t group) {
    const std::size_t end = group + 1 < group_starts.size() ? group_starts[group + 1] : documents.size();
    for (std::size_t i = group_starts[group]; i < end; ++i) ids[i] = tokenizer.encode(documents[i], special);
  };
  parallel_for(group_starts.size(), encode_group, threads);
  return ids;
}

}  // namespace llmtrain
