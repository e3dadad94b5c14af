#include "lib/metrics/stage_record.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <system_error>

#include "lib/base/error.h"
#include "lib/base/file.h"
#include "lib/base/text.h"
#include "lib/config/saved_pipeline.h"
#include "lib/metrics/loose_json.h"
#include "lib/metrics/whole_lines.h"

namespace llmtrain {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 20;  // of a small file
constexpr std::size_t kMostWarnings = 30;
constexpr std::size_t kMostSampledSteps = 10;
constexpr std::size_t kMostSampleBytes = 8000;

// A message that begins with a path in the folder, by its name there: that is where the page lies.
std::string within(const fs::path& folder, const std::string& message) {
  const std::string front = (folder / "").string();
  return message.starts_with(front) ? message.substr(front.size()) : message;
}

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

std::vector<fs::path> entries_of(const fs::path& folder) {
  std::vector<fs::path> paths;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    paths.push_back(entry->path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

// "" where it cannot be read; `missing` says why.
std::string text_in(const fs::path& path, std::vector<std::string>& missing) {
  if (!is_there(path)) {
    missing.push_back(fmt::format("{}: not there", path.string()));
    return "";
  }
  try {
    return read_file(path, kMostBytes);
  } catch (const Error& error) {
    missing.emplace_back(error.what());
    return "";
  }
}

// An object, or null where there is none.
nlohmann::ordered_json object_of(const fs::path& path, std::vector<std::string>& missing) {
  const std::string text = text_in(path, missing);
  if (text.empty()) return nullptr;
  auto json = nlohmann::ordered_json::parse(text, nullptr, false);
  if (json.is_object()) return json;
  missing.push_back(fmt::format("{}: is not a JSON object", path.string()));
  return nullptr;
}

// "2023-11-14T22:13:20Z text\n" without the time.
std::string_view message_of(std::string_view line) {
  line.remove_suffix(1);
  const auto space = line.find(' ');
  return space == std::string_view::npos ? line : line.substr(space + 1);
}

struct LoggedWarning {
  std::size_t times = 0;
  std::size_t last = 0;  // which line
};

void read_log(const fs::path& path, StageRecord& record) {
  constexpr std::string_view kWarning = "warning: ";
  constexpr std::string_view kError = "error: ";
  std::map<std::string, LoggedWarning, std::less<>> warnings;
  std::size_t number = 0;
  if (!is_there(path)) return record.missing.push_back(fmt::format("{}: not there", path.string()));
  try {
    for_each_whole_line(InputFile(path), [&](std::string_view line) {
      ++number;
      record.error.reset();
      const auto message = message_of(line);
      if (message.starts_with(kError)) record.error = message.substr(kError.size());
      if (!message.starts_with(kWarning)) return;
      auto& warning = warnings[std::string(message.substr(kWarning.size()))];
      ++warning.times;
      warning.last = number;
    });
  } catch (const Error& error) {
    record.missing.emplace_back(error.what());
  }
  std::vector<std::pair<std::size_t, std::string>> by_line;
  for (const auto& [text, warning] : warnings) {
    by_line.emplace_back(warning.last, warning.times == 1 ? text : fmt::format("{} ({} times)", text, warning.times));
  }
  std::sort(by_line.begin(), by_line.end());
  if (by_line.size() > kMostWarnings) {
    const std::size_t earlier = by_line.size() - kMostWarnings;
    by_line.erase(by_line.begin(), by_line.begin() + static_cast<std::ptrdiff_t>(earlier));
    record.warnings.push_back(fmt::format("{} before these: see train.log", counted(earlier, "warning")));
  }
  for (auto& [line, text] : by_line) record.warnings.push_back(std::move(text));
}

// The prompts that the samples of the configuration go on from.
std::vector<std::string> prompts_of(const StageRecord& record) {
  if (record.config.empty()) return {};
  try {
    const auto config = read_saved_pipeline(record.config, "config.yaml");
    if (record.stage == "pretrain" && config.pretrain) return config.pretrain->samples.prompts;
  } catch (const Error&) {  // of another version: the texts are shown whole, prompts among them
  }
  return {};
}

std::string cut(std::string page) {
  if (page.size() <= kMostSampleBytes) return page;
  page.resize(kMostSampleBytes);
  while (!page.empty() && (static_cast<unsigned char>(page.back()) & 0xC0U) == 0x80U) page.pop_back();
  if (!page.empty()) page.pop_back();  // the character that the cut fell into
  return page + "…";
}

// A page of texts, each behind its prompt and before an empty line, as the recipes write it.
std::vector<ReportSample> samples_of(std::int64_t step, std::string_view page,
                                     const std::vector<std::string>& prompts) {
  while (page.ends_with('\n')) page.remove_suffix(1);
  std::vector<ReportSample> samples;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    if (!page.starts_with(prompts[i])) break;
    std::size_t end = page.size();
    if (i + 1 < prompts.size()) {
      end = page.find("\n\n" + prompts[i + 1], prompts[i].size());
      if (end == std::string_view::npos) break;
    }
    const auto text = page.substr(prompts[i].size(), end - prompts[i].size());
    samples.push_back({.step = step, .prompt = prompts[i], .text = std::string(text)});
    page.remove_prefix(std::min(end + 2, page.size()));
  }
  // What is left is not as it should be, or there are no prompts.
  if (samples.size() < prompts.size() || prompts.empty()) {
    samples.push_back({.step = step, .prompt = "", .text = std::string(page)});
  }
  return samples;
}

void read_samples(const fs::path& folder, StageRecord& record) {
  constexpr std::string_view kBefore = "step-";
  std::map<std::int64_t, fs::path> by_step;
  for (const auto& path : entries_of(folder)) {
    const std::string stem = path.stem().string();
    std::int64_t step = 0;
    if (path.extension() != ".txt" || !stem.starts_with(kBefore)) continue;
    const auto [rest, fault] = std::from_chars(stem.data() + kBefore.size(), stem.data() + stem.size(), step);
    if (fault == std::errc() && rest == stem.data() + stem.size()) by_step[step] = path;
  }
  const auto prompts = prompts_of(record);
  const std::size_t shown = std::min(by_step.size(), kMostSampledSteps);
  std::size_t index = 0;
  std::size_t taken = 0;
  for (const auto& [step, path] : by_step) {
    // The first and the last, and evenly many between.
    const std::size_t next = shown < 2 ? 0 : taken * (by_step.size() - 1) / (shown - 1);
    if (index++ != next) continue;
    ++taken;
    const std::string page = cut(text_in(path, record.missing));
    for (auto& sample : samples_of(step, page, prompts)) record.samples.push_back(std::move(sample));
  }
}

}  // namespace

bool is_stage_folder(const fs::path& folder) {
  return is_there(folder / "metrics.jsonl") || is_there(folder / "config.yaml");
}

std::vector<fs::path> stage_folders(const fs::path& run) {
  constexpr std::array<std::string_view, 6> kOrder = {"pretrain", "sft", "reward_model", "ppo", "grpo", "dpo"};
  std::vector<fs::path> found;
  for (const auto& path : entries_of(run)) {
    const bool aside = path.filename().string().find(".old-") != std::string::npos;
    if (!aside && is_stage_folder(path)) found.push_back(path);
  }
  const auto place = [&](const fs::path& path) {
    return std::find(kOrder.begin(), kOrder.end(), path.filename().string()) - kOrder.begin();
  };
  std::stable_sort(found.begin(), found.end(), [&](const auto& a, const auto& b) { return place(a) < place(b); });
  return found;
}

StageRecord read_stage(const fs::path& folder) {
  StageRecord record;
  record.folder = folder;
  std::error_code ignored;
  const fs::path whole = fs::weakly_canonical(folder, ignored);
  record.stage = whole.filename().string();
  record.run = whole.parent_path().filename().string();
  record.metrics = read_metrics(folder / "metrics.jsonl");
  record.missing = record.metrics.missing;
  record.config = text_in(folder / "config.yaml", record.missing);
  record.description = object_of(folder / "run.json", record.missing);
  record.environment = object_of(folder / "env.json", record.missing);
  if (is_there(folder / "result.json")) record.result = object_of(folder / "result.json", record.missing);
  // A run may have gone on after it was done, for longer.
  if (record.result.is_object() &&
      record.metrics.step > whole_number_of(record.result, "step").value_or(record.metrics.step)) {
    record.result = nullptr;
  }
  read_log(folder / "train.log", record);
  read_samples(folder / "samples", record);
  for (auto& text : record.missing) text = within(folder, text);
  return record;
}

}  // namespace llmtrain
