#pragma once
#include <string>
#include <utility>
#include <vector>

#include "lib/metrics/html_report.h"
#include "lib/metrics/stage_record.h"

namespace llmtrain {

// What a run came to, in words: how it ended, steps, tokens, losses, speed. What is not known is left out.
std::vector<std::pair<std::string, std::string>> run_facts(const StageRecord& record);

// The data that was trained on and held out, by source; without rows where run.json does not tell.
ReportTable data_table(const StageRecord& record);

// What env.json tells, member for member.
ReportTable environment_table(const StageRecord& record);

// Seconds by part, under their names for people, in the order in which a step goes through them.
std::vector<std::pair<std::string, double>> part_timings(const StageRecord& record);

}  // namespace llmtrain
