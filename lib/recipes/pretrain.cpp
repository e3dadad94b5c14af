#include "lib/recipes/pretrain.h"

#include <array>
#include <csignal>
#include <filesystem>
#include <optional>

#include <ATen/Version.h>
#include <nlohmann/json.hpp>
#include <sys/random.h>
#include <torch/csrc/api/include/torch/version.h>

#include "lib/arch/flops.h"
#include "lib/base/file.h"
#include "lib/base/host_memory.h"
#include "lib/base/processor.h"
#include "lib/base/signals.h"
#include "lib/base/test_hooks.h"
#include "lib/base/text.h"
#include "lib/config/saved_pipeline.h"
#include "lib/interop/hf_export.h"
#include "lib/interop/hf_tokenizer_files.h"
#include "lib/metrics/wall_clock.h"
#include "lib/ops/matrix_rate.h"
#include "lib/ops/runtime.h"
#include "lib/params/init.h"
#include "lib/plan/memory.h"
#include "lib/recipes/dry_run_folder.h"
#include "lib/recipes/pretrain_parts.h"
#include "lib/train/lm_objective.h"
#include "lib/train/loop.h"
#include "lib/train/precision.h"
#include "lib/train/resume_check.h"
#include "lib/train/run_description.h"
#include "lib/train/run_facts.h"
#include "lib/train/stage_folder.h"
#include "lib/train/stage_report.h"
#include "lib/train/stage_result.h"
#include "lib/train/start_record.h"
#include "lib/train/state_files.h"

namespace llmtrain {
namespace {

constexpr const char* kStage = "pretrain";
constexpr const char* kTokenizerFile = "tokenizer.json";
// What is spent at the start on measuring the rate of matrix products, which utilisation is a share of.
constexpr double kRateSeconds = 0.1;

// What is chosen once for a run, and used again when it is resumed.
struct Choices {
  std::int64_t micro_rows = 0;
  int threads = 0;
  Precision precision = Precision::kFp32;
};

MemoryOptions memory_options(const PretrainInputs& inputs, Precision precision) {
  return {.sequence_length = inputs.stage().sequence_length,
          .bytes_per_activation = precision == Precision::kBf16 ? 2 : 4,
          .recompute = inputs.stage().recompute};
}

TrainingMemory planned_memory(const PretrainInputs& inputs, Precision precision) {
  const auto& recipe = precision == Precision::kBf16 ? kBf16AccumulatedRecipe : kFp32Recipe;
  return training_memory(inputs.shape, recipe, memory_options(inputs, precision));
}

std::int64_t micro_rows_for(const PretrainInputs& inputs, Precision precision) {
  const auto& wanted = inputs.stage().micro_batch;
  const auto options = memory_options(inputs, precision);
  const auto memory = planned_memory(inputs, precision);
  const auto available = static_cast<std::int64_t>(host_memory().available);
  const std::int64_t chosen = choose_micro_rows(memory, options, inputs.batch_rows, available);
  return wanted.automatic() ? chosen : wanted.value;
}

Choices choose(const PretrainInputs& inputs, const std::optional<CheckpointFacts>& from) {
  const auto& run = inputs.config.run;
  const auto& wanted = inputs.stage().micro_batch;
  Choices choices;
  choices.precision = choose_precision(run.precision, inputs.shape);
  choices.threads = static_cast<int>(run.threads.value);
  if (from) {
    choices.precision = from->run.precision == "bf16" ? Precision::kBf16 : Precision::kFp32;
    if (run.threads.automatic()) choices.threads = static_cast<int>(from->run.threads);
  }
  choices.micro_rows = from && wanted.automatic() ? from->run.micro_rows : micro_rows_for(inputs, choices.precision);
  return choices;
}

RunFacts facts_of(const PretrainInputs& inputs, const Choices& choices, const RuntimeChoices& runtime) {
  return {.config = write_saved_pipeline(inputs.config),
          .data_fingerprint = inputs.corpus.fingerprint,
          .tokenizer_hash = inputs.tokenizer.hash(),
          .vocab = inputs.shape.vocab,
          .micro_rows = choices.micro_rows,
          .threads = runtime.threads,
          .precision = std::string(enum_name(choices.precision)),
          .kernels = runtime.kernels + (runtime.avx512_gemm ? ", AVX-512 products" : ""),
          .libtorch = TORCH_VERSION,
          .llmtrain = LLMTRAIN_VERSION};
}

std::string new_run_id() {
  std::array<unsigned char, 8> bytes{};
  ENSURE(::getrandom(bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  return fmt::format("{:02x}", fmt::join(bytes, ""));
}

std::uint64_t folder_bytes(const std::filesystem::path& folder) {
  std::uint64_t bytes = 0;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, ignored)) {
    if (entry.is_regular_file(ignored)) bytes += entry.file_size(ignored);
  }
  return bytes;
}

struct DiskNeed {
  std::uint64_t checkpoints = 0;  // that will stand side by side at most, with one save in flight
  std::uint64_t bytes = 0;        // of them and of the result, but for what stands there already, from before a resume
  std::uint64_t free = 0;
};

DiskNeed disk_need(const std::filesystem::path& stage, const PretrainInputs& inputs, std::uint64_t checkpoint) {
  const auto& config = inputs.stage().checkpoint;
  const std::uint64_t kept = static_cast<std::uint64_t>(config.keep) + (config.keep_best ? 1 : 0) + 1;
  const auto weights = static_cast<std::uint64_t>(count_parameters(inputs.shape).total()) * sizeof(float);
  const std::uint64_t all = kept * checkpoint + 2 * weights;
  const std::uint64_t there = folder_bytes(stage / "checkpoints") + folder_bytes(stage / "model");
  return {.checkpoints = kept, .bytes = all - std::min(all, there), .free = free_bytes(stage)};
}

// The fp32 weights and moments that checkpoint_bytes will count: AdamW has two moments, Muon one of what it steps.
std::uint64_t checkpoint_estimate(const PretrainInputs& inputs) {
  const auto counts = count_parameters(inputs.shape);
  std::int64_t floats = 3 * counts.total();
  if (inputs.stage().optim.name == OptimizerName::kMuon) floats -= counts.attention + counts.feed_forward;
  return static_cast<std::uint64_t>(floats) * sizeof(float);
}

void check_disk(const std::filesystem::path& stage, const DiskNeed& need) {
  if (need.bytes <= need.free) return;
  throw storage_error(
      "{}: {} checkpoints and the result need {}, {} are free; make room, or lower pretrain.checkpoint.keep",
      stage.string(), need.checkpoints, human_bytes(need.bytes), human_bytes(need.free));
}

// Shows work as far as it has come; a stop ends it between two pieces.
BytesRead watched(Progress& progress, const char* what) {
  return [&progress, what](std::uint64_t bytes) {
    stop_point(what);
    progress.add(bytes);
  };
}

// Reading a checkpoint whole, shown while it lasts.
template <class Work>
auto while_checking(ProgressMode mode, const Work& work) {
  constexpr const char* kWhat = "checking the checkpoint";
  Progress progress(kWhat, 0, "B", mode);
  return work(watched(progress, kWhat));
}

void export_model(const std::filesystem::path& stage, const PretrainInputs& inputs, const WeightStore& store,
                  ProgressMode mode) {
  const auto parameters = static_cast<std::uint64_t>(count_parameters(inputs.shape).total());
  Progress progress("writing the model", parameters * sizeof(float), "B", mode);
  const auto told = watched(progress, "writing the model");
  HfExport result;
  result.shape = inputs.shape;
  result.tokenizer = &inputs.tokenizer;
  if (const auto end = inputs.tokenizer.end_of_document()) result.tokens.eos = {*end};
  result.weights = [&](const std::string& name) -> std::span<const float> {
    const auto weight = store.master(name);
    if (test_hook("stop_in_export")) std::raise(SIGTERM);
    told(weight.nbytes());
    return {weight.data_ptr<float>(), static_cast<std::size_t>(weight.numel())};
  };
  write_hf_folder(stage / "model", result);
}

LoopSettings loop_settings(const PretrainInputs& inputs, const Choices& choices, const std::filesystem::path& stage) {
  const auto& config = inputs.stage();
  LoopSettings settings;
  settings.total_steps = inputs.total_steps;
  if (config.max_time) settings.max_seconds = config.max_time->seconds;
  settings.micro_rows = choices.micro_rows;
  settings.optim = config.optim;
  settings.guard = config.guard;
  settings.evaluation = config.evaluation;
  settings.checkpoint = config.checkpoint;
  settings.sample_every_steps = config.samples.every_steps;
  settings.log_every_steps = config.log_every_steps;
  settings.stage = stage;
  settings.memory_total = host_memory().total;
  return settings;
}

std::string overview(const PretrainInputs& inputs, const Choices& choices, const LoopSettings& settings) {
  const auto parameters = count_parameters(inputs.shape).total();
  const auto& stage = inputs.stage();
  const std::string length = settings.total_steps > 0
                                 ? counted(static_cast<std::uint64_t>(settings.total_steps), "step")
                                 : "steps for " + human_seconds(settings.max_seconds.value_or(0));
  return fmt::format("{} parameters, {} of {} tokens ({} rows of {}, {} a micro-batch), {}, {}",
                     human_count(static_cast<double>(parameters)), length,
                     with_thousands(static_cast<std::uint64_t>(stage.batch_tokens)), inputs.batch_rows,
                     stage.sequence_length, choices.micro_rows, enum_name(choices.precision),
                     counted(static_cast<std::uint64_t>(choices.threads), "thread"));
}

// One stage, from its folder to its result.
class Pretraining {
 public:
  Pretraining(const Pipeline& pipeline, const std::string& source, const TrainRequest& request)
      : pipeline_(pipeline),
        source_(source),
        request_(request),
        first_console_({.quiet = request.quiet,
                        .format = request.log_format == "json" ? ConsoleFormat::kJson : ConsoleFormat::kText,
                        .label = kStage}),
        log_(LogLevel::kNormal, [this](LogKind kind, std::string_view text) { say_first(kind, text); }) {}

  // As run() up to the weights, in a folder that is removed.
  ExitCode dry_run() {
    const auto stage = stage_path(pipeline_.config.run, kStage);
    const DryRunFolder folder(pipeline_.config);
    const auto reader = while_checking(work_progress(request_), [&](const BytesRead& told) {
      return checkpoint_to_resume(stage, request_.resume, log_, told);
    });
    std::optional<CheckpointFacts> from;
    if (reader) from = facts_from_json(reader->manifest().facts, reader->path().string());
    const auto redirected = folder.redirected(pipeline_);
    auto inputs = prepare_pretrain(redirected, source_, request_, log_, kept_tokenizer(stage, from));
    inputs.config = pipeline_.config;
    auto choices = choose(inputs, from);
    const auto runtime = start_runtime({.threads = choices.threads});
    choices.threads = runtime.threads;
    if (from) {
      const auto facts = facts_of(inputs, choices, runtime);
      for (const auto& note : check_resume(from->run, facts, inputs.config, resume_rules(*reader)))
        log_.info("{}", note);
    }
    const auto need = disk_need(stage, inputs, checkpoint_estimate(inputs));
    check_disk(stage, need);
    describe(inputs, choices, need);
    log_.info("dry run: {}; nothing was written",
              from ? fmt::format("would go on after step {}", from->progress.step) : "would begin at the first step");
    return ExitCode::kDone;
  }

  ExitCode run() {
    auto folder = while_checking(work_progress(request_), [&](const BytesRead& told) {
      return StageFolder(pipeline_.config.run, kStage, request_.resume, log_, told);
    });
    std::optional<CheckpointFacts> from;
    auto& reader = folder.resume_from();
    if (reader) from = facts_from_json(reader->manifest().facts, reader->path().string());
    const auto inputs = prepare_pretrain(pipeline_, source_, request_, log_, kept_tokenizer(folder.path(), from));
    auto choices = choose(inputs, from);
    const auto runtime = start_runtime({.threads = choices.threads});
    choices.threads = runtime.threads;
    const auto facts = facts_of(inputs, choices, runtime);
    auto settings = loop_settings(inputs, choices, folder.path());
    std::vector<std::string> notes;
    if (from) {
      notes = check_resume(from->run, facts, inputs.config, resume_rules(*reader));
      if (is_done(settings, from->progress, inputs.stage().result)) {
        log_.info("{}: done before, after {}; the model is in {}", folder.path().string(),
                  counted(static_cast<std::uint64_t>(from->progress.step), "step"), (folder.path() / "model").string());
        return ExitCode::kDone;
      }
    }
    settings.facts = to_json(facts);
    if (reader) settings.resumed_from = reader->path().string();
    settings.run_id = reader ? reader->manifest().run_id : new_run_id();
    append_start(folder.path(),
                 {.time = unix_seconds(),
                  .command = request_.command,
                  .after_step = from ? from->progress.step : 0,
                  .processor = processor_name(),
                  .memory_bytes = settings.memory_total},
                 facts, log_);
    return train(folder, inputs, choices, settings, from, notes);
  }

 private:
  ResumeRules resume_rules(const CheckpointReader& reader) const {
    return {.stage = kStage, .checkpoint = reader.path().string(), .accept_data_change = request_.accept_data_change};
  }

  // What a dry run found.
  void describe(const PretrainInputs& inputs, const Choices& choices, const DiskNeed& need) const {
    const auto& shape = inputs.shape;
    const auto& stage = inputs.stage();
    log_.info("dry run: {}", overview(inputs, choices, loop_settings(inputs, choices, "")));
    log_.info("dry run: model: {}, width {}, {}, vocabulary {}, context {}",
              counted(static_cast<std::uint64_t>(shape.layers), "layer"), shape.embed,
              counted(static_cast<std::uint64_t>(shape.heads), "head"),
              with_thousands(static_cast<std::uint64_t>(shape.vocab)), shape.context);
    const auto rows = inputs.corpus.train_rows();
    std::string passes;
    if (inputs.total_steps > 0) {
      const auto taken = static_cast<double>(inputs.total_steps) * static_cast<double>(inputs.batch_rows);
      passes = fmt::format("; the run makes {:.3g} passes over them", taken / static_cast<double>(rows));
    }
    log_.info("dry run: data: {} of {} tokens to train on{}; {} held out", counted(rows, "row"), stage.sequence_length,
              passes, with_thousands(inputs.corpus.validation_rows()));
    const auto memory = planned_memory(inputs, choices.precision).total(choices.micro_rows);
    const auto available = host_memory().available;
    log_.info("dry run: memory: needs about {}, {} are available", human_bytes(static_cast<std::uint64_t>(memory)),
              human_bytes(available));
    if (static_cast<std::uint64_t>(memory) > available) {
      log_.warn("more memory is needed than is available; try a smaller pretrain.micro_batch");
    }
    log_.info("dry run: disk: {} checkpoints and the result need {}, {} are free", need.checkpoints,
              human_bytes(need.bytes), human_bytes(need.free));
  }

  // Before there is a train.log that may be written to: it gets the lines later.
  void say_first(LogKind kind, std::string_view text) {
    if (kind == LogKind::kWarning) {
      first_console_.warning(text);
      first_lines_.push_back(fmt::format("warning: {}", text));
    } else {
      first_console_.message(text);
      first_lines_.emplace_back(text);
    }
  }

  // A tokenizer learnt from data that changed would be another one: who accepts other data goes on with the run's own.
  std::optional<Tokenizer> kept_tokenizer(const std::filesystem::path& stage,
                                          const std::optional<CheckpointFacts>& from) const {
    const auto file = stage / kTokenizerFile;
    std::error_code ignored;
    if (!from || !request_.accept_data_change || !pipeline_.config.tokenizer.train) return std::nullopt;
    if (!std::filesystem::exists(file, ignored)) return std::nullopt;
    auto tokenizer = Tokenizer::load(file);
    if (tokenizer.hash() != from->run.tokenizer_hash) return std::nullopt;
    return tokenizer;
  }

  ExitCode train(StageFolder& folder, const PretrainInputs& inputs, const Choices& choices,
                 const LoopSettings& settings, const std::optional<CheckpointFacts>& from,
                 const std::vector<std::string>& notes) {
    const auto& stage = folder.path();
    const auto& config = inputs.stage();
    const StoreTypes types = store_types(choices.precision, inputs.batch_rows <= choices.micro_rows);
    WeightStore store(decoder_layout(inputs.shape, block_rule(config.optim)), types);
    Optimizer optimizer(store, config.optim);
    check_disk(stage, disk_need(stage, inputs, checkpoint_bytes(store, optimizer)));
    const Decoder decoder(inputs.shape, store);
    ProgressState progress;
    if (from) {
      Progress loading("loading the checkpoint", checkpoint_bytes(store, optimizer), "B", work_progress(request_));
      restore_state(store, optimizer, *folder.resume_from(), request_.accept_non_finite,
                    watched(loading, "loading the checkpoint"));
      progress = from->progress;
    } else {
      const auto parameters = static_cast<std::uint64_t>(count_parameters(inputs.shape).total());
      Progress making("making the first weights", parameters * sizeof(float), "B", work_progress(request_));
      initialize(store, inputs.shape, static_cast<std::uint64_t>(inputs.config.run.seed),
                 watched(making, "making the first weights"));
    }
    write_file(stage / "config.yaml", write_saved_pipeline(inputs.config));
    write_file(stage / kTokenizerFile, inputs.tokenizer.to_json());
    write_run_description(stage,
                          {.parameters = count_parameters(inputs.shape).total(),
                           .vocab = inputs.shape.vocab,
                           .total_steps = settings.total_steps,
                           .batch_tokens = config.batch_tokens,
                           .micro_rows = choices.micro_rows,
                           .threads = choices.threads,
                           .precision = std::string(enum_name(choices.precision))},
                          inputs.corpus);
    // A run that was killed before its first checkpoint left lines too.
    const bool begun_before = from || std::filesystem::exists(stage / "metrics.jsonl");
    MetricsLog::truncate_after(stage / "metrics.jsonl", progress.events_done ? progress.step : progress.step - 1);

    RunLog run_log(stage / "train.log");
    for (const auto& line : first_lines_) run_log.line(line);
    Console console({.quiet = request_.quiet,
                     .format = request_.log_format == "json" ? ConsoleFormat::kJson : ConsoleFormat::kText,
                     .mode = request_.progress,
                     .label = kStage,
                     .total_steps = settings.total_steps,
                     .every_steps = settings.log_every_steps},
                    std::move(run_log));
    MetricsLog metrics(stage / "metrics.jsonl", console.log());
    TensorboardWriter tensorboard(stage, console.log());
    console.message(overview(inputs, choices, settings));
    for (const auto& note : notes) console.message(note);
    if (from) {
      console.message(fmt::format("resuming after step {}", progress.step));
      metrics.write({{"step", progress.step}, {"event", std::string("resume")}});
    }
    if (begun_before) tensorboard.resume_after(progress.events_done ? progress.step : progress.step - 1);
    Throughput throughput({.flops_a_token = training_flops_per_token(inputs.shape, config.sequence_length),
                           .peak_flops = measured_matrix_rate(types.compute, kRateSeconds)});
    const LoopParts parts{
        .store = store,
        .optimizer = optimizer,
        .objective = lm_objective(decoder, {.label_smoothing = config.label_smoothing,
                                            .z_loss = config.z_loss,
                                            .recompute = config.recompute,
                                            .seed = static_cast<std::uint64_t>(inputs.config.run.seed)}),
        .source = training_rows(inputs),
        .evaluate = held_out_loss(inputs, decoder, choices.micro_rows, work_progress(request_)),
        .sample = sample_texts(inputs, decoder, stage, console, tensorboard),
        .console = console,
        .metrics = metrics,
        .tensorboard = tensorboard,
        .throughput = throughput,
        .times = times_};
    try {
      if (run_loop(settings, parts, progress) == LoopEnd::kStopped) {
        console.message(fmt::format("stopped after step {}, state saved in {}; the same command goes on", progress.step,
                                    (stage / "checkpoints").string()));
        return ExitCode::kRequeue;
      }
      finish(inputs, store, settings, progress, console);
    } catch (const Error& error) {
      const bool stopped = error.code() == ExitCode::kRequeue;
      console.note(fmt::format("{}{}", stopped ? "" : "error: ", error.what()));
      refresh_report(stage, console);
      throw;
    }
    return ExitCode::kDone;
  }

  void finish(const PretrainInputs& inputs, WeightStore& store, const LoopSettings& settings,
              const ProgressState& progress, Console& console) const {
    const auto& stage = settings.stage;
    std::int64_t model_step = progress.step;
    if (inputs.stage().result == ResultKind::kBest && progress.best_step != progress.step) {
      const auto path = stage / "checkpoints" / checkpoint_name(progress.best_step);
      Progress loading("loading the best weights", 0, "B", work_progress(request_));
      const auto told = watched(loading, "loading the best weights");
      if (const auto damage = why_damaged(path, told)) {  // its save failed, and was let go by checkpoint.on_error
        console.warning(
            fmt::format("{}: the best weights are lost; the model is that of step {}", *damage, model_step));
      } else {
        CheckpointReader best(path, told);
        restore_weights(store, best, false, told);
        model_step = progress.best_step;
      }
    }
    for (const auto& text : hf_tokenizer_warnings(inputs.tokenizer, inputs.shape)) console.warning(text);
    export_model(stage, inputs, store, work_progress(request_));
    write_result(settings, progress, inputs.stage().result, model_step);
    const bool reported = refresh_report(stage, console);
    console.message(
        fmt::format("done: {} after step {}{}; the model is in {}{}", end_reason(settings, progress), progress.step,
                    progress.best_loss
                        ? fmt::format(", best held-out loss {:.4f} at step {}", *progress.best_loss, progress.best_step)
                        : "",
                    (stage / "model").string(),
                    reported ? fmt::format(", the report in {}", (stage / "report.html").string()) : ""));
  }

  const Pipeline& pipeline_;
  const std::string& source_;
  const TrainRequest& request_;
  Console first_console_;
  std::vector<std::string> first_lines_;
  Log log_;
  PartTimes times_;
};

}  // namespace

ExitCode run_pretrain(const Pipeline& pipeline, const std::string& source, const TrainRequest& request) {
  Pretraining pretraining(pipeline, source, request);
  return request.dry_run ? pretraining.dry_run() : pretraining.run();
}

}  // namespace llmtrain
