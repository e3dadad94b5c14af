#include <memory>

#include "apps/llmtrain/commands.h"
#include "apps/llmtrain/data_report.h"
#include "apps/llmtrain/standard_streams.h"
#include "lib/config/pipeline.h"
#include "lib/data/corpus.h"
#include "lib/data/corpus_stats.h"
#include "lib/data/learn_tokenizer.h"
#include "lib/tokenizer/tokenizer.h"

namespace llmtrain {
namespace {

struct DataOptions {
  PipelineOptions pipeline;
  SharedOptions shared;
  bool verify = false;
  int threads = 0;
  bool json = false;
  std::uint64_t rows = 3;
  std::uint64_t position = 0;
};

// A pipeline's data, tokenizer and prepared corpus.
struct PipelineData {
  PipelineConfig config;
  Tokenizer tokenizer;
  PreparedCorpus corpus;

  const PretrainConfig& pretrain() const { return *config.pretrain; }
};

PipelineData prepare(const DataOptions& options) {
  PipelineConfig config = load_pipeline(options.pipeline.path, options.pipeline.overrides).config;
  if (!config.pretrain) {
    throw config_error("{}: no section 'pretrain': its 'data' says what to prepare", options.pipeline.path);
  }
  const auto log = options.shared.log();
  const auto progress = options.shared.progress_mode();
  Tokenizer tokenizer = pipeline_tokenizer(config, {.threads = options.threads, .progress = progress}, log);
  auto corpus = prepare_corpus(
      *config.pretrain, tokenizer,
      {.verify = options.verify ? Verify::kAll : Verify::kNothing, .threads = options.threads, .progress = progress},
      log);
  if (corpus.bad_lines.count() > 0) log.warn("{}", corpus.bad_lines.summary());
  return {.config = std::move(config), .tokenizer = std::move(tokenizer), .corpus = std::move(corpus)};
}

ExitCode print(const std::string& text) {
  write_stdout(text);
  return ExitCode::kDone;
}

ExitCode print_prepared(const DataOptions& options) {
  const auto data = prepare(options);
  return print(prepared_text(data.corpus, data.pretrain()));
}

ExitCode print_stats(const DataOptions& options) {
  const auto data = prepare(options);
  const auto stats = measure_corpus(data.corpus, data.pretrain(), data.tokenizer, options.shared.progress_mode());
  return print(options.json ? stats_json(stats, data.pretrain()).dump(2) + "\n" : stats_text(stats, data.pretrain()));
}

ExitCode print_preview(const DataOptions& options) {
  const auto data = prepare(options);
  return print(preview_text(
      data.corpus, data.pretrain(), data.tokenizer,
      {.seed = static_cast<std::uint64_t>(data.config.run.seed), .position = options.position, .rows = options.rows}));
}

CLI::App* add_command(CLI::App& data, Action& action, const char* name, const char* what,
                      const std::shared_ptr<DataOptions>& options, ExitCode (*work)(const DataOptions&)) {
  CLI::App* command = data.add_subcommand(name, what);
  add_pipeline_options(*command, options->pipeline);
  add_shared_options(*command, options->shared);
  command->add_flag("--verify-data", options->verify, "Hash every data file and shard, whatever was remembered");
  command->add_option("--threads", options->threads, "Threads; 0: one a processor")->check(CLI::Range(0, 4096));
  command->callback([options, work, &action] { action = [options, work] { return work(*options); }; });
  return command;
}

}  // namespace

void add_data_commands(CLI::App& app, Action& action) {
  CLI::App* data = app.add_subcommand("data", "Tokenize, measure and look at training data");
  data->require_subcommand(1);
  add_command(*data, action, "prepare", "Tokenize the data of a pipeline file once, for all later runs",
              std::make_shared<DataOptions>(), print_prepared);
  const auto stats = std::make_shared<DataOptions>();
  add_command(*data, action, "stats", "Documents, tokens, lengths, duplicates and scripts of the data", stats,
              print_stats)
      ->add_flag("--json", stats->json, "Print JSON");
  const auto preview = std::make_shared<DataOptions>();
  CLI::App* command = add_command(*data, action, "preview", "Show rows as the model will see them, in training's order",
                                  preview, print_preview);
  command->add_option("--rows", preview->rows, "How many rows")->check(CLI::Range(1, 100000));
  command->add_option("--position", preview->position, "The row of training to begin with")
      ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{1} << 62U));
}

}  // namespace llmtrain
