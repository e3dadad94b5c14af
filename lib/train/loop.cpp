#include "lib/train/loop.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <csignal>
#include <memory>
#include <thread>
#include <tuple>

#include <ATen/ATen.h>

#include "lib/base/error.h"
#include "lib/base/signals.h"
#include "lib/base/test_hooks.h"
#include "lib/base/text.h"
#include "lib/checkpoint/retention.h"
#include "lib/checkpoint/save_worker.h"
#include "lib/ops/runtime.h"
#include "lib/optim/grad_norm.h"
#include "lib/optim/schedule.h"
#include "lib/train/bad_update.h"
#include "lib/train/run_facts.h"
#include "lib/train/stage_report.h"
#include "lib/train/state_files.h"
#include "lib/train/step.h"
#include "lib/train/update_guard.h"

namespace llmtrain {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

class Loop {
 public:
  Loop(const LoopSettings& settings, const LoopParts& parts, ProgressState& progress)
      : settings_(settings), parts_(parts), progress_(progress), guard_(settings.guard) {
    if (!progress.guard.empty()) guard_.load(progress.guard, settings.resumed_from);
    if (!progress.cursor.empty()) parts_.source.load(progress.cursor, settings.resumed_from);
    parts_.optimizer.set_steps(progress.optimizer_steps);
    seconds_before_ = progress.seconds;
    if (progress.cursor.empty()) return;
    durable_step_ = progress.step;
    if (progress.events_done) saved_step_ = progress.step;
  }

  LoopEnd run() {
    parts_.times.lap("start");
    parts_.throughput.start();
    for (;;) {
      if (!progress_.events_done && !make_events()) return stop();
      if (is_finished(settings_, progress_)) break;
      raise_at("stop_at_step");
      if (stop_requested()) return stop();
      if (take_save_request()) save();
      if (!saving_.busy()) finish_save();  // one that failed is known at once, not when the next is due
      take_step();
    }
    save();
    finish_save();
    if (stop_requested()) return stop();  // the result is made after a resume
    parts_.times.lap("saving");
    parts_.metrics.write(parts_.times.take());
    return LoopEnd::kFinished;
  }

 private:
  // One batch, forward, backward, judged and applied. Only here does the run move on.
  void take_step() {
    const auto batch = parts_.source.next();
    parts_.times.lap("data");
    const std::int64_t step = progress_.step;
    StepGradients gradients;
    gradients.terms = accumulate_gradients(batch, parts_.objective, step, settings_.micro_rows, &parts_.times);
    if (test_hook("nan_gradient_at_step") == static_cast<double>(step)) {
      parts_.store.groups().front().grad.narrow(0, 0, 1).fill_(std::nan(""));
    }
    if (test_hook("nan_loss_at_step") == static_cast<double>(step)) gradients.terms.front().value = std::nan("");
    gradients.grad_norm = grad_norm(parts_.store);
    if (apply(batch, gradients)) {
      progress_.window_loss += gradients.term("loss");
      progress_.window_grad_norm += gradients.grad_norm;
      ++progress_.window_steps;
    } else {
      ++progress_.skipped;
    }
    ++progress_.step;
    progress_.tokens += batch.trained_tokens;
    progress_.events_done = false;
    parts_.throughput.step(static_cast<std::uint64_t>(batch.trained_tokens));
    progress_.seconds = seconds_before_ + seconds_since(started_);
    parts_.times.lap("optimizer");
    show(gradients);
    parts_.times.lap("logging");
  }

  // For tests: the stop that a signal asks for, at a step that is known.
  void raise_at(const char* hook) const {
    if (test_hook(hook) == static_cast<double>(progress_.step)) std::raise(SIGTERM);
  }

  double multiplier(std::int64_t step) const {
    return schedule_multiplier(settings_.optim.schedule, step, settings_.total_steps);
  }

  // False where the update was skipped; throws where the run cannot go on.
  bool apply(const Batch& batch, const StepGradients& gradients) {
    const auto verdict = guard_.judge(gradients.finite(), gradients.grad_norm);
    if (verdict == UpdateVerdict::kApply) {
      parts_.optimizer.step(multiplier(progress_.step), clip_scale(gradients.grad_norm, settings_.optim.grad_clip));
      progress_.optimizer_steps = parts_.optimizer.steps();
      return true;
    }
    const std::string what =
        fmt::format("step {}: the update is {} (loss {:.4g}, gradient norm {:.4g}); its batch, at position {}, {}",
                    progress_.step + 1, gradients.finite() ? "an outlier" : "not finite", gradients.term("loss"),
                    gradients.grad_norm, batch.position, dump(batch, gradients));
    parts_.store.zero_grad();
    if (verdict == UpdateVerdict::kStop) {
      finish_save();
      throw Error(ExitCode::kNumerical, what +
                                            "; nothing of it was applied; try a lower pretrain.optim.lr, or "
                                            "pretrain.guard to skip such steps");
    }
    parts_.console.warning(what + "; skipped");
    return false;
  }

  // Where the batch of a bad update can be looked at. A full disk changes nothing of what the update was.
  std::string dump(const Batch& batch, const StepGradients& gradients) {
    try {
      return "is in " + dump_bad_update(settings_.stage, progress_.step, batch, gradients, parts_.store).string();
    } catch (const Error& error) {
      return fmt::format("could not be written ({})", error.what());
    }
  }

  void show(const StepGradients& gradients) {
    StepStatus status;
    status.step = progress_.step;
    status.total_steps = settings_.total_steps;
    status.loss = gradients.term("loss");
    status.validation = validation_;
    status.lr = settings_.optim.lr * multiplier(progress_.step - 1);
    status.grad_norm = gradients.grad_norm;
    status.tokens_per_second = parts_.throughput.tokens_per_second().value_or(0);
    status.mfu = parts_.throughput.mfu();
    status.memory_bytes = tensor_memory().reserved;
    status.memory_total = settings_.memory_total;
    if (settings_.total_steps > 0) {
      status.seconds_left =
          parts_.throughput.seconds_left(static_cast<std::uint64_t>(settings_.total_steps - progress_.step));
    }
    status.skipped = progress_.skipped;
    parts_.console.step(status);
  }

  // What is due after the step. False if a stop was asked for meanwhile: all of it is made after a resume.
  bool make_events() {
    raise_at("stop_in_events_of_step");
    const bool last = is_finished(settings_, progress_);
    const bool log_due = last || progress_.step % settings_.log_every_steps == 0;
    const std::tuple<std::optional<double>, std::int64_t, std::int64_t> best_before = best_of(progress_);
    if (log_due) record_training();
    parts_.times.lap("logging");
    try {
      if (parts_.evaluate && (last || progress_.step % settings_.evaluation.every_steps == 0)) evaluate_now();
      if (parts_.sample && settings_.sample_every_steps &&
          (last || progress_.step % *settings_.sample_every_steps == 0)) {
        raise_at("stop_in_samples_of_step");
        parts_.sample(progress_.step);
        parts_.times.lap("samples");
      }
    } catch (const Error& error) {
      if (error.code() != ExitCode::kRequeue) throw;
      best_of(progress_) = best_before;  // an evaluation that was made whole is made again, and counts once
      save_best_ = false;
      return false;
    }
    progress_.events_done = true;
    if (log_due) {
      progress_.window_loss = 0;
      progress_.window_grad_norm = 0;
      progress_.window_steps = 0;
    }
    if (checkpoint_due()) save();
    parts_.times.lap("saving");
    if (log_due) parts_.metrics.write(parts_.times.take());
    if (evaluated_) refresh_report_if_cheap();
    evaluated_ = false;
    parts_.throughput.start();
    return true;
  }

  // What an evaluation changes.
  static std::tuple<std::optional<double>&, std::int64_t&, std::int64_t&> best_of(ProgressState& progress) {
    return std::tie(progress.best_loss, progress.best_step, progress.stale_evaluations);
  }

  void record_training() {
    if (progress_.window_steps == 0) return;
    const auto steps = static_cast<double>(progress_.window_steps);
    const double lr = settings_.optim.lr * multiplier(progress_.step - 1);
    Record record = {{"step", progress_.step},
                     {"tokens", progress_.tokens},
                     {"split", std::string("train")},
                     {"loss", progress_.window_loss / steps},
                     {"grad_norm", progress_.window_grad_norm / steps},
                     {"lr", lr},
                     {"memory_bytes", static_cast<std::int64_t>(tensor_memory().reserved)}};
    if (const auto rate = parts_.throughput.tokens_per_second()) record.emplace_back("tokens_per_second", *rate);
    if (const auto mfu = parts_.throughput.mfu()) record.emplace_back("mfu", *mfu);
    write("train", record);
  }

  // To metrics.jsonl whole, its numbers to TensorBoard.
  void write(const std::string& group, const Record& record) {
    parts_.metrics.write(record);
    for (const auto& [key, value] : record) {
      if (const auto* number = std::get_if<double>(&value)) {
        parts_.tensorboard.scalar(group + "/" + key, progress_.step, *number);
      }
    }
  }

  // At most a hundredth of the time goes into reports, however long the metrics grow.
  void refresh_report_if_cheap() {
    constexpr double kTimesItsCost = 100;
    if (seconds_since(last_report_) < kTimesItsCost * report_seconds_) return;
    const auto start = Clock::now();
    refresh_report(settings_.stage, parts_.console);
    report_seconds_ = seconds_since(start);
    last_report_ = Clock::now();
    parts_.times.lap("logging");
  }

  void evaluate_now() {
    const auto result = parts_.evaluate();
    parts_.times.lap("evaluation");
    evaluated_ = true;
    validation_ = result.loss;
    const bool better =
        !progress_.best_loss || result.loss < *progress_.best_loss - settings_.evaluation.min_improvement;
    if (better) {
      progress_.best_loss = result.loss;
      progress_.best_step = progress_.step;
      progress_.stale_evaluations = 0;
    } else {
      ++progress_.stale_evaluations;
    }
    save_best_ = better && settings_.checkpoint.keep_best;
    write("validation", {{"step", progress_.step},
                         {"tokens", progress_.tokens},
                         {"split", std::string("validation")},
                         {"loss", result.loss},
                         {"perplexity", result.perplexity},
                         {"bits_per_byte", result.bits_per_byte}});
    parts_.console.message(fmt::format("step {}: held-out loss {:.4f}, perplexity {:.2f}, {:.4f} bits a byte{}",
                                       progress_.step, result.loss, result.perplexity, result.bits_per_byte,
                                       better ? ", the best so far" : ""));
  }

  bool checkpoint_due() const {
    if (save_best_ || progress_.step % settings_.checkpoint.every_steps == 0) return true;
    return settings_.checkpoint.every && seconds_since(last_save_) >= settings_.checkpoint.every->seconds;
  }

  // Copies the state and has it written in the background, after the save before it.
  void save() {
    save_best_ = false;
    if (saved_step_ == progress_.step) return;
    finish_save();
    progress_.cursor = parts_.source.state();
    progress_.guard = guard_.state();
    auto snapshot = std::make_shared<StateSnapshot>(take_snapshot(
        parts_.store, parts_.optimizer,
        {.step = progress_.step, .run_id = settings_.run_id, .facts = with_progress(settings_.facts, progress_)}));
    const auto folder = settings_.stage / "checkpoints";
    const auto keep = static_cast<std::size_t>(settings_.checkpoint.keep);
    std::vector<std::int64_t> keep_steps;
    if (settings_.checkpoint.keep_best && progress_.best_loss) keep_steps.push_back(progress_.best_step);
    const auto pause = std::chrono::milliseconds(static_cast<int>(test_hook("slow_save_ms").value_or(0)));
    saving_.start([this, snapshot, folder, keep, keep_steps, pause] {
      SaveOptions options;
      options.pause_per_file = pause;
      const auto path = save_checkpoint(folder, snapshot->content, options);
      durable_step_ = snapshot->content.step;
      parts_.console.message(fmt::format("saved {}", path.string()));
      prune(folder, keep, keep_steps);
    });
    saved_step_ = progress_.step;
    last_save_ = Clock::now();
  }

  // Waits for the save in flight, if there is one.
  void finish_save() {
    try {
      wait_for_save();
    } catch (const Error& error) {
      if (settings_.checkpoint.on_error == SaveErrorPolicy::kStop || error.code() != ExitCode::kStorage) throw;
      parts_.console.warning(fmt::format("saving failed, training goes on: {}", error.what()));
      saved_step_ = -1;
    }
  }

  // Who asks for a stop meanwhile is told that it is seen.
  void wait_for_save() {
    for (; saving_.busy(); std::this_thread::sleep_for(std::chrono::milliseconds(1))) {
      if (stop_requested()) announce_stop();
    }
    saving_.wait();
  }

  // Once.
  void announce_stop() {
    if (std::exchange(announced_, true)) return;
    const std::int64_t durable = durable_step_;
    parts_.console.message(
        fmt::format("stopping after step {} on {}; a second signal leaves at once, {}", progress_.step, signal_name(),
                    durable < 0 ? "without a checkpoint" : fmt::format("with step-{} the last checkpoint", durable)));
  }

  LoopEnd stop() {
    announce_stop();
    save();
    saving_.wait();  // nothing goes on any more: what fails now is an error, whatever checkpoint.on_error says
    parts_.times.lap("saving");
    parts_.metrics.write(parts_.times.take());
    parts_.metrics.write({{"step", progress_.step}, {"event", std::string("stop")}});
    refresh_report(settings_.stage, parts_.console);
    return LoopEnd::kStopped;
  }

  static const char* signal_name() {
    switch (stop_signal()) {
      case SIGTERM:
        return "SIGTERM";
      case SIGINT:
        return "SIGINT";
      case SIGUSR1:
        return "SIGUSR1";
      default:
        return "request";
    }
  }

  const LoopSettings& settings_;
  LoopParts parts_;
  ProgressState& progress_;
  UpdateGuard guard_;
  std::int64_t saved_step_ = -1;                 // its save was begun
  std::atomic<std::int64_t> durable_step_ = -1;  // the last whose save is done, also of a run before
  bool announced_ = false;                       // that a stop was asked for
  bool save_best_ = false;                       // the last evaluation was the best
  bool evaluated_ = false;                       // after this step
  double report_seconds_ = 0;                    // what the last report cost
  double seconds_before_ = 0;
  std::optional<double> validation_;
  Clock::time_point started_ = Clock::now();
  Clock::time_point last_save_ = Clock::now();
  Clock::time_point last_report_ = Clock::now();
  SaveWorker saving_;  // last: the save in flight uses the rest
};

}  // namespace

bool is_finished(const LoopSettings& settings, const ProgressState& progress) {
  if (settings.total_steps > 0 && progress.step >= settings.total_steps) return true;
  if (settings.max_seconds && progress.seconds >= *settings.max_seconds) return true;
  return settings.evaluation.patience && progress.stale_evaluations >= *settings.evaluation.patience;
}

LoopEnd run_loop(const LoopSettings& settings, const LoopParts& parts, ProgressState& progress) {
  return Loop(settings, parts, progress).run();
}

}  // namespace llmtrain
