#include "lib/metrics/status_line.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include <fmt/format.h>

#include "lib/base/text.h"

namespace llmtrain {
namespace {

constexpr double kGiB = 1024.0 * 1024.0 * 1024.0;
constexpr std::string_view kBetween = " | ";

enum class FieldKind {
  kLabel,
  kStep,
  kLoss,
  kTrend,
  kValidation,
  kLr,
  kGradNorm,
  kRate,
  kMfu,
  kMemory,
  kTimeLeft,
  kSkipped
};

struct Field {
  FieldKind kind;
  std::string text;
  std::string brief;    // the same in fewer columns; empty: there is no such form
  std::size_t columns;  // set aside: what the text may come to, so that fields do not come and go as numbers grow
};

enum class Economy { kBrief, kLeaveOut };
struct Measure {
  Economy economy;
  FieldKind kind;
};
// Taken in this order until the line fits: a user would rather miss the first than the last.
constexpr std::array kMeasures = {
    Measure{Economy::kLeaveOut, FieldKind::kMemory},     Measure{Economy::kLeaveOut, FieldKind::kLabel},
    Measure{Economy::kLeaveOut, FieldKind::kMfu},        Measure{Economy::kLeaveOut, FieldKind::kGradNorm},
    Measure{Economy::kBrief, FieldKind::kTimeLeft},      Measure{Economy::kLeaveOut, FieldKind::kLr},
    Measure{Economy::kBrief, FieldKind::kStep},          Measure{Economy::kLeaveOut, FieldKind::kTrend},
    Measure{Economy::kLeaveOut, FieldKind::kRate},       Measure{Economy::kLeaveOut, FieldKind::kSkipped},
    Measure{Economy::kLeaveOut, FieldKind::kValidation}, Measure{Economy::kLeaveOut, FieldKind::kTimeLeft},
    Measure{Economy::kLeaveOut, FieldKind::kLoss}};

std::string fixed(double value, int digits) {
  if (!std::isfinite(value) || std::abs(value) < 1e4) return fmt::format("{:.{}f}", value, digits);
  return fmt::format("{:.2e}", value);
}

// 3.0e-4: without the padding of the exponent that printf gives.
std::string exponential(double value) {
  std::string text = fmt::format("{:.1e}", value);
  const auto exponent = text.find('e');
  if (exponent == std::string::npos) return text;  // nan, inf
  const std::size_t digits = exponent + 2;
  if (text[digits] == '0' && digits + 1 < text.size()) text.erase(digits, 1);
  if (text[exponent + 1] == '+') text.erase(exponent + 1, 1);
  return text;
}

// "1200/5000 24%"
std::string step_text(std::int64_t step, std::int64_t total) {
  if (total <= 0) return fmt::format("{}", step);
  const double share = static_cast<double>(step) / static_cast<double>(total);
  return fmt::format("{}/{} {:.0f}%", step, total, std::floor(100.0 * share));
}

std::string rate_text(const std::optional<double>& tokens_per_second) {
  if (!tokens_per_second) return "- tok/s";
  std::string count = human_count(*tokens_per_second);
  if (count.ends_with('K')) count.back() = 'k';
  return count + " tok/s";
}

std::string memory_text(const StepStatus& status) {
  if (status.memory_total == 0) return "mem " + human_bytes(status.memory_bytes);
  const double total = static_cast<double>(status.memory_total) / kGiB;
  return fmt::format("mem {:.1f}/{:.{}f} GiB", static_cast<double>(status.memory_bytes) / kGiB, total,
                     total < 9.95 ? 1 : 0);
}

// In brief, hours are left out where there are none.
std::string time_left_text(const std::optional<double>& seconds, bool brief) {
  constexpr double kLongest = 1e9;  // some thirty years
  if (!seconds || !(*seconds >= 0.0 && *seconds < kLongest)) return "eta -";
  const auto whole = static_cast<std::int64_t>(std::llround(*seconds));
  const auto minutes = fmt::format("{:02}:{:02}", whole / 60 % 60, whole % 60);
  return brief && whole < 3600 ? "eta " + minutes : fmt::format("eta {:02}:{}", whole / 3600, minutes);
}

std::size_t characters_in(std::string_view text) {
  const auto starts = [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U; };
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), starts));
}

std::vector<Field> fields_of(const StepStatus& status, const StatusLineOptions& options) {
  std::vector<Field> fields;
  const auto add = [&](FieldKind kind, const std::string& text, const std::string& brief = "") {
    fields.push_back({kind, text, brief, text.size()});
  };
  if (!options.label.empty()) add(FieldKind::kLabel, std::string(options.label));
  const auto step = step_text(status.step, status.total_steps);
  add(FieldKind::kStep, "step " + step, step);
  if (status.step < status.total_steps) {
    fields.back().columns += step_text(status.total_steps, status.total_steps).size() - step.size();
  }
  add(FieldKind::kLoss, "loss " + fixed(status.loss, 3));
  if (!options.trend.empty()) {
    add(FieldKind::kTrend, std::string(options.trend));
    fields.back().columns = std::max(characters_in(options.trend), options.trend_columns);
  }
  if (status.validation) add(FieldKind::kValidation, "val " + fixed(*status.validation, 3));
  add(FieldKind::kLr, "lr " + exponential(status.lr));
  add(FieldKind::kGradNorm, "gnorm " + fixed(status.grad_norm, 2));
  add(FieldKind::kRate, rate_text(status.tokens_per_second));
  add(FieldKind::kMfu, status.mfu ? fmt::format("MFU {:.0f}%", 100.0 * *status.mfu) : "MFU -");
  if (status.memory_bytes > 0) add(FieldKind::kMemory, memory_text(status));
  add(FieldKind::kTimeLeft, time_left_text(status.seconds_left, false), time_left_text(status.seconds_left, true));
  if (status.skipped > 0) add(FieldKind::kSkipped, fmt::format("skipped {}", status.skipped));
  return fields;
}

// The step stands beside the label and the trend beside the loss, without a bar between.
std::string_view before(const Field& field) {
  return field.kind == FieldKind::kStep || field.kind == FieldKind::kTrend ? " " : kBetween;
}

std::size_t width_of(const std::vector<Field>& fields) {
  std::size_t width = 0;
  for (const auto& field : fields) width += (width > 0 ? before(field).size() : 0) + field.columns;
  return width;
}

void take(const Measure& measure, std::vector<Field>& fields) {
  const auto field = std::find_if(fields.begin(), fields.end(),
                                  [&](const Field& candidate) { return candidate.kind == measure.kind; });
  if (field == fields.end()) return;
  if (measure.economy == Economy::kLeaveOut) {
    fields.erase(field);
  } else {
    field->columns -= field->text.size() - field->brief.size();
    field->text = field->brief;
  }
}

}  // namespace

Record status_record(const StepStatus& status) {
  Record record = {{"step", status.step}};
  if (status.total_steps > 0) record.emplace_back("total_steps", status.total_steps);
  record.emplace_back("loss", status.loss);
  if (status.validation) record.emplace_back("validation", *status.validation);
  record.emplace_back("lr", status.lr);
  record.emplace_back("grad_norm", status.grad_norm);
  if (status.tokens_per_second) record.emplace_back("tokens_per_second", *status.tokens_per_second);
  if (status.mfu) record.emplace_back("mfu", *status.mfu);
  if (status.memory_bytes > 0) record.emplace_back("memory_bytes", static_cast<std::int64_t>(status.memory_bytes));
  if (status.memory_total > 0) record.emplace_back("memory_total", static_cast<std::int64_t>(status.memory_total));
  if (status.seconds_left) record.emplace_back("seconds_left", *status.seconds_left);
  record.emplace_back("skipped", status.skipped);
  return record;
}

std::string status_line(const StepStatus& status, const StatusLineOptions& options) {
  auto fields = fields_of(status, options);
  const bool any_width = options.columns == 0;
  for (const auto& measure : kMeasures) {
    if (any_width || width_of(fields) <= options.columns) break;
    take(measure, fields);
  }
  std::string line;
  for (const auto& field : fields) {
    if (!line.empty()) line += before(field);
    line += field.text;
  }
  // The step alone is left.
  if (!any_width && width_of(fields) > options.columns && line.size() > options.columns) line.resize(options.columns);
  return line;
}

}  // namespace llmtrain
