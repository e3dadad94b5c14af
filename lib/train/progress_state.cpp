#include "lib/train/progress_state.h"

#include <nlohmann/json.hpp>

#include "lib/base/error.h"
#include "lib/train/saved_json.h"

namespace llmtrain {
namespace {

// A run that was saved stands somewhere: without a text it would begin anew.
const std::string& text_of(const JsonView& saved, const char* key) {
  const auto text = saved.member(key);
  if (text.string().empty()) text.fail("expected a state, got an empty text");
  return text.string();
}

}  // namespace

std::string to_json(const ProgressState& s) {
  nlohmann::ordered_json json = {{"step", s.step},
                                 {"tokens", s.tokens},
                                 {"optimizer_steps", s.optimizer_steps},
                                 {"skipped", s.skipped},
                                 {"cursor", s.cursor},
                                 {"guard", s.guard},
                                 {"events_done", s.events_done},
                                 {"best_loss", nullptr},
                                 {"best_step", s.best_step},
                                 {"stale_evaluations", s.stale_evaluations},
                                 {"seconds", s.seconds},
                                 {"window_loss", s.window_loss},
                                 {"window_grad_norm", s.window_grad_norm},
                                 {"window_steps", s.window_steps}};
  if (s.best_loss) json["best_loss"] = *s.best_loss;
  return json.dump();
}

ProgressState progress_from(const JsonView& saved) {
  ProgressState s;
  s.step = saved.member("step").count();
  s.tokens = saved.member("tokens").count();
  s.optimizer_steps = saved.member("optimizer_steps").count();
  s.skipped = saved.member("skipped").count();
  s.cursor = text_of(saved, "cursor");
  s.guard = text_of(saved, "guard");
  s.events_done = saved.member("events_done").boolean();
  if (!saved.member("best_loss").is_null()) s.best_loss = saved.member("best_loss").number();
  s.best_step = saved.member("best_step").count();
  s.stale_evaluations = saved.member("stale_evaluations").count();
  s.seconds = saved.member("seconds").number();
  if (s.seconds < 0) saved.member("seconds").fail(fmt::format("expected at least 0, got {}", s.seconds));
  s.window_loss = saved.member("window_loss").number();
  s.window_grad_norm = saved.member("window_grad_norm").number();
  s.window_steps = saved.member("window_steps").count();
  return s;
}

ProgressState progress_from_json(const std::string& text, const std::string& source) {
  return read_saved([&] {
    const auto json = parse_strict_json(text, source);
    return progress_from(JsonView(json, source));
  });
}

}  // namespace llmtrain
