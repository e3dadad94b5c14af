#include "apps/engine/advice.h"

#include <fmt/format.h>

#include "lib/base/text.h"

namespace llmtrain {
namespace {

constexpr double kSlowDisk = 50e6;  // bytes a second
constexpr std::uint64_t kLittleMemory = std::uint64_t{2} << 30;

using Lines = std::vector<std::string>;

void advise_on_processors(const DoctorReport& report, const VariableLookup& environment, Lines& lines) {
  if (report.processors_allowed < report.processors_online) {
    lines.push_back(
        fmt::format("only {} of {} processors may be used: see taskset, what the batch system was asked for, "
                    "or the container",
                    report.processors_allowed, report.processors_online));
  }
  if (report.threads < report.processors_allowed) {
    auto line = fmt::format("{} for {} processors", counted(static_cast<std::uint64_t>(report.threads), "thread"),
                            report.processors_allowed);
    for (const auto* name : {"OMP_NUM_THREADS", "OMP_THREAD_LIMIT"}) {
      if (const auto value = environment(name)) line += fmt::format(": unset {}={}", name, *value);
    }
    lines.push_back(std::move(line));
  } else if (report.threads > report.cores && report.cores > 0) {
    lines.push_back(fmt::format("{} threads share {}: run.threads: {} may be faster", report.threads,
                                counted(static_cast<std::uint64_t>(report.cores), "core"), report.cores));
  }
  if (environment("LLMTRAIN_MKL_AVX512") == "0" && !report.runtime.avx512_gemm) {
    lines.emplace_back("LLMTRAIN_MKL_AVX512=0 keeps faster matrix kernels off: unset it");
  }
}

void advise_on_memory(const DoctorReport& report, const VariableLookup& environment, Lines& lines) {
  if (report.huge_pages == "never") {
    lines.emplace_back("huge pages are off: as root, echo madvise > /sys/kernel/mm/transparent_hugepage/enabled");
  } else if (!report.huge_pages.empty() && environment("LLMTRAIN_HUGE_PAGES") == "0") {
    lines.emplace_back("LLMTRAIN_HUGE_PAGES=0 keeps huge pages off: unset it");
  }
  if (report.memory.available < kLittleMemory) {
    lines.push_back(fmt::format("{} of memory available: end other programs, or train with pretrain.recompute: true",
                                human_bytes(report.memory.available)));
  }
  if (const auto preloaded = environment("LD_PRELOAD"); preloaded && !preloaded->empty()) {
    lines.push_back(fmt::format("LD_PRELOAD={} puts other code in the place of ours: unset it", *preloaded));
  }
}

void advise_on_disk(const DoctorReport& report, Lines& lines) {
  if (!report.disk_rate) {
    lines.emplace_back("the working directory cannot be written to or is full: start from another, or set run.dir");
  } else if (*report.disk_rate < kSlowDisk) {
    lines.push_back(
        fmt::format("the working directory takes {}/s, which makes checkpoints slow: set run.dir to another "
                    "disk",
                    human_bytes(static_cast<std::uint64_t>(*report.disk_rate))));
  }
}

}  // namespace

std::vector<std::string> advice(const DoctorReport& report, const VariableLookup& environment) {
  Lines lines;
  advise_on_processors(report, environment, lines);
  advise_on_memory(report, environment, lines);
  advise_on_disk(report, lines);
  return lines;
}

}  // namespace llmtrain
