#include "lib/interop/hf_config_reader.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "lib/arch/hf_layout.h"
#include "lib/base/error.h"
#include "lib/base/strict_json.h"
#include "lib/base/text.h"

namespace llmtrain {
namespace {

// Larger sizes cannot be meant; below, no product of two overflows. resolve_model is narrower.
constexpr std::int64_t kMaxSize = 1000000000;

constexpr std::array<std::pair<std::string_view, HfFamily>, 5> kModelTypes = {{{"gpt2", HfFamily::kGpt2},
                                                                               {"llama", HfFamily::kLlama},
                                                                               {"mistral", HfFamily::kMistral},
                                                                               {"qwen2", HfFamily::kQwen2},
                                                                               {"qwen3", HfFamily::kQwen3}}};

bool is_qwen(HfFamily family) { return family == HfFamily::kQwen2 || family == HfFamily::kQwen3; }

std::string shown(const JsonView& view) { return printable(view.value().dump(), 60); }

std::int64_t as_size(const JsonView& view, std::int64_t least = 1) {
  if (!view.value().is_number_integer() || view.value() < least || view.value() > kMaxSize) {
    view.fail(fmt::format("expected a whole number from {} to {}, got {}", least, kMaxSize, shown(view)));
  }
  return view.value().get<std::int64_t>();
}

double as_positive(const JsonView& view) {
  if (!view.value().is_number() || view.value() <= 0) {
    view.fail(fmt::format("expected a number above 0, got {}", shown(view)));
  }
  return view.value().get<double>();
}

std::optional<JsonView> present(const JsonView& object, const std::string& key) {
  if (!object.has(key) || object.member(key).is_null()) return std::nullopt;
  return object.member(key);
}

std::int64_t size_or(const JsonView& object, const std::string& key, std::int64_t otherwise) {
  return object.has(key) ? as_size(object.member(key)) : otherwise;
}

double positive_or(const JsonView& object, const std::string& key, double otherwise) {
  return object.has(key) ? as_positive(object.member(key)) : otherwise;
}

HfFamily family_of(const JsonView& config) {
  const auto type = config.member("model_type");
  std::vector<std::string> names;
  for (const auto& [known, family] : kModelTypes) {
    if (type.string() == known) return family;
    names.emplace_back(known);
  }
  type.fail(fmt::format("{} is not supported, expected one of {}", shown(type), fmt::join(names, ", ")));
}

// What would make any of the classes compute something else.
void check_common(const JsonView& config, HfFamily family) {
  for (const char* key : {"quantization_config", "compression_config"}) {
    if (const auto found = present(config, key)) {
      found->fail("quantized weights are not read; convert the model to bfloat16 or float32 first");
    }
  }
  if (const auto found = present(config, "per_layer_config")) {
    found->fail("layers that differ from each other are not supported");
  }
  config.expect_absent_or("is_encoder_decoder", false);
  const auto classes = present(config, "architectures");
  if (!classes || classes->elements().empty()) return;
  const auto first = classes->elements().front();
  if (first.string() != hf_class_name(family)) {
    first.fail(fmt::format("{} is not supported, expected \"{}\"", shown(first), hf_class_name(family)));
  }
}

// The rotation, from wherever it is told.
class RopeReader {
 public:
  RopeReader(const JsonView& config, std::int64_t context) : config_(config), context_(context) {
    for (const char* key : {"rope_parameters", "rope_scaling"}) {
      if (const auto found = present(config, key)) tables_.push_back(*found);
    }
    for (const auto& table : tables_) check_keys(table);
    config.expect_absent_or("partial_rotary_factor", 1);
  }

  double theta() const {
    std::vector<JsonView> told;
    if (const auto found = present(config_, "rope_theta")) told.push_back(*found);
    for (const auto& table : tables_) {
      if (const auto found = present(table, "rope_theta")) told.push_back(*found);
    }
    if (told.empty()) return 10000;
    const double theta = as_positive(told.front());
    for (const auto& other : told) {
      if (as_positive(other) != theta) {
        other.fail(
            fmt::format("{} contradicts the {} that stands elsewhere in the file", shown(other), shown(told.front())));
      }
    }
    return theta;
  }

  std::optional<RopeScaling> scaling() const {
    std::optional<RopeScaling> told;
    bool is_told = false;
    for (const auto& table : tables_) {
      const auto type = type_of(table);
      if (!type) continue;
      const auto scaling = scaling_in(table, *type);
      if (is_told && scaling != told) table.fail("contradicts rope_parameters, expected the same in both");
      told = scaling;
      is_told = true;
    }
    return told;
  }

 private:
  static void check_keys(const JsonView& table) {
    table.expect_keys({"rope_theta", "rope_type", "type", "factor", "low_freq_factor", "high_freq_factor",
                       "original_max_position_embeddings", "partial_rotary_factor"});
    table.expect_absent_or("partial_rotary_factor", 1);
  }

  // Nothing where the table only holds the base.
  static std::optional<JsonView> type_of(const JsonView& table) {
    const auto type = present(table, "rope_type");
    const auto old = present(table, "type");
    if (type && old && type->value() != old->value()) old->fail("contradicts rope_type, expected the same in both");
    if (!type && !old && table.has("factor")) table.fail("has no rope_type");
    return type ? type : old;
  }

  std::optional<RopeScaling> scaling_in(const JsonView& table, const JsonView& type) const {
    if (type.string() == "default") return std::nullopt;
    if (type.string() != "llama3") {
      type.fail(fmt::format("{} is not supported, expected \"default\" or \"llama3\"", shown(type)));
    }
    // As transformers: a value at the top comes first, and without any it is the context.
    const auto at_top = present(config_, "original_max_position_embeddings");
    RopeScaling scaling{
        .factor = as_positive(table.member("factor")),
        .low_freq_factor = as_positive(table.member("low_freq_factor")),
        .high_freq_factor = as_positive(table.member("high_freq_factor")),
        .original_context = at_top ? as_size(*at_top) : size_or(table, "original_max_position_embeddings", context_)};
    if (scaling.factor < 1) table.member("factor").fail("expected at least 1");
    if (scaling.high_freq_factor <= scaling.low_freq_factor) {
      table.member("high_freq_factor").fail("expected more than low_freq_factor");
    }
    return scaling;
  }

  const JsonView& config_;
  std::int64_t context_;
  std::vector<JsonView> tables_;
};

void read_gpt2_biases(const JsonView& config, ModelShape& shape) {
  shape.bias = config.flag("bias", true);
  shape.qkv_bias = config.flag("qkv_bias", shape.bias);
}

double chance(const JsonView& config, const std::string& key, double otherwise) {
  if (!config.has(key)) return otherwise;
  const auto view = config.member(key);
  if (!view.value().is_number() || view.value() < 0 || view.value() >= 1) {
    view.fail(fmt::format("expected a number from 0 to below 1, got {}", shown(view)));
  }
  return view.value().get<double>();
}

ModelShape read_gpt2(const JsonView& config) {
  ModelShape shape;
  shape.layers = size_or(config, "n_layer", 12);
  shape.embed = size_or(config, "n_embd", 768);
  shape.heads = shape.kv_heads = size_or(config, "n_head", 12);
  const auto inner = present(config, "n_inner");
  shape.ffn = inner ? as_size(*inner) : 4 * shape.embed;
  shape.vocab = size_or(config, "vocab_size", 50257);
  shape.context = size_or(config, "n_positions", 1024);
  shape.norm = NormKind::kLayerNorm;
  shape.norm_eps = positive_or(config, "layer_norm_epsilon", 1e-5);
  shape.positions = PositionKind::kLearned;
  shape.tied = config.flag("tie_word_embeddings", true);
  shape.init_std = positive_or(config, "initializer_range", 0.02);
  read_gpt2_biases(config, shape);

  const std::string activation =
      config.has("activation_function") ? config.member("activation_function").string() : "gelu_new";
  if (activation == "gelu") {
    shape.activation = ActivationKind::kGelu;
  } else if (activation == "gelu_new" || activation == "gelu_pytorch_tanh" || activation == "gelu_fast") {
    shape.activation = ActivationKind::kGeluTanh;
  } else {
    const auto view = config.member("activation_function");
    view.fail(fmt::format("{} is not supported, expected gelu, gelu_new, gelu_pytorch_tanh or gelu_fast", shown(view)));
  }

  shape.dropout = chance(config, "resid_pdrop", 0.1);
  if (chance(config, "embd_pdrop", 0.1) != shape.dropout) {
    config.fail(fmt::format("embd_pdrop and resid_pdrop differ, expected one dropout for both; set embd_pdrop to {}",
                            shape.dropout));
  }
  config.expect_absent_or("scale_attn_weights", true);
  config.expect_absent_or("scale_attn_by_inverse_layer_idx", false);
  config.expect_absent_or("add_cross_attention", false);
  return shape;
}

// Biases of the projections, as far as the class leaves a choice.
void read_llama_biases(const JsonView& config, HfFamily family, ModelShape& shape) {
  if (family == HfFamily::kQwen2) shape.qkv_bias = true;
  if (family == HfFamily::kQwen3) shape.qkv_bias = config.flag("attention_bias", false);
  if (family != HfFamily::kLlama) return;
  shape.bias = config.flag("mlp_bias", false);
  if (config.flag("attention_bias", false) != shape.bias) {
    config.member(shape.bias ? "mlp_bias" : "attention_bias")
        .fail(
            "biases in attention or the feed-forward layers alone are not supported, expected attention_bias and "
            "mlp_bias to be equal");
  }
  shape.qkv_bias = shape.bias && config.flag("qkv_bias", true);
}

// How many layers have the window, if there is one.
std::int64_t sliding_layers(const JsonView& config, HfFamily family, std::int64_t layers) {
  const auto kinds = present(config, "layer_types");
  if (!kinds) {
    if (family == HfFamily::kLlama) return 0;
    if (family == HfFamily::kMistral) return layers;
    const auto first = config.has("max_window_layers") ? as_size(config.member("max_window_layers"), 0) : 28;
    return std::max<std::int64_t>(layers - first, 0);
  }
  std::int64_t sliding = 0;
  std::int64_t all = 0;
  for (const auto& kind : kinds->elements()) {
    ++all;
    if (kind.string() == "sliding_attention") {
      ++sliding;
    } else if (kind.string() != "full_attention") {
      kind.fail(fmt::format("{} is not supported, expected full_attention or sliding_attention", shown(kind)));
    }
  }
  if (all != layers) kinds->fail(fmt::format("expected {} layers, got {}", layers, all));
  return sliding;
}

std::optional<std::int64_t> configured_window(const JsonView& config, HfFamily family) {
  const bool on = family == HfFamily::kMistral || (is_qwen(family) && config.flag("use_sliding_window", false));
  if (!on) return std::nullopt;
  if (!config.has("sliding_window")) return 4096;
  const auto window = present(config, "sliding_window");
  return window ? std::optional(as_size(*window)) : std::nullopt;
}

std::optional<std::int64_t> read_window(const JsonView& config, HfFamily family, std::int64_t layers) {
  const auto window = configured_window(config, family);
  const bool kinds_are_told = present(config, "layer_types").has_value();
  const std::int64_t sliding = window || kinds_are_told ? sliding_layers(config, family, layers) : 0;
  // Qwen's classes look at the layers' kinds; Mistral's has the window in all of them, Llama's in none.
  const bool all = window && sliding == layers;
  const bool none = sliding == 0 && (!window || is_qwen(family));
  if (!all && !none) {
    config.member_or_null(kinds_are_told ? "layer_types" : "max_window_layers")
        .fail(fmt::format("{} of {} layers have a sliding window of {}, expected {}", sliding, layers,
                          window ? fmt::to_string(*window) : "no size",
                          family == HfFamily::kLlama ? "none" : "all or none; the window must have a size"));
  }
  return all ? window : std::nullopt;
}

ModelShape read_llama_like(const JsonView& config, HfFamily family) {
  const bool qwen = is_qwen(family);
  ModelShape shape;
  shape.layers = size_or(config, "num_hidden_layers", 32);
  shape.embed = size_or(config, "hidden_size", 4096);
  shape.heads = size_or(config, "num_attention_heads", 32);
  const auto kv_heads = present(config, "num_key_value_heads");
  const bool kv_is_null = config.has("num_key_value_heads") && !kv_heads;
  const std::int64_t kv_default = family == HfFamily::kLlama || kv_is_null ? shape.heads
                                  : family == HfFamily::kMistral           ? 8
                                                                           : 32;
  shape.kv_heads = kv_heads ? as_size(*kv_heads) : kv_default;
  const std::int64_t ffn_default = qwen ? 22016 : family == HfFamily::kMistral ? 14336 : 11008;
  shape.ffn = size_or(config, "intermediate_size", ffn_default);
  shape.vocab = size_or(config, "vocab_size", qwen ? 151936 : 32000);
  const std::int64_t context_default = qwen ? 32768 : family == HfFamily::kMistral ? 131072 : 2048;
  shape.context = size_or(config, "max_position_embeddings", context_default);
  shape.norm_eps = positive_or(config, "rms_norm_eps", 1e-6);
  shape.qk_norm = family == HfFamily::kQwen3;
  shape.tied = config.flag("tie_word_embeddings", false);
  shape.init_std = positive_or(config, "initializer_range", 0.02);
  read_llama_biases(config, family, shape);
  shape.sliding_window = read_window(config, family, shape.layers);

  if (family == HfFamily::kQwen3) {
    shape.head_dim = size_or(config, "head_dim", 128);
  } else if (const auto head_dim = present(config, "head_dim")) {
    shape.head_dim = as_size(*head_dim);
  }
  const std::string activation = config.has("hidden_act") ? config.member("hidden_act").string() : "silu";
  if (activation != "silu" && activation != "swish") {
    const auto view = config.member("hidden_act");
    view.fail(fmt::format("{} is not supported, expected \"silu\"", shown(view)));
  }
  const RopeReader rope(config, shape.context);
  shape.rope_theta = rope.theta();
  shape.rope_scaling = rope.scaling();
  return shape;
}

}  // namespace

ModelShape shape_from_hf_config(std::string_view json, const std::string& name) {
  const auto document = parse_strict_json(json, name);
  const JsonView config(document, name);
  config.expect_object();
  const auto family = family_of(config);
  check_common(config, family);
  const auto shape = family == HfFamily::kGpt2 ? read_gpt2(config) : read_llama_like(config, family);
  auto sizes = to_config(shape);
  if (shape.head_dim == 0) sizes.head_dim.reset();
  try {
    return resolve_model(sizes, {.source = name, .origins = {}, .tokenizer_vocab = {}});
  } catch (const Error& error) {
    throw Error(ExitCode::kInput, error.faults());  // of the file, not of the pipeline
  }
}

}  // namespace llmtrain
