#pragma once
#include <string>
#include <string_view>

namespace llmtrain {

// Text of any origin as HTML: safe between tags and in a quoted attribute. Line breaks and tabs stay; other control
// bytes, malformed UTF-8 and bidirectional controls are written out ("\x1b"), so that nothing can hide.
std::string html_text(std::string_view text);

}  // namespace llmtrain
