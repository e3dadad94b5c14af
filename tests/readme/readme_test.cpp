#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include "tests/readme/readme_page.h"
#include "tests/support/test_support.h"

// Every command of README.md, run with the programs of this build: it does what README.md shows.
namespace llmtrain {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr const char* kNoEngine = "llmtrain-engine: cannot start";
// What a README's reader brings along, from the folder of real data.
constexpr const char* kBroughtText = "tinyshakespeare.txt";
// The main job takes minutes, and scripts/quickstart.sh runs it whole. Here it is as short as it can be and still print
// each kind of line: two evaluations, with lines of steps behind the first.
constexpr const char* kShortTraining =
    "llmtrain pretrain --set=pretrain.steps=20 --set=pretrain.optim.schedule.warmup_steps=5 "
    "--set=pretrain.evaluation.every_steps=10 "
    "--set=pretrain.log_every_steps=5 --progress=lines";
constexpr const char* kMainJob = "configs/quickstart/pipeline.yaml";
constexpr const char* kSmallSteps = " --set=pretrain.batch_tokens=1024";

std::string starting(const std::string& text, std::size_t words) {
  std::size_t end = 0;
  for (std::size_t i = 0; i < words && end != std::string::npos; ++i) end = text.find(' ', end + 1);
  return text.substr(0, end);
}

// A folder as a reader of README.md has it: the checkout's configs and data, and the files that README.md shows.
class ReadersFolder {
 public:
  explicit ReadersFolder(const ReadmePage& page) {
    for (const char* name : {"configs", "data"}) {
      fs::create_directory_symlink(fs::path(LLMTRAIN_SOURCE_DIR) / name, folder_ / name);
    }
    for (const auto& file : page.files) {
      if (!fs::exists(folder_ / file.name)) folder_.write(file.name, file.content);
    }
    if (const auto data = real_data_folder()) {
      fs::copy_file(*data / "text" / kBroughtText, folder_ / kBroughtText);
      has_brought_text_ = true;
    }
  }

  // Both streams, as on a terminal.
  ProgramResult run(const std::string& command) const {
    const std::string path = LLMTRAIN_BINARY_DIR ":" + std::string(std::getenv("PATH"));
    return run_program({"/bin/bash", "-c", "exec 2>&1; " + command},
                       {.directory = folder_.path(),
                        .environment = {{"PATH", path}, {"LC_ALL", "C.UTF-8"}, {"COLUMNS", "80"}},
                        .input = ""});
  }

  fs::path path() const { return folder_.path(); }

  // The command, or a file that it names, needs what is not here.
  bool misses_data_of(const ReadmeCommand& command) const {
    if (has_brought_text_) return false;
    std::string text = command.text;
    for (const auto& entry : fs::directory_iterator(folder_.path())) {
      if (!entry.is_regular_file()) continue;
      if (command.text.find(entry.path().filename().string()) != std::string::npos) text += slurp(entry.path());
    }
    return text.find(kBroughtText) != std::string::npos;
  }

 private:
  TempDir folder_;
  bool has_brought_text_ = false;
};

const ReadmePage& page() {
  static const ReadmePage kPage = read_readme(slurp(fs::path(LLMTRAIN_SOURCE_DIR) / "README.md"));
  return kPage;
}

std::string at(std::size_t line) { return fmt::format("README.md:{}", line); }

// What depends on the machine, or on weights that were trained for a moment only, is compared in shape alone; what is
// generated from those weights not at all, but that something is.
std::string wrong_output(const ReadmeCommand& command, const std::vector<std::string>& printed) {
  static const std::regex kShapeOnly("llmtrain (pretrain|eval|report|doctor|plan)\\b.*");
  static const std::regex kAnyText("llmtrain (generate|chat)\\b.*");
  if (command.shown.empty()) return "";
  if (std::regex_match(command.text, kAnyText)) return printed.empty() ? "  nothing was printed" : "";
  const bool shape_only = std::regex_match(command.text, kShapeOnly);
  return difference(command.shown, printed, shape_only ? Likeness::kShape : Likeness::kText);
}

bool shows_an_error(const ReadmeCommand& command) {
  return std::any_of(command.shown.begin(), command.shown.end(),
                     [](const auto& line) { return line.find("llmtrain: error: ") != std::string::npos; });
}

class Readme : public testing::Test {
 protected:
  void SetUp() override {
    const auto version = folder_.run("llmtrain --version");
    ASSERT_EQ(version.exit_code, 0) << "no program to run: " << version.out;
  }
  const ReadersFolder folder_ = ReadersFolder(page());
};

TEST_F(Readme, CommandsDoWhatItShows) {
  bool without_engine = false;
  bool without_data = false;
  std::size_t run = 0;
  for (const auto& command : page().commands) {
    if (folder_.misses_data_of(command)) {
      without_data = true;
      continue;
    }
    std::string text = command.text;
    if (text.starts_with("llmtrain pretrain ")) {
      const bool main_job = text.find(kMainJob) != std::string::npos;
      text = kShortTraining + std::string(main_job ? kSmallSteps : "") + text.substr(starting(text, 2).size());
    }
    const auto result = folder_.run(text);
    if (result.out.find(kNoEngine) != std::string::npos && !fs::exists(LLMTRAIN_BINARY_DIR "/llmtrain-engine")) {
      without_engine = true;
      continue;
    }
    const bool may_need_what_was_skipped = without_engine || without_data;
    if (may_need_what_was_skipped && result.exit_code != 0 && !shows_an_error(command)) continue;
    ++run;
    const bool as_shown = shows_an_error(command) ? result.exit_code > 0 && result.exit_code < 126  //
                                                  : result.exit_code == 0;
    EXPECT_TRUE(as_shown) << at(command.line) << ": `" << text << "` ended with " << result.exit_code << "\n"
                          << result.out;
    const auto wrong = wrong_output(command, split_lines(result.out));
    EXPECT_TRUE(wrong.empty()) << at(command.line) << ": `" << text << "` does not print what is shown\n" << wrong;
  }
  EXPECT_GT(run, 0U);
  if (without_data && std::getenv("LLMTRAIN_REQUIRE_DATA") != nullptr) {
    FAIL() << "LLMTRAIN_TEST_DATA names no folder";
  }
  // What needs an engine is run where one is built.
  if (without_data) GTEST_SKIP() << run << " commands are as shown; set LLMTRAIN_TEST_DATA to run the others";
}

// The command that a help text is of: "llmtrain config explain" of "Usage: llmtrain config explain [OPTIONS] [key]".
std::string helped_command(const std::string& help) {
  static const std::regex kUsage("Usage: (llmtrain( [a-z][a-z-]*)*)");
  std::smatch match;
  return std::regex_search(help, match, kUsage) ? match[1].str() : "";
}

// What is wrong with a command line as far as its own help tells, "" if nothing: a word that is no command, an option
// that there is not.
std::string wrong_by_help(const ReadersFolder& folder, const std::string& text) {
  static const std::regex kWord("[a-z][a-z-]*");
  std::vector<std::string> names;  // "llmtrain config show"
  std::vector<std::string> options;
  std::istringstream words(text);
  bool in_names = true;
  for (std::string word; words >> word;) {
    in_names = in_names && std::regex_match(word, kWord);
    if (in_names) names.push_back(word);
    if (word.starts_with("--")) options.push_back(word.substr(0, word.find('=')));
  }
  const auto result = folder.run(fmt::format("{} --help", fmt::join(names, " ")));
  const auto command = helped_command(result.out);
  const bool group = result.out.find("Subcommands:") != std::string::npos;
  if (result.exit_code != 0 || command == "llmtrain") return fmt::format("'{}' is no command", text);
  if (group && fmt::format("{}", fmt::join(names, " ")) != command) {
    return fmt::format("'{}' has no command '{}'", command, names.back());
  }
  for (const auto& option : options) {
    if (result.out.find(option) == std::string::npos) return fmt::format("'{}' has no option {}", command, option);
  }
  return "";
}

TEST_F(Readme, EveryCommandThatItNamesIsThere) {
  ASSERT_GT(page().mentions.size(), 10U);
  for (const auto& mention : page().mentions) {
    std::string wrong;
    if (mention.after.empty()) {
      wrong = wrong_by_help(folder_, mention.text);
    } else {
      // "encode" behind `llmtrain tokenizer train`, or "data preview" behind `llmtrain data stats`.
      wrong = wrong_by_help(folder_, "llmtrain " + mention.text);
      if (!wrong.empty()) wrong = wrong_by_help(folder_, starting(mention.after, 2) + " " + mention.text);
    }
    EXPECT_TRUE(wrong.empty()) << at(mention.line) << ": `" << mention.text << "`: " << wrong;
  }
}

TEST_F(Readme, FilesThatItShowsAreGood) {
  for (const auto& file : page().files) {
    if (!file.shown) continue;
    const auto here = fs::path(LLMTRAIN_SOURCE_DIR) / file.name;
    if (fs::exists(here)) {
      const auto wrong = difference(split_lines(file.content), split_lines(slurp(here)), Likeness::kText);
      EXPECT_TRUE(wrong.empty()) << at(file.line) << ": is not " << file.name << "\n" << wrong;
    }
    if (!file.name.ends_with(".yaml")) continue;
    const auto result = folder_.run("llmtrain config check " + file.name);
    EXPECT_EQ(result.exit_code, 0) << at(file.line) << ": " << result.out;
  }
}

// A piece of a pipeline file need not be whole, but what it has must be right.
TEST_F(Readme, PiecesOfPipelineFilesHoldNothingUnknown) {
  static const std::regex kMissing("(.*: )?'[a-z_.]+': no [a-z ]+ is given[;,].*");
  for (const auto& part : page().parts) {
    std::ofstream(folder_.path() / "part.yaml") << part.content;
    for (const auto& line : split_lines(folder_.run("llmtrain config check part.yaml").out)) {
      if (!line.starts_with("llmtrain: error: ")) continue;
      EXPECT_TRUE(std::regex_match(line, kMissing)) << at(part.line) << ": " << line;
    }
  }
}

TEST_F(Readme, ScriptsThatItNamesCanBeRun) {
  for (const auto& script : page().scripts) {
    EXPECT_EQ(::access((fs::path(LLMTRAIN_SOURCE_DIR) / script.text).c_str(), X_OK), 0)
        << at(script.line) << ": " << script.text;
  }
}

// --- the reading of a page and the comparison, on a page of ours ---

constexpr const char* kPage = R"(# A page

| you want to | command |
| --- | --- |
| check | `llmtrain config check`; all keys are in `configs/README.md` |
| learn, use | `llmtrain tokenizer train`, `encode`, `data stats` |

| key | what |
| --- | --- |
| `lr` | a rate |

```
scripts/test.sh     # tests
```

<!-- file: hidden.yaml
run: {}
-->

Run `llmtrain plan --set a=b FILE`:

<!-- file: shown.yaml -->
```yaml
model: {}
```

```yaml
pretrain: {}
```

```
$ llmtrain config check \
    hidden.yaml
first
...
$ cat hidden.yaml
run: {}
$ llmtrain doctor
```
)";

TEST(ReadmePage, HasFilesCommandsAndMentions) {
  const auto read = read_readme(kPage);
  ASSERT_EQ(read.files.size(), 2U);
  EXPECT_EQ(read.files[0].name + "|" + read.files[0].content, "hidden.yaml|run: {}\n");
  EXPECT_EQ(read.files[1].name + "|" + read.files[1].content, "shown.yaml|model: {}\n");
  EXPECT_EQ(read.files[1].line, 23U);
  ASSERT_EQ(read.parts.size(), 1U);
  EXPECT_EQ(read.parts[0].content, "pretrain: {}\n");
  ASSERT_EQ(read.commands.size(), 2U);
  EXPECT_EQ(read.commands[0].text, "llmtrain config check     hidden.yaml");
  EXPECT_EQ(read.commands[0].line, 32U);
  EXPECT_THAT(read.commands[0].shown, testing::ElementsAre("first", "..."));
  EXPECT_THAT(read.commands[1].shown, testing::IsEmpty());
  std::vector<std::string> mentions;
  for (const auto& mention : read.mentions) {
    mentions.push_back(fmt::format("{} {} {}", mention.line, mention.text, mention.after));
  }
  EXPECT_THAT(mentions,
              testing::ElementsAre("5 llmtrain config check ", "6 llmtrain tokenizer train ",
                                   "6 encode llmtrain tokenizer train", "6 data stats llmtrain tokenizer train",
                                   "20 llmtrain plan --set a=b FILE "));
  ASSERT_EQ(read.scripts.size(), 1U);
  EXPECT_EQ(read.scripts[0].text, "scripts/test.sh");
}

TEST(ReadmePage, TextIsComparedButForTimesAndRates) {
  const std::vector<std::string> shown = {"counting: 1.1 MiB in 0.02 s (54.5 MiB/s)", "65 ids"};
  EXPECT_EQ(difference(shown, {"counting: 1.1 MiB in 1 m 05 s (935K merges/s)", "65 ids"}, Likeness::kText), "");
  EXPECT_THAT(difference(shown, {"counting: 1.2 MiB in 0.02 s (54.5 MiB/s)", "65 ids"}, Likeness::kText),
              HasSubstr("shown:   counting: 1.1 MiB"));
  EXPECT_THAT(difference(shown, {shown[0], "66 ids"}, Likeness::kText), HasSubstr("printed: 66 ids"));
  EXPECT_THAT(difference(shown, {shown[0]}, Likeness::kText), HasSubstr("no such line"));
  EXPECT_THAT(difference(shown, {shown[0], shown[1], "more"}, Likeness::kText), HasSubstr("printed:\n    more"));
}

TEST(ReadmePage, DotsStandForAnyLines) {
  EXPECT_EQ(difference({"a", "...", "d", "..."}, {"a", "b", "c", "d", "e"}, Likeness::kText), "");
  EXPECT_EQ(difference({"a", "...", "b"}, {"a", "b"}, Likeness::kText), "");
  EXPECT_NE(difference({"a", "...", "d"}, {"a", "b", "c"}, Likeness::kText), "");
}

TEST(ReadmePage, AShapeHasEachKindOfLineInItsPlace) {
  const std::vector<std::string> shown = {
      "pretrain step 100/800 12% | loss 1.968 █▆▄ | lr 3.0e-3 | 28.2k tok/s | MFU - | eta 00:01:40", "...",
      "step 200: held-out loss 1.1980", "  | 5 + 6 = 11", "done"};
  const std::string step = "pretrain step 20/20 100% | loss 7.1 █ | lr 1.0e-12 | 973 tok/s | MFU 38% | eta -";
  EXPECT_EQ(
      difference(shown, {step, step, "step 10: held-out loss 6.5", "saved", "  | 햇살", "done"}, Likeness::kShape), "");
  EXPECT_THAT(difference(shown, {step, "step 10: held-out loss 6.5", "done"}, Likeness::kShape),
              HasSubstr("5 + 6 = 11"));
  EXPECT_THAT(difference(shown, {"step 10: held-out loss 6.5", step, "  | x", "done"}, Likeness::kShape),
              HasSubstr("held-out"));
  EXPECT_NE(difference({"a | val 0.85"}, {"a"}, Likeness::kShape), "");
  EXPECT_EQ(difference({"sums    0.985   -1"}, {"sums 1   20.5"}, Likeness::kShape), "");
}

TEST(ReadmePage, MentionsOfWhatIsNotThereAreFound) {
  const ReadersFolder folder(ReadmePage{});
  EXPECT_EQ(wrong_by_help(folder, "llmtrain config show --origin pipeline.yaml"), "");
  EXPECT_EQ(wrong_by_help(folder, "llmtrain config explain pretrain.optim.lr"), "");
  EXPECT_EQ(wrong_by_help(folder, "llmtrain confg check"), "'llmtrain confg check' is no command");
  EXPECT_EQ(wrong_by_help(folder, "llmtrain tokenizer encod"), "'llmtrain tokenizer' has no command 'encod'");
  EXPECT_EQ(wrong_by_help(folder, "llmtrain config show --orign"), "'llmtrain config show' has no option --orign");
}

}  // namespace
}  // namespace llmtrain
