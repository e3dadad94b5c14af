#pragma once
#include <cstdint>
#include <vector>

#include "lib/train/batch.h"
#include "tests/model/tiny_model.h"

namespace llmtrain {

// One row: what a loader gives of it. Documents lie in the inputs; `untrained` targets are masked beside those that
// would cross from one document into the next.
struct WorkedRow {
  std::vector<std::int32_t> tokens;     // seq + 1
  std::vector<std::int32_t> documents;  // where each begins: 0 and rising
  std::int32_t trained = 0;             // the first so many targets that may be trained
};

inline RowBatch row_batch(const std::vector<WorkedRow>& rows) {
  RowBatch batch;
  batch.rows = rows.size();
  batch.seq = rows.front().tokens.size() - 1;
  const auto seq = static_cast<std::int32_t>(batch.seq);
  for (const auto& row : rows) {
    batch.tokens.insert(batch.tokens.end(), row.tokens.begin(), row.tokens.end());
    const auto begin = static_cast<std::int32_t>(batch.positions.size());
    std::int32_t left = row.trained;
    for (std::size_t d = 0; d < row.documents.size(); ++d) {
      const bool last = d + 1 == row.documents.size();
      const std::int32_t end = last ? seq : row.documents[d + 1];
      batch.document_bounds.push_back(begin + row.documents[d]);
      for (std::int32_t i = row.documents[d]; i < end; ++i) {
        batch.positions.push_back(i - row.documents[d]);
        const bool trains = (last || i + 1 < end) && left-- > 0;
        batch.target_mask.push_back(trains ? 1 : 0);
        batch.targets += trains ? 1U : 0U;
      }
    }
  }
  batch.document_bounds.push_back(static_cast<std::int32_t>(batch.positions.size()));
  return batch;
}

// Six rows of ten targets, of which 1, 9, 3, 8, 2 and 5 are trained.
inline RowBatch uneven_rows() {
  return row_batch({{.tokens = some_ids(11, 1), .documents = {0}, .trained = 1},
                    {.tokens = some_ids(11, 2), .documents = {0, 4}, .trained = 9},
                    {.tokens = some_ids(11, 3), .documents = {0, 1, 7}, .trained = 3},
                    {.tokens = some_ids(11, 4), .documents = {0, 3, 8}, .trained = 8},
                    {.tokens = some_ids(11, 5), .documents = {0, 9}, .trained = 2},
                    {.tokens = some_ids(11, 6), .documents = {0}, .trained = 5}});
}

}  // namespace llmtrain
