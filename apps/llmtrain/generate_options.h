#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "apps/llmtrain/commands.h"

namespace llmtrain {

// What `llmtrain generate` takes, alike in the front and in the engine.
struct GenerateCommand {
  std::string pipeline;  // "" without one
  std::vector<std::string> overrides;
  std::string model;  // "": the pipeline's
  SharedOptions shared;
  std::vector<std::string> prompts;
  std::string prompt_file;   // of one prompt; "-" is stdin
  std::string prompts_file;  // of many
  std::int64_t max_tokens = 256;
  double temperature = 0.8;
  std::optional<std::int64_t> top_k;
  double top_p = 1.0;
  double min_p = 0.0;
  double repetition_penalty = 1.0;
  std::optional<std::int64_t> seed;  // none: the pipeline's
  std::vector<std::string> stops;
  std::int64_t samples = 1;
  std::int64_t slots = 16;
  bool json = false;
  std::string precision;  // "": the pipeline's
};

// "generate" with its options.
CLI::App* add_generate_options(CLI::App& app, GenerateCommand& options);

// The command line behind the command's name that reads to the same options.
std::vector<std::string> to_arguments(const GenerateCommand& options);

// Throws config_error (2) for options that make no sense together.
void check_generate_options(const GenerateCommand& options);

}  // namespace llmtrain
