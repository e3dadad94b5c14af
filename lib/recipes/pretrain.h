#pragma once
#include <string>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/progress.h"
#include "lib/config/pipeline.h"

namespace llmtrain {

// What a command line says of one training run beside the pipeline file.
struct TrainRequest {
  // auto: goes on from the newest whole checkpoint, starts where there is none; never: moves the stage's old folder to
  // .old-N and starts; else the path of a checkpoint or of a stage folder to go on from.
  std::string resume = "auto";
  // Everything up to the first allocation of weights, data and resume included, then done: says what would be trained
  // and what it needs, and leaves nothing on the disk (lib/recipes/dry_run_folder.h).
  bool dry_run = false;
  bool accept_data_change = false;  // resumes on data that changed since the checkpoint, and records it
  bool accept_non_finite = false;   // resumes from weights or moments that hold NaN or infinities
  std::string log_format = "text";  // text | json: what stderr's lines are
  bool quiet = false;
  ProgressMode progress = ProgressMode::kAuto;
  std::vector<std::string> command;  // its words, for the record in env.json
};

// The pretraining stage: from data and tokenizer to the folder <run.dir>/<run.name>/pretrain/, resuming what is there.
// pipeline: checked, with its pretrain section and its model made whole (complete_model). source: the file's name, for
// messages. Signals: see lib/base/signals.h. Returns kDone when the stage is done or was done before, kRequeue when a
// stop was asked for and the state is saved; throws Error for everything else (the codes are error.h's).
ExitCode run_pretrain(const Pipeline& pipeline, const std::string& source, const TrainRequest& request);

}  // namespace llmtrain
