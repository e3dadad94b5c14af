#include "lib/train/progress_state.h"

#include <nlohmann/json.hpp>

#include "lib/base/error.h"

namespace llmtrain {

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

ProgressState progress_from_json(const std::string& text, const std::string& source) {
  try {
    const auto json = nlohmann::json::parse(text);
    ProgressState s;
    json.at("step").get_to(s.step);
    json.at("tokens").get_to(s.tokens);
    json.at("optimizer_steps").get_to(s.optimizer_steps);
    json.at("skipped").get_to(s.skipped);
    json.at("cursor").get_to(s.cursor);
    json.at("guard").get_to(s.guard);
    json.at("events_done").get_to(s.events_done);
    if (!json.at("best_loss").is_null()) s.best_loss = json.at("best_loss").get<double>();
    json.at("best_step").get_to(s.best_step);
    json.at("stale_evaluations").get_to(s.stale_evaluations);
    json.at("seconds").get_to(s.seconds);
    json.at("window_loss").get_to(s.window_loss);
    json.at("window_grad_norm").get_to(s.window_grad_norm);
    json.at("window_steps").get_to(s.window_steps);
    return s;
  } catch (const nlohmann::json::exception& error) {
    throw Error(ExitCode::kResumeRefused,
                fmt::format("{}: the saved progress does not read: {}", source, error.what()));
  }
}

}  // namespace llmtrain
