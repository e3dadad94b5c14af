#pragma once
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "lib/interop/hf_export.h"
#include "tests/support/golden_model.h"

namespace llmtrain {

// A golden model's weights as an export takes them. The model must live as long.
inline HfExport export_of(const GoldenModel& model) {
  HfExport made;
  made.shape = model.shape;
  made.weights = [&model](const std::string& parameter) { return std::span<const float>(model.weights.at(parameter)); };
  return made;
}

inline std::vector<std::string> names_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

// Folders for scripts/fixtures/check_export.py are kept where LLMTRAIN_KEEP_EXPORTS says.
inline void keep_export(const std::string& name, const HfExport& model) {
  const char* keep = std::getenv("LLMTRAIN_KEEP_EXPORTS");
  if (keep != nullptr) write_hf_folder(std::filesystem::path(keep) / "models" / name, model);
}

}  // namespace llmtrain
