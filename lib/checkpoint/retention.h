#pragma once
#include <cstdint>
#include <filesystem>
#include <vector>

namespace llmtrain {

struct CheckpointEntry {
  std::filesystem::path path;
  std::int64_t step = 0;
};

// The folders step-N of a folder, newest first; whole or not. Other names are not looked at. No folder: none. Throws
// storage_error (5) where the folder cannot be read: that is not the same as a folder without checkpoints.
std::vector<CheckpointEntry> list_checkpoints(const std::filesystem::path& folder);

// Removes what killed saves and removals left: step-N.tmp-PID, step-N.old-PID. Only for who holds the run's lock.
// Throws storage_error (5).
void clean_temporary(const std::filesystem::path& folder);

// Renames a checkpoint, then removes it: killed in the middle, none is left half under its name. Throws storage_error.
void remove_checkpoint(const std::filesystem::path& path);

// Removes checkpoints, oldest first, but for the newest `keep` (at least 2), those of keep_steps, and as many more as
// it takes for two whole ones to stay. Throws storage_error (5).
void prune(const std::filesystem::path& folder, std::size_t keep, const std::vector<std::int64_t>& keep_steps);

}  // namespace llmtrain
