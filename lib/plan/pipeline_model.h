#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "lib/arch/model_shape.h"
#include "lib/config/pipeline.h"

namespace llmtrain {

struct PipelineModel {
  ModelShape shape;
  std::string vocab_source;  // "model.vocab", "tokenizer.train.vocab_size", the tokenizer file, or "preset"
};

// The model of a pipeline file called `source`. Where model.vocab is not given, a tokenizer still to be trained counts
// with the size asked for, and one that exists is read, as its ids are the least that model.vocab may be. Throws
// config_error (2) for the model section and for a pretrain.sequence_length beyond the model's context, input_error (3)
// for the tokenizer.
PipelineModel resolve_pipeline_model(const Pipeline& pipeline, const std::string& source);

// Makes the model section say everything in place of its preset, with "preset NAME" as the origin of what came from it.
// vocab stays out where the tokenizer decides it. Reads no tokenizer. A pipeline that has neither a model section nor a
// stage that needs one stays as it is. Throws as resolve_pipeline_model does.
void complete_model(Pipeline& pipeline, const std::string& source);

// Reads and checks a pipeline file, its model made whole. Throws load_pipeline's and complete_model's faults at once.
Pipeline load_whole_pipeline(const std::filesystem::path& path, const std::vector<std::string>& overrides);
// The same, and faults of the file where it lacks the pretrain section or a tokenizer, asks for a GPU, or describes a
// model that no transformers class computes.
Pipeline load_pretrain_pipeline(const std::filesystem::path& path, const std::vector<std::string>& overrides);
// The model that a whole pipeline will train: as resolve_pipeline_model, but where only the training text will say the
// vocabulary (characters), as if there were one.
ModelShape least_model(const Pipeline& pipeline, const std::string& source);

}  // namespace llmtrain
