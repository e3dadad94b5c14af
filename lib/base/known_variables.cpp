#include "lib/base/known_variables.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <unistd.h>

#include "lib/base/error.h"
#include "lib/base/text.h"

namespace llmtrain {

const std::vector<std::string>& known_variables() {
  static const std::vector<std::string> kKnown = {"LLMTRAIN_HUGE_PAGES", "LLMTRAIN_MKL_AVX512", "LLMTRAIN_REQUIRE_DATA",
                                                  "LLMTRAIN_TEST_DATA", "LLMTRAIN_TEST_HOOKS"};
  return kKnown;
}

std::vector<std::string> variable_names() {
  std::vector<std::string> names;
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
    const std::string_view entry = *variable;
    names.emplace_back(entry.substr(0, entry.find('=')));
  }
  return names;
}

void check_variables(const std::vector<std::string>& names) {
  const auto& known = known_variables();
  std::vector<Fault> faults;
  for (const auto& name : names) {
    if (!name.starts_with("LLMTRAIN_") || std::find(known.begin(), known.end(), name) != known.end()) continue;
    const auto meant = nearest(name, known);
    const std::string hint = meant ? fmt::format("did you mean '{}'?", *meant)
                                   : fmt::format("those that there are: {}", fmt::join(known, ", "));
    faults.push_back({fmt::format("environment: unknown variable '{}'; {}", printable(name), hint), ""});
  }
  if (!faults.empty()) throw Error(ExitCode::kUsage, std::move(faults));
}

}  // namespace llmtrain
