#include "lib/metrics/run_log.h"

#include <utility>

#include "lib/base/error.h"
#include "lib/base/text.h"

namespace llmtrain {
namespace {

constexpr std::size_t kMaxText = 16000;  // bytes; a longer one (a sample) is cut

bool ends_in_a_torn_line(const AppendFile& file) {
  const std::uint64_t size = file.size();
  char last = '\n';
  if (size > 0) InputFile(file.path()).read_exact(&last, 1, size - 1);
  return last != '\n';
}

}  // namespace

RunLog::RunLog(std::filesystem::path path, WallClock clock) : file_(std::move(path)), clock_(std::move(clock)) {
  if (ends_in_a_torn_line(file_)) file_.append("\n");
}

void RunLog::line(std::string_view text) {
  int error_number = lost_ == 0 ? 0 : put(fmt::format("{} could not be written here", counted(lost_, "line")));
  if (error_number == 0) {
    lost_ = 0;
    error_number = put(text);
  }
  if (error_number == 0) return;
  ++lost_;
  if (!std::exchange(faulted_, true)) {
    fault_ = fmt::format("{}: cannot write: {}; training goes on", file_.path().string(), system_message(error_number));
  }
}

int RunLog::put(std::string_view text) {
  return file_.append(fmt::format("{} {}\n", iso_utc(clock_()), printable(text, kMaxText)));
}

std::optional<std::string> RunLog::take_fault() { return std::exchange(fault_, std::nullopt); }

}  // namespace llmtrain
