#include <filesystem>
#include <memory>

#include "apps/llmtrain/commands.h"
#include "apps/llmtrain/model_report.h"
#include "apps/llmtrain/standard_streams.h"
#include "lib/arch/flops.h"
#include "lib/arch/parameter_table.h"
#include "lib/arch/presets.h"
#include "lib/base/text.h"
#include "lib/config/reader.h"
#include "lib/plan/pipeline_model.h"

namespace llmtrain {
namespace {

std::string grouped(std::int64_t number) { return with_thousands(static_cast<std::uint64_t>(number)); }

// A pipeline's model section alone: what --set may change of a preset.
struct ModelSection {
  ModelConfig model;
};

template <class Visitor>
void fields(ModelSection& c, Visitor&& visit) {
  visit("model", c.model, "Architecture.");
}

struct Inspected {
  PipelineModel model;
  std::string title;
  std::int64_t sequence = 0;  // tokens of a sequence that FLOPs are counted for
};

Inspected inspect_preset(const std::string& name, const std::vector<std::string>& overrides) {
  const YamlText source{.name = "preset " + name, .text = fmt::format("model:\n  preset: {}\n", name)};
  ModelSection section;
  Pipeline pipeline;
  pipeline.origins = read_config(source, section, {.overrides = overrides});
  pipeline.config.model = section.model;
  auto model = resolve_pipeline_model(pipeline, source.name);
  const std::int64_t sequence = model.shape.context;
  return {.model = std::move(model), .title = name, .sequence = sequence};
}

Inspected inspect_pipeline(const PipelineOptions& options) {
  const auto pipeline = load_pipeline(options.path, options.overrides);
  auto model = resolve_pipeline_model(pipeline, options.path);
  const auto& pretrain = pipeline.config.pretrain;
  const std::int64_t sequence = pretrain ? pretrain->sequence_length : model.shape.context;
  return {.model = std::move(model), .title = options.path, .sequence = sequence};
}

// What is no preset and does not look like a file is a preset misspelt.
Inspected inspect(const PipelineOptions& options) {
  const std::filesystem::path path = options.path;
  const bool file = path.has_parent_path() || path.extension() == ".yaml" || path.extension() == ".yml" ||
                    std::filesystem::exists(path);
  if (file && find_preset(options.path) == nullptr) return inspect_pipeline(options);
  resolve_model({.preset = options.path});
  return inspect_preset(options.path, options.overrides);
}

std::string inspect_text(const Inspected& inspected) {
  const auto& shape = inspected.model.shape;
  const auto counts = count_parameters(shape);
  auto rows = shape_rows(shape);
  rows.push_back({"vocabulary", fmt::format("{} ({})", grouped(shape.vocab), inspected.model.vocab_source)});
  const auto share = [&](const char* name, std::int64_t count) -> Row {
    return {name, grouped(count), fmt::format("{:.1f} %", 100.0 * static_cast<double>(count) / counts.total())};
  };
  const std::vector<Row> parts = {share("embedding", counts.embedding),
                                  share("attention", counts.attention),
                                  share("feed-forward", counts.feed_forward),
                                  share("norm", counts.norm),
                                  shape.tied ? Row{"head", "(the embedding)", ""} : share("head", counts.head),
                                  share("total", counts.total())};
  const double forward = forward_flops_per_token(shape, inspected.sequence);
  const double training = training_flops_per_token(shape, inspected.sequence);
  return fmt::format("{}\n\n{}\nparameters\n{}\nFLOPs a token in sequences of {}: {} forward, {} training\n\n{}",
                     printable(inspected.title), aligned(rows, Columns::kText), aligned(parts, Columns::kNumbers),
                     grouped(inspected.sequence), human_count(forward), human_count(training),
                     aligned(state_rows(counts.total()), Columns::kNumbers));
}

Json inspect_json(const Inspected& inspected) {
  const auto& shape = inspected.model.shape;
  const auto counts = count_parameters(shape);
  auto model = shape_json(shape);
  model["vocab_source"] = inspected.model.vocab_source;
  return {{"name", inspected.title},
          {"model", model},
          {"parameters",
           {{"embedding", counts.embedding},
            {"attention", counts.attention},
            {"feed_forward", counts.feed_forward},
            {"norm", counts.norm},
            {"head", counts.head},
            {"total", counts.total()}}},
          {"sequence", inspected.sequence},
          {"forward_flops_per_token", forward_flops_per_token(shape, inspected.sequence)},
          {"training_flops_per_token", training_flops_per_token(shape, inspected.sequence)},
          {"state_bytes", state_json(counts.total())}};
}

std::string presets_text() {
  std::vector<Row> rows = {
      {"preset", "parameters", "layers", "embed", "heads", "kv heads", "ffn", "vocabulary", "context"}};
  std::string family;
  for (const auto& preset : all_presets()) {
    const auto shape = resolve_model(preset.config);
    if (!family.empty() && preset.family != family) rows.emplace_back();
    family = preset.family;
    rows.push_back({preset.name, human_count(static_cast<double>(count_parameters(shape).total())),
                    grouped(shape.layers), grouped(shape.embed), grouped(shape.heads), grouped(shape.kv_heads),
                    grouped(shape.ffn), grouped(shape.vocab), grouped(shape.context)});
  }
  return aligned(rows, Columns::kNumbers);
}

Json presets_json() {
  Json json = Json::array();
  for (const auto& preset : all_presets()) {
    const auto shape = resolve_model(preset.config);
    json.push_back({{"name", preset.name},
                    {"family", preset.family},
                    {"parameters", count_parameters(shape).total()},
                    {"model", shape_json(shape)}});
  }
  return json;
}

ExitCode print(const std::string& text) {
  write_stdout(text);
  return ExitCode::kDone;
}

}  // namespace

void add_model_commands(CLI::App& app, Action& action) {
  CLI::App* model = app.add_subcommand("model", "Say what a model is: parameters, FLOPs, memory");
  model->require_subcommand(1);

  CLI::App* presets = model->add_subcommand("presets", "List the architectures known by name");
  auto presets_as_json = std::make_shared<bool>(false);
  presets->add_flag("--json", *presets_as_json, "Print JSON");
  presets->callback([presets_as_json, &action] {
    action = [presets_as_json] { return print(*presets_as_json ? presets_json().dump(2) + "\n" : presets_text()); };
  });

  CLI::App* inspected = model->add_subcommand("inspect", "Show a preset's or a pipeline file's model");
  auto options = std::make_shared<PipelineOptions>();
  auto as_json = std::make_shared<bool>(false);
  inspected->add_option("model", options->path, "A preset's name or a pipeline file (YAML)")
      ->required()
      ->type_name("PRESET|FILE");
  inspected->add_option("--set", options->overrides, "Override a key: --set model.layers=6")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  inspected->add_flag("--json", *as_json, "Print JSON");
  inspected->callback([options, as_json, &action] {
    action = [options, as_json] {
      const auto found = inspect(*options);
      return print(*as_json ? inspect_json(found).dump(2) + "\n" : inspect_text(found));
    };
  });
}

}  // namespace llmtrain
