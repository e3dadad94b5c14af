#include "lib/base/test_hooks.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <system_error>

namespace llmtrain {

std::optional<double> test_hook(std::string_view name) {
  const char* const hooks = std::getenv("LLMTRAIN_TEST_HOOKS");
  if (hooks == nullptr) return std::nullopt;
  return test_hook_in(hooks, name);
}

std::optional<double> test_hook_in(std::string_view hooks, std::string_view name) {
  std::optional<double> found;
  while (!hooks.empty()) {
    const auto item = hooks.substr(0, hooks.find(','));
    hooks.remove_prefix(std::min(hooks.size(), item.size() + 1));
    const auto equals = item.find('=');
    if (equals == std::string_view::npos || item.substr(0, equals) != name) continue;
    const auto number = item.substr(equals + 1);
    double value = 0.0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
    const bool whole = error == std::errc() && end == number.data() + number.size();
    found = whole ? std::optional(value) : std::nullopt;
  }
  return found;
}

}  // namespace llmtrain
