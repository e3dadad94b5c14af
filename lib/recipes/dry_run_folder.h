#pragma once
#include <filesystem>

#include "lib/config/pipeline.h"

namespace llmtrain {

// Where a dry run prepares its data, so that it checks all that a run would and leaves nothing: a folder with a name of
// its own on the file system of the data cache, removed with all that is in it. (A second signal ends the program
// before that.) What the cache and the tokenizer's folder hold already is found here too, as hard links and copies;
// where the file system has no links it is prepared anew.
class DryRunFolder {
 public:
  // config: with a pretrain section. Throws storage_error (5) where no folder can be made, as a run would.
  explicit DryRunFolder(const PipelineConfig& config);
  DryRunFolder(const DryRunFolder&) = delete;
  DryRunFolder& operator=(const DryRunFolder&) = delete;
  ~DryRunFolder();

  // The same pipeline with its cache and its runs in this folder.
  Pipeline redirected(Pipeline pipeline) const;

 private:
  std::filesystem::path path_;
};

}  // namespace llmtrain
