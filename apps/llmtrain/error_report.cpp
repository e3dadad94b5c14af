#include "apps/llmtrain/error_report.h"

#include <cstdio>
#include <exception>
#include <filesystem>
#include <new>
#include <string>
#include <system_error>
#include <vector>

#include <nlohmann/json.hpp>

#include "lib/base/error.h"
#include "lib/base/text.h"

namespace llmtrain {
namespace {

constexpr std::size_t kMaxErrorLine = 1000;

// One line a fault, in the form that was asked for.
class Report {
 public:
  explicit Report(ErrorForm form) : form_(form) {}

  int fail(ExitCode code, const std::string& message) const {
    if (form_ == ErrorForm::kText) {
      std::fprintf(stderr, "llmtrain: error: %s\n", printable(message, kMaxErrorLine).c_str());
    } else {
      print_object("error", code, message);
    }
    return static_cast<int>(code);
  }

  int fail(const Error& error) const {
    if (error.code() == ExitCode::kRequeue) {  // no error: what was asked for
      if (form_ == ErrorForm::kText) {
        std::fprintf(stderr, "llmtrain: %s\n", error.what());
      } else {
        print_object("message", error.code(), error.what());
      }
      return static_cast<int>(error.code());
    }
    for (const auto& fault : error.faults()) {
      fail(error.code(), fault.message);
      if (form_ == ErrorForm::kText && !fault.context.empty()) std::fprintf(stderr, "%s\n", fault.context.c_str());
    }
    if (form_ == ErrorForm::kText && error.faults().size() > 1) {
      std::fprintf(stderr, "llmtrain: %zu errors\n", error.faults().size());
    }
    return static_cast<int>(error.code());
  }

 private:
  static void print_object(const char* event, ExitCode code, const std::string& text) {
    const nlohmann::ordered_json object = {{"event", event}, {"code", static_cast<int>(code)}, {"text", text}};
    const auto line = object.dump(-1, ' ', true, nlohmann::ordered_json::error_handler_t::replace);
    std::fprintf(stderr, "%s\n", line.c_str());
  }

  ErrorForm form_;
};

// LibTorch puts a stack trace behind the first line.
std::string_view first_line(std::string_view text) { return text.substr(0, text.find('\n')); }

}  // namespace

ErrorForm error_form(int argc, char** argv) {
  const std::vector<std::string_view> words(argv, argv + argc);
  for (std::size_t i = 0; i < words.size(); ++i) {
    const bool next = words[i] == "--log-format" && i + 1 < words.size() && words[i + 1] == "json";
    if (next || words[i] == "--log-format=json") return ErrorForm::kJson;
  }
  return ErrorForm::kText;
}

int report_errors(const std::function<int()>& work, ErrorForm form) {
  const Report report(form);
  try {
    return work();
  } catch (const Error& error) {
    return report.fail(error);
  } catch (const std::bad_alloc&) {
    return report.fail(ExitCode::kOutOfMemory, "out of memory");
  } catch (const std::filesystem::filesystem_error& error) {
    return report.fail(ExitCode::kStorage, fmt::format("{}: {}", error.path1().string(), error.code().message()));
  } catch (const std::system_error& error) {  // a thread that cannot be started
    return report.fail(ExitCode::kOutOfMemory,
                       fmt::format("{}; raise the limits on processes and memory", error.code().message()));
  } catch (const std::exception& error) {
    return report.fail(ExitCode::kInternal, fmt::format("internal: {}; this is a bug in llmtrain, please report it",
                                                        first_line(error.what())));
  }
}

}  // namespace llmtrain
