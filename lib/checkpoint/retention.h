#pragma once
#include <cstdint>
#include <filesystem>
#include <vector>

namespace llmtrain {

struct CheckpointEntry {
  std::filesystem::path path;
  std::int64_t step = 0;
};

// The folders step-N of a folder, newest first; whole or not. Other names are not looked at. No folder: none.
std::vector<CheckpointEntry> list_checkpoints(const std::filesystem::path& folder);

// Removes what killed saves and removals left: step-N.tmp-*, step-N.old-*. Only for who holds the run's lock.
void clean_temporary(const std::filesystem::path& folder);

// Removes checkpoints, oldest first, but for the newest `keep` (at least 2), those of keep_steps, and as many more as
// it takes for two whole ones to stay. A checkpoint is renamed before it is removed: killed in the middle, none is left
// half under its name. Throws storage_error (5).
void prune(const std::filesystem::path& folder, std::size_t keep, const std::vector<std::int64_t>& keep_steps);

}  // namespace llmtrain
