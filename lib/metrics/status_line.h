#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lib/metrics/metric_record.h"

namespace llmtrain {

// What is known after a step. An absent value is shown as "-", or not at all where it never comes.
struct StepStatus {
  std::int64_t step = 0;
  std::int64_t total_steps = 0;  // 0: as the options say
  double loss = 0.0;
  std::optional<double> validation{};  // the latest held-out loss
  double lr = 0.0;
  double grad_norm = 0.0;
  std::optional<double> tokens_per_second{};
  std::optional<double> mfu{};     // in [0, 1]
  std::uint64_t memory_bytes = 0;  // 0: unknown
  std::uint64_t memory_total = 0;  // 0: unknown
  std::optional<double> seconds_left{};
  std::int64_t skipped = 0;  // steps so far that the guard left out
};

// {"step",…,"loss",…}: the fields of a status line under their own names, absent ones left out.
Record status_record(const StepStatus& status);

struct StatusLineOptions {
  std::string_view label{};
  std::string_view trend{};       // a sparkline of the loss, each character one column
  std::size_t trend_columns = 0;  // what the trend may grow to, set aside for it
  std::size_t columns = 0;        // what the line must not be wider than; 0: any width
};

// "pretrain step 1200/5000 24% | loss 2.914 ▇▆▅▄▃ | val 2.980 | lr 3.0e-4 | gnorm 0.81 | 12.4k tok/s | MFU 38% |
// mem 5.1/24 GiB | eta 00:41:10", with "| skipped 2" where steps were. Where the columns do not hold it, what matters
// least is left out first; step and loss stay longest. Room is set aside for numbers that grow, so that the fields
// shown stay the same from step to step.
std::string status_line(const StepStatus& status, const StatusLineOptions& options);

}  // namespace llmtrain
