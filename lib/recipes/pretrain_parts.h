#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/arch/model_shape.h"
#include "lib/base/log.h"
#include "lib/config/pipeline.h"
#include "lib/data/corpus.h"
#include "lib/metrics/console.h"
#include "lib/metrics/tensorboard.h"
#include "lib/model/decoder.h"
#include "lib/recipes/pretrain.h"
#include "lib/tokenizer/tokenizer.h"
#include "lib/train/batch_source.h"
#include "lib/train/evaluate.h"

namespace llmtrain {

// What pretraining knows before it allocates a weight.
struct PretrainInputs {
  PipelineConfig config;
  Tokenizer tokenizer;
  PreparedCorpus corpus;
  ModelShape shape;
  std::int64_t batch_rows = 0;
  std::int64_t total_steps = 0;  // 0: max_time alone decides

  const PretrainConfig& stage() const { return *config.pretrain; }
};

// How work that does not speak through the console shows itself.
ProgressMode work_progress(const TrainRequest& request);

// Learns or reads the tokenizer (or takes the given one), tokenizes what is not in the cache, resolves the model.
// Throws config_error (2) too for a warm-up longer than the run, as soon as its steps are known.
PretrainInputs prepare_pretrain(const Pipeline& pipeline, const std::string& source, const TrainRequest& request,
                                const Log& log, std::optional<Tokenizer> given);

// Training rows in the mixture's order, without end.
BatchSource training_rows(const PretrainInputs& inputs);

// The held-out loss over all validation rows, or evaluation.max_rows of them spread evenly; empty where nothing is held
// out. rows: of a batch. The decoder must outlive it.
std::function<Evaluation()> held_out_loss(const PretrainInputs& inputs, const Decoder& decoder, std::int64_t rows,
                                          ProgressMode progress);

// Texts for samples.prompts at a step: to the console, to <stage>/samples/step-N.txt and to TensorBoard.
std::function<void(std::int64_t)> sample_texts(const PretrainInputs& inputs, const Decoder& decoder,
                                               const std::filesystem::path& stage, Console& console,
                                               TensorboardWriter& tensorboard);

}  // namespace llmtrain
