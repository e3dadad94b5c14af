#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

#include "lib/base/log.h"
#include "lib/metrics/append_file.h"
#include "lib/metrics/metric_record.h"
#include "lib/metrics/wall_clock.h"

namespace llmtrain {

// metrics.jsonl: one JSON object a line, whole lines only. The first line is {"schema":1,"t":…}; each other one begins
// with "t" (seconds since 1970) and goes on with what the record says, numbers as to_json writes them. Lines of steps
// stand in the order of their steps. Where a line cannot be written (disk full, I/O error) training goes on: there is
// one warning, and once writing works again {"t":…,"event":"gap","lost":N} stands where N lines are missing.
class MetricsLog {
 public:
  static constexpr std::int64_t kSchema = 1;

  // Opens the file, or makes it; a last line without its end (power was lost) is dropped. Throws storage_error (5) if
  // it cannot be opened.
  MetricsLog(std::filesystem::path path, Log log, WallClock clock = unix_seconds);

  void write(const Record& record);

  // Before a run resumes from `step`: drops the lines of later steps and a torn last line; every other byte stays as it
  // is. No file is no fault. Throws storage_error (5) if the rest cannot be put in place; the old file stays then.
  static void truncate_after(const std::filesystem::path& path, std::int64_t step);

 private:
  bool put(Record record);

  AppendFile file_;
  Log log_;
  WallClock clock_;
  std::int64_t lost_ = 0;
  bool warned_ = false;
};

}  // namespace llmtrain
