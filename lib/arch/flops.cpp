#include "lib/arch/flops.h"

#include <algorithm>

#include "lib/arch/parameter_table.h"

namespace llmtrain {
namespace {

// L C S: multiplications of one token's queries with the keys that it sees.
double attention_products(const ModelShape& shape, std::int64_t sequence) {
  const std::int64_t seen = std::min(sequence, shape.sliding_window.value_or(sequence));
  return static_cast<double>(shape.layers) * static_cast<double>(shape.query_width()) * static_cast<double>(seen);
}

}  // namespace

double forward_flops_per_token(const ModelShape& shape, std::int64_t sequence) {
  double matrices = 0;
  for (const auto& parameter : parameter_table(shape)) {
    const bool counted_as_head = !parameter.tied_to.empty();
    const bool multiplies = parameter.shape.size() == 2 && !parameter.only_looked_up && !counted_as_head;
    if (multiplies) matrices += static_cast<double>(parameter.elements());
  }
  return 2 * matrices + 4 * attention_products(shape, sequence);
}

double training_flops_per_token(const ModelShape& shape, std::int64_t sequence) {
  const auto counts = count_parameters(shape);
  const auto active = static_cast<double>(counts.total() - counts.only_looked_up);
  return 6 * active + 12 * attention_products(shape, sequence);
}

}  // namespace llmtrain
