#include <chrono>
#include <filesystem>
#include <memory>

#include <unistd.h>

#include "apps/engine/engine_commands.h"
#include "apps/engine/text_printer.h"
#include "apps/llmtrain/generate_options.h"
#include "apps/llmtrain/standard_streams.h"
#include "lib/base/file.h"
#include "lib/base/signals.h"
#include "lib/base/text.h"
#include "lib/data/prompt_file.h"
#include "lib/generate/text_generator.h"
#include "lib/generate/trained_model.h"
#include "lib/ops/runtime.h"
#include "lib/plan/pipeline_model.h"
#include "lib/plan/stage_model.h"
#include "lib/train/precision.h"

namespace llmtrain {
namespace {

std::string text_of(const std::string& file) { return file == "-" ? read_stdin() : read_file(file); }
std::string name_of(const std::string& file) { return file == "-" ? "stdin" : file; }

std::vector<Prompt> read_prompts(const GenerateCommand& options) {
  std::vector<Prompt> prompts;
  for (const auto& text : options.prompts) {
    prompts.push_back(
        whole_prompt(text, options.prompts.size() == 1 ? "--prompt" : fmt::format("--prompt {}", prompts.size() + 1)));
  }
  if (!options.prompt_file.empty()) {
    prompts.push_back(whole_prompt(text_of(options.prompt_file), name_of(options.prompt_file)));
  }
  if (!options.prompts_file.empty()) {
    auto many = parse_prompts(text_of(options.prompts_file), name_of(options.prompts_file));
    std::move(many.begin(), many.end(), std::back_inserter(prompts));
  }
  if (prompts.empty()) prompts.push_back({.text = "", .place = "the empty prompt"});
  return prompts;
}

struct Requests {
  std::vector<GenerateRequest> made;
  std::vector<PrintedRequest> printed;
};

Requests requests_of(const TrainedModel& model, const std::vector<Prompt>& prompts, std::int64_t samples) {
  Requests requests;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    const auto ids = prompt_ids(model.tokenizer, prompts[i].text);
    if (static_cast<std::int64_t>(ids.size()) > model.shape.context) {
      throw input_error("{}: the prompt has {} tokens, expected at most the {} of the model's context; shorten it",
                        prompts[i].place, ids.size(), model.shape.context);
    }
    for (std::uint32_t sample = 0; sample < samples; ++sample) {
      requests.made.push_back({.prompt = ids, .prompt_number = i, .sample = sample});
      requests.printed.push_back({.prompt = prompts[i].text, .index = static_cast<std::int64_t>(i), .sample = sample});
    }
  }
  return requests;
}

RunConfig run_of(const GenerateCommand& options) {
  RunConfig run;
  if (!options.pipeline.empty()) run = load_whole_pipeline(options.pipeline, options.overrides).config.run;
  for (const auto& [value, name] : EnumTable<Precision>::names) {
    if (options.precision == name) run.precision = value;
  }
  if (options.seed) run.seed = *options.seed;
  return run;
}

TextOptions text_options(const GenerateCommand& options, const RunConfig& run, const TrainedModel& model) {
  TextOptions text;
  text.generate.sampler = {.temperature = options.temperature,
                           .top_k = options.top_k,
                           .top_p = options.top_p,
                           .min_p = options.min_p,
                           .repetition_penalty = options.repetition_penalty};
  text.generate.max_tokens = options.max_tokens;
  text.generate.end_ids = model.end_ids;
  text.generate.seed = static_cast<std::uint64_t>(run.seed);
  text.stops = options.stops;
  text.slots = options.slots;
  return text;
}

TrainedModel open_model(const GenerateCommand& options, const RunConfig& run) {
  const HfFolder files(options.model.empty() ? last_stage_model(run, options.pipeline) : named_model(options.model));
  const bool bf16 = choose_precision(run.precision, files.shape()) == Precision::kBf16;
  return open_trained_model(files, bf16 ? at::kBFloat16 : at::kFloat);
}

ExitCode print_texts(const GenerateCommand& options, const RunConfig& run, const TrainedModel& model,
                     Requests requests) {
  const bool terminal = ::isatty(STDOUT_FILENO) == 1;
  const auto count = requests.made.size();
  // A bar would cross the texts that grow on the same screen.
  const bool shows_progress = count > 1 && !terminal;
  Progress progress("generating", count, "texts", shows_progress ? options.shared.progress_mode() : ProgressMode::kOff);
  TextPrinter printer(std::move(requests.printed), {.write = write_stdout,
                                                    .json = options.json,
                                                    .terminal = terminal,
                                                    .seed = static_cast<std::uint64_t>(run.seed)});
  std::int64_t tokens = 0;
  TextEvents events;
  events.piece = [&](std::size_t request, std::string_view text) { printer.piece(request, text); };
  events.end = [&](std::size_t request, const MadeText& text) {
    tokens += text.tokens;
    printer.end(request, text);
    progress.add(1);
  };
  events.wanted = [&] { return printer.wanted(); };
  const auto start = std::chrono::steady_clock::now();
  const auto text = text_options(options, run, model);
  const bool whole = make_texts(*model.decoder, model.tokenizer, requests.made, text, events);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  printer.finish();
  if (!whole && stop_requested()) {
    throw stopped_error("stopped while generating: {} of {} are whole", printer.ended(),
                        counted(static_cast<std::uint64_t>(count), "text"));
  }
  if (!whole) return ExitCode::kDone;  // the reader has what it wanted
  if (shows_progress) progress.finish();
  options.shared.log().info("{} in {}, {} tokens/s", counted(static_cast<std::uint64_t>(tokens), "token"),
                            human_seconds(seconds.count()), human_count(static_cast<double>(tokens) / seconds.count()));
  return ExitCode::kDone;
}

ExitCode generate(const GenerateCommand& options) {
  check_generate_options(options);
  const auto run = run_of(options);
  const auto prompts = read_prompts(options);
  start_runtime({.threads = static_cast<int>(run.threads.value)});
  const auto model = open_model(options, run);
  return print_texts(options, run, model, requests_of(model, prompts, options.samples));
}

}  // namespace

void add_generate_command(CLI::App& app, Action& action) {
  auto options = std::make_shared<GenerateCommand>();
  CLI::App* command = add_generate_options(app, *options);
  command->callback([options, &action] { action = [options] { return generate(*options); }; });
}

}  // namespace llmtrain
