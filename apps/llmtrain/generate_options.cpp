#include "apps/llmtrain/generate_options.h"

#include <limits>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "lib/base/error.h"
#include "lib/base/text.h"

namespace llmtrain {
namespace {

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

// Takes every text as it stands: CLI11 would read "{}" and "[a]" as lists.
void add_texts(CLI::App& command, const std::string& name, std::vector<std::string>& texts, const std::string& help) {
  command
      .add_option_function<std::string>(
          name, [&texts](const std::string& text) { texts.push_back(text); }, help)
      ->trigger_on_parse()
      ->type_name("TEXT");
}

CLI::Validator number_between(double least, double most, bool least_itself) {
  return CLI::Validator(
      [=](std::string& text) -> std::string {
        double value = 0;
        const bool number = CLI::detail::lexical_cast(text, value);
        if (number && value <= most && (least_itself ? value >= least : value > least)) return "";
        return fmt::format("expected a number {} {}{}, got {}", least_itself ? "from" : "above", least,
                           most < std::numeric_limits<double>::max() ? fmt::format(" to {}", most) : "",
                           printable(text, 60));
      },
      "");
}

void add_sampling_options(CLI::App& command, GenerateCommand& options) {
  constexpr double kNoLimit = std::numeric_limits<double>::max();
  command.add_option("--max-tokens", options.max_tokens, "Longest text after a prompt, in tokens")
      ->check(CLI::Range(std::int64_t{1}, kMost).description(""))
      ->capture_default_str();
  command.add_option("--temperature", options.temperature, "Scale of the randomness; 0 takes the likeliest token")
      ->check(number_between(0, kNoLimit, true))
      ->capture_default_str();
  command.add_option("--top-k", options.top_k, "Only this many of the likeliest tokens are drawn from")
      ->check(CLI::Range(std::int64_t{1}, kMost).description(""));
  command
      .add_option("--top-p", options.top_p,
                  "Only the likeliest tokens that together have this probability are drawn from, after --top-k")
      ->check(number_between(0, 1, false))
      ->capture_default_str();
  command
      .add_option("--min-p", options.min_p,
                  "Only tokens at least this times as likely as the likeliest are drawn from, after --top-p")
      ->check(number_between(0, 1, true))
      ->capture_default_str();
  command
      .add_option("--repetition-penalty", options.repetition_penalty,
                  "Above 1: tokens of the prompt and of the text so far become less likely")
      ->check(number_between(0, kNoLimit, false))
      ->capture_default_str();
  command
      .add_option("--seed", options.seed,
                  "Seed of the draws; else the pipeline's. The same command gives the same texts: how many are decoded "
                  "together (--slots) changes them by rounding at most")
      ->check(CLI::Range(std::int64_t{0}, kMost).description(""));
}

void add_prompt_options(CLI::App& command, GenerateCommand& options) {
  add_texts(command, "--prompt", options.prompts,
            "A text to go on from; may be repeated. An empty one, or no prompt at all, begins a document (from the "
            "token that ends one)");
  command.add_option("--prompt-file", options.prompt_file, "A file that is one prompt, to its last byte; - is stdin")
      ->type_name("FILE");
  command
      .add_option("--prompts", options.prompts_file,
                  "A file of prompts: JSON lines with the key 'prompt', or one prompt a line; - is stdin")
      ->type_name("FILE");
}

}  // namespace

CLI::App* add_generate_options(CLI::App& app, GenerateCommand& options) {
  CLI::App* command = app.add_subcommand("generate", "Let a model go on with texts");
  command
      ->add_option("pipeline", options.pipeline,
                   "Pipeline file (YAML), whose last finished stage gives the model; not needed with --model")
      ->type_name("FILE");
  command->add_option("--set", options.overrides, "Override a key: --set run.name=other")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  command->add_option("--model", options.model, "The folder of a model, a stage or a run")->type_name("DIR");
  add_shared_options(*command, options.shared);
  add_prompt_options(*command, options);
  add_sampling_options(*command, options);
  add_texts(*command, "--stop", options.stops, "The text ends before this one; may be repeated");
  command->add_option("--num-samples", options.samples, "Texts a prompt")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 31).description(""))
      ->capture_default_str();
  command
      ->add_option("--slots", options.slots,
                   "Texts decoded together, each with memory of its own; fewer where it is short")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{4096}).description(""))
      ->capture_default_str();
  command->add_flag("--json", options.json,
                    "Print one JSON object a text: index, sample, prompt, text, tokens, finish_reason, seed");
  command->add_option("--precision", options.precision, "auto, fp32 or bf16; else the pipeline's")
      ->check(CLI::IsMember({"auto", "fp32", "bf16"}).description(""))
      ->type_name("NAME");
  return command;
}

std::vector<std::string> to_arguments(const GenerateCommand& options) {
  std::vector<std::string> arguments;
  // In one word, so that a value that begins with a hyphen stays a value; an empty one cannot be.
  const auto add = [&](const std::string& name, const std::string& value) {
    if (value.empty()) {
      arguments.insert(arguments.end(), {name, ""});
    } else {
      arguments.push_back(name + "=" + value);
    }
  };
  const auto add_given = [&](const std::string& name, const std::string& value) {
    if (!value.empty()) add(name, value);
  };
  for (const auto& text : options.overrides) add("--set", text);
  add_given("--model", options.model);
  if (options.shared.quiet) arguments.emplace_back("--quiet");
  add("--progress", options.shared.progress);
  for (const auto& text : options.prompts) add("--prompt", text);
  add_given("--prompt-file", options.prompt_file);
  add_given("--prompts", options.prompts_file);
  add("--max-tokens", std::to_string(options.max_tokens));
  add("--temperature", fmt::format("{}", options.temperature));
  if (options.top_k) add("--top-k", std::to_string(*options.top_k));
  add("--top-p", fmt::format("{}", options.top_p));
  add("--min-p", fmt::format("{}", options.min_p));
  add("--repetition-penalty", fmt::format("{}", options.repetition_penalty));
  if (options.seed) add("--seed", std::to_string(*options.seed));
  for (const auto& text : options.stops) add("--stop", text);
  add("--num-samples", std::to_string(options.samples));
  add("--slots", std::to_string(options.slots));
  if (options.json) arguments.emplace_back("--json");
  add_given("--precision", options.precision);
  if (!options.pipeline.empty()) arguments.insert(arguments.end(), {"--", options.pipeline});
  return arguments;
}

void check_generate_options(const GenerateCommand& options) {
  if (options.pipeline.empty() && options.model.empty()) {
    throw config_error("no model is named, expected a pipeline file or --model DIR; try 'llmtrain generate --help'");
  }
  if (options.pipeline.empty() && !options.overrides.empty()) {
    throw config_error("--set: overrides a key of a pipeline file, and none is given");
  }
  if (options.prompt_file == "-" && options.prompts_file == "-") {
    throw config_error("--prompt-file and --prompts: only one of them can read stdin");
  }
  for (const auto& stop : options.stops) {
    if (stop.empty()) throw config_error("--stop: expected a text, got nothing");
    if (find_invalid_utf8(stop)) throw config_error("--stop: malformed UTF-8 in '{}'", printable(stop));
  }
}

}  // namespace llmtrain
