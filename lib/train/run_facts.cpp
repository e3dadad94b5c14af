#include "lib/train/run_facts.h"

#include <nlohmann/json.hpp>

#include "lib/base/error.h"

namespace llmtrain {

std::string to_json(const RunFacts& f) {
  return nlohmann::ordered_json{{"config", f.config},
                                {"data_fingerprint", f.data_fingerprint},
                                {"tokenizer_hash", f.tokenizer_hash},
                                {"vocab", f.vocab},
                                {"micro_rows", f.micro_rows},
                                {"threads", f.threads},
                                {"precision", f.precision},
                                {"kernels", f.kernels},
                                {"libtorch", f.libtorch},
                                {"llmtrain", f.llmtrain}}
      .dump();
}

std::string with_progress(const std::string& run_facts, const ProgressState& progress) {
  return nlohmann::ordered_json{{"run", nlohmann::ordered_json::parse(run_facts)},
                                {"progress", nlohmann::ordered_json::parse(to_json(progress))}}
      .dump();
}

CheckpointFacts facts_from_json(const std::string& text, const std::string& source) {
  try {
    const auto json = nlohmann::json::parse(text);
    const auto& run = json.at("run");
    CheckpointFacts facts;
    run.at("config").get_to(facts.run.config);
    run.at("data_fingerprint").get_to(facts.run.data_fingerprint);
    run.at("tokenizer_hash").get_to(facts.run.tokenizer_hash);
    run.at("vocab").get_to(facts.run.vocab);
    run.at("micro_rows").get_to(facts.run.micro_rows);
    run.at("threads").get_to(facts.run.threads);
    run.at("precision").get_to(facts.run.precision);
    run.at("kernels").get_to(facts.run.kernels);
    run.at("libtorch").get_to(facts.run.libtorch);
    run.at("llmtrain").get_to(facts.run.llmtrain);
    facts.progress = progress_from_json(json.at("progress").dump(), source);
    return facts;
  } catch (const nlohmann::json::exception& error) {
    throw Error(ExitCode::kResumeRefused, fmt::format("{}: the saved facts do not read: {}", source, error.what()));
  }
}

}  // namespace llmtrain
