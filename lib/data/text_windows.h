#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace llmtrain {

// Tokens of one sequence, of which the later ones are to be predicted: each from all that stand before it.
struct TokenRun {
  std::vector<std::int32_t> ids;  // at least two
  std::size_t first = 1;          // the ids from here on are asked for; at least 1
};

// Cuts documents of any length into runs so that each token but the first of a document is asked for once. A run holds
// at most `context` tokens to predict from; the next one of the same document begins `stride` tokens further and asks
// for what lies beyond the last one, so a token has at least context - stride tokens before it, or all there are.
// (transformers, "Perplexity of fixed-length models": max_length is context + 1 here, as the last id is not put in.)
class TextWindows {
 public:
  // stride: 1 to context.
  TextWindows(std::size_t context, std::size_t stride);

  // Goes on with the document. Not before next() gave all there was of what came before.
  void add(std::span<const std::uint32_t> ids);
  void end_document();
  // The next run, if what was added makes one up.
  std::optional<TokenRun> next();

 private:
  std::size_t context_;
  std::size_t stride_;
  std::vector<std::int32_t> ids_;  // from where the next run begins
  std::size_t begin_ = 0;          // of it, in ids_
  std::size_t first_ = 1;          // of it, the first id that was not asked for
  bool ended_ = false;
};

}  // namespace llmtrain
