#include "lib/recipes/eval_subject.h"

#include <filesystem>
#include <utility>

#include "lib/base/text.h"
#include "lib/metrics/share.h"

namespace llmtrain {

std::string task_name(const std::optional<std::string>& name, const std::string& path) {
  if (name) return *name;
  auto file = std::filesystem::path(path).filename().string();
  file = file.substr(0, file.find('.'));
  return file.empty() || file.find_first_of("*?[") != std::string::npos ? path : file;
}

void warn_of_shortened(const EvalSubject& subject, const std::string& name, std::int64_t shortened, std::int64_t all) {
  if (shortened == 0) return;
  subject.request.log.warn("{}: {} of {} prompts are too long for the model and lost their beginnings", name,
                           with_thousands(static_cast<std::uint64_t>(shortened)),
                           with_thousands(static_cast<std::uint64_t>(all)));
}

EvalMetric share_metric(std::string name, std::int64_t hits, std::int64_t cases) {
  const auto share = share_of(hits, cases);
  return {.name = std::move(name), .value = share.value, .error = share.error};
}

}  // namespace llmtrain
