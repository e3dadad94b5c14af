#include <memory>

#include "apps/llmtrain/commands.h"
#include "apps/llmtrain/standard_streams.h"
#include "lib/base/text.h"
#include "lib/config/explain.h"
#include "lib/config/pipeline.h"
#include "lib/config/reference.h"
#include "lib/config/schema.h"
#include "lib/plan/pipeline_model.h"

namespace llmtrain {
namespace {

ExitCode print(const std::string& text) {
  write_stdout(text);
  return ExitCode::kDone;
}

// "run, model, pretrain": the sections that file and overrides give.
std::string sections_of(const Pipeline& pipeline) {
  std::vector<std::string> names;
  for (const auto& section : pipeline_spec().children) {
    if (pipeline.origins.contains(section.name)) names.push_back(section.name);
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

void add_check(CLI::App& config, Action& action) {
  CLI::App* command = config.add_subcommand("check", "Check a pipeline file and name every mistake in it");
  auto options = std::make_shared<PipelineOptions>();
  add_pipeline_options(*command, *options);
  command->callback([options, &action] {
    action = [options] {
      const Pipeline pipeline = load_whole_pipeline(options->path, options->overrides);
      return print(fmt::format("{}: ok ({})\n", printable(options->path), sections_of(pipeline)));
    };
  });
}

void add_show(CLI::App& config, Action& action) {
  CLI::App* command = config.add_subcommand("show", "Print the file with every default filled in");
  auto options = std::make_shared<PipelineOptions>();
  auto origin = std::make_shared<bool>(false);
  add_pipeline_options(*command, *options);
  command->add_flag("--origin", *origin, "Say behind each value where it came from");
  command->callback([options, origin, &action] {
    action = [options, origin] {
      const Pipeline pipeline = load_whole_pipeline(options->path, options->overrides);
      return print(write_config(pipeline.config, *origin ? &pipeline.origins : nullptr));
    };
  });
}

void add_explain(CLI::App& config, Action& action) {
  CLI::App* command = config.add_subcommand("explain", "Say what a key means and what it takes; without one, list all");
  auto key = std::make_shared<std::string>();
  command->add_option("key", *key, "Full path of a key: pretrain.optim.lr")->type_name("KEY");
  command->callback([key, &action] {
    action = [key] { return print(key->empty() ? explain_tree(pipeline_spec()) : explain_key(pipeline_spec(), *key)); };
  });
}

}  // namespace

void add_config_commands(CLI::App& app, Action& action) {
  CLI::App* config = app.add_subcommand("config", "Check, show and explain pipeline files");
  config->require_subcommand(1);
  add_check(*config, action);
  add_show(*config, action);
  add_explain(*config, action);
  config->add_subcommand("schema", "Print a JSON Schema of pipeline files, for editors")->callback([&action] {
    action = [] { return print(json_schema(pipeline_spec())); };
  });
  config->add_subcommand("reference", "Print the page on all keys (configs/README.md)")->callback([&action] {
    action = [] { return print(key_reference(pipeline_spec())); };
  });
}

}  // namespace llmtrain
