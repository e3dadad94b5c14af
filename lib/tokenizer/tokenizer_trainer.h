#pragma once
#include <cstdint>

#include "lib/base/progress.h"
#include "lib/config/tokenizer_config.h"
#include "lib/tokenizer/document_stream.h"
#include "lib/tokenizer/tokenizer_spec.h"

namespace llmtrain {

struct TrainedTokenizer {
  TokenizerSpec spec;
  std::uint64_t documents = 0;
  std::uint64_t bytes = 0;
  std::uint64_t words = 0;           // pre-tokens, or characters
  std::uint64_t distinct_words = 0;  // of these
};

struct TrainerOptions {
  int threads = 0;  // 0: available_processors()
  ProgressMode progress = ProgressMode::kOff;
  std::uint64_t expected_bytes = 0;  // for the progress bar; 0: unknown
};

// Makes the tokenizer that `config` describes (its data is not read: `next` gives the documents). The result does not
// depend on the number of threads or the order of the documents. Throws config_error (2) for settings that no tokenizer
// can satisfy, input_error (3) for text that cannot be learnt from, stopped_error (75) when asked to stop.
//
// byte_bpe: ids are the special tokens in the order given, the bytes in the order of their alphabet, then what merges
// make; Qwen 2's pattern comes with its normalization (NFC). The text of a special token is never made by merges.
// char: ids are the characters of the text by rising code point, then the special tokens; "<unk>" among these stands
// for characters the text did not have.
TrainedTokenizer train_tokenizer(const TokenizerTrainConfig& config, const NextDocument& next,
                                 const TrainerOptions& options = {});

}  // namespace llmtrain
