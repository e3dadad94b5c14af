#include "lib/train/resume_check.h"

#include "lib/base/error.h"
#include "lib/config/config_changes.h"
#include "lib/config/saved_pipeline.h"

namespace llmtrain {

PipelineConfig saved_config(const std::string& yaml, const std::string& checkpoint) {
  try {
    return read_saved_pipeline(yaml, checkpoint);
  } catch (const Error& error) {
    throw Error(ExitCode::kResumeRefused,
                fmt::format("{}: its configuration does not read with this version: {}", checkpoint, error.what()));
  }
}

std::vector<std::string> check_resume(const RunFacts& before, const RunFacts& now, const PipelineConfig& config,
                                      const ResumeRules& rules) {
  std::vector<Fault> faults;
  std::vector<std::string> notes;
  const auto refuse = [&](std::string message) {
    faults.push_back({rules.checkpoint + ": " + std::move(message), ""});
  };
  for (const auto& change : config_changes(saved_config(before.config, rules.checkpoint), config, rules.stage)) {
    const auto difference = fmt::format("'{}' was {}, is {}", change.key, change.before, change.now);
    if (change.essential) {
      refuse(difference +
             ": the run cannot be resumed with it; set it back, or try --resume never or another run.name");
    } else {
      notes.push_back(fmt::format("changed since the checkpoint: {}", difference));
    }
  }
  if (before.data_fingerprint != now.data_fingerprint) {
    const auto difference =
        fmt::format("the training data was {:.16}, is {:.16}", before.data_fingerprint, now.data_fingerprint);
    if (rules.accept_data_change) {
      notes.push_back(fmt::format("accepted: {}", difference));
    } else {
      refuse(
          fmt::format("{}; put it back, or try --accept-data-change to go on with it, or --resume never", difference));
    }
  }
  if (before.tokenizer_hash != now.tokenizer_hash) {
    refuse(
        fmt::format("the tokenizer was {:.16}, is {:.16}: the model's ids would mean something else; put it back, or "
                    "try --resume never",
                    before.tokenizer_hash, now.tokenizer_hash));
  }
  if (!faults.empty()) throw Error(ExitCode::kResumeRefused, std::move(faults));
  const auto differs = [&](const char* what, const std::string& was, const std::string& is) {
    if (was != is)
      notes.push_back(fmt::format("{} was {}, is {}: results may differ in their last bits", what, was, is));
  };
  differs("LibTorch", before.libtorch, now.libtorch);
  differs("the kernels' instruction set", before.kernels, now.kernels);
  differs("the number of threads", std::to_string(before.threads), std::to_string(now.threads));
  return notes;
}

}  // namespace llmtrain
