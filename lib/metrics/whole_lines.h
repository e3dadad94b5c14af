#pragma once
#include <cstdint>
#include <functional>
#include <string_view>

#include "lib/base/file.h"

namespace llmtrain {

// Hands over each line of the file that has its line break, with it, in constant memory. Returns the bytes of a torn
// line at the end: one whose writer was killed, or is at it.
std::uint64_t for_each_whole_line(const InputFile& file, const std::function<void(std::string_view line)>& work);

}  // namespace llmtrain
