#include "apps/llmtrain/model_report.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "lib/arch/hf_layout.h"
#include "lib/arch/state_bytes.h"
#include "lib/base/text.h"

namespace llmtrain {
namespace {

constexpr std::array<StateRecipe, 3> kRecipes = {kFp32Recipe, kBf16Recipe, kBf16AccumulatedRecipe};

std::string count(std::int64_t number) { return with_thousands(static_cast<std::uint64_t>(number)); }
std::string bytes(std::int64_t number) { return human_bytes(static_cast<std::uint64_t>(number)); }

std::string attention_text(const ModelShape& s) {
  std::string text = fmt::format("{} heads of {}", s.heads, s.head_dim);
  if (s.kv_heads != s.heads) text += fmt::format(", {} for keys and values", s.kv_heads);
  if (s.qk_norm) text += ", queries and keys normed";
  if (s.sliding_window) text += fmt::format(", a window of {} tokens", count(*s.sliding_window));
  return text;
}

std::string position_text(const ModelShape& s) {
  if (s.positions == PositionKind::kLearned) return "learned";
  std::string text = fmt::format("rotary, base {}", s.rope_theta);
  if (s.rope_scaling) {
    text +=
        fmt::format(", stretched {} times from {}", s.rope_scaling->factor, count(s.rope_scaling->original_context));
  }
  return text;
}

std::string bias_text(const ModelShape& s) {
  if (s.bias && s.qkv_bias) return "all projections and layer norms";
  if (s.bias) return "all but queries, keys and values";
  return s.qkv_bias ? "queries, keys and values" : "none";
}

}  // namespace

std::vector<Row> shape_rows(const ModelShape& s) {
  const auto family = hf_family(s);
  return {{"layers", fmt::format("{}, {} wide", s.layers, count(s.embed))},
          {"attention", attention_text(s)},
          {"feed-forward", fmt::format("{}, {}", count(s.ffn), enum_name(s.activation))},
          {"norm", fmt::format("{}, eps {}", enum_name(s.norm), s.norm_eps)},
          {"positions", position_text(s)},
          {"context", count(s.context)},
          {"biases", bias_text(s)},
          {"head", s.tied ? "the embedding" : "its own matrix"},
          {"dropout", fmt::format("{}", s.dropout)},
          {"Hugging Face", family ? std::string(hf_class_name(*family)) : "no class says this shape"}};
}

Json shape_json(const ModelShape& s) {
  Json json = {{"layers", s.layers},
               {"embed", s.embed},
               {"heads", s.heads},
               {"kv_heads", s.kv_heads},
               {"head_dim", s.head_dim},
               {"ffn", s.ffn},
               {"vocab", s.vocab},
               {"context", s.context},
               {"norm", enum_name(s.norm)},
               {"norm_eps", s.norm_eps},
               {"positions", enum_name(s.positions)},
               {"activation", enum_name(s.activation)},
               {"qkv_bias", s.qkv_bias},
               {"bias", s.bias},
               {"qk_norm", s.qk_norm},
               {"tied", s.tied},
               {"dropout", s.dropout},
               {"init_std", s.init_std}};
  if (s.positions == PositionKind::kRotary) json["rope_theta"] = s.rope_theta;
  if (s.rope_scaling) {
    json["rope_scaling"] = {{"factor", s.rope_scaling->factor},
                            {"low_freq_factor", s.rope_scaling->low_freq_factor},
                            {"high_freq_factor", s.rope_scaling->high_freq_factor},
                            {"original_context", s.rope_scaling->original_context}};
  }
  if (s.sliding_window) json["sliding_window"] = *s.sliding_window;
  const auto family = hf_family(s);
  json["hf_class"] = family ? Json(hf_class_name(*family)) : Json(nullptr);
  return json;
}

std::vector<Row> state_rows(std::int64_t parameters) {
  std::vector<Row> rows = {{"state", "weights", "master", "gradients", "moments", "total"}};
  for (const auto& recipe : kRecipes) {
    const auto state = state_bytes(parameters, recipe);
    rows.push_back({std::string(recipe.name), bytes(state.weights), state.master == 0 ? "-" : bytes(state.master),
                    bytes(state.gradients), bytes(state.moments), bytes(state.total())});
  }
  return rows;
}

Json state_json(std::int64_t parameters) {
  Json json = Json::array();
  for (const auto& recipe : kRecipes) {
    const auto state = state_bytes(parameters, recipe);
    json.push_back({{"recipe", recipe.name},
                    {"weights", state.weights},
                    {"master", state.master},
                    {"gradients", state.gradients},
                    {"moments", state.moments},
                    {"total", state.total()}});
  }
  return json;
}

}  // namespace llmtrain
