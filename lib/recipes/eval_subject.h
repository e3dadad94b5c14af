#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "lib/generate/trained_model.h"
#include "lib/recipes/eval.h"

namespace llmtrain {

// The model that is evaluated, and how.
struct EvalSubject {
  const TrainedModel& model;
  const EvalRequest& request;
  std::int64_t batch_tokens = 0;

  // The token that ends a document, which stands before the next one as well.
  std::optional<std::uint32_t> end_id() const {
    if (model.end_ids.empty()) return std::nullopt;
    return model.end_ids.front();
  }
};

// A task's name: its own, or that of its files.
std::string task_name(const std::optional<std::string>& name, const std::string& path);

// What became of prompts that are too long for the model, if there were any.
void warn_of_shortened(const EvalSubject& subject, const std::string& name, std::int64_t shortened, std::int64_t all);

// How often something was so, as a metric.
EvalMetric share_metric(std::string name, std::int64_t hits, std::int64_t cases);

}  // namespace llmtrain
