#include "lib/tokenizer/char_trainer.h"

#include <string>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/parallel.h"
#include "lib/base/text.h"
#include "lib/tokenizer/char_vocabulary.h"

namespace llmtrain {
namespace {

constexpr std::size_t kCodePoints = 0x110000;
constexpr std::string_view kUnknown = "<unk>";

// What one thread found.
struct Seen {
  std::vector<bool> characters = std::vector<bool>(kCodePoints);
  std::uint64_t documents = 0;
  std::uint64_t bytes = 0;
  std::uint64_t count = 0;
};

void look_at(std::string_view document, Seen& seen) {
  ++seen.documents;
  seen.bytes += document.size();
  if (const auto malformed = find_invalid_utf8(document)) {
    throw input_error(
        "document '{}': byte {}: malformed UTF-8, which a tokenizer of characters cannot learn; try "
        "kind: byte_bpe, or repair the text",
        printable(document, 60), *malformed);
  }
  for_each_character(document, [&](std::uint32_t code) {
    seen.characters[code] = true;
    ++seen.count;
  });
}

}  // namespace

TrainedTokenizer train_char(const TokenizerTrainConfig& config, const NextDocument& next,
                            const TrainerOptions& options) {
  const int threads = options.threads > 0 ? options.threads : available_processors();
  std::vector<Seen> seen(static_cast<std::size_t>(threads));
  Progress progress("counting characters", options.expected_bytes, "B", options.progress);
  for_each_document(next, seen.size(), [&](std::size_t worker, std::string_view document) {
    look_at(document, seen[worker]);
    progress.add(document.size());
  });
  progress.finish();

  TrainedTokenizer trained;
  auto& spec = trained.spec;
  spec.kind = TokenizerKind::kChar;
  std::vector<bool> all(kCodePoints);
  for (const auto& part : seen) {
    trained.documents += part.documents;
    trained.bytes += part.bytes;
    trained.words += part.count;
    for (std::size_t code = 0; code < kCodePoints; ++code) all[code] = all[code] || part.characters[code];
  }
  for (std::uint32_t code = 0; code < kCodePoints; ++code) {
    if (!all[code]) continue;
    spec.tokens.emplace_back();
    append_utf8(spec.tokens.back().bytes, code);
  }
  trained.distinct_words = spec.tokens.size();
  if (spec.tokens.empty()) throw input_error("no text to learn a tokenizer from");
  for (const auto& content : config.special_tokens) {
    const auto id = static_cast<std::uint32_t>(spec.tokens.size());
    spec.tokens.push_back({.bytes = content, .in_model = true});
    spec.added_tokens.push_back({.id = id, .content = content, .special = true});
    if (content == kUnknown) spec.unknown = id;
  }
  return trained;
}

}  // namespace llmtrain
