#pragma once
#include <string>
#include <vector>

namespace llmtrain {

using Row = std::vector<std::string>;

// Lines of columns two spaces apart: the first column to the left, the others as `numbers` says; no trailing spaces.
enum class Columns { kText, kNumbers };
std::string aligned(const std::vector<Row>& rows, Columns others);

}  // namespace llmtrain
