#pragma once
#include <filesystem>

#include "lib/metrics/console.h"

namespace llmtrain {

// Writes the stage's report.html anew from what its folder holds. A page that cannot be written is a warning, never the
// end of training. Whether it was written.
bool refresh_report(const std::filesystem::path& stage, Console& console);

}  // namespace llmtrain
