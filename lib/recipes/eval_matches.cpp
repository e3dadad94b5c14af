#include "lib/recipes/eval_matches.h"

#include "lib/base/error.h"
#include "lib/base/signals.h"
#include "lib/data/answer_match.h"
#include "lib/generate/text_generator.h"

namespace llmtrain {
namespace {

// Texts decoded together.
constexpr std::int64_t kSlots = 16;

struct MatchRequests {
  std::vector<GenerateRequest> requests;
  std::int64_t shortened = 0;
};

MatchRequests requests_of(const EvalSubject& subject, const ExactMatchTask& task,
                          const std::vector<MatchQuestion>& questions) {
  const auto context = subject.model.shape.context;
  if (task.max_tokens >= context) {
    throw config_error("eval.exact_match: {}: 'max_tokens': expected less than the {} of the model's context, got {}",
                       task_name(task.name, task.path), context, task.max_tokens);
  }
  const auto most = context - task.max_tokens;
  MatchRequests made;
  for (std::size_t i = 0; i < questions.size(); ++i) {
    auto ids = prompt_ids(subject.model.tokenizer, questions[i].prompt);
    if (std::ssize(ids) > most) {
      ids.erase(ids.begin(), ids.end() - most);
      ++made.shortened;
    }
    made.requests.push_back({.prompt = std::move(ids), .prompt_number = i, .sample = 0});
  }
  return made;
}

TextOptions likeliest(const EvalSubject& subject, const ExactMatchTask& task) {
  TextOptions options;
  options.generate.sampler.temperature = 0;
  options.generate.max_tokens = task.max_tokens;
  options.generate.end_ids = subject.model.end_ids;
  options.stops = task.stop;
  options.slots = kSlots;
  return options;
}

}  // namespace

TaskReport evaluate_matches(const EvalSubject& subject, const ExactMatchTask& task,
                            const std::vector<MatchQuestion>& questions) {
  const auto name = task_name(task.name, task.path);
  const auto all = std::ssize(questions);
  const auto made = requests_of(subject, task, questions);
  const AnswerMatch match(task);
  Progress progress(name, questions.size(), "questions", subject.request.progress);
  std::int64_t hits = 0;
  std::int64_t unmatched = 0;
  TextEvents events;
  events.end = [&](std::size_t question, const MadeText& output) {
    const auto taken = match.taken(output.text);
    if (!taken) ++unmatched;
    if (taken && match.equal(*taken, match.wanted(questions[question].answer))) ++hits;
    progress.add(1);
  };
  const auto& model = subject.model;
  if (!make_texts(*model.decoder, model.tokenizer, made.requests, likeliest(subject, task), events)) {
    throw stopped_error("stopped while evaluating");
  }
  progress.finish();
  warn_of_shortened(subject, name, made.shortened, all);
  return {.name = name,
          .kind = "exact_match",
          .path = task.path,
          .metrics = {share_metric("exact_match", hits, all)},
          .facts = {{"questions", all}, {"unmatched", unmatched}, {"shortened", made.shortened}}};
}

}  // namespace llmtrain
