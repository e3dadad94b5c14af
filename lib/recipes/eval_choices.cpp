#include "lib/recipes/eval_choices.h"

#include <algorithm>
#include <utility>

#include "lib/base/error.h"
#include "lib/base/signals.h"
#include "lib/data/choice_tokens.h"
#include "lib/train/token_scores.h"

namespace llmtrain {
namespace {

bool is_highest(const std::vector<double>& scores, std::size_t which) {
  return static_cast<std::size_t>(std::max_element(scores.begin(), scores.end()) - scores.begin()) == which;
}

// The choices of all questions, one after another: as runs, and then with their log-likelihoods.
class Choices {
 public:
  Choices(const EvalSubject& subject, const MultipleChoiceTask& task, const std::vector<ChoiceQuestion>& questions)
      : subject_(subject),
        task_(task),
        questions_(questions),
        progress_(task_name(task.name, task.path), questions.size(), "questions", subject.request.progress) {}

  std::optional<TokenRun> next() {
    if (asked_ == questions_.size()) return std::nullopt;
    const auto& question = questions_[asked_];
    auto run = run_of(question, choice_);
    if (++choice_ == question.choices.size()) {
      shortened_ += std::exchange(is_shortened_, false) ? 1 : 0;
      choice_ = 0;
      ++asked_;
    }
    return run;
  }

  void take(std::span<const float> logprobs) {
    const auto& question = questions_[answered_];
    double sum = 0;
    for (const float logprob : logprobs) sum += static_cast<double>(logprob);
    a_byte_.push_back(sum / static_cast<double>(question.choices[sums_.size()].size()));
    sums_.push_back(sum);
    if (sums_.size() < question.choices.size()) return;
    hits_ += is_highest(sums_, question.answer) ? 1 : 0;
    hits_a_byte_ += is_highest(a_byte_, question.answer) ? 1 : 0;
    sums_.clear();
    a_byte_.clear();
    ++answered_;
    progress_.add(1);
  }

  TaskReport report() {
    progress_.finish();
    const auto all = std::ssize(questions_);
    const auto name = task_name(task_.name, task_.path);
    warn_of_shortened(subject_, name, shortened_, all);
    return {.name = name,
            .kind = "multiple_choice",
            .path = task_.path,
            .metrics = {share_metric("acc", hits_, all), share_metric("acc_norm", hits_a_byte_, all)},
            .facts = {{"questions", all}, {"shortened", shortened_}}};
  }

 private:
  TokenRun run_of(const ChoiceQuestion& question, std::size_t choice) {
    const auto& model = subject_.model;
    auto run = continuation_run(model.tokenizer, question.prompt, task_.separator + question.choices[choice],
                                subject_.end_id());
    if (!run) {
      throw input_error("{}: choice {}: has no token of its own behind the prompt, so it cannot be judged",
                        question.place, choice);
    }
    const auto left_out = shorten(*run, static_cast<std::size_t>(model.shape.context));
    if (!left_out) {
      throw input_error("{}: choice {}: has {} tokens, expected at most the {} of the model's context", question.place,
                        choice, run->ids.size() - run->first, model.shape.context);
    }
    is_shortened_ = is_shortened_ || *left_out > 0;
    return *std::move(run);
  }

  const EvalSubject& subject_;
  const MultipleChoiceTask& task_;
  const std::vector<ChoiceQuestion>& questions_;
  Progress progress_;
  std::size_t asked_ = 0;   // the question whose choice goes in next
  std::size_t choice_ = 0;  // of it
  bool is_shortened_ = false;
  std::int64_t shortened_ = 0;
  std::size_t answered_ = 0;  // the question whose choice comes out next
  std::vector<double> sums_;  // of its choices so far: log-likelihood, and the same by the choice's bytes
  std::vector<double> a_byte_;
  std::int64_t hits_ = 0;
  std::int64_t hits_a_byte_ = 0;
};

}  // namespace

TaskReport evaluate_choices(const EvalSubject& subject, const MultipleChoiceTask& task,
                            const std::vector<ChoiceQuestion>& questions) {
  Choices choices(subject, task, questions);
  score_runs(*subject.model.decoder,
             {.next = [&] { return choices.next(); },
              .scored = [&](const TokenRun&, std::span<const float> logprobs) { choices.take(logprobs); },
              .stop = stop_requested,
              .batch_tokens = subject.batch_tokens});
  return choices.report();
}

}  // namespace llmtrain
