#include "lib/metrics/metrics_log.h"

#include <cmath>
#include <utility>

#include <nlohmann/json.hpp>

#include "lib/base/file.h"
#include "lib/metrics/whole_lines.h"

namespace llmtrain {
namespace {

// A line without a step, or that is no JSON of ours, belongs to no step and is kept.
bool is_later(std::string_view line, std::int64_t step) {
  const auto json = nlohmann::json::parse(line, nullptr, false);
  if (!json.is_object()) return false;
  const auto found = json.find("step");
  return found != json.end() && found->is_number_integer() && found->get<std::int64_t>() > step;
}

}  // namespace

MetricsLog::MetricsLog(std::filesystem::path path, Log log, WallClock clock)
    : file_(std::move(path)), log_(std::move(log)), clock_(std::move(clock)) {
  const std::uint64_t torn = for_each_whole_line(InputFile(file_.path()), [](std::string_view) {});
  if (torn != 0) file_.cut(file_.size() - torn);
}

void MetricsLog::write(const Record& record) {
  const bool whole = lost_ == 0 || put({{"event", "gap"}, {"lost", lost_}});
  if (whole) lost_ = 0;
  if (!whole || !put(record)) ++lost_;
}

bool MetricsLog::put(Record record) {
  const double time = std::round(clock_() * 1000.0) / 1000.0;
  std::string text;
  if (file_.size() == 0) text = to_json({{"schema", kSchema}, {"t", time}}) + '\n';
  record.insert(record.begin(), {"t", time});
  text += to_json(record) + '\n';
  const int fault = file_.append(text);
  if (fault != 0 && !std::exchange(warned_, true)) {
    log_.warn("{}: cannot write: {}; training goes on, and a record \"gap\" will stand where lines are missing",
              file_.path().string(), system_message(fault));
  }
  return fault == 0;
}

void MetricsLog::truncate_after(const std::filesystem::path& path, std::int64_t step) {
  std::error_code ignored;
  if (!std::filesystem::exists(std::filesystem::symlink_status(path, ignored))) return;
  const InputFile file(path);
  AtomicFile kept(path);
  bool changed = false;
  const std::uint64_t torn = for_each_whole_line(file, [&](std::string_view line) {
    if (is_later(line, step)) {
      changed = true;
    } else {
      kept.write(line);
    }
  });
  if (changed || torn != 0) kept.commit();
}

}  // namespace llmtrain
