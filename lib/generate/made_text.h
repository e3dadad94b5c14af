#pragma once
#include <cstdint>
#include <string>

namespace llmtrain {

enum class EndReason {
  kLength,   // as many tokens as asked for, or the context is full
  kEndId,    // a token that ends texts
  kStopped,  // whoever was told of the token wanted no more
};

// What came after a prompt.
struct MadeText {
  std::string text;                       // well-formed UTF-8, without the token that ended it
  std::int64_t tokens = 0;                // made for it, those that ended it among them
  EndReason reason = EndReason::kLength;  // kStopped: at a stop string
};

}  // namespace llmtrain
