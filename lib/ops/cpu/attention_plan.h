#pragma once
#include <cstdint>
#include <vector>

#include "lib/ops/cpu/attention_kernels.h"

namespace llmtrain {

// A document as attention sees it: its queries stand beside the last of its keys.
struct AttentionDocument {
  std::int64_t first_query = 0;
  std::int64_t first_key = 0;
  std::int64_t queries = 0;
  std::int64_t keys = 0;
};

// Tasks of about equal cost, by lengths alone: neither the number of threads nor what stands in a document changes
// them, so results have the same bits everywhere. A document and key head is one task; where that makes few tasks, long
// ones are cut by query heads and then by queries, and their gradients of keys and values are summed afterwards, in the
// order of `sums`.
struct AttentionPlan {
  std::vector<AttentionTask> tasks;

  struct Sum {
    AttentionTask task;                  // one of those cut, for its document and key head
    std::vector<std::int64_t> partials;  // where the parts begin: [keys, width] of keys, then of values
  };
  std::vector<Sum> sums;
  std::int64_t partial_elements = 0;
};

// width: of a head in `partials`.
AttentionPlan plan_attention(const AttentionSizes& sizes, const std::vector<AttentionDocument>& documents,
                             std::int64_t width);

}  // namespace llmtrain
