#pragma once
#include <cstdint>
#include <optional>

#include "lib/config/fields.h"

namespace llmtrain {

enum class ScheduleName { kCosine, kLinear, kConstant, kWarmupStableDecay };
template <>
struct EnumTable<ScheduleName> {
  static constexpr std::array<std::pair<ScheduleName, std::string_view>, 4> names = {
      {{ScheduleName::kCosine, "cosine"},
       {ScheduleName::kLinear, "linear"},
       {ScheduleName::kConstant, "constant"},
       {ScheduleName::kWarmupStableDecay, "wsd"}}};
};

struct ScheduleConfig {
  ScheduleName name = ScheduleName::kCosine;
  std::int64_t warmup_steps = 0;
  double final_ratio = 0.1;
  double decay_fraction = 0.2;
};

template <class Visitor>
void fields(ScheduleConfig& c, Visitor&& visit) {
  visit("name", c.name, "Shape of the learning rate after warm-up; wsd: warmup, stable, decay.");
  visit("warmup_steps", c.warmup_steps, "Steps over which the learning rate rises from zero.", non_negative);
  visit("final_ratio", c.final_ratio, "Last learning rate as a share of the peak.", fraction);
  visit("decay_fraction", c.decay_fraction, "With wsd: share of all steps in which it decays.", fraction);
}

inline void check(const ScheduleConfig& c, Contradictions& out) {
  const ScheduleConfig defaults;
  const auto refuse = [&](const char* key) {
    out.add(key, "'" + std::string(key) + "' has no meaning for schedule " + std::string(enum_name(c.name)));
  };
  if (c.name == ScheduleName::kConstant && c.final_ratio != defaults.final_ratio) refuse("final_ratio");
  if (c.name != ScheduleName::kWarmupStableDecay && c.decay_fraction != defaults.decay_fraction) {
    refuse("decay_fraction");
  }
}

enum class OptimizerName { kAdamW, kMuon };
template <>
struct EnumTable<OptimizerName> {
  static constexpr std::array<std::pair<OptimizerName, std::string_view>, 2> names = {
      {{OptimizerName::kAdamW, "adamw"}, {OptimizerName::kMuon, "muon"}}};
};

// Muon (Jordan et al. 2024): momentum, made orthogonal by Newton-Schulz iterations.
struct MuonConfig {
  double lr = 0.02;
  double momentum = 0.95;
  bool nesterov = true;
  std::int64_t newton_schulz_steps = 5;
  bool operator==(const MuonConfig&) const = default;
};

template <class Visitor>
void fields(MuonConfig& c, Visitor&& visit) {
  visit("lr", c.lr, "Peak learning rate of the matrices that Muon steps.", positive);
  visit("momentum", c.momentum, "Decay of Muon's moment.", below_one);
  visit("nesterov", c.nesterov, "The gradient is looked at once more ahead of the moment.");
  visit("newton_schulz_steps", c.newton_schulz_steps, "Iterations that make a step orthogonal.", between(1, 100));
}

struct OptimConfig {
  OptimizerName name = OptimizerName::kAdamW;
  double lr = 3e-4;
  double beta1 = 0.9;
  double beta2 = 0.95;
  double eps = 1e-8;
  double weight_decay = 0.1;
  double grad_clip = 1.0;
  MuonConfig muon;
  ScheduleConfig schedule;
};

template <class Visitor>
void fields(OptimConfig& c, Visitor&& visit) {
  visit("name", c.name, "adamw for every weight; muon for the matrices of the blocks, adamw for the rest.");
  visit("lr", c.lr, "Peak learning rate.", positive);
  visit("beta1", c.beta1, "Decay of AdamW's first moment.", below_one);
  visit("beta2", c.beta2, "Decay of AdamW's second moment.", below_one);
  visit("eps", c.eps, "Added to the root of AdamW's second moment.", positive);
  visit("weight_decay", c.weight_decay, "Decoupled decay of matrices.", non_negative);
  visit("grad_clip", c.grad_clip, "Largest norm of the gradient; 0 does not clip.", non_negative);
  visit("muon", c.muon, "For matrices of the blocks; the rest is stepped by AdamW.");
  visit("schedule", c.schedule, "Learning-rate schedule; it scales AdamW's and Muon's alike.");
}

inline void check(const OptimConfig& c, Contradictions& out) {
  if (c.name != OptimizerName::kMuon && c.muon != MuonConfig{}) {
    out.add("muon", "'muon' is for name muon, not " + std::string(enum_name(c.name)));
  }
}

}  // namespace llmtrain
