#include <algorithm>
#include <charconv>
#include <memory>

#include <nlohmann/json.hpp>

#include "apps/llmtrain/commands.h"
#include "apps/llmtrain/standard_streams.h"
#include "lib/base/file.h"
#include "lib/base/signals.h"
#include "lib/base/text.h"
#include "lib/config/pipeline.h"
#include "lib/data/learn_tokenizer.h"
#include "lib/tokenizer/tokenizer.h"
#include "lib/tokenizer/tokenizer_spec.h"

namespace llmtrain {
namespace {

using Ids = std::vector<std::uint32_t>;

template <NamedEnum Enum>
CLI::Option* add_enum_option(CLI::App& command, const std::string& name, Enum& value, const std::string& help) {
  std::vector<std::string> names;
  for (const auto& [candidate, text] : EnumTable<Enum>::names) names.emplace_back(text);
  const auto take = [&value](const std::string& given) {
    for (const auto& [candidate, text] : EnumTable<Enum>::names) {
      if (text == given) value = candidate;
    }
  };
  return command.add_option_function<std::string>(name, take, help)->check(CLI::IsMember(names));
}

// -- train --

struct TrainCommand {
  SharedOptions shared;
  PipelineOptions pipeline;
  TokenizerTrainConfig config;  // without a pipeline file
  std::vector<std::string> data;
  std::string output;
};

void report_learnt(const LearntTokenizer& learnt, const Log& log) {
  if (learnt.was_there) {
    log.info("learnt already from the same text with the same settings; nothing to do");
  }
  const std::string_view unit = learnt.kind == TokenizerKind::kChar ? "character" : "word";
  log.info("{} from {}, {} of text, {} of which {} distinct", counted(learnt.vocab_size, "id"),
           counted(learnt.documents, "document"), human_bytes(learnt.bytes), counted(learnt.words, unit),
           with_thousands(learnt.distinct_words));
  write_stdout(learnt.file.string() + "\n");
}

ExitCode train(TrainCommand& command) {
  const Log log = command.shared.log();
  const LearnOptions options{.threads = 0, .progress = command.shared.progress_mode()};
  if (!command.pipeline.path.empty()) {
    auto config = load_pipeline(command.pipeline.path, command.pipeline.overrides).config;
    const auto folder = command.output.empty() ? tokenizer_folder(config.run) : std::filesystem::path(command.output);
    report_learnt(learn_pipeline_tokenizer(config, folder, options, log), log);
    return ExitCode::kDone;
  }
  if (command.data.empty() || command.output.empty()) {
    throw config_error("tokenizer train: expected a pipeline file, or --data and --output");
  }
  std::vector<DataSource> sources;
  for (const auto& path : command.data) {
    sources.emplace_back();
    sources.back().path = path;
  }
  report_learnt(learn_tokenizer(command.config, sources, {}, command.output, options, log), log);
  return ExitCode::kDone;
}

void add_train(CLI::App& tokenizer, Action& action) {
  CLI::App* command = tokenizer.add_subcommand("train", "Learn a tokenizer from text");
  auto options = std::make_shared<TrainCommand>();
  add_shared_options(*command, options->shared);
  CLI::Option* pipeline =
      command->add_option("pipeline", options->pipeline.path, "Pipeline file (YAML): its tokenizer.train section")
          ->type_name("FILE");
  command->add_option("--set", options->pipeline.overrides, "Override a key: --set tokenizer.train.vocab_size=4096")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false)
      ->needs(pipeline);
  command
      ->add_option("--output", options->output, "Folder for tokenizer.json (default: <run.dir>/<run.name>/tokenizer)")
      ->type_name("DIR");
  auto& config = options->config;
  std::vector<CLI::Option*> alone = {
      command->add_option("--data", options->data, "Without a pipeline file: files, folders or globs to learn from")
          ->type_name("PATH"),
      command->add_option("--vocab-size", config.vocab_size, "Ids in all")->check(CLI::Range(1, 1 << 24)),
      command->add_option("--special", config.special_tokens, "Special tokens; the first ends a document")
          ->type_name("TEXT"),
      command->add_option("--min-frequency", config.min_frequency, "Pairs seen less often are not merged")
          ->check(CLI::PositiveNumber),
      add_enum_option(*command, "--kind", config.kind, "What to learn; char: one id a character"),
      add_enum_option(*command, "--pattern", config.pattern, "How text is cut into words"),
  };
  for (CLI::Option* option : alone) option->excludes(pipeline);
  command->callback([options, &action] { action = [options] { return train(*options); }; });
}

// -- encode --

struct EncodeCommand {
  std::string tokenizer;
  std::string text;
  std::string file;
  bool special = false;
  bool json = false;
  bool ids_only = false;
};

// The token as text where it is whole characters, its other bytes as \xNN.
std::string readable(const Tokenizer& tokenizer, std::uint32_t id) {
  const auto bytes = tokenizer.token_bytes(id);
  return printable(bytes, 4 * bytes.size() + 8);
}

void print_ids_only(const Ids& ids) {
  std::string line;
  for (const std::uint32_t id : ids) line += fmt::format("{}{}", line.empty() ? "" : " ", id);
  write_stdout(line + "\n");
}

void print_json(const Tokenizer& tokenizer, const Ids& ids) {
  nlohmann::ordered_json result = {{"count", ids.size()}, {"ids", ids}, {"tokens", nlohmann::json::array()}};
  for (const std::uint32_t id : ids) result["tokens"].push_back(readable(tokenizer, id));
  write_stdout(result.dump() + "\n");
}

void print_for_people(const Tokenizer& tokenizer, std::size_t bytes, const Ids& ids) {
  std::string text = fmt::format("{} tokens, {} bytes\n", with_thousands(ids.size()), with_thousands(bytes));
  for (const std::uint32_t id : ids) text += fmt::format("{:>8}  \"{}\"\n", id, readable(tokenizer, id));
  write_stdout(text);
}

ExitCode encode(const EncodeCommand& command, bool text_given) {
  const Tokenizer tokenizer = Tokenizer::load(command.tokenizer);
  const std::string text = text_given ? command.text : command.file.empty() ? read_stdin() : read_file(command.file);
  const Ids ids = tokenizer.encode(text, command.special ? SpecialText::kAsToken : SpecialText::kAsText);
  stop_point("encoding");
  if (command.ids_only) {
    print_ids_only(ids);
  } else if (command.json) {
    print_json(tokenizer, ids);
  } else {
    print_for_people(tokenizer, text.size(), ids);
  }
  return ExitCode::kDone;
}

void add_encode(CLI::App& tokenizer, Action& action) {
  CLI::App* command = tokenizer.add_subcommand("encode", "Print the tokens of a text");
  auto options = std::make_shared<EncodeCommand>();
  command->add_option("--tokenizer", options->tokenizer, "tokenizer.json, or a folder that holds a tokenizer")
      ->type_name("PATH")
      ->required();
  CLI::Option* text = command->add_option("text", options->text, "The text; without it and --file, stdin is read");
  command->add_option("--file", options->file, "A file that holds the text")->type_name("FILE")->excludes(text);
  command->add_flag("--special", options->special, "Text of special tokens becomes these tokens");
  CLI::Option* json = command->add_flag("--json", options->json, "Print one JSON object: count, ids, tokens");
  command->add_flag("--ids-only", options->ids_only, "Print the ids alone, on one line")->excludes(json);
  command->callback(
      [options, text, &action] { action = [options, given = text->count() > 0] { return encode(*options, given); }; });
}

// -- decode --

struct DecodeCommand {
  std::string tokenizer;
  std::vector<std::string> ids;
};

// Ids between white space, commas and brackets.
Ids read_ids(std::string_view text, const Tokenizer& tokenizer) {
  constexpr std::string_view kBetween = " \t\r\n,[]";
  Ids ids;
  for (std::size_t begin = text.find_first_not_of(kBetween); begin != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_of(kBetween, begin), text.size());
    const std::string_view word = text.substr(begin, end - begin);
    std::uint32_t id = 0;
    const auto [rest, error] = std::from_chars(word.data(), word.data() + word.size(), id);
    if (error != std::errc() || rest != word.data() + word.size() || id >= tokenizer.vocab_size()) {
      throw input_error("'{}' at byte {} is no id of this tokenizer, expected 0 to {}", printable(word, 40), begin,
                        tokenizer.vocab_size() - 1);
    }
    ids.push_back(id);
    begin = text.find_first_not_of(kBetween, end);
  }
  return ids;
}

void add_decode(CLI::App& tokenizer, Action& action) {
  CLI::App* command = tokenizer.add_subcommand("decode", "Print the bytes of ids");
  auto options = std::make_shared<DecodeCommand>();
  command->add_option("--tokenizer", options->tokenizer, "tokenizer.json, or a folder that holds a tokenizer")
      ->type_name("PATH")
      ->required();
  command->add_option("ids", options->ids, "The ids; without them stdin is read")->type_name("ID");
  command->callback([options, &action] {
    action = [options] {
      const Tokenizer loaded = Tokenizer::load(options->tokenizer);
      const std::string ids = options->ids.empty() ? read_stdin() : fmt::format("{}", fmt::join(options->ids, " "));
      write_stdout(loaded.decode(read_ids(ids, loaded)));
      return ExitCode::kDone;
    };
  });
}

// -- info --

ExitCode print_info(const std::string& path) {
  const Tokenizer tokenizer = Tokenizer::load(path);
  const auto& spec = tokenizer.spec();
  std::string text =
      fmt::format("kind      {}\nids       {}\n", enum_name(spec.kind), with_thousands(spec.tokens.size()));
  if (spec.kind == TokenizerKind::kByteBpe) {
    text += fmt::format("merges    {}\npattern   {}{}\n", with_thousands(spec.merges.size()), enum_name(spec.pattern),
                        spec.nfc ? ", text in normal form C" : "");
  }
  for (const auto& token : spec.added_tokens) {
    text += fmt::format("{}   {}  \"{}\"{}\n", token.special ? "special" : "added  ", token.id,
                        printable(token.content), tokenizer.end_of_document() == token.id ? "  ends a document" : "");
  }
  write_stdout(text + fmt::format("sha256    {}\n", tokenizer.hash()));
  return ExitCode::kDone;
}

void add_info(CLI::App& tokenizer, Action& action) {
  CLI::App* command = tokenizer.add_subcommand("info", "Say what a tokenizer is");
  auto path = std::make_shared<std::string>();
  command->add_option("tokenizer", *path, "tokenizer.json, or a folder that holds a tokenizer")
      ->type_name("PATH")
      ->required();
  command->callback([path, &action] { action = [path] { return print_info(*path); }; });
}

}  // namespace

void add_tokenizer_commands(CLI::App& app, Action& action) {
  CLI::App* tokenizer = app.add_subcommand("tokenizer", "Learn, use and look at tokenizers");
  tokenizer->require_subcommand(1);
  add_train(*tokenizer, action);
  add_encode(*tokenizer, action);
  add_decode(*tokenizer, action);
  add_info(*tokenizer, action);
}

}  // namespace llmtrain
