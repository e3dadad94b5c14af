#include "lib/recipes/dry_run_folder.h"

#include <cerrno>
#include <cstdlib>

#include "lib/base/error.h"
#include "lib/base/file.h"
#include "lib/data/learn_tokenizer.h"

namespace llmtrain {
namespace {

namespace fs = std::filesystem;

fs::path nearest_folder(fs::path path) {
  std::error_code ignored;
  while (!path.empty() && !fs::is_directory(path, ignored)) path = path.parent_path();
  return path.empty() ? fs::path(".") : path;
}

void link_files(const fs::path& from, const fs::path& to) {
  make_directory(to);
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(from, ignored)) {
    if (entry.symlink_status(ignored).type() != fs::file_type::regular) continue;
    fs::create_hard_link(entry.path(), to / entry.path().filename(), ignored);
  }
}

fs::path cache_in(const fs::path& folder) { return folder / "cache"; }

}  // namespace

DryRunFolder::DryRunFolder(const PipelineConfig& config) {
  const fs::path cache = config.pretrain.value().data.cache;
  auto name = (nearest_folder(cache) / ".llmtrain-dry-run-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) {
    throw storage_error("{}: cannot make the folder: {}", name, system_message(errno));
  }
  path_ = name;
  // What cannot be had is made anew.
  std::error_code ignored;
  for (const char* kind : {"shards", "rows"}) link_files(cache / kind, cache_in(path_) / kind);
  fs::copy_file(cache / "files.json", cache_in(path_) / "files.json", ignored);
  const auto learnt = tokenizer_folder(config.run);
  const auto here = path_ / config.run.name / learnt.filename();
  make_directory(here);
  for (const char* file : {"tokenizer.json", "tokenizer_training.json"}) {
    fs::copy_file(learnt / file, here / file, ignored);
  }
}

DryRunFolder::~DryRunFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

Pipeline DryRunFolder::redirected(Pipeline pipeline) const {
  pipeline.config.run.dir = path_.string();
  pipeline.config.pretrain.value().data.cache = cache_in(path_).string();
  return pipeline;
}

}  // namespace llmtrain
