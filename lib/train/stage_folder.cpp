#include "lib/train/stage_folder.h"

#include <cerrno>
#include <cstdio>

#include "lib/base/error.h"
#include "lib/base/file.h"
#include "lib/checkpoint/manifest.h"
#include "lib/checkpoint/retention.h"

namespace llmtrain {
namespace {

namespace fs = std::filesystem;

// The first of PATH.old-1, PATH.old-2, … that is free.
fs::path free_old_name(const fs::path& path) {
  for (int n = 1;; ++n) {
    fs::path old = path.string() + fmt::format(".old-{}", n);
    if (!fs::exists(fs::symlink_status(old))) return old;
  }
}

void move_aside(const fs::path& path, const Log& log) {
  const auto old = free_old_name(path);
  if (::rename(path.c_str(), old.c_str()) != 0) {
    throw storage_error("{}: cannot be moved to {}: {}", path.string(), old.string(), system_message(errno));
  }
  log.info("{} moved to {}", path.string(), old.string());
}

// What --resume PATH names.
CheckpointReader named_checkpoint(const fs::path& path, const Log& log, const BytesRead& told) {
  if (fs::exists(path / kManifestName)) return CheckpointReader(path, told);
  for (const auto& folder : {path / "checkpoints", path}) {
    if (!fs::is_directory(folder)) continue;
    if (auto found = newest_valid(folder, log, told)) return std::move(*found);
  }
  throw resume_error("{}: no checkpoint there, expected a folder step-N or a stage's folder; try --resume auto",
                     path.string());
}

// A run that goes on from an earlier step would meet its own later checkpoints.
void refuse_later_checkpoints(const fs::path& folder, const CheckpointReader& from) {
  for (const auto& entry : list_checkpoints(folder)) {
    std::error_code ignored;
    if (fs::equivalent(entry.path, from.path(), ignored) || entry.step < from.manifest().step) continue;
    throw resume_error("{}: stands in the way of going on from {}; move it away, or give the run another run.name",
                       entry.path.string(), from.path().string());
  }
}

}  // namespace

fs::path stage_path(const RunConfig& run, const std::string& stage) { return fs::path(run.dir) / run.name / stage; }

std::optional<CheckpointReader> checkpoint_to_resume(const fs::path& stage, const std::string& resume, const Log& log,
                                                     const BytesRead& told) {
  const auto checkpoints = stage / "checkpoints";
  if (resume == "never") return std::nullopt;
  if (resume == "auto") return newest_valid(checkpoints, log, told);
  auto reader = named_checkpoint(resume, log, told);
  refuse_later_checkpoints(checkpoints, reader);
  return reader;
}

StageFolder::StageFolder(const RunConfig& run, const std::string& stage, const std::string& resume, const Log& log,
                         const BytesRead& told)
    : path_(stage_path(run, stage)) {
  make_directory(path_);
  lock_ = std::make_unique<RunLock>(path_);
  const auto checkpoints = path_ / "checkpoints";
  if (resume == "never") {
    const bool used = fs::exists(checkpoints) || fs::exists(path_ / "config.yaml");
    if (used) {
      move_aside(path_, log);
      make_directory(path_);
      lock_ = std::make_unique<RunLock>(path_);
    }
  }
  make_directory(checkpoints);
  clean_temporary(checkpoints);
  resume_from_ = checkpoint_to_resume(path_, resume, log, told);
}

}  // namespace llmtrain
