#include "lib/metrics/metrics_log.h"

#include <cmath>
#include <functional>
#include <utility>

#include <nlohmann/json.hpp>

#include "lib/base/file.h"

namespace llmtrain {
namespace {

constexpr std::size_t kBlock = std::size_t{1} << 20;

// Hands over each whole line with its line break. Returns the bytes of a torn one at the end.
std::uint64_t for_each_line(const InputFile& file, const std::function<void(std::string_view line)>& work) {
  std::string block(kBlock, '\0');
  std::string carried;
  for (std::uint64_t offset = 0;;) {
    const std::size_t got = file.read_some(block.data(), block.size(), offset);
    if (got == 0) return carried.size();
    offset += got;
    std::string_view rest(block.data(), got);
    for (std::size_t end = 0; (end = rest.find('\n')) != std::string_view::npos; rest.remove_prefix(end + 1)) {
      carried += rest.substr(0, end + 1);
      work(carried);
      carried.clear();
    }
    carried += rest;
  }
}

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
  const std::uint64_t torn = for_each_line(InputFile(file_.path()), [](std::string_view) {});
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
  const std::uint64_t torn = for_each_line(file, [&](std::string_view line) {
    if (is_later(line, step)) {
      changed = true;
    } else {
      kept.write(line);
    }
  });
  if (changed || torn != 0) kept.commit();
}

}  // namespace llmtrain
