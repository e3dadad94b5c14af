#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "lib/config/model_config.h"
#include "lib/config/pipeline.h"

namespace llmtrain {

// A decoder's architecture, whole: every value definite. Pre-norm blocks of attention and feed-forward with residual
// connections, a norm at the end, an output head.
struct ModelShape {
  std::int64_t layers = 0;
  std::int64_t embed = 0;
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;
  std::int64_t head_dim = 0;
  std::int64_t ffn = 0;
  std::int64_t vocab = 0;
  std::int64_t context = 0;
  NormKind norm = NormKind::kRmsNorm;
  double norm_eps = 0;
  PositionKind positions = PositionKind::kRotary;
  double rope_theta = 0;                    // 0 with learned positions
  std::optional<RopeScaling> rope_scaling;  // none with learned positions
  ActivationKind activation = ActivationKind::kSwiglu;
  bool qkv_bias = false;
  bool bias = false;
  bool qk_norm = false;
  bool tied = false;
  std::optional<std::int64_t> sliding_window;  // less than context where there is one
  double dropout = 0;
  double init_std = 0;

  std::int64_t query_width() const { return heads * head_dim; }
  std::int64_t kv_width() const { return kv_heads * head_dim; }
  bool operator==(const ModelShape&) const = default;
};

// What resolve_model may know beside the model section itself.
struct ModelContext {
  std::string source;  // "quickstart.yaml": stands before a message about what has no place of its own
  Origins origins;     // of the pipeline's values, for messages
  // Ids of the pipeline's tokenizer: vocab where the section does not give it, and the least it may give.
  std::optional<std::int64_t> tokenizer_vocab;
};

// Makes a model section whole: the preset's values, those given on top, then what follows from them. Not given and in
// no preset: layers, embed, heads, context and vocab must be there; kv_heads = heads; head_dim = embed / heads; ffn =
// the multiple of 64 at or above 8/3 embed for swiglu (so that three matrices cost what two of 4 embed do; arXiv
// 2002.05202), else 4 embed; qkv_bias = bias; the rest as Llama (arXiv 2302.13971). vocab is what is given, else the
// tokenizer's size, else the preset's. Throws config_error (2) with every fault at once: unknown preset, missing or
// contradicting values, sizes beyond kMaxParameters.
ModelShape resolve_model(const ModelConfig& config, const ModelContext& context = {});

// The same architecture as a model section that says everything and names no preset; resolve_model gives the shape
// back.
ModelConfig to_config(const ModelShape& shape);

// More parameters than this are taken for a mistake in the sizes; below it no size of ours overflows.
inline constexpr double kMaxParameters = 1e13;

}  // namespace llmtrain
