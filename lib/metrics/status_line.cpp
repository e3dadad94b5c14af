#include "lib/metrics/status_line.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <fmt/format.h>

#include "lib/base/text.h"

namespace llmtrain {
namespace {

constexpr double kGiB = 1024.0 * 1024.0 * 1024.0;
constexpr std::string_view kBetween = " | ";

struct Field {
  std::string text;
  std::size_t columns;
  int rank;  // where room is short the highest goes first
};

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

std::string step_text(const StepStatus& status) {
  if (status.total_steps <= 0) return fmt::format("step {}", status.step);
  const double share = static_cast<double>(status.step) / static_cast<double>(status.total_steps);
  return fmt::format("step {}/{} {:.0f}%", status.step, status.total_steps, std::floor(100.0 * share));
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

std::string time_left_text(const std::optional<double>& seconds) {
  constexpr double kLongest = 1e9;  // some thirty years
  if (!seconds || !(*seconds >= 0.0 && *seconds < kLongest)) return "eta -";
  const auto whole = static_cast<std::int64_t>(std::llround(*seconds));
  return fmt::format("eta {:02}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

std::vector<Field> fields_of(const StepStatus& status, std::string_view trend) {
  std::vector<Field> fields;
  const auto add = [&](std::string text, int rank) {
    const std::size_t columns = text.size();
    fields.push_back({std::move(text), columns, rank});
  };
  add(step_text(status), 0);
  add("loss " + fixed(status.loss, 3), 1);
  if (!trend.empty()) {
    const auto starts = [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U; };
    fields.push_back(
        {std::string(trend), static_cast<std::size_t>(std::count_if(trend.begin(), trend.end(), starts)), 6});
  }
  if (status.validation) add("val " + fixed(*status.validation, 3), 3);
  add("lr " + exponential(status.lr), 7);
  add("gnorm " + fixed(status.grad_norm, 2), 8);
  add(rate_text(status.tokens_per_second), 4);
  add(status.mfu ? fmt::format("MFU {:.0f}%", 100.0 * *status.mfu) : "MFU -", 10);
  if (status.memory_bytes > 0) add(memory_text(status), 9);
  add(time_left_text(status.seconds_left), 2);
  if (status.skipped > 0) add(fmt::format("skipped {}", status.skipped), 5);
  return fields;
}

constexpr int kTrendRank = 6;  // stands beside the loss, without a bar between

std::size_t width_of(const std::vector<Field>& fields) {
  std::size_t width = 0;
  for (const auto& field : fields) {
    if (width > 0) width += field.rank == kTrendRank ? 1 : kBetween.size();
    width += field.columns;
  }
  return width;
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
  auto fields = fields_of(status, options.trend);
  if (!options.label.empty()) {
    fields.front().text = fmt::format("{} {}", options.label, fields.front().text);
    fields.front().columns += options.label.size() + 1;
  }
  const bool any_width = options.columns == 0;
  while (!any_width && fields.size() > 1 && width_of(fields) > options.columns) {
    const auto by_rank = [](const Field& a, const Field& b) { return a.rank < b.rank; };
    fields.erase(std::max_element(fields.begin(), fields.end(), by_rank));
  }
  std::string line;
  for (const auto& field : fields) {
    if (!line.empty()) line += field.rank == kTrendRank ? " " : kBetween;
    line += field.text;
  }
  if (!any_width && fields.front().columns > options.columns) line.resize(options.columns);
  return line;
}

}  // namespace llmtrain
