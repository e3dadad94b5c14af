#include "lib/metrics/html_text.h"

#include <algorithm>
#include <limits>

#include "lib/base/text.h"

namespace llmtrain {
namespace {

void append_escaped(std::string& html, std::string_view text) {
  for (const char character : printable(text, std::numeric_limits<std::size_t>::max())) {
    switch (character) {
      case '&':
        html += "&amp;";
        break;
      case '<':
        html += "&lt;";
        break;
      case '>':
        html += "&gt;";
        break;
      case '"':
        html += "&quot;";
        break;
      case '\'':
        html += "&#39;";
        break;
      default:
        html += character;
    }
  }
}

}  // namespace

std::string html_text(std::string_view text) {
  std::string html;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of("\n\t"), text.size());
    append_escaped(html, text.substr(0, end));
    if (end < text.size()) html += text[end];
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return html;
}

}  // namespace llmtrain
