#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "lib/config/optim_config.h"
#include "lib/params/weight_store.h"

namespace llmtrain {

// A part of the optimizer's state by its name in a checkpoint: "exp_avg.<parameter>", "exp_avg_sq.<parameter>",
// "momentum.<parameter>". A view.
struct NamedState {
  std::string name;
  at::Tensor value;
};

// The rule for block matrices that a configuration asks for.
StepRule block_rule(const OptimConfig& config);

// Steps everything in a store, each group by its rule. Vectors and what else does not decay are spared weight decay.
class Optimizer {
 public:
  Optimizer(WeightStore& store, const OptimConfig& config);

  // One step with the gradients of the store times grad_scale, learning rates times lr_multiplier. Afterwards the
  // compute weights are new and the gradients zero.
  void step(double lr_multiplier, double grad_scale);

  // Steps taken.
  std::int64_t steps() const { return steps_; }
  void set_steps(std::int64_t steps) { steps_ = steps; }
  // In the order of groups and parameters.
  std::vector<NamedState> state() const;

 private:
  struct Moments {
    at::Tensor first;   // exp_avg, or Muon's momentum: [size] like the group
    at::Tensor second;  // exp_avg_sq; undefined with Muon
  };
  void step_muon(const WeightGroup& group, const Moments& moments, double lr_multiplier, double grad_scale) const;

  WeightStore& store_;
  OptimConfig config_;
  std::vector<Moments> moments_;
  std::int64_t steps_ = 0;
};

}  // namespace llmtrain
