#pragma once
#include <cstdint>
#include <string>

#include "lib/config/fields.h"
#include "lib/config/units.h"

namespace llmtrain {

enum class Device { kAuto, kCpu, kCuda };
template <>
struct EnumTable<Device> {
  static constexpr std::array<std::pair<Device, std::string_view>, 3> names = {
      {{Device::kAuto, "auto"}, {Device::kCpu, "cpu"}, {Device::kCuda, "cuda"}}};
};

enum class Precision { kAuto, kFp32, kBf16 };
template <>
struct EnumTable<Precision> {
  static constexpr std::array<std::pair<Precision, std::string_view>, 3> names = {
      {{Precision::kAuto, "auto"}, {Precision::kFp32, "fp32"}, {Precision::kBf16, "bf16"}}};
};

struct RunConfig {
  std::string name = "run";
  std::string dir = "runs";
  std::int64_t seed = 1234;
  Device device = Device::kAuto;
  Precision precision = Precision::kAuto;
  AutoCount threads;
};

template <class Visitor>
void fields(RunConfig& c, Visitor&& visit) {
  visit("name", c.name, "Name of the run; its files go to <dir>/<name>/<stage>/.", may_change(plain_name));
  visit("dir", c.dir, "Folder that holds runs, relative to the working directory.", may_change(not_empty));
  visit("seed", c.seed, "Seed of every random number of the run.", non_negative);
  visit("device", c.device, "Where tensors live; auto is cpu.", may_change());
  visit("precision", c.precision, "Compute precision: auto chooses by model width and instruction set.");
  visit("threads", c.threads, "Threads that compute; auto: one a processor that the process may use.",
        may_change(between(1, 4096)));
}

}  // namespace llmtrain
