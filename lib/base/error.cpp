#include "lib/base/error.h"

namespace llmtrain {
namespace {

std::string first_line(const std::vector<Fault>& faults) {
  ENSURE(!faults.empty());
  if (faults.size() == 1) return faults.front().message;
  return fmt::format("{} (and {} more)", faults.front().message, faults.size() - 1);
}

}  // namespace

Error::Error(ExitCode code, std::vector<Fault> faults)
    : std::runtime_error(first_line(faults)), code_(code), faults_(std::move(faults)) {}

void throw_internal_error(const char* file, int line, const char* condition, const std::string& values) {
  const std::string_view path = file;
  const auto lib = path.rfind("/lib/");
  const auto shown = lib == std::string_view::npos ? path : path.substr(lib + 1);
  throw InternalError(
      fmt::format("{}:{}: {} does not hold{}{}", shown, line, condition, values.empty() ? "" : ": ", values));
}

}  // namespace llmtrain
