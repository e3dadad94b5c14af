#include "lib/interop/model_hash.h"

#include <algorithm>
#include <system_error>
#include <vector>

#include "lib/base/digest.h"
#include "lib/base/error.h"
#include "lib/base/signals.h"
#include "lib/interop/hf_files.h"
#include "lib/io/compressed.h"

namespace llmtrain {

std::string model_hash(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  std::error_code fault;
  for (const auto& entry : std::filesystem::directory_iterator(folder, fault)) {
    const auto& path = entry.path();
    const auto name = path.filename().string();
    const bool counts = path.extension() == ".json" || path.extension() == ".safetensors" || name == "merges.txt";
    if (counts) names.push_back(name);
  }
  if (fault) throw input_error("{}: cannot read the folder: {}", folder.string(), fault.message());
  std::sort(names.begin(), names.end());
  Sha256 digest;
  for (const auto& name : names) {
    stop_point("hashing the model");
    digest.update(fmt::format("{}  {}\n", digest_file(hf_file(folder, name)).sha256, name));
  }
  return digest.finish();
}

}  // namespace llmtrain
