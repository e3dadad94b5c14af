#include "lib/data/learn_tokenizer.h"

#include <algorithm>
#include <chrono>

#include <nlohmann/json.hpp>

#include "lib/base/digest.h"
#include "lib/base/error.h"
#include "lib/base/file.h"
#include "lib/base/signals.h"
#include "lib/base/text.h"
#include "lib/data/tokenize_file.h"
#include "lib/data/tokenizer_text.h"
#include "lib/tokenizer/tokenizer_spec.h"
#include "lib/tokenizer/tokenizer_trainer.h"

namespace llmtrain {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int kRecordVersion = 2;
constexpr std::size_t kHashBuffer = std::size_t{1} << 20;
constexpr std::int64_t kSettledNs = 2'000'000'000;  // a file written more recently may be written again unseen

fs::path tokenizer_file(const fs::path& folder) { return folder / "tokenizer.json"; }
fs::path record_file(const fs::path& folder) { return folder / "tokenizer_training.json"; }

// All that decides what is learnt, but for the text.
json settings_of(const TokenizerTrainConfig& config) {
  return {{"kind", enum_name(config.kind)},        {"vocab_size", config.vocab_size},
          {"pattern", enum_name(config.pattern)},  {"special_tokens", config.special_tokens},
          {"min_frequency", config.min_frequency}, {"max_bytes", config.max_bytes.value}};
}

json files_of(const std::vector<TextFile>& files, const ReadRules& rules) {
  const auto now =
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  json list = json::array();
  for (const auto& file : files) {
    const auto& identity = file.file.identity;
    list.push_back({{"path", file.file.path.string()},
                    {"read_as", reading_settings(file.file, file.source, rules)},
                    {"size", identity.size},
                    {"modified_ns", identity.modified_ns + kSettledNs < now ? identity.modified_ns : -1},
                    {"changed_ns", identity.changed_ns},
                    {"sha256", file.sha256}});
  }
  return list;
}

std::string hash_file(const fs::path& path, Progress& progress) {
  const InputFile file(path);
  Sha256 digest;
  std::string buffer(kHashBuffer, '\0');
  for (std::uint64_t offset = 0; offset < file.size();) {
    stop_point("hashing the tokenizer's text");
    const std::size_t got = file.read_some(buffer.data(), buffer.size(), offset);
    if (got == 0) break;
    digest.update(std::string_view(buffer).substr(0, got));
    progress.add(got);
    offset += got;
  }
  return digest.finish();
}

// The record of an earlier run, or null if there is none that can be read.
json read_record(const fs::path& folder, const Log& log) {
  if (!fs::exists(record_file(folder)) || !fs::exists(tokenizer_file(folder))) return nullptr;
  json record = json::parse(read_file(record_file(folder)), nullptr, false);
  if (record.is_object() && record.value("version", 0) == kRecordVersion) return record;
  log.warn("{}: not a record of this version; the tokenizer is learnt anew", record_file(folder).string());
  return nullptr;
}

bool is_same_file(const json& recorded, const TextFile& file, const ReadRules& rules, Progress& progress) {
  if (recorded.at("path") != file.file.path.string()) return false;
  if (recorded.at("read_as") != reading_settings(file.file, file.source, rules)) return false;
  if (recorded.at("size") != file.file.identity.size) return false;
  const auto& identity = file.file.identity;
  const bool untouched =
      recorded.at("modified_ns") == identity.modified_ns && recorded.at("changed_ns") == identity.changed_ns;
  return untouched || recorded.at("sha256") == hash_file(file.file.path, progress);
}

// What differs from the record; nothing if all is the same.
std::optional<std::string> changed_since(const json& record, const json& settings, const std::vector<TextFile>& files,
                                         const ReadRules& rules, const fs::path& folder, ProgressMode mode) {
  Progress progress("hashing the tokenizer's text", 0, "B", mode);  // taken away without a closing line
  if (record.at("settings") != settings) return "the settings changed";
  if (record.at("tokenizer_sha256") != hash_file(tokenizer_file(folder), progress)) return "tokenizer.json was changed";
  const auto& recorded = record.at("files");
  if (recorded.size() != files.size()) return "the list of files changed";
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (!is_same_file(recorded[i], files[i], rules, progress)) return files[i].file.path.string() + " changed";
  }
  return std::nullopt;
}

LearntTokenizer result_of(const json& record, const fs::path& folder, bool was_there) {
  return {.file = tokenizer_file(folder),
          .was_there = was_there,
          .documents = record.at("documents"),
          .bytes = record.at("bytes"),
          .kind = record.at("settings").at("kind") == enum_name(TokenizerKind::kChar) ? TokenizerKind::kChar
                                                                                      : TokenizerKind::kByteBpe,
          .words = record.at("words"),
          .distinct_words = record.at("distinct_words"),
          .vocab_size = record.at("vocab_size")};
}

std::optional<LearntTokenizer> find_learnt(const json& settings, const std::vector<TextFile>& files,
                                           const ReadRules& rules, const fs::path& folder, ProgressMode mode,
                                           const Log& log) {
  const json record = read_record(folder, log);
  if (record.is_null()) return std::nullopt;
  try {
    const auto change = changed_since(record, settings, files, rules, folder, mode);
    if (!change) return result_of(record, folder, true);
    log.info("{}: {}; it is learnt anew", tokenizer_file(folder).string(), *change);
  } catch (const json::exception&) {
    log.warn("{}: damaged; the tokenizer is learnt anew", record_file(folder).string());
  }
  return std::nullopt;
}

// Bytes of text in all files; reads those whose size does not say.
std::uint64_t text_bytes(std::vector<TextFile>& files, const ReadRules& rules, std::uint64_t enough,
                         ProgressMode mode) {
  std::uint64_t on_disk = 0;
  bool compressed = false;
  for (const auto& file : files) {
    on_disk += file.file.identity.size;
    compressed = compressed || file.file.compression != Compression::kNone;
  }
  if (!compressed && on_disk <= enough) return on_disk;
  std::uint64_t bytes = 0;
  TokenizerText text(files, rules);
  Progress progress("measuring the tokenizer's text", 0, "B", mode);
  for (std::string document; text.next(document); bytes += document.size()) {
    stop_point("measuring the tokenizer's text");
    progress.add(document.size());
  }
  return bytes;
}

TrainedTokenizer train_on(std::vector<TextFile>& files, const TokenizerTrainConfig& config, const ReadRules& rules,
                          const LearnOptions& options, const Log& log) {
  const auto most = static_cast<std::uint64_t>(config.max_bytes.value);
  const std::uint64_t bytes = text_bytes(files, rules, most, options.progress);
  const double kept = bytes <= most ? 1.0 : static_cast<double>(most) / static_cast<double>(bytes);
  if (kept < 1.0) {
    log.info("learning from an even sample of {} of {}: tokenizer.train.max_bytes", human_bytes(most),
             human_bytes(bytes));
  }
  TokenizerText text(files, rules, kept);
  auto trained = train_tokenizer(
      config, [&](std::string& document) { return text.next(document); },
      {.threads = options.threads, .progress = options.progress, .expected_bytes = std::min(bytes, most)});
  if (text.bad_lines().count() > 0) log.warn("{}", text.bad_lines().summary());
  return trained;
}

}  // namespace

LearntTokenizer learn_tokenizer(const TokenizerTrainConfig& config, const std::vector<DataSource>& sources,
                                const ReadRules& rules, const fs::path& folder, const LearnOptions& options,
                                const Log& log) {
  auto files = list_text_files(sources);
  const json settings = settings_of(config);
  if (const auto learnt = find_learnt(settings, files, rules, folder, options.progress, log)) return *learnt;
  make_directory(folder);
  { const AtomicFile probe(tokenizer_file(folder)); }  // says before the work whether the result can be written
  auto trained = train_on(files, config, rules, options, log);
  const Tokenizer tokenizer(std::move(trained.spec));
  if (config.kind == TokenizerKind::kByteBpe &&
      tokenizer.vocab_size() < static_cast<std::uint64_t>(config.vocab_size)) {
    log.warn("made {} of {} ids: no other pair stands {} times in the text", with_thousands(tokenizer.vocab_size()),
             with_thousands(static_cast<std::uint64_t>(config.vocab_size)), config.min_frequency);
  }
  const json record = {{"version", kRecordVersion},
                       {"settings", settings},
                       {"files", files_of(files, rules)},
                       {"documents", trained.documents},
                       {"bytes", trained.bytes},
                       {"words", trained.words},
                       {"distinct_words", trained.distinct_words},
                       {"vocab_size", tokenizer.vocab_size()},
                       {"tokenizer_sha256", tokenizer.hash()}};
  write_file(tokenizer_file(folder), tokenizer.to_json());
  write_file(record_file(folder), record.dump(2) + "\n");
  return result_of(record, folder, false);
}

fs::path tokenizer_folder(const RunConfig& config) { return fs::path(config.dir) / config.name / "tokenizer"; }

LearntTokenizer learn_pipeline_tokenizer(const PipelineConfig& config, const fs::path& folder,
                                         const LearnOptions& options, const Log& log) {
  if (!config.tokenizer.train) {
    throw config_error("tokenizer: has no 'train'; try tokenizer: {{train: {{vocab_size: 2048}}}}");
  }
  const auto& train = *config.tokenizer.train;
  const auto& sources = train.data.empty() && config.pretrain ? config.pretrain->data.train : train.data;
  if (sources.empty()) {
    throw config_error("tokenizer.train: nothing to learn from, expected data here or in pretrain.data.train");
  }
  const ReadRules rules = config.pretrain ? read_rules(config.pretrain->data) : ReadRules{};
  return learn_tokenizer(train, sources, rules, folder, options, log);
}

Tokenizer pipeline_tokenizer(const PipelineConfig& config, const LearnOptions& options, const Log& log) {
  if (config.tokenizer.from) return Tokenizer::load(*config.tokenizer.from);
  return Tokenizer::load(learn_pipeline_tokenizer(config, tokenizer_folder(config.run), options, log).file);
}

}  // namespace llmtrain
