#include "lib/arch/model_shape.h"

#include <cstdint>
#include <string>
#include <vector>

#include "lib/arch/presets.h"
#include "lib/base/error.h"
#include "lib/base/text.h"

namespace llmtrain {
namespace {

// Reads one optional member after the other from `given` and puts those that are there over `base`. The two visits of
// one field list meet the same members in the same order.
ModelConfig lay_over(ModelConfig base, ModelConfig given) {
  std::vector<void*> members;
  fields(given, [&](const char*, auto& member, const auto&...) { members.push_back(&member); });
  std::size_t at = 0;
  fields(base, [&]<class Member>(const char*, Member& member, const auto&...) {
    const auto& over = *static_cast<Member*>(members.at(at++));
    if (over) member = over;
  });
  return base;
}

class Resolution {
 public:
  Resolution(const ModelConfig& given, const ModelContext& context) : given_(given), context_(context) {
    config_ = lay_over(preset_values(), given);
    if (!given.vocab && context.tokenizer_vocab) config_.vocab = context.tokenizer_vocab;
  }

  ModelShape resolve() {
    if (!config_.layers && !config_.embed && !config_.heads && !config_.context) {
      fault("preset", "no model is given; name a preset (`llmtrain model presets` lists them) or give the sizes");
      stop_on_faults();
    }
    require_sizes();
    const bool sizes_are_right = faults_.empty();
    check_positions();
    if (!sizes_are_right) stop_on_faults();
    ModelShape shape = whole();
    check_heads(shape);
    check_parameters(shape);
    stop_on_faults();
    if (shape.sliding_window && *shape.sliding_window >= shape.context) shape.sliding_window.reset();
    return shape;
  }

 private:
  // `key` is relative to the model section.
  void fault(const std::string& key, const std::string& what) {
    const std::string path = "model." + key;
    std::string place = context_.source;
    for (const auto& known : {std::string("model"), path}) {
      const auto origin = context_.origins.find(known);
      if (origin != context_.origins.end()) place = origin->second;
    }
    faults_.push_back({fmt::format("{}{}'{}': {}", place, place.empty() ? "" : ": ", path, what), ""});
  }

  void stop_on_faults() {
    if (!faults_.empty()) throw Error(ExitCode::kUsage, faults_);
  }

  ModelConfig preset_values() {
    if (!given_.preset) return {};
    const Preset* preset = find_preset(*given_.preset);
    if (preset != nullptr) return preset->config;
    std::vector<std::string> names;
    for (const auto& known : all_presets()) names.push_back(known.name);
    const auto meant = nearest(*given_.preset, names);
    fault("preset", fmt::format("unknown preset '{}'{}; `llmtrain model presets` lists them", *given_.preset,
                                meant ? fmt::format("; did you mean '{}'?", *meant) : ""));
    stop_on_faults();
    return {};
  }

  void require_sizes() {
    const auto size = [&](const char* key, const std::optional<std::int64_t>& value, bool needed, double most) {
      if (!value) {
        if (needed) fault(key, "not given, and there is no preset; add it or a preset");
      } else if (*value < 1 || static_cast<double>(*value) > most) {
        fault(key, fmt::format("expected 1 to {:.0f}, got {}", most, *value));
      }
    };
    size("layers", config_.layers, true, 1e4);
    size("embed", config_.embed, true, 1e6);
    size("heads", config_.heads, true, 1e5);
    size("kv_heads", config_.kv_heads, false, 1e5);
    size("head_dim", config_.head_dim, false, 1e5);
    size("ffn", config_.ffn, false, 1e7);
    size("context", config_.context, true, 1e9);
    size("sliding_window", config_.sliding_window, false, 1e9);
    if (!config_.vocab) {
      fault("vocab", "not given, and there is neither a preset nor a tokenizer whose size is known; add it");
    } else {
      size("vocab", config_.vocab, true, 1e8);
    }
    if (given_.vocab && context_.tokenizer_vocab && *given_.vocab < *context_.tokenizer_vocab) {
      fault("vocab", fmt::format("the tokenizer has {} ids, got {} rows; leave the key out or give at least as many",
                                 *context_.tokenizer_vocab, *given_.vocab));
    }
  }

  // What is said of rotation must rotate something; what a preset says of it just falls away.
  void check_positions() {
    if (config_.positions != PositionKind::kLearned) return;
    if (given_.rope_theta) fault("rope_theta", "has no meaning with learned positions; drop one of the two");
    if (given_.rope_scaling) fault("rope_scaling", "has no meaning with learned positions; drop one of the two");
    config_.rope_theta = 0;
    config_.rope_scaling.reset();
  }

  ModelShape whole() const {
    const auto& c = config_;
    ModelShape shape;
    shape.layers = *c.layers;
    shape.embed = *c.embed;
    shape.heads = *c.heads;
    shape.kv_heads = c.kv_heads.value_or(shape.heads);
    shape.head_dim = c.head_dim.value_or(shape.embed / shape.heads);
    shape.activation = c.activation.value_or(ActivationKind::kSwiglu);
    const std::int64_t derived_ffn =
        shape.activation == ActivationKind::kSwiglu ? (shape.embed * 8 / 3 + 63) / 64 * 64 : shape.embed * 4;
    shape.ffn = c.ffn.value_or(derived_ffn);
    shape.vocab = *c.vocab;
    shape.context = *c.context;
    shape.norm = c.norm.value_or(NormKind::kRmsNorm);
    shape.norm_eps = c.norm_eps.value_or(1e-5);
    shape.positions = c.positions.value_or(PositionKind::kRotary);
    shape.rope_theta = c.rope_theta.value_or(10000);
    shape.rope_scaling = c.rope_scaling;
    shape.bias = c.bias.value_or(false);
    shape.qkv_bias = c.qkv_bias.value_or(shape.bias);
    shape.qk_norm = c.qk_norm.value_or(false);
    shape.tied = c.tied.value_or(false);
    shape.sliding_window = c.sliding_window;
    shape.dropout = c.dropout.value_or(0);
    shape.init_std = c.init_std.value_or(0.02);
    return shape;
  }

  void check_heads(const ModelShape& shape) {
    if (!config_.head_dim && shape.embed % shape.heads != 0) {
      fault("heads", fmt::format("embed {} is not a multiple of heads {}; change one of them or give head_dim",
                                 shape.embed, shape.heads));
    } else if (shape.positions == PositionKind::kRotary && shape.head_dim % 2 != 0) {
      fault(config_.head_dim ? "head_dim" : "heads",
            fmt::format("rotary positions turn pairs, so expected an even head_dim, got {}", shape.head_dim));
    }
    if (shape.heads % shape.kv_heads != 0) {
      fault(given_.kv_heads || !given_.heads ? "kv_heads" : "heads",
            fmt::format("heads {} is not a multiple of kv_heads {}", shape.heads, shape.kv_heads));
    }
  }

  void check_parameters(const ModelShape& s) {
    const auto d = [](std::int64_t value) { return static_cast<double>(value); };
    const double tables = d(s.embed) * d(s.vocab) * (s.tied ? 1 : 2) +
                          (s.positions == PositionKind::kLearned ? d(s.embed) * d(s.context) : 0);
    const double layer = 2 * d(s.embed) * (d(s.query_width()) + d(s.kv_width())) + 3 * d(s.embed) * d(s.ffn);
    const double parameters = tables + d(s.layers) * layer;
    if (parameters <= kMaxParameters) return;
    fault(layer * d(s.layers) > tables ? "layers" : "vocab",
          fmt::format("these sizes make {:.3g} parameters, expected at most {:.3g} (layers {}, embed {}, ffn {}, heads "
                      "{} of {}, vocab {}, context {})",
                      parameters, kMaxParameters, s.layers, s.embed, s.ffn, s.heads, s.head_dim, s.vocab, s.context));
  }

  const ModelConfig& given_;
  const ModelContext& context_;
  std::vector<Fault> faults_;
  ModelConfig config_;  // what is given over the preset
};

}  // namespace

ModelShape resolve_model(const ModelConfig& config, const ModelContext& context) {
  return Resolution(config, context).resolve();
}

ModelConfig to_config(const ModelShape& shape) {
  ModelConfig config;
  config.layers = shape.layers;
  config.embed = shape.embed;
  config.heads = shape.heads;
  config.kv_heads = shape.kv_heads;
  config.head_dim = shape.head_dim;
  config.ffn = shape.ffn;
  config.vocab = shape.vocab;
  config.context = shape.context;
  config.norm = shape.norm;
  config.norm_eps = shape.norm_eps;
  config.positions = shape.positions;
  if (shape.positions == PositionKind::kRotary) {
    config.rope_theta = shape.rope_theta;
    config.rope_scaling = shape.rope_scaling;
  }
  config.activation = shape.activation;
  config.qkv_bias = shape.qkv_bias;
  config.bias = shape.bias;
  config.qk_norm = shape.qk_norm;
  config.tied = shape.tied;
  config.sliding_window = shape.sliding_window;
  config.dropout = shape.dropout;
  config.init_std = shape.init_std;
  return config;
}

}  // namespace llmtrain
