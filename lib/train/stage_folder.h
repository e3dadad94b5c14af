#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "lib/base/log.h"
#include "lib/checkpoint/checkpoint_reader.h"
#include "lib/checkpoint/run_lock.h"
#include "lib/config/run_config.h"

namespace llmtrain {

// The folder of a stage, <run.dir>/<run.name>/<stage>, held by this process alone, and the checkpoint to go on from.
class StageFolder {
 public:
  // resume: "auto", the newest checkpoint that verifies, or a fresh start where there is none; "never", a fresh start
  // that moves a folder which is there to .old-N; else the path of a checkpoint or of a folder that has some. What
  // killed saves left behind is removed. Throws Error: kLocked (7), kResumeRefused (6) where checkpoints are there and
  // none verifies, where the path holds none, or where later checkpoints of this stage would be in the way. told: of
  // what is read of checkpoints.
  StageFolder(const RunConfig& run, const std::string& stage, const std::string& resume, const Log& log,
              const BytesRead& told);

  const std::filesystem::path& path() const { return path_; }
  // Nothing for a fresh start.
  std::optional<CheckpointReader>& resume_from() { return resume_from_; }

 private:
  std::filesystem::path path_;
  std::unique_ptr<RunLock> lock_;
  std::optional<CheckpointReader> resume_from_;
};

// The checkpoint that a start with this `resume` goes on from, nothing for a fresh start; changes nothing. Throws as
// StageFolder does for checkpoints.
std::optional<CheckpointReader> checkpoint_to_resume(const std::filesystem::path& stage, const std::string& resume,
                                                     const Log& log, const BytesRead& told);

std::filesystem::path stage_path(const RunConfig& run, const std::string& stage);

}  // namespace llmtrain
