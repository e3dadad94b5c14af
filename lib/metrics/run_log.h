#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "lib/metrics/append_file.h"
#include "lib/metrics/wall_clock.h"

namespace llmtrain {

// train.log: one line a message, "2023-11-14T22:13:20Z text", control bytes escaped. Where a line cannot be written
// training goes on, and once writing works again a line says how many are missing.
class RunLog {
 public:
  // Opens the file, or makes it. Throws storage_error (5) if it cannot be opened.
  explicit RunLog(std::filesystem::path path, WallClock clock = unix_seconds);

  void line(std::string_view text);
  // Why the first line that was lost could not be written, once; nothing if all went well.
  std::optional<std::string> take_fault();

 private:
  int put(std::string_view text);

  AppendFile file_;
  WallClock clock_;
  std::uint64_t lost_ = 0;
  std::optional<std::string> fault_;
  bool faulted_ = false;
};

}  // namespace llmtrain
