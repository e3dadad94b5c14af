#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "lib/base/error.h"

namespace llmtrain {

// Where a value stands: line and column (in characters, both from 1) of the pipeline file; line 0 is the file as a
// whole. `set` is a value given by --set.
struct Place {
  std::size_t line = 0;
  std::size_t column = 0;
  bool set = false;
  bool operator==(const Place&) const = default;
};

// A pipeline file's name, as the user wrote it, and its text.
struct YamlText {
  std::string name;
  std::string text;
};

// "quickstart.yaml:12:3", "quickstart.yaml" for the whole file, or "--set".
std::string place_text(const YamlText& source, const Place& place);
// The line at `place` with its number and a caret below; empty where there is no line.
std::string place_context(const YamlText& source, const Place& place);

// Collects every fault of one file, so that all are reported at once.
class ConfigFaults {
 public:
  // source: must outlive this.
  explicit ConfigFaults(const YamlText& source) : source_(source) {}

  // message: without its place.
  void add(const Place& place, std::string message) { found_.push_back({place, std::move(message)}); }
  // Faults found elsewhere, with their places in their messages; reported last.
  void add_placed(std::vector<Fault> faults) { placed_ = std::move(faults); }
  std::size_t count() const { return found_.size(); }
  // More than anyone reads: whoever looks for faults may stop.
  bool full() const { return found_.size() >= kFull; }
  // Without their places, in the order they were added.
  std::vector<std::string> messages() const;
  // Throws config_error with all, in the order of the file, --set last; does nothing if there are none. Past a limit
  // the rest is only counted.
  void throw_if_any() const;

 private:
  static constexpr std::size_t kFull = 1000;
  struct Placed {
    Place place;
    std::string message;
  };
  const YamlText& source_;
  std::vector<Placed> found_;
  std::vector<Fault> placed_;
};

}  // namespace llmtrain
