#pragma once
#include <optional>
#include <string_view>

namespace llmtrain {

// Faults that a test asks a running program for, by environment variable:
// LLMTRAIN_TEST_HOOKS="slow_save_ms=200,nan_gradient_at_step=3". Nothing reads it but through here.

// The number of a hook; nothing where the hook is not named, or not as name=number.
std::optional<double> test_hook(std::string_view name);

// The same of a text: the last one counts.
std::optional<double> test_hook_in(std::string_view hooks, std::string_view name);

}  // namespace llmtrain
