#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lib/base/strict_json.h"
#include "lib/tokenizer/tokenizer_spec.h"

namespace llmtrain {

// The vocabulary and added tokens of a foreign file while they are read: keys as the file writes them. Every fault
// throws input_error with the JSON path.
class TokenTable {
 public:
  // An object of ids by key.
  void add_vocabulary(const JsonView& vocabulary);
  // The list "added_tokens" of a tokenizer.json. A token whose content the vocabulary holds must have the same id.
  void add_added_tokens(const JsonView& list);
  // After all were added: ids must be dense.
  void expect_dense(const JsonView& document) const;

  std::optional<std::uint32_t> find(std::string_view key) const;
  // The tokens of a byte-level vocabulary, whose keys are written in the byte alphabet; every byte must have one.
  std::vector<SpecToken> byte_level_tokens(const JsonView& vocabulary) const;
  // The tokens of a vocabulary whose keys are the text itself.
  std::vector<SpecToken> literal_tokens() const;
  // A pair of keys, as "a b" or ["a", "b"]: all three must be in the vocabulary.
  MergeRule merge(const JsonView& pair) const;
  MergeRule merge(std::string_view left, std::string_view right, const JsonView& where) const;

  const std::vector<AddedToken>& added_tokens() const { return added_tokens_; }

 private:
  std::size_t size() const { return ids_.size() + outside_; }

  std::unordered_map<std::string_view, std::uint32_t> ids_;  // keys belong to the JSON document
  std::vector<AddedToken> added_tokens_;                     // by rising id
  std::size_t outside_ = 0;                                  // added tokens that the vocabulary does not hold
};

}  // namespace llmtrain
