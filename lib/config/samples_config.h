#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/config/fields.h"

namespace llmtrain {

// Texts generated while training; none without every_steps. Without prompts, one from the empty context.
struct SamplesConfig {
  std::optional<std::int64_t> every_steps;
  std::vector<std::string> prompts;
  std::int64_t max_tokens = 64;
  double temperature = 0.8;
  std::optional<std::int64_t> top_k;
  double top_p = 1.0;
};

template <class Visitor>
void fields(SamplesConfig& c, Visitor&& visit) {
  visit("every_steps", c.every_steps, "Steps between two samples; without it there are none.", positive);
  visit("prompts", c.prompts, "What the texts go on from; without any, one from the empty context.");
  visit("max_tokens", c.max_tokens, "Longest text after a prompt, in tokens.", positive);
  visit("temperature", c.temperature, "Scale of the randomness; 0 takes the likeliest token.", non_negative);
  visit("top_k", c.top_k, "Only this many of the likeliest tokens are drawn from.", positive);
  visit("top_p", c.top_p, "Only the likeliest tokens that together have this probability are drawn from.",
        positive_fraction);
}

inline void check(const SamplesConfig& c, Contradictions& out) {
  if (!c.every_steps && !c.prompts.empty()) out.add("prompts", "nothing is generated; add 'every_steps'");
}

}  // namespace llmtrain
