#include "lib/metrics/whole_lines.h"

#include <string>

namespace llmtrain {

std::uint64_t for_each_whole_line(const InputFile& file, const std::function<void(std::string_view line)>& work) {
  constexpr std::size_t kBlock = std::size_t{1} << 20;
  std::string block(kBlock, '\0');
  std::string carried;
  for (std::uint64_t offset = 0;;) {
    const std::size_t got = file.read_some(block.data(), block.size(), offset);
    if (got == 0) return carried.size();
    offset += got;
    std::string_view rest(block.data(), got);
    for (std::size_t end = 0; (end = rest.find('\n')) != std::string_view::npos; rest.remove_prefix(end + 1)) {
      carried += rest.substr(0, end + 1);
      work(carried);
      carried.clear();
    }
    carried += rest;
  }
}

}  // namespace llmtrain
