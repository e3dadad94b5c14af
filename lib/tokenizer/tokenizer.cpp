#include "lib/tokenizer/tokenizer.h"

#include <mutex>
#include <unordered_map>

#include "lib/base/digest.h"
#include "lib/base/error.h"
#include "lib/base/file.h"
#include "lib/tokenizer/added_token_matcher.h"
#include "lib/tokenizer/bpe.h"
#include "lib/tokenizer/byte_alphabet.h"
#include "lib/tokenizer/char_vocabulary.h"
#include "lib/tokenizer/nfc.h"
#include "lib/tokenizer/scanner.h"
#include "lib/tokenizer/text_cut.h"
#include "lib/tokenizer/tokenizer_reader.h"
#include "lib/tokenizer/tokenizer_writer.h"
#include "lib/tokenizer/word_cache.h"
#include "lib/tokenizer/word_hash.h"

namespace llmtrain {
namespace {

constexpr std::size_t kPiece = std::size_t{64} << 10;  // bytes cut into pre-tokens at a time, where the text allows

// What one thread needs while it encodes.
struct Scratch {
  WordCache cache;
  BpeScratch bpe;
  std::vector<std::uint32_t> ends;
  std::string normalized;
};

// Scratches between uses, so that a cache filled by one document serves the next.
class ScratchPool {
 public:
  std::unique_ptr<Scratch> take() {
    {
      const std::scoped_lock lock(mutex_);
      if (!free_.empty()) {
        auto taken = std::move(free_.back());
        free_.pop_back();
        return taken;
      }
    }
    return std::make_unique<Scratch>();
  }
  void give_back(std::unique_ptr<Scratch> scratch) {
    const std::scoped_lock lock(mutex_);
    free_.push_back(std::move(scratch));
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<Scratch>> free_;
};

using Ids = std::vector<std::uint32_t>;
using TokenIds = std::unordered_map<std::string_view, std::uint32_t>;

// Calls plain(text) for what stands between the tokens found and appends the ids of these.
template <class Plain>
void split_at_tokens(const AddedTokenMatcher& matcher, std::string_view text, Ids& ids, Plain&& plain) {
  std::size_t from = 0;
  while (const auto match = matcher.find(text, from)) {
    if (match->begin > from) plain(text.substr(from, match->begin - from));
    ids.push_back(match->id);
    from = match->end;
  }
  if (from < text.size()) plain(text.substr(from));
}

std::array<std::uint32_t, 256> ids_of_bytes(const TokenIds& by_bytes) {
  std::array<std::uint32_t, 256> ids;
  for (std::size_t byte = 0; byte < ids.size(); ++byte) {
    const auto found = by_bytes.find(std::string(1, static_cast<char>(byte)));
    ENSURE(found != by_bytes.end(), byte);
    ids[byte] = found->second;
  }
  return ids;
}

// Added tokens stand in the model's vocabulary by their content, which its words, written in the byte alphabet, meet
// only if both are the same.
TokenIds model_tokens(const TokenizerSpec& spec) {
  TokenIds by_bytes;
  std::vector<bool> reachable(spec.tokens.size(), true);
  for (const auto& token : spec.added_tokens) {
    reachable[token.id] = alphabet_to_bytes(token.content) == token.content;
  }
  for (std::uint32_t id = 0; id < spec.tokens.size(); ++id) {
    if (spec.tokens[id].in_model && reachable[id]) by_bytes.emplace(spec.tokens[id].bytes, id);
  }
  return by_bytes;
}

}  // namespace

struct Tokenizer::Model {
  explicit Model(TokenizerSpec made);

  void encode_plain(std::string_view text, Ids& ids, Scratch& scratch) const;
  void encode_piece(std::string_view text, Ids& ids, Scratch& scratch) const;
  void encode_word(std::string_view word, Ids& ids, Scratch& scratch) const;

  TokenizerSpec spec;
  TokenIds by_bytes;     // every token
  TokenIds whole_words;  // ignore_merges: what a whole pre-token is looked up in
  std::optional<Bpe> bpe;
  std::optional<CharVocabulary> characters;
  // By SpecialText; what is looked for before normalized tokens, and those.
  std::array<std::array<AddedTokenMatcher, 2>, 2> matchers;
  mutable ScratchPool scratches;
  mutable std::once_flag hashed;
  mutable std::string hash;
};

Tokenizer::Model::Model(TokenizerSpec made) : spec(std::move(made)) {
  for (const auto& token : spec.added_tokens) {
    by_bytes.emplace(token.content, token.id);
    const auto order = static_cast<std::size_t>(token.normalized);
    matchers[static_cast<std::size_t>(SpecialText::kAsToken)][order].add(token.content, token.id);
    if (!token.special) matchers[static_cast<std::size_t>(SpecialText::kAsText)][order].add(token.content, token.id);
  }
  for (std::uint32_t id = 0; id < spec.tokens.size(); ++id) by_bytes.emplace(spec.tokens[id].bytes, id);
  if (spec.kind == TokenizerKind::kChar) {
    characters.emplace(spec);
    return;
  }
  auto of_model = model_tokens(spec);
  bpe.emplace(ids_of_bytes(of_model), spec.merges);
  if (spec.ignore_merges) whole_words = std::move(of_model);
}

void Tokenizer::Model::encode_plain(std::string_view text, Ids& ids, Scratch& scratch) const {
  if (characters) {
    characters->encode(text, ids);
    return;
  }
  if (spec.nfc && !is_nfc(text)) {
    scratch.normalized.clear();
    append_nfc(text, scratch.normalized);
    text = scratch.normalized;
  }
  while (!text.empty()) {
    const std::size_t end = text.size() <= kPiece ? text.size() : next_safe_cut(text, kPiece);
    encode_piece(text.substr(0, end), ids, scratch);
    text.remove_prefix(end);
  }
}

void Tokenizer::Model::encode_piece(std::string_view text, Ids& ids, Scratch& scratch) const {
  if (text.size() >= UINT32_MAX) {
    throw input_error(
        "a document runs on for {} bytes without a line or a space between letters, expected less than 4 GiB",
        text.size());
  }
  scratch.ends.clear();
  scan_pretokens(spec.pattern, text, scratch.ends);
  std::uint32_t begin = 0;
  for (const std::uint32_t end : scratch.ends) {
    encode_word(text.substr(begin, end - begin), ids, scratch);
    begin = end;
  }
}

void Tokenizer::Model::encode_word(std::string_view word, Ids& ids, Scratch& scratch) const {
  const std::uint64_t hash_of_word = hash_word(word);
  const auto known = scratch.cache.find(word, hash_of_word);
  if (!known.empty()) {
    ids.insert(ids.end(), known.begin(), known.end());
    return;
  }
  const std::size_t before = ids.size();
  const auto whole = whole_words.find(word);
  if (whole != whole_words.end()) {
    ids.push_back(whole->second);
  } else {
    bpe->encode(word, ids, scratch.bpe);
  }
  scratch.cache.store(word, hash_of_word, std::span(ids).subspan(before));
}

Tokenizer::Tokenizer(TokenizerSpec spec) : model_(std::make_unique<const Model>(std::move(spec))) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

Tokenizer Tokenizer::load(const std::filesystem::path& path) {
  std::error_code error;  // what cannot be looked at is not there; read_file says why
  const auto exists = [&](const std::filesystem::path& file) { return std::filesystem::exists(file, error); };
  if (!std::filesystem::is_directory(path, error)) return parse(read_file(path), path.string());
  const auto file = path / "tokenizer.json";
  if (exists(file)) return parse(read_file(file), file.string());
  if (exists(path / "vocab.json") && exists(path / "merges.txt")) {
    return Tokenizer(read_gpt2_files(path / "vocab.json", path / "merges.txt"));
  }
  throw input_error("{}: no tokenizer in this folder, expected tokenizer.json, or vocab.json and merges.txt",
                    path.string());
}

Tokenizer Tokenizer::parse(std::string_view json, const std::string& name) {
  return Tokenizer(read_tokenizer_json(json, name));
}

std::string Tokenizer::to_json() const { return write_tokenizer_json(model_->spec); }

const std::string& Tokenizer::hash() const {
  std::call_once(model_->hashed, [this] { model_->hash = sha256_hex(to_json()); });
  return model_->hash;
}

const TokenizerSpec& Tokenizer::spec() const { return model_->spec; }
std::size_t Tokenizer::vocab_size() const { return model_->spec.tokens.size(); }
const std::vector<AddedToken>& Tokenizer::added_tokens() const { return model_->spec.added_tokens; }

void Tokenizer::encode(std::string_view text, std::vector<std::uint32_t>& ids, SpecialText special) const {
  auto scratch = model_->scratches.take();
  const auto& matchers = model_->matchers[static_cast<std::size_t>(special)];
  split_at_tokens(matchers[0], text, ids, [&](std::string_view rest) {
    split_at_tokens(matchers[1], rest, ids,
                    [&](std::string_view plain) { model_->encode_plain(plain, ids, *scratch); });
  });
  model_->scratches.give_back(std::move(scratch));
}

std::vector<std::uint32_t> Tokenizer::encode(std::string_view text, SpecialText special) const {
  std::vector<std::uint32_t> ids;
  ids.reserve(text.size() / 3);
  encode(text, ids, special);
  return ids;
}

std::string Tokenizer::decode(std::span<const std::uint32_t> ids) const {
  std::string text;
  for (const std::uint32_t id : ids) text += token_bytes(id);
  return text;
}

std::string_view Tokenizer::token_bytes(std::uint32_t id) const {
  ENSURE(id < vocab_size(), id, vocab_size());
  return model_->spec.tokens[id].bytes;
}

std::optional<std::uint32_t> Tokenizer::find_token(std::string_view bytes) const {
  const auto found = model_->by_bytes.find(bytes);
  return found == model_->by_bytes.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::uint32_t> Tokenizer::end_of_document() const {
  for (const auto& token : model_->spec.added_tokens) {
    if (token.special) return token.id;
  }
  return std::nullopt;
}

}  // namespace llmtrain
