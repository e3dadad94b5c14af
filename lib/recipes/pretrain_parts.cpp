#include "lib/recipes/pretrain_parts.h"

#include <algorithm>
#include <cmath>

#include "lib/arch/hf_layout.h"
#include "lib/base/file.h"
#include "lib/base/signals.h"
#include "lib/base/text.h"
#include "lib/data/learn_tokenizer.h"
#include "lib/generate/text_generator.h"
#include "lib/plan/pipeline_model.h"

namespace llmtrain {
namespace {

// Texts of a sample that are decoded together.
constexpr std::int64_t kSampleSlots = 8;

std::int64_t steps_of(const PretrainConfig& stage, std::uint64_t rows, std::int64_t batch_rows) {
  if (const auto fixed = fixed_steps(stage)) return *fixed;
  if (!stage.epochs) return 0;
  return static_cast<std::int64_t>(
      std::ceil(*stage.epochs * static_cast<double>(rows) / static_cast<double>(batch_rows)));
}

// A rate that would never reach its peak is not what was asked for. 0 steps: the clock ends training, and no schedule
// hangs on it.
void check_warmup(const Pipeline& pipeline, const std::string& source, std::int64_t steps) {
  const std::int64_t warmup = pipeline.config.pretrain->optim.schedule.warmup_steps;
  if (steps == 0 || warmup <= steps) return;
  const auto origin = pipeline.origins.find("pretrain.optim.schedule.warmup_steps");
  throw config_error(
      "{}: 'pretrain.optim.schedule.warmup_steps': longer than the run, expected at most its {}, got {}; lower it or "
      "train longer",
      origin == pipeline.origins.end() ? source : origin->second, counted(static_cast<std::uint64_t>(steps), "step"),
      warmup);
}

// The first `limit` positions of an order of `rows` rows, spread over all of it.
RowOrder spread(RowOrder order, std::uint64_t rows, std::uint64_t limit) {
  return [order = std::move(order), rows, limit](std::uint64_t position) { return order(position * rows / limit); };
}

std::vector<std::uint32_t> token_byte_counts(const PretrainInputs& inputs) {
  std::vector<std::uint32_t> counts(static_cast<std::size_t>(inputs.shape.vocab), 0);
  for (std::uint32_t id = 0; id < inputs.tokenizer.vocab_size(); ++id) {
    counts[id] = static_cast<std::uint32_t>(inputs.tokenizer.token_bytes(id).size());
  }
  for (const auto& token : inputs.tokenizer.added_tokens()) {
    if (token.special) counts[token.id] = 0;  // no text
  }
  return counts;
}

// The prompts' ends, where they are longer than the context.
std::vector<GenerateRequest> sample_requests(const PretrainInputs& inputs, const std::vector<std::string>& prompts) {
  const auto most = static_cast<std::ptrdiff_t>(std::max<std::int64_t>(1, inputs.shape.context - 1));
  std::vector<GenerateRequest> requests;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    auto ids = prompt_ids(inputs.tokenizer, prompts[i]);
    if (std::ssize(ids) > most) ids.erase(ids.begin(), ids.end() - most);
    requests.push_back({.prompt = std::move(ids), .prompt_number = i, .sample = 0});
  }
  return requests;
}

TextOptions sample_options(const PretrainInputs& inputs) {
  const auto& samples = inputs.stage().samples;
  TextOptions options;
  options.generate.sampler = {.temperature = samples.temperature, .top_k = samples.top_k, .top_p = samples.top_p};
  options.generate.max_tokens = samples.max_tokens;
  options.generate.seed = static_cast<std::uint64_t>(inputs.config.run.seed);
  if (const auto end = inputs.tokenizer.end_of_document()) options.generate.end_ids.push_back(*end);
  options.slots = kSampleSlots;
  return options;
}

}  // namespace

// It speaks no JSON.
ProgressMode work_progress(const TrainRequest& request) {
  return request.log_format == "json" ? ProgressMode::kOff : request.progress;
}

PretrainInputs prepare_pretrain(const Pipeline& pipeline, const std::string& source, const TrainRequest& request,
                                const Log& log, std::optional<Tokenizer> given) {
  const auto& stage = *pipeline.config.pretrain;
  check_warmup(pipeline, source, fixed_steps(stage).value_or(0));  // before a tokenizer is learnt
  const int threads = static_cast<int>(pipeline.config.run.threads.value);
  const auto progress = work_progress(request);
  Tokenizer tokenizer =
      given ? std::move(*given) : pipeline_tokenizer(pipeline.config, {.threads = threads, .progress = progress}, log);
  ModelContext context{.source = source,
                       .origins = pipeline.origins,
                       .tokenizer_vocab = static_cast<std::int64_t>(tokenizer.vocab_size())};
  auto shape = resolve_model(pipeline.config.model, context);
  ENSURE(hf_family(shape).has_value());
  auto corpus =
      prepare_corpus(stage, tokenizer, {.verify = Verify::kCache, .threads = threads, .progress = progress}, log);
  if (corpus.bad_lines.count() > 0) log.warn("{}", corpus.bad_lines.summary());
  const std::int64_t batch_rows = stage.batch_tokens / stage.sequence_length;
  const std::int64_t steps = steps_of(stage, corpus.train_rows(), batch_rows);
  check_warmup(pipeline, source, steps);
  return {.config = pipeline.config,
          .tokenizer = std::move(tokenizer),
          .corpus = std::move(corpus),
          .shape = std::move(shape),
          .batch_rows = batch_rows,
          .total_steps = steps};
}

BatchSource training_rows(const PretrainInputs& inputs) {
  const auto& stage = inputs.stage();
  auto order =
      training_order(training_mixture(inputs.corpus.train, static_cast<std::uint64_t>(inputs.config.run.seed)));
  LoaderOptions options;
  options.batch_rows = static_cast<std::size_t>(inputs.batch_rows);
  options.across_documents = stage.data.across_documents;
  return loader_source(std::make_shared<RowLoader>(
      open_rows(inputs.corpus.train, stage.sequence_length, static_cast<std::uint64_t>(inputs.shape.vocab)),
      std::move(order), options));
}

std::function<Evaluation()> held_out_loss(const PretrainInputs& inputs, const Decoder& decoder, std::int64_t rows,
                                          ProgressMode progress) {
  const std::uint64_t all = inputs.corpus.validation_rows();
  if (all == 0) return nullptr;
  const auto& stage = inputs.stage();
  const auto limit = std::min<std::uint64_t>(
      all, static_cast<std::uint64_t>(stage.evaluation.max_rows.value_or(std::numeric_limits<std::int64_t>::max())));
  std::vector<std::uint64_t> counts;
  for (const auto& validation : inputs.corpus.validation) counts.push_back(validation.counts.rows);
  LoaderOptions options;
  options.batch_rows = static_cast<std::size_t>(rows);
  options.across_documents = stage.data.across_documents;
  options.end = limit;
  auto loader = std::make_shared<RowLoader>(
      open_rows(inputs.corpus.validation, stage.sequence_length, static_cast<std::uint64_t>(inputs.shape.vocab)),
      spread(reading_order(std::move(counts)), all, limit), options);
  return [loader, bytes = token_byte_counts(inputs), &decoder, limit, progress] {
    Progress shown("evaluating", limit, "rows", progress);  // its result is told by the loop: no closing line
    std::uint64_t before = 0;
    std::uint64_t evaluated = 0;
    return evaluate(decoder, *loader, bytes, [&] {  // asked when a batch was read, before it is evaluated
      shown.add(before - std::exchange(evaluated, before));
      before = loader->position();
      return stop_requested();
    });
  };
}

std::function<void(std::int64_t)> sample_texts(const PretrainInputs& inputs, const Decoder& decoder,
                                               const std::filesystem::path& stage, Console& console,
                                               TensorboardWriter& tensorboard) {
  return [&inputs, &decoder, stage, &console, &tensorboard](std::int64_t step) {
    auto prompts = inputs.stage().samples.prompts;
    if (prompts.empty()) prompts.emplace_back();
    std::vector<std::string> texts = prompts;
    TextEvents events;
    events.end = [&](std::size_t i, const MadeText& made) { texts[i] += made.text; };
    if (!make_texts(decoder, inputs.tokenizer, sample_requests(inputs, prompts), sample_options(inputs), events)) {
      throw stopped_error("stopped while generating");
    }
    std::string page;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      console.sample(texts[i]);
      tensorboard.text(fmt::format("samples/{}", i), step, texts[i]);
      page += texts[i] + "\n\n";
    }
    try {
      make_directory(stage / "samples");
      write_file(stage / "samples" / fmt::format("step-{}.txt", step), page);
    } catch (const Error& error) {
      console.warning(fmt::format("{}; training goes on", error.what()));
    }
  };
}

}  // namespace llmtrain
