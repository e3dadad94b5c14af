#pragma once
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/test_support.h"

namespace llmtrain {

// The rows of tests/arch/golden/<name>, cut at tabs, comment lines left out.
inline std::vector<std::vector<std::string>> golden_rows(const std::string& name) {
  std::istringstream text(slurp(std::filesystem::path(LLMTRAIN_SOURCE_DIR) / "tests/arch/golden" / name));
  std::vector<std::vector<std::string>> rows;
  for (std::string line; std::getline(text, line);) {
    if (line.empty() || line.front() == '#') continue;
    std::istringstream cells(line);
    rows.emplace_back();
    for (std::string cell; std::getline(cells, cell, '\t');) rows.back().push_back(cell);
  }
  EXPECT_FALSE(rows.empty()) << name;
  return rows;
}

}  // namespace llmtrain
