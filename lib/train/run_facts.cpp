#include "lib/train/run_facts.h"

#include <nlohmann/json.hpp>

#include "lib/base/strict_json.h"
#include "lib/train/saved_json.h"

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
  return read_saved([&] {
    const auto json = parse_strict_json(text, source);
    const JsonView saved(json, source);
    const auto run = saved.member("run");
    CheckpointFacts facts;
    facts.run.config = run.member("config").string();
    facts.run.data_fingerprint = run.member("data_fingerprint").string();
    facts.run.tokenizer_hash = run.member("tokenizer_hash").string();
    facts.run.vocab = run.member("vocab").count();
    facts.run.micro_rows = run.member("micro_rows").count();
    facts.run.threads = run.member("threads").count();
    facts.run.precision = run.member("precision").string();
    facts.run.kernels = run.member("kernels").string();
    facts.run.libtorch = run.member("libtorch").string();
    facts.run.llmtrain = run.member("llmtrain").string();
    facts.progress = progress_from(saved.member("progress"));
    return facts;
  });
}

}  // namespace llmtrain
