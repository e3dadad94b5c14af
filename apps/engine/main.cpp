// The engine: what needs tensors. `llmtrain` starts it in its own place, having checked the arguments; started by hand
// it takes the same ones.
#include <cstdio>
#include <new>
#include <string>
#include <vector>

#include <unistd.h>

#include "apps/engine/doctor.h"
#include "lib/base/error.h"
#include "lib/base/text.h"

namespace llmtrain {
namespace {

constexpr const char* kUsage = "usage: llmtrain-engine doctor [--json] | --version";

void print(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    throw storage_error("standard output: cannot be written");
  }
}

void run_doctor(const std::vector<std::string>& options) {
  const bool json = options == std::vector<std::string>{"--json"};
  if (!options.empty() && !json) throw config_error("doctor: unknown option '{}'; {}", options.front(), kUsage);
  const auto report = examine();
  print(json ? to_json(report) : to_text(report));
  check(report);
}

void run(const std::vector<std::string>& arguments) {
  if (arguments.empty()) throw config_error("no command; {}", kUsage);
  if (arguments.front() == "--version") return print("llmtrain-engine " LLMTRAIN_VERSION "\n");
  if (arguments.front() == "doctor") return run_doctor({arguments.begin() + 1, arguments.end()});
  throw config_error("unknown command '{}'; {}", arguments.front(), kUsage);
}

int fail(ExitCode code, std::string_view message) {
  // LibTorch puts a stack trace behind the first line.
  const auto line = printable(message.substr(0, message.find('\n')));
  std::fprintf(stderr, "llmtrain: error: %s\n", line.c_str());
  return static_cast<int>(code);
}

}  // namespace
}  // namespace llmtrain

int main(int argc, char** argv) {
  using namespace llmtrain;
  try {
    run({argv + 1, argv + argc});
    return static_cast<int>(ExitCode::kDone);
  } catch (const Error& error) {
    for (const auto& fault : error.faults()) fail(error.code(), fault.message);
    return static_cast<int>(error.code());
  } catch (const std::bad_alloc&) {
    return fail(ExitCode::kOutOfMemory, "out of memory");
  } catch (const std::exception& error) {
    return fail(ExitCode::kInternal, error.what());
  }
}
