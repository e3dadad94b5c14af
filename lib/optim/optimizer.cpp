#include "lib/optim/optimizer.h"

#include <ATen/ATen.h>

#include "lib/optim/adamw.h"
#include "lib/optim/muon.h"

namespace llmtrain {
namespace {

at::Tensor view(const at::Tensor& flat, const PlacedParameter& parameter) {
  return flat.narrow(0, parameter.offset, parameter.elements).view(parameter.shape);
}

}  // namespace

StepRule block_rule(const OptimConfig& config) {
  return config.name == OptimizerName::kMuon ? StepRule::kMuon : StepRule::kAdamW;
}

Optimizer::Optimizer(WeightStore& store, const OptimConfig& config) : store_(store), config_(config) {
  for (const auto& group : store.groups()) {
    const bool adamw = group.rule == StepRule::kAdamW;
    moments_.push_back(
        {.first = at::zeros_like(group.master), .second = adamw ? at::zeros_like(group.master) : at::Tensor()});
  }
}

void Optimizer::step_muon(const WeightGroup& group, const Moments& moments, double lr_multiplier,
                          double grad_scale) const {
  const MuonStep step{.lr = config_.muon.lr * lr_multiplier,
                      .momentum = config_.muon.momentum,
                      .nesterov = config_.muon.nesterov,
                      .newton_schulz_steps = config_.muon.newton_schulz_steps,
                      .decay = group.decays ? config_.weight_decay : 0,
                      .grad_scale = grad_scale};
  for (const auto& parameter : group.parameters) {
    muon_step(view(group.master, parameter), view(group.grad, parameter), view(moments.first, parameter), step);
  }
  group.grad.zero_();
  if (!group.compute.is_same(group.master)) group.compute.copy_(group.master);
}

void Optimizer::step(double lr_multiplier, double grad_scale) {
  ++steps_;
  for (std::size_t i = 0; i < store_.groups().size(); ++i) {
    const auto& group = store_.groups()[i];
    if (group.rule == StepRule::kMuon) {
      step_muon(group, moments_[i], lr_multiplier, grad_scale);
      continue;
    }
    adamw_step(group.master, group.compute, group.grad, moments_[i].first, moments_[i].second,
               {.lr = config_.lr * lr_multiplier,
                .beta1 = config_.beta1,
                .beta2 = config_.beta2,
                .eps = config_.eps,
                .decay = group.decays ? config_.weight_decay : 0,
                .count = steps_,
                .grad_scale = grad_scale});
  }
}

std::vector<NamedState> Optimizer::state() const {
  std::vector<NamedState> named;
  for (std::size_t i = 0; i < store_.groups().size(); ++i) {
    const auto& group = store_.groups()[i];
    for (const auto& parameter : group.parameters) {
      if (group.rule == StepRule::kMuon) {
        named.push_back({"momentum." + parameter.name, view(moments_[i].first, parameter)});
        continue;
      }
      named.push_back({"exp_avg." + parameter.name, view(moments_[i].first, parameter)});
      named.push_back({"exp_avg_sq." + parameter.name, view(moments_[i].second, parameter)});
    }
  }
  return named;
}

}  // namespace llmtrain
