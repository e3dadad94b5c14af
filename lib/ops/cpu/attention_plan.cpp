#include "lib/ops/cpu/attention_plan.h"

#include <algorithm>
#include <cmath>

namespace llmtrain {
namespace {

// Enough for the processors of most machines; every part of a cut document costs a pass over its sums.
constexpr double kWantedTasks = 16;
constexpr std::int64_t kLeastQueries = 256;

double cost(const AttentionSizes& sizes, const AttentionDocument& document) {
  const auto seen = static_cast<double>(std::min(document.keys, sizes.window));
  const auto queries = static_cast<double>(document.queries);
  return queries * (seen - std::min(seen, queries) / 2);
}

// The first query of part `part` of `parts`: a later query sees more keys, so later parts have fewer.
std::int64_t cut(const AttentionDocument& document, std::int64_t part, std::int64_t parts) {
  const double share = std::sqrt(static_cast<double>(part) / static_cast<double>(parts));
  return std::llround(share * static_cast<double>(document.queries));
}

std::int64_t parts_of(double wanted, std::int64_t most) {
  return std::clamp<std::int64_t>(std::llround(wanted), 1, std::max<std::int64_t>(1, most));
}

void add_tasks(const AttentionTask& whole, const AttentionDocument& document, double parts, std::int64_t width,
               AttentionPlan& plan) {
  const auto group = whole.head_end - whole.head_begin;
  const auto by_heads = parts_of(parts, group);
  const auto by_queries = parts_of(parts / static_cast<double>(by_heads), document.queries / kLeastQueries);
  AttentionPlan::Sum sum{.task = whole, .partials = {}};
  for (std::int64_t i = 0; i < by_heads; ++i) {
    for (std::int64_t j = 0; j < by_queries; ++j) {
      AttentionTask task = whole;
      task.head_begin = whole.head_begin + group * i / by_heads;
      task.head_end = whole.head_begin + group * (i + 1) / by_heads;
      task.query_begin = cut(document, j, by_queries);
      task.query_end = cut(document, j + 1, by_queries);
      if (by_heads * by_queries > 1) {
        task.partial = plan.partial_elements;
        plan.partial_elements += 2 * document.keys * width;
        sum.partials.push_back(task.partial);
      }
      plan.tasks.push_back(task);
    }
  }
  if (!sum.partials.empty()) plan.sums.push_back(std::move(sum));
}

}  // namespace

AttentionPlan plan_attention(const AttentionSizes& sizes, const std::vector<AttentionDocument>& documents,
                             std::int64_t width) {
  double total = 0;
  for (const auto& document : documents) total += cost(sizes, document) * static_cast<double>(sizes.kv_heads);
  const auto group = sizes.heads / sizes.kv_heads;
  AttentionPlan plan;
  for (const auto& document : documents) {
    const double parts = cost(sizes, document) / total * kWantedTasks;
    for (std::int64_t kv_head = 0; kv_head < sizes.kv_heads; ++kv_head) {
      const AttentionTask whole{.first_query = document.first_query,
                                .first_key = document.first_key,
                                .queries = document.queries,
                                .keys = document.keys,
                                .kv_head = kv_head,
                                .head_begin = kv_head * group,
                                .head_end = (kv_head + 1) * group,
                                .query_begin = 0,
                                .query_end = document.queries};
      add_tasks(whole, document, parts, width, plan);
    }
  }
  // Few tasks end together when the dear ones begin first; many are best taken as they lie in memory.
  constexpr std::size_t kMany = 256;
  const auto dearness = [](const AttentionTask& task) {
    return (task.query_end - task.query_begin) * (task.query_end + task.query_begin) *
           (task.head_end - task.head_begin);
  };
  if (plan.tasks.size() < kMany) {
    std::stable_sort(plan.tasks.begin(), plan.tasks.end(),
                     [&](const AttentionTask& a, const AttentionTask& b) { return dearness(a) > dearness(b); });
  }
  return plan;
}

}  // namespace llmtrain
