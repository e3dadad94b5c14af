#include "lib/recipes/eval_perplexity.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "lib/base/error.h"
#include "lib/base/signals.h"
#include "lib/data/corpus_files.h"
#include "lib/data/document_source.h"
#include "lib/data/text_windows.h"
#include "lib/tokenizer/token_text_bytes.h"
#include "lib/train/token_scores.h"

namespace llmtrain {
namespace {

DataSource source_of(const PerplexityTask& task) {
  DataSource source;
  source.path = task.path;
  source.document_separator = task.document_separator;
  if (task.document_separator) source.format = DataFormat::kText;
  if (task.field) source.format = DataFormat::kJsonl;
  if (task.field) source.field = *task.field;
  return source;
}

std::vector<CorpusFile> text_files(const DataSource& source) {
  auto files = list_corpus_files(source);
  for (const auto& file : files) {
    if (file.format != DataFormat::kTokens) continue;
    throw input_error("{}: holds token ids, expected text or JSON lines", file.path.string());
  }
  return files;
}

std::uint64_t bytes_of(const std::vector<CorpusFile>& files) {
  std::uint64_t bytes = 0;
  for (const auto& file : files) bytes += file.identity.size;
  return bytes;
}

// The documents of a task's files as runs.
class DocumentRuns {
 public:
  DocumentRuns(const EvalSubject& subject, const PerplexityTask& task, TextWindows windows)
      : subject_(subject),
        source_(source_of(task)),
        files_(text_files(source_)),
        windows_(std::move(windows)),
        progress_(task_name(task.name, task.path), bytes_of(files_), "B", subject.request.progress) {}

  std::optional<TokenRun> next() {
    while (true) {
      if (auto run = windows_.next()) return run;
      if (!next_piece()) {
        progress_.finish();
        return std::nullopt;
      }
      take_piece();
    }
  }
  std::int64_t documents() const { return documents_; }

 private:
  bool next_piece() {
    while (true) {
      if (!reader_) {
        if (file_ == files_.size()) return false;
        reader_.emplace(files_[file_++], source_, ReadRules{});
        bytes_read_ = 0;
      }
      const bool any = reader_->next(piece_);
      progress_.add(reader_->bytes_read() - std::exchange(bytes_read_, reader_->bytes_read()));
      if (any) return true;
      reader_.reset();
    }
  }

  void take_piece() {
    auto ids = subject_.model.tokenizer.encode(piece_.text);
    const bool ends = !piece_.continues;
    if (const auto end = subject_.end_id(); end && ends) ids.push_back(*end);
    windows_.add(ids);
    if (ends) windows_.end_document();
    documents_ += ends ? 1 : 0;
  }

  const EvalSubject& subject_;
  DataSource source_;
  std::vector<CorpusFile> files_;
  TextWindows windows_;
  Progress progress_;
  std::size_t file_ = 0;
  std::optional<DocumentReader> reader_;
  std::uint64_t bytes_read_ = 0;
  Document piece_;
  std::int64_t documents_ = 0;
};

// What was predicted so far.
struct PredictedText {
  double loss = 0;  // nats, in all
  std::int64_t tokens = 0;
  std::int64_t bytes = 0;
};

}  // namespace

TaskReport evaluate_perplexity(const EvalSubject& subject, const PerplexityTask& task) {
  const auto& model = subject.model;
  const auto name = task_name(task.name, task.path);
  const auto context = task.context.value_or(model.shape.context);
  const auto stride = task.stride.value_or(std::max<std::int64_t>(1, context / 2));
  if (context > model.shape.context || stride > context) {
    throw config_error(
        "eval.perplexity: {}: expected a stride of at most context, and that of at most the model's {}, "
        "got {} and {}",
        name, model.shape.context, stride, context);
  }
  DocumentRuns runs(subject, task, {static_cast<std::size_t>(context), static_cast<std::size_t>(stride)});
  const auto token_bytes = token_text_bytes(model.tokenizer, model.shape.vocab);
  PredictedText all;
  const auto count = [&](const TokenRun& run, std::span<const float> logprobs) {
    for (const float logprob : logprobs) all.loss -= static_cast<double>(logprob);
    for (std::size_t i = run.first; i < run.ids.size(); ++i) {
      all.bytes += token_bytes[static_cast<std::size_t>(run.ids[i])];
    }
    all.tokens += std::ssize(logprobs);
  };
  score_runs(*model.decoder, {.next = [&] { return runs.next(); },
                              .scored = count,
                              .stop = stop_requested,
                              .batch_tokens = subject.batch_tokens});
  if (all.tokens == 0) throw input_error("{}: every document has a single token: nothing to predict", task.path);
  const double loss = all.loss / static_cast<double>(all.tokens);
  TaskReport report{.name = name, .kind = "perplexity", .path = task.path, .metrics = {}, .facts = {}};
  report.metrics = {{"loss", loss, {}}, {"perplexity", std::exp(loss), {}}};
  if (all.bytes > 0) {
    report.metrics.push_back({"bits_per_byte", all.loss / std::numbers::ln2 / static_cast<double>(all.bytes), {}});
  }
  report.facts = {{"tokens", all.tokens},
                  {"bytes", all.bytes},
                  {"documents", runs.documents()},
                  {"context", context},
                  {"stride", stride}};
  return report;
}

}  // namespace llmtrain
