#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace llmtrain {

struct TokenizerSpec;

// A token of its own that text matches literally, before the pre-tokenizer sees it.
struct AddedToken {
  std::uint32_t id = 0;
  std::string content;
  bool special = true;
  bool normalized = false;  // looked for after all that are not, in what those left
  bool operator==(const AddedToken&) const = default;
};

enum class SpecialText {
  kAsText,   // "<|endoftext|>" inside a document is ordinary text: data of unknown origin
  kAsToken,  // it becomes the token: templates, prompts
};

// Text to ids and back. Immutable once made; every const function may be called from any number of threads.
// Ids are dense in [0, vocab_size()).
class Tokenizer {
 public:
  // Reads a tokenizer.json, or a folder that holds one or GPT-2's vocab.json and merges.txt. Throws input_error (3)
  // naming the JSON path of what is wrong or not supported; nothing is approximated.
  static Tokenizer load(const std::filesystem::path& path);
  // From the text of a tokenizer.json; `name` stands in errors.
  static Tokenizer parse(std::string_view json, const std::string& name);
  explicit Tokenizer(TokenizerSpec spec);
  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  // tokenizer.json as the `tokenizers` package reads it.
  std::string to_json() const;
  // SHA-256 of to_json(): equal hashes mean equal ids for every text.
  const std::string& hash() const;

  std::size_t vocab_size() const;
  // Appends the ids of one document. Any bytes are taken; malformed UTF-8 goes byte by byte.
  void encode(std::string_view text, std::vector<std::uint32_t>& ids, SpecialText special = SpecialText::kAsText) const;
  std::vector<std::uint32_t> encode(std::string_view text, SpecialText special = SpecialText::kAsText) const;
  // The bytes of the ids, exactly; special tokens as their content. ENSUREs id < vocab_size().
  std::string decode(std::span<const std::uint32_t> ids) const;
  // The bytes of one token.
  std::string_view token_bytes(std::uint32_t id) const;
  // The id of a special or ordinary token by its exact bytes.
  std::optional<std::uint32_t> find_token(std::string_view bytes) const;
  const std::vector<AddedToken>& added_tokens() const;
  const TokenizerSpec& spec() const;
  // The token that ends a document: the first special token, if there is one.
  std::optional<std::uint32_t> end_of_document() const;

 private:
  struct Model;
  std::unique_ptr<const Model> model_;
};

}  // namespace llmtrain
