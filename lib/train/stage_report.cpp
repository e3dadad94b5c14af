#include "lib/train/stage_report.h"

#include "lib/base/error.h"
#include "lib/metrics/run_report.h"

namespace llmtrain {

bool refresh_report(const std::filesystem::path& stage, Console& console) {
  try {
    write_run_report(stage);
    return true;
  } catch (const Error& error) {
    console.warning(fmt::format("{}; training goes on", error.what()));
    return false;
  }
}

}  // namespace llmtrain
