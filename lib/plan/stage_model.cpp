#include "lib/plan/stage_model.h"

#include <array>
#include <optional>
#include <system_error>

#include "lib/base/error.h"

namespace llmtrain {
namespace {

namespace fs = std::filesystem;

// In the order in which they run.
constexpr std::array<const char*, 1> kStages = {"pretrain"};
constexpr const char* kModel = "model";

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

bool is_model(const fs::path& folder) { return is_there(folder / "config.json"); }

std::optional<fs::path> model_of_run(const fs::path& run) {
  std::optional<fs::path> last;
  for (const char* stage : kStages) {
    if (is_model(run / stage / kModel)) last = run / stage / kModel;
  }
  return last;
}

}  // namespace

fs::path named_model(const fs::path& path) {
  if (!is_there(path))
    throw input_error("{}: no such folder, expected that of a model, a stage or a run", path.string());
  if (is_model(path)) return path;
  if (is_model(path / kModel)) return path / kModel;
  if (const auto found = model_of_run(path)) return *found;
  throw input_error(
      "{}: holds no model, expected config.json and model.safetensors, or the folder of a stage or run that is done",
      path.string());
}

fs::path last_stage_model(const RunConfig& run, const std::string& source) {
  const auto folder = fs::path(run.dir) / run.name;
  if (const auto found = model_of_run(folder)) return *found;
  const auto first = folder / kStages.front();
  if (is_there(first / "checkpoints")) {
    throw input_error("{}: is not done yet, so it has no model; try `llmtrain {} {}`, which goes on where it stopped",
                      first.string(), kStages.front(), source);
  }
  throw input_error("{}: no model was trained there yet; try `llmtrain {} {}` first, or --model FOLDER",
                    folder.string(), kStages.front(), source);
}

}  // namespace llmtrain
