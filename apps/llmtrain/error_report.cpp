#include "apps/llmtrain/error_report.h"

#include <cstdio>
#include <exception>
#include <filesystem>
#include <new>
#include <string>
#include <system_error>

#include "lib/base/error.h"
#include "lib/base/text.h"

namespace llmtrain {
namespace {

constexpr std::size_t kMaxErrorLine = 1000;

int fail(ExitCode code, const std::string& message) {
  print_error(message);
  return static_cast<int>(code);
}

int report(const Error& error) {
  if (error.code() == ExitCode::kRequeue) {
    std::fprintf(stderr, "llmtrain: %s\n", error.what());
    return static_cast<int>(error.code());
  }
  for (const auto& fault : error.faults()) {
    print_error(fault.message);
    if (!fault.context.empty()) std::fprintf(stderr, "%s\n", fault.context.c_str());
  }
  if (error.faults().size() > 1) std::fprintf(stderr, "llmtrain: %zu errors\n", error.faults().size());
  return static_cast<int>(error.code());
}

// LibTorch puts a stack trace behind the first line.
std::string_view first_line(std::string_view text) { return text.substr(0, text.find('\n')); }

}  // namespace

void print_error(std::string_view message) {
  const std::string line = "llmtrain: error: " + printable(message, kMaxErrorLine) + "\n";
  std::fputs(line.c_str(), stderr);
}

int report_errors(const std::function<int()>& work) {
  try {
    return work();
  } catch (const Error& error) {
    return report(error);
  } catch (const std::bad_alloc&) {
    return fail(ExitCode::kOutOfMemory, "out of memory");
  } catch (const std::filesystem::filesystem_error& error) {
    return fail(ExitCode::kStorage, fmt::format("{}: {}", error.path1().string(), error.code().message()));
  } catch (const std::system_error& error) {  // a thread that cannot be started
    return fail(ExitCode::kOutOfMemory,
                fmt::format("{}; raise the limits on processes and memory", error.code().message()));
  } catch (const std::exception& error) {
    return fail(ExitCode::kInternal,
                fmt::format("internal: {}; this is a bug in llmtrain, please report it", first_line(error.what())));
  }
}

}  // namespace llmtrain
