#include "lib/plan/pipeline_model.h"

#include <optional>
#include <vector>

#include "lib/arch/hf_layout.h"
#include "lib/arch/presets.h"
#include "lib/base/error.h"
#include "lib/tokenizer/tokenizer.h"

namespace llmtrain {
namespace {

// The size a tokenizer to be trained is asked for; characters are counted only when their text is read.
std::optional<std::int64_t> wanted_vocab(const TokenizerConfig& tokenizer) {
  if (!tokenizer.train || tokenizer.train->kind == TokenizerKind::kChar) return std::nullopt;
  return tokenizer.train->vocab_size;
}

ModelContext context_of(const Pipeline& pipeline, const std::string& source) {
  return {.source = source, .origins = pipeline.origins, .tokenizer_vocab = wanted_vocab(pipeline.config.tokenizer)};
}

void check_sequence_length(const Pipeline& pipeline, const ModelShape& shape, const std::string& source) {
  const auto& pretrain = pipeline.config.pretrain;
  if (!pretrain || pretrain->sequence_length <= shape.context) return;
  const auto origin = pipeline.origins.find("pretrain.sequence_length");
  throw config_error(
      "{}: 'pretrain.sequence_length': expected at most the model's context of {}, got {}; shorten it or "
      "give 'model.context'",
      origin == pipeline.origins.end() ? source : origin->second, shape.context, pretrain->sequence_length);
}

std::string place_of(const Pipeline& pipeline, const std::string& key, const std::string& source) {
  const auto origin = pipeline.origins.find(key);
  return origin == pipeline.origins.end() ? source : origin->second;
}

// What is trained is given away as a folder for transformers.
void check_has_class(const Pipeline& pipeline, const std::string& source) {
  auto context = context_of(pipeline, source);
  if (!context.tokenizer_vocab) context.tokenizer_vocab = 1;
  if (hf_family(resolve_model(pipeline.config.model, context))) return;
  throw config_error(
      "{}: 'model': no transformers class computes this model, so its result could not be used; expected layer_norm "
      "with "
      "learned positions (GPT-2), or rms_norm with rotary positions and swiglu (Llama, Mistral, Qwen)",
      source);
}

bool says_anything(ModelConfig model) {
  bool any = false;
  fields(model, [&](const char*, const auto& member, const auto&...) { any = any || member.has_value(); });
  return any;
}

}  // namespace

PipelineModel resolve_pipeline_model(const Pipeline& pipeline, const std::string& source) {
  const auto& config = pipeline.config;
  auto context = context_of(pipeline, source);
  std::string vocab_source = "preset";
  if (context.tokenizer_vocab) {
    vocab_source = "tokenizer.train.vocab_size";
  } else if (config.tokenizer.from) {
    context.tokenizer_vocab = static_cast<std::int64_t>(Tokenizer::load(*config.tokenizer.from).vocab_size());
    vocab_source = *config.tokenizer.from;
  }
  if (config.model.vocab) vocab_source = "model.vocab";
  const auto shape = resolve_model(config.model, context);
  check_sequence_length(pipeline, shape, source);
  return {.shape = shape, .vocab_source = vocab_source};
}

void complete_model(Pipeline& pipeline, const std::string& source) {
  const ModelConfig given = pipeline.config.model;
  if (!says_anything(given) && !pipeline.config.pretrain) return;
  auto context = context_of(pipeline, source);
  const bool tokenizer_decides = !given.vocab && (pipeline.config.tokenizer.from || pipeline.config.tokenizer.train);
  // Any size does to check the rest with, where only the tokenizer will say it.
  if (tokenizer_decides && !context.tokenizer_vocab) context.tokenizer_vocab = 1;
  const auto shape = resolve_model(given, context);
  check_sequence_length(pipeline, shape, source);

  ModelConfig whole = to_config(shape);
  if (tokenizer_decides) whole.vocab.reset();
  const Preset* preset = given.preset ? find_preset(*given.preset) : nullptr;
  if (preset != nullptr) {
    const std::string origin = "preset " + preset->name;
    ModelConfig preset_values = preset->config;
    fields(preset_values, [&](const std::string& key, const auto& member, const auto&...) {
      if (member) pipeline.origins.try_emplace("model." + key, origin);
    });
    pipeline.origins.erase("model.preset");
  }
  pipeline.config.model = std::move(whole);
}

Pipeline load_whole_pipeline(const std::filesystem::path& path, const std::vector<std::string>& overrides) {
  return load_pipeline(path, overrides, [&](Pipeline& pipeline) { complete_model(pipeline, path.string()); });
}

Pipeline load_pretrain_pipeline(const std::filesystem::path& path, const std::vector<std::string>& overrides) {
  const std::string source = path.string();
  return load_pipeline(path, overrides, [&](Pipeline& pipeline) {
    std::vector<Fault> faults;
    if (!pipeline.config.pretrain) {
      faults.push_back({source + ": missing key 'pretrain', expected a section of keys; "
                                 "`llmtrain config explain pretrain` lists them",
                        ""});
    }
    if (!pipeline.config.tokenizer.from && !pipeline.config.tokenizer.train) {
      faults.push_back({source + ": missing key 'tokenizer', expected 'train' or 'from' in it; try tokenizer: {train: "
                                 "{vocab_size: 2048}}",
                        ""});
    }
    if (pipeline.config.run.device == Device::kCuda) {
      faults.push_back({place_of(pipeline, "run.device", source) +
                            ": 'run.device': training runs on processors only so far, got cuda; try cpu or auto",
                        ""});
    }
    try {
      complete_model(pipeline, source);
      check_has_class(pipeline, source);
    } catch (const Error& error) {
      faults.insert(faults.end(), error.faults().begin(), error.faults().end());
    }
    if (!faults.empty()) throw Error(ExitCode::kUsage, std::move(faults));
  });
}

ModelShape least_model(const Pipeline& pipeline, const std::string& source) {
  const auto& train = pipeline.config.tokenizer.train;
  if (pipeline.config.model.vocab || !train || train->kind != TokenizerKind::kChar) {
    return resolve_pipeline_model(pipeline, source).shape;
  }
  Pipeline with_one = pipeline;
  with_one.config.model.vocab = 1;
  return resolve_pipeline_model(with_one, source).shape;
}

}  // namespace llmtrain
