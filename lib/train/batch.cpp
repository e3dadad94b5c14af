#include "lib/train/batch.h"

#include <algorithm>

#include <ATen/ATen.h>

#include "lib/base/error.h"

namespace llmtrain {

Batch to_batch(const RowBatch& rows) {
  Batch batch{.position = rows.position,
              .rows = static_cast<std::int64_t>(rows.rows),
              .seq = static_cast<std::int64_t>(rows.seq),
              .tokens = {},
              .positions = {},
              .targets = {},
              .trained = {},
              .documents = rows.document_bounds,
              .trained_tokens = static_cast<std::int64_t>(rows.targets)};
  const std::int64_t tokens = batch.rows * batch.seq;
  ENSURE(!batch.documents.empty() && batch.documents.back() == tokens, tokens);
  const auto copy = [&](const std::vector<std::int32_t>& from, const std::vector<std::int64_t>& shape) {
    return at::from_blob(const_cast<std::int32_t*>(from.data()), shape, at::kInt);
  };
  const auto all = copy(rows.tokens, {batch.rows, batch.seq + 1});
  batch.tokens = all.narrow(1, 0, batch.seq).reshape({tokens}).clone();
  batch.targets = all.narrow(1, 1, batch.seq).reshape({tokens}).clone();
  batch.positions = copy(rows.positions, {tokens}).clone();
  batch.trained = at::from_blob(const_cast<std::uint8_t*>(rows.target_mask.data()), {tokens}, at::kByte).to(at::kFloat);
  return batch;
}

Batch slice_rows(const Batch& batch, std::int64_t first, std::int64_t count) {
  ENSURE(first >= 0 && count > 0 && first + count <= batch.rows, first, count, batch.rows);
  const std::int64_t begin = first * batch.seq;
  const std::int64_t tokens = count * batch.seq;
  Batch part{.position = batch.position + static_cast<std::uint64_t>(first),
             .rows = count,
             .seq = batch.seq,
             .tokens = batch.tokens.narrow(0, begin, tokens),
             .positions = batch.positions.narrow(0, begin, tokens),
             .targets = batch.targets.narrow(0, begin, tokens),
             .trained = batch.trained.narrow(0, begin, tokens),
             .documents = {},
             .trained_tokens = 0};
  const auto from = std::lower_bound(batch.documents.begin(), batch.documents.end(), begin);
  for (auto bound = from; bound != batch.documents.end() && *bound < begin + tokens; ++bound) {
    part.documents.push_back(*bound - static_cast<std::int32_t>(begin));
  }
  ENSURE(!part.documents.empty() && part.documents.front() == 0, first);
  part.documents.push_back(static_cast<std::int32_t>(tokens));
  part.trained_tokens = static_cast<std::int64_t>(part.trained.sum().item<double>());
  return part;
}

}  // namespace llmtrain
