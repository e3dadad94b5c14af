#include "lib/tokenizer/bpe_trainer.h"

#include <unordered_set>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/parallel.h"
#include "lib/base/signals.h"
#include "lib/base/text.h"
#include "lib/tokenizer/byte_alphabet.h"
#include "lib/tokenizer/merge_learner.h"
#include "lib/tokenizer/nfc.h"
#include "lib/tokenizer/scanner.h"
#include "lib/tokenizer/text_cut.h"
#include "lib/tokenizer/word_counter.h"

namespace llmtrain {
namespace {

constexpr std::size_t kPiece = std::size_t{64} << 10;  // bytes cut into words at a time, where the text allows

// What one thread found.
struct Gathered {
  WordCounter words;
  std::uint64_t documents = 0;
  std::uint64_t bytes = 0;
  std::uint64_t pretokens = 0;
  std::vector<std::uint32_t> ends;
  std::string normalized;
};

void count_words(PretokenizerPattern pattern, std::string_view text, Gathered& gathered) {
  while (!text.empty()) {
    const std::size_t size = text.size() <= kPiece ? text.size() : next_safe_cut(text, kPiece);
    if (size >= UINT32_MAX) {
      throw input_error("a document runs on for {} without a line or a space between letters, expected less than 4 GiB",
                        human_bytes(size));
    }
    gathered.ends.clear();
    scan_pretokens(pattern, text.substr(0, size), gathered.ends);
    std::uint32_t begin = 0;
    for (const std::uint32_t end : gathered.ends) {
      gathered.words.add(text.substr(begin, end - begin));
      begin = end;
    }
    gathered.pretokens += gathered.ends.size();
    text.remove_prefix(size);
  }
}

void gather(const TokenizerSpec& spec, std::string_view document, Gathered& gathered) {
  ++gathered.documents;
  gathered.bytes += document.size();
  if (spec.nfc && !is_nfc(document)) {
    gathered.normalized.clear();
    append_nfc(document, gathered.normalized);
    document = gathered.normalized;
  }
  count_words(spec.pattern, document, gathered);
}

std::vector<std::string> first_tokens(const TokenizerTrainConfig& config) {
  std::vector<std::string> tokens = config.special_tokens;
  for (const std::uint8_t byte : bytes_in_alphabet_order()) tokens.emplace_back(1, static_cast<char>(byte));
  return tokens;
}

// No token may have the bytes of a special token, nor be written in a file as one.
std::unordered_set<std::string> forbidden_tokens(const TokenizerTrainConfig& config) {
  std::unordered_set<std::string> forbidden;
  for (const auto& content : config.special_tokens) {
    forbidden.insert(content);
    if (auto bytes = alphabet_to_bytes(content)) forbidden.insert(std::move(*bytes));
  }
  return forbidden;
}

void learn_merges(const TokenizerTrainConfig& config, const WordCounter& words, const TrainerOptions& options,
                  TokenizerSpec& spec) {
  auto tokens = first_tokens(config);
  const std::size_t wanted = static_cast<std::size_t>(config.vocab_size) - tokens.size();
  MergeLearner learner(std::move(tokens), forbidden_tokens(config));
  Progress progress("learning merges", wanted, "merges", options.progress);
  const auto on_merge = [&] {
    stop_point("learning merges");
    progress.add(1);
  };
  learner.learn(words.counts(), static_cast<std::size_t>(config.vocab_size),
                static_cast<std::uint64_t>(config.min_frequency), on_merge);
  progress.finish();
  for (auto& bytes : learner.take_tokens()) spec.tokens.push_back({.bytes = std::move(bytes), .in_model = true});
  spec.merges = learner.take_merges();
}

}  // namespace

TrainedTokenizer train_bpe(const TokenizerTrainConfig& config, const NextDocument& next,
                           const TrainerOptions& options) {
  TrainedTokenizer trained;
  trained.spec.kind = TokenizerKind::kByteBpe;
  trained.spec.pattern = config.pattern;
  trained.spec.nfc = config.pattern == PretokenizerPattern::kQwen2;
  for (std::uint32_t id = 0; id < config.special_tokens.size(); ++id) {
    trained.spec.added_tokens.push_back({.id = id, .content = config.special_tokens[id], .special = true});
  }
  const int threads = options.threads > 0 ? options.threads : available_processors();
  std::vector<Gathered> gathered(static_cast<std::size_t>(threads));
  Progress progress("counting words", options.expected_bytes, "B", options.progress);
  for_each_document(next, gathered.size(), [&](std::size_t worker, std::string_view document) {
    gather(trained.spec, document, gathered[worker]);
    progress.add(document.size());
  });
  progress.finish();
  std::vector<WordCounter> counters;
  for (auto& part : gathered) {
    trained.documents += part.documents;
    trained.bytes += part.bytes;
    trained.words += part.pretokens;
    counters.push_back(std::move(part.words));
  }
  const WordCounter words = merge_counters(counters, threads);
  trained.distinct_words = words.distinct();
  if (trained.distinct_words == 0) throw input_error("no text to learn a tokenizer from");
  learn_merges(config, words, options, trained.spec);
  return trained;
}

}  // namespace llmtrain
