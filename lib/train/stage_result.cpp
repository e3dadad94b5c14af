#include "lib/train/stage_result.h"

#include <nlohmann/json.hpp>

#include "lib/base/file.h"

namespace llmtrain {
namespace {

constexpr const char* kResultFile = "result.json";

}  // namespace

const char* end_reason(const LoopSettings& settings, const ProgressState& progress) {
  if (settings.total_steps > 0 && progress.step >= settings.total_steps) return "all steps taken";
  if (settings.max_seconds && progress.seconds >= *settings.max_seconds) return "max_time reached";
  return "no improvement any more";
}

void write_result(const LoopSettings& settings, const ProgressState& progress, ResultKind kind,
                  std::int64_t model_step) {
  nlohmann::ordered_json json = {{"status", "done"},
                                 {"reason", end_reason(settings, progress)},
                                 {"step", progress.step},
                                 {"tokens", progress.tokens},
                                 {"skipped_updates", progress.skipped},
                                 {"best_loss", nullptr},
                                 {"best_step", nullptr},
                                 {"stale_evaluations", progress.stale_evaluations},
                                 {"model", "model"},
                                 {"result", enum_name(kind)},
                                 {"model_step", model_step}};
  if (progress.best_loss) {
    json["best_loss"] = *progress.best_loss;
    json["best_step"] = progress.best_step;
  }
  write_file(settings.stage / kResultFile, json.dump(2) + "\n");
}

bool is_done(const LoopSettings& settings, ProgressState progress, ResultKind kind) {
  std::error_code ignored;
  if (!std::filesystem::exists(settings.stage / kResultFile, ignored)) return false;
  const auto json = nlohmann::json::parse(read_file(settings.stage / kResultFile), nullptr, false);
  if (!json.is_object() || json.value("step", nlohmann::json()) != progress.step) return false;
  if (json.value("result", nlohmann::json()) != enum_name(kind)) return false;
  // A checkpoint that a stop left may be of before the last evaluation.
  const auto stale = json.value("stale_evaluations", nlohmann::json());
  if (stale.is_number_integer()) progress.stale_evaluations = stale.get<std::int64_t>();
  return is_finished(settings, progress);
}

}  // namespace llmtrain
