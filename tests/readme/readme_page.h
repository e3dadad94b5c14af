#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace llmtrain {

// What README.md says that can be tried. Lines are counted from one.

// A file that commands take. Either a fenced block under the comment <!-- file: NAME -->, or what stands in the comment
// itself, behind the name's line, where the reader need not see it.
struct ReadmeFile {
  std::size_t line = 0;
  std::string name;
  std::string content;
  bool shown = false;
};

// "$ llmtrain …" in a fenced block, and the lines that the block shows below it.
struct ReadmeCommand {
  std::size_t line = 0;
  std::string text;
  std::vector<std::string> shown;
};

// A command in running text or in a table's column "command": "llmtrain config show --origin". Where a table goes on
// with the end of a command alone ("`llmtrain tokenizer train`, `encode`"), the one before is `after`.
struct ReadmeMention {
  std::size_t line = 0;
  std::string text;
  std::string after{};
};

struct ReadmePage {
  std::vector<ReadmeFile> files;
  std::vector<ReadmeCommand> commands;
  std::vector<ReadmeMention> mentions;
  std::vector<ReadmeFile> parts;       // YAML blocks that are no files: a piece of one, without a name
  std::vector<ReadmeMention> scripts;  // "scripts/test.sh" at the head of a line of a fenced block
};

ReadmePage read_readme(std::string_view text);

// How far what a command printed must be what is shown.
enum class Likeness {
  kText,   // but for times and rates, which vary
  kShape,  // but for all numbers, curves and samples: each different line that is shown is there, in this order
};

// What is wrong with `printed`, "" if nothing. A shown line "..." stands for any lines.
std::string difference(const std::vector<std::string>& shown, const std::vector<std::string>& printed,
                       Likeness likeness);

std::vector<std::string> split_lines(std::string_view text);

}  // namespace llmtrain
