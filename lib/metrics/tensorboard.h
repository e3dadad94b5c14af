#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "lib/base/log.h"
#include "lib/metrics/append_file.h"
#include "lib/metrics/wall_clock.h"

namespace llmtrain {

// Writes one event file that TensorBoard reads: records as TFRecord frames (u64 length, masked CRC-32C of it, bytes,
// masked CRC-32C of them), each an Event protobuf (tensorflow/core/util/event.proto). Its name is always the same and
// it only grows, so that a TensorBoard that watches it goes on over a resume. Where a record cannot be written (disk
// full, I/O error) training goes on, after one warning.
class TensorboardWriter {
 public:
  static constexpr const char* kFileName = "events.out.tfevents.llmtrain";

  // Opens the folder's event file, or makes it; a torn record at its end, and all behind the first damaged one, is cut
  // off, for no reader gets past it. Throws storage_error (5) if it cannot be opened.
  TensorboardWriter(const std::filesystem::path& folder, Log log, WallClock clock = unix_seconds);

  void scalar(std::string_view tag, std::int64_t step,
              double value);  // stored as float, which is all TensorBoard keeps
  // Shown in the text dashboard.
  void text(std::string_view tag, std::int64_t step, std::string_view markdown);
  // The run goes on from `step`: writes an event SessionLog.START with the step after it, at which readers drop the
  // scalars of that step and later. TensorBoard's own server drops what is later in a tag, texts too, where the tag is
  // next written. The file itself keeps the dropped events: cutting it would end what watches it.
  void resume_after(std::int64_t step);

 private:
  void write(std::string_view event);

  AppendFile file_;
  Log log_;
  WallClock clock_;
  bool warned_ = false;
};

}  // namespace llmtrain
