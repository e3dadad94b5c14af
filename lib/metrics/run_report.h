#pragma once
#include <filesystem>
#include <vector>

#include "lib/metrics/html_report.h"
#include "lib/metrics/stage_record.h"

namespace llmtrain {

// The page of one run.
ReportInput run_report(const StageRecord& record);

// The page of several runs, two at least: their curves in the same charts, their facts side by side, and each key of
// their configurations that is not the same in all.
ReportInput compare_runs(const std::vector<StageRecord>& records);

// Reads the folder of a stage and writes its report.html, whole or not at all; gives its path. What the folder lacks is
// said on the page. Throws storage_error (5) where the page cannot be written.
std::filesystem::path write_run_report(const std::filesystem::path& folder);

}  // namespace llmtrain
