#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/log.h"
#include "lib/config/checkpoint_config.h"
#include "lib/config/evaluation_config.h"
#include "lib/config/guard_config.h"
#include "lib/config/optim_config.h"
#include "lib/metrics/console.h"
#include "lib/metrics/metrics_log.h"
#include "lib/metrics/part_times.h"
#include "lib/metrics/tensorboard.h"
#include "lib/metrics/throughput.h"
#include "lib/optim/optimizer.h"
#include "lib/params/weight_store.h"
#include "lib/train/batch_source.h"
#include "lib/train/evaluate.h"
#include "lib/train/objective.h"
#include "lib/train/progress_state.h"

namespace llmtrain {

struct LoopSettings {
  std::int64_t total_steps = 0;  // 0: max_seconds alone ends training
  std::optional<double> max_seconds;
  std::int64_t micro_rows = 1;
  OptimConfig optim;
  GuardConfig guard;
  EvaluationConfig evaluation;
  CheckpointConfig checkpoint;
  std::optional<std::int64_t> sample_every_steps;
  std::int64_t log_every_steps = 10;
  std::filesystem::path stage;  // the folder of the stage
  std::string run_id;
  std::string resumed_from;        // the checkpoint that `progress` comes from, for messages
  std::uint64_t memory_total = 0;  // of the machine, to be shown; 0: unknown
  std::string facts;               // JSON of what else a checkpoint must tell: see run_facts.h
};

// What a stage trains and with what: the loop knows no stage.
struct LoopParts {
  WeightStore& store;
  Optimizer& optimizer;
  Objective objective;
  BatchSource source;
  std::function<Evaluation()> evaluate;      // empty: nothing is held out. May throw stopped_error.
  std::function<void(std::int64_t)> sample;  // texts at a step. May throw stopped_error.
  Console& console;
  MetricsLog& metrics;
  TensorboardWriter& tensorboard;
  Throughput& throughput;
  PartTimes& times;  // what came before the loop is its start
};

enum class LoopEnd {
  kFinished,  // all steps, or time, or no improvement any more
  kStopped,   // on request, state saved
};

// Trains from `progress` on until the end or until a signal asks for a stop, and leaves a checkpoint of where it came
// to. One loop for every stage: signals, saving, evaluation, guards and metrics are here and nowhere else.
//
// A step that a checkpoint counts has been taken whole. What is due after it (a line of metrics, evaluation, samples)
// is made whole as well, or, where a stop came between, made anew after a resume. Throws Error: kNumerical (4) when
// updates stay non-finite, kStorage (5) for a save that failed.
LoopEnd run_loop(const LoopSettings& settings, const LoopParts& parts, ProgressState& progress);

// Whether a run that has come this far has nothing left to do under these settings.
bool is_finished(const LoopSettings& settings, const ProgressState& progress);

}  // namespace llmtrain
