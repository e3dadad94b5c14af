#include "lib/train/step.h"

#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>

#include "lib/base/error.h"

namespace llmtrain {
namespace {

void add_terms(std::vector<ReportedTerm>& sums, const std::vector<ReportedTerm>& terms) {
  for (const auto& term : terms) {
    const auto sum = std::find_if(sums.begin(), sums.end(), [&](const auto& s) { return s.name == term.name; });
    if (sum == sums.end()) {
      sums.push_back(term);
    } else {
      sum->value += term.value;
    }
  }
}

}  // namespace

double StepGradients::term(const std::string& name) const {
  const auto found = std::find_if(terms.begin(), terms.end(), [&](const auto& t) { return t.name == name; });
  ENSURE(found != terms.end(), name);
  return found->value;
}

bool StepGradients::finite() const {
  return std::isfinite(grad_norm) &&
         std::all_of(terms.begin(), terms.end(), [](const auto& term) { return std::isfinite(term.value); });
}

std::vector<ReportedTerm> accumulate_gradients(const Batch& batch, const Objective& objective, std::int64_t step,
                                               std::int64_t micro_rows, PartTimes* times) {
  ENSURE(micro_rows > 0, micro_rows);
  const double normaliser = objective.normaliser(batch);
  std::vector<ReportedTerm> terms;
  for (std::int64_t row = 0; row < batch.rows; row += micro_rows) {
    const auto micro = slice_rows(batch, row, std::min(micro_rows, batch.rows - row));
    auto micro_loss = objective.loss(micro, normaliser, {.step = step, .first_row = row});
    if (times != nullptr) times->lap("forward");
    micro_loss.loss.backward();
    add_terms(terms, micro_loss.terms);
    if (times != nullptr) times->lap("backward");
  }
  return terms;
}

}  // namespace llmtrain
