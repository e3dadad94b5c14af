#include "lib/tokenizer/token_table.h"

#include <algorithm>
#include <unordered_set>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/tokenizer/byte_alphabet.h"

namespace llmtrain {
namespace {

constexpr std::size_t kShownBytes = 60;

std::string shown(std::string_view text) { return printable(text, kShownBytes); }

AddedToken read_added_token(const JsonView& entry) {
  entry.expect_keys({"id", "content", "special", "single_word", "lstrip", "rstrip", "normalized"});
  for (const char* flag : {"single_word", "lstrip", "rstrip"}) entry.expect_absent_or(flag, false);
  const auto content = entry.member("content");
  if (content.string().empty()) content.fail("is empty");
  const bool special = entry.flag("special", false);
  return {.id = entry.member("id").id(),
          .content = content.string(),
          .special = special,
          .normalized = entry.flag("normalized", !special)};
}

}  // namespace

void TokenTable::add_vocabulary(const JsonView& vocabulary) {
  vocabulary.expect_object();
  ids_.reserve(vocabulary.value().size() * 2);
  std::unordered_map<std::uint32_t, std::string_view> key_of;
  for (const auto& [key, value] : vocabulary.value().items()) {
    if (value.is_number_unsigned() && value < UINT32_MAX) {
      const auto [place, fresh] = key_of.emplace(value.get<std::uint32_t>(), key);
      if (!fresh)
        vocabulary.member(key).fail(fmt::format("id {} is that of '{}' too", value.dump(), shown(place->second)));
    }
    ids_.emplace(key, vocabulary.member(key).id());
  }
}

void TokenTable::add_added_tokens(const JsonView& list) {
  std::unordered_map<std::uint32_t, std::string> content_of;
  std::unordered_set<std::string> contents;
  for (const auto& entry : list.elements()) {
    AddedToken token = read_added_token(entry);
    const auto known = find(token.content);
    if (known && *known != token.id) {
      entry.member("id").fail(
          fmt::format("'{}' has id {} in the vocabulary, got {}", shown(token.content), *known, token.id));
    }
    const auto [other, fresh] = content_of.emplace(token.id, token.content);
    if (!fresh) entry.member("id").fail(fmt::format("id {} is that of '{}' too", token.id, shown(other->second)));
    if (!contents.insert(token.content).second) entry.fail(fmt::format("'{}' stands twice", shown(token.content)));
    if (!known) ++outside_;
    added_tokens_.push_back(std::move(token));
  }
  std::sort(added_tokens_.begin(), added_tokens_.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
}

void TokenTable::expect_dense(const JsonView& document) const {
  std::vector<bool> taken(size());
  const auto take = [&](std::string_view key, std::uint32_t id, bool may_be_taken) {
    if (id >= size()) {
      document.fail(fmt::format("'{}' has id {}, expected every id from 0 to {} once", shown(key), id, size() - 1));
    }
    if (taken[id] && !may_be_taken)
      document.fail(fmt::format("'{}' has id {}, which another token has", shown(key), id));
    taken[id] = true;
  };
  if (size() == 0) document.fail("has no tokens");
  for (const auto& [key, id] : ids_) take(key, id, false);
  for (const auto& token : added_tokens_) take(token.content, token.id, find(token.content).has_value());
}

std::optional<std::uint32_t> TokenTable::find(std::string_view key) const {
  const auto found = ids_.find(key);
  return found == ids_.end() ? std::nullopt : std::optional(found->second);
}

std::vector<SpecToken> TokenTable::literal_tokens() const {
  std::vector<SpecToken> tokens(size());
  for (const auto& [key, id] : ids_) tokens[id] = {.bytes = std::string(key), .in_model = true};
  for (const auto& token : added_tokens_) {
    if (!find(token.content)) tokens[token.id] = {.bytes = token.content, .in_model = false};
  }
  return tokens;
}

std::vector<SpecToken> TokenTable::byte_level_tokens(const JsonView& vocabulary) const {
  std::vector<SpecToken> tokens(size());
  for (const auto& token : added_tokens_) {
    tokens[token.id] = {.bytes = token.content, .in_model = find(token.content).has_value()};
  }
  for (const auto& [key, id] : ids_) {
    if (!tokens[id].bytes.empty()) continue;  // an added token: its key is its content
    auto bytes = alphabet_to_bytes(key);
    if (!bytes || bytes->empty()) {
      vocabulary.member(std::string(key)).fail("the key is not written in the byte alphabet of byte-level BPE");
    }
    tokens[id].bytes = std::move(*bytes);
  }
  for (int byte = 0; byte < 256; ++byte) {
    const auto key = bytes_to_alphabet(std::string(1, static_cast<char>(byte)));
    if (!find(key)) vocabulary.fail(fmt::format("has no token for byte 0x{:02x}, expected '{}'", byte, key));
  }
  return tokens;
}

MergeRule TokenTable::merge(const JsonView& pair) const {
  if (pair.value().is_array()) {
    const auto sides = pair.elements();
    if (sides.size() != 2) pair.fail(fmt::format("expected a pair of tokens, got {} elements", sides.size()));
    return merge(sides[0].string(), sides[1].string(), pair);
  }
  const std::string_view text = pair.string();
  const auto space = text.find(' ');
  if (space == std::string_view::npos || text.find(' ', space + 1) != std::string_view::npos) {
    pair.fail(fmt::format("expected two tokens with one space between, got '{}'", shown(text)));
  }
  return merge(text.substr(0, space), text.substr(space + 1), pair);
}

MergeRule TokenTable::merge(std::string_view left, std::string_view right, const JsonView& where) const {
  const std::string joined = fmt::format("{}{}", left, right);
  const auto id_of = [&](std::string_view key) {
    const auto id = find(key);
    if (!id) where.fail(fmt::format("'{}' is not in the vocabulary", shown(key)));
    return *id;
  };
  if (left.empty() || right.empty()) where.fail("merges an empty token");
  return {.left = id_of(left), .right = id_of(right), .merged = id_of(joined)};
}

}  // namespace llmtrain
