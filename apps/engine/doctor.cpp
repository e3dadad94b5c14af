#include "apps/engine/doctor.h"

#include <filesystem>
#include <iterator>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <fmt/ranges.h>
#include <gnu/libc-version.h>
#include <nlohmann/json.hpp>
#include <torch/csrc/api/include/torch/version.h>
#include <unistd.h>

#include "apps/engine/advice.h"
#include "lib/base/error.h"
#include "lib/base/parallel.h"
#include "lib/base/signals.h"
#include "lib/base/text.h"
#include "lib/ops/matrix_rate.h"

namespace llmtrain {
namespace {

// The value of NAME in LibTorch's own account of how it was built, in which settings stand as "NAME=value, ".
std::string build_setting(const std::string& config, const std::string& name) {
  const auto start = config.find(" " + name + "=");
  if (start == std::string::npos) return "unknown";
  const auto value = start + name.size() + 2;
  return config.substr(value, config.find_first_of(", \n", value) - value);
}

std::string variant(const std::string& config) {
  const auto uses_cuda = build_setting(config, "USE_CUDA");
  return uses_cuda == "1" || uses_cuda == "ON" ? "CUDA " + build_setting(config, "CUDA_VERSION") : "CPU";
}

// The first path with the part in it, "" if there is none.
std::string first_containing(const std::vector<std::string>& paths, std::string_view part) {
  for (const auto& path : paths) {
    if (path.find(part) != std::string::npos) return path;
  }
  return "";
}

// Large enough that every thread gets a part; a product of ones has a known answer.
void multiply_on_all_threads() {
  const std::int64_t size = 512;
  const auto product = at::mm(at::ones({size, size}), at::ones({size, size}));
  const auto total = product.sum().item<double>();
  ENSURE(total == static_cast<double>(size * size * size), total);
}

constexpr double kRateSeconds = 0.25;
constexpr std::uint64_t kDiskBytes = std::uint64_t{64} << 20;

void measure(DoctorReport& report) {
  stop_point("measuring matrix products");
  report.fp32_rate = measured_matrix_rate(at::kFloat, kRateSeconds);
  stop_point("measuring matrix products");
  report.bf16_rate = measured_matrix_rate(at::kBFloat16, kRateSeconds);
  stop_point("measuring matrix products");
  report.disk_rate = write_rate(".", kDiskBytes);
  stop_point("measuring the disk");
}

// The word in brackets: "always [madvise] never".
std::string huge_page_setting() {
  constexpr const char* kPath = "/sys/kernel/mm/transparent_hugepage/enabled";
  if (!std::filesystem::exists(kPath)) return "";
  const auto text = read_proc(kPath);
  const auto begin = text.find('[');
  const auto end = text.find(']', begin);
  return begin == std::string::npos || end == std::string::npos ? "" : text.substr(begin + 1, end - begin - 1);
}

}  // namespace

DoctorReport examine() {
  const auto runtime = start_runtime({});
  multiply_on_all_threads();
  const auto files = mapped_files(read_proc("/proc/self/maps"));
  DoctorReport report;
  report.libtorch_version = TORCH_VERSION;
  const auto config = at::show_config();
  report.libtorch_loaded_version = build_setting(config, "TORCH_VERSION");
  report.libtorch_variant = variant(config);
  report.libtorch_path = first_containing(files, "/libtorch_cpu.so");
  report.libtorch_kernels = at::get_cpu_capability();
  report.cuda_linked = !first_containing(files, "/libtorch_cuda.so").empty();
  report.cuda_devices = at::hasCUDA() ? static_cast<int>(at::detail::getCUDAHooks().deviceCount()) : 0;
  report.openmp_runtimes = openmp_runtimes(files);
  report.threads = at::get_num_threads();
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  report.process_threads = static_cast<int>(std::distance(begin(tasks), end(tasks)));
  report.interop_threads = at::get_num_interop_threads();
  report.processors_allowed = available_processors();
  report.processors_online = static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN));
  report.cores = count_cores(allowed_processors());
  report.instruction_sets = instruction_sets(read_proc("/proc/cpuinfo"));
  report.memory = host_memory();
  report.runtime = runtime;
  report.huge_pages = huge_page_setting();
  report.glibc = ::gnu_get_libc_version();
  report.compiler = __VERSION__;
  measure(report);
  report.mend = advice(report, process_variable);
  return report;
}

std::string to_text(const DoctorReport& report) {
  std::string text;
  const auto line = [&text](std::string_view name, const std::string& value) {
    text += fmt::format("{:<13}{}\n", name, printable(value));
  };
  line("llmtrain", LLMTRAIN_VERSION);
  line("libtorch", fmt::format("{} ({} build{}), {}", report.libtorch_loaded_version, report.libtorch_variant,
                               report.libtorch_variant == "CPU" || report.cuda_linked ? "" : ", CPU part only",
                               report.libtorch_path));
  line("kernels", fmt::format("{}; matrix products {}", report.libtorch_kernels,
                              report.runtime.avx512_gemm ? "by MKL's AVX-512 kernels, switched on" : "as MKL chooses"));
  line("openmp", fmt::format("{}", fmt::join(report.openmp_runtimes, ", ")));
  line("threads", fmt::format("{}{}, between operators {}; {} in the process", report.threads,
                              report.runtime.pinned ? ", bound to processors" : "", report.interop_threads,
                              report.process_threads));
  line("processors", fmt::format("{} allowed of {} online, {}", report.processors_allowed, report.processors_online,
                                 counted(static_cast<std::uint64_t>(report.cores), "core")));
  line("instructions", fmt::format("{}", fmt::join(report.instruction_sets, ", ")));
  line("memory",
       fmt::format("{}, available {}", human_bytes(report.memory.total), human_bytes(report.memory.available)));
  line("huge pages", report.huge_pages.empty()
                         ? "not in this kernel"
                         : report.huge_pages + (report.runtime.huge_pages ? ", used" : ", not used"));
  line("products",
       fmt::format("{:.0f} GFLOP/s in fp32, {:.0f} in bf16", report.fp32_rate / 1e9, report.bf16_rate / 1e9));
  line("disk", report.disk_rate ? human_bytes(static_cast<std::uint64_t>(*report.disk_rate)) + "/s written and synced"
                                : "not writable");
  line("gpus", fmt::format("{}", report.cuda_devices));
  line("glibc", report.glibc);
  line("compiler", report.compiler);
  for (const auto& advice_line : report.mend) line("mend", advice_line);
  return text;
}

std::string to_json(const DoctorReport& report) {
  nlohmann::ordered_json json = {
      {"llmtrain", LLMTRAIN_VERSION},
      {"libtorch",
       {{"version", report.libtorch_loaded_version},
        {"compiled_against", report.libtorch_version},
        {"variant", report.libtorch_variant},
        {"cuda_linked", report.cuda_linked},
        {"path", report.libtorch_path},
        {"kernels", report.libtorch_kernels}}},
      {"openmp_runtimes", report.openmp_runtimes},
      {"threads", report.threads},
      {"process_threads", report.process_threads},
      {"interop_threads", report.interop_threads},
      {"processors",
       {{"allowed", report.processors_allowed}, {"online", report.processors_online}, {"cores", report.cores}}},
      {"instruction_sets", report.instruction_sets},
      {"memory", {{"total_bytes", report.memory.total}, {"available_bytes", report.memory.available}}},
      {"gpus", report.cuda_devices},
      {"glibc", report.glibc},
      {"compiler", report.compiler},
      {"chosen",
       {{"threads", report.runtime.threads},
        {"pinned", report.runtime.pinned},
        {"caching_allocator", report.runtime.caching_allocator},
        {"huge_pages", report.runtime.huge_pages},
        {"avx512_gemm", report.runtime.avx512_gemm}}},
      {"huge_pages", report.huge_pages},
      {"flops_per_second", {{"fp32", report.fp32_rate}, {"bf16", report.bf16_rate}}},
      {"disk_bytes_per_second", nullptr},
      {"mend", report.mend}};
  if (report.disk_rate) json["disk_bytes_per_second"] = *report.disk_rate;
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

void check(const DoctorReport& report) {
  if (report.openmp_runtimes.size() != 1) {
    throw Error(ExitCode::kInternal,
                fmt::format("{} OpenMP runtimes in the process, expected 1, found [{}]; try building anew with "
                            "scripts/build.sh and without LD_PRELOAD and LD_LIBRARY_PATH",
                            report.openmp_runtimes.size(), fmt::join(report.openmp_runtimes, ", ")));
  }
  if (report.libtorch_loaded_version != report.libtorch_version) {
    throw Error(ExitCode::kInternal,
                fmt::format("{}: LibTorch {}, expected {} as compiled against; try scripts/build.sh, without "
                            "LD_LIBRARY_PATH",
                            report.libtorch_path, report.libtorch_loaded_version, report.libtorch_version));
  }
}

}  // namespace llmtrain
