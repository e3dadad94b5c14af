#include "lib/plan/eval_pipeline.h"

#include <optional>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/plan/pipeline_model.h"

namespace llmtrain {
namespace {

template <class Task>
void add_task(std::vector<Task>& tasks, const std::string& path) {
  tasks.emplace_back().path = path;
}

// As the eval section would say it.
EvalConfig config_of(const std::vector<std::string>& tasks) {
  const std::vector<std::string> kinds = {"perplexity", "multiple_choice", "exact_match"};
  EvalConfig config;
  config.held_out = false;
  for (const auto& task : tasks) {
    const auto equals = task.find('=');
    const auto kind = task.substr(0, equals);
    const auto path = equals == std::string::npos ? "" : task.substr(equals + 1);
    if (kind == kinds[0] && !path.empty()) {
      add_task(config.perplexity, path);
    } else if (kind == kinds[1] && !path.empty()) {
      add_task(config.multiple_choice, path);
    } else if (kind == kinds[2] && !path.empty()) {
      add_task(config.exact_match, path);
    } else {
      const auto meant = nearest(kind, kinds);
      throw config_error("--task: expected KIND=FILE with one of {}, got '{}'{}", fmt::join(kinds, ", "),
                         printable(task), meant && *meant != kind ? fmt::format("; did you mean '{}'?", *meant) : "");
    }
  }
  return config;
}

void check_device(const Pipeline& pipeline, const std::string& source) {
  if (pipeline.config.run.device != Device::kCuda) return;
  const auto origin = pipeline.origins.find("run.device");
  throw config_error("{}: 'run.device': evaluation runs on processors only so far, got cuda; try cpu or auto",
                     origin == pipeline.origins.end() ? source : origin->second);
}

}  // namespace

Pipeline load_eval_pipeline(const EvalSource& source) {
  std::optional<EvalConfig> tasks;
  if (!source.tasks.empty()) tasks = config_of(source.tasks);
  Pipeline pipeline;
  if (source.pipeline.empty()) {
    if (!tasks) throw config_error("nothing to evaluate, expected a pipeline file or --task KIND=FILE");
    if (!source.overrides.empty()) throw config_error("--set: overrides a key of a pipeline file, and none is given");
  } else {
    pipeline = load_pipeline(source.pipeline, source.overrides, [&](Pipeline& read) {
      complete_model(read, source.pipeline);
      check_device(read, source.pipeline);
    });
  }
  if (tasks) pipeline.config.eval = std::move(tasks);
  return pipeline;
}

}  // namespace llmtrain
