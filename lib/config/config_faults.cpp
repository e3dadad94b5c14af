#include "lib/config/config_faults.h"

#include <algorithm>
#include <string_view>

#include "lib/base/text.h"

namespace llmtrain {
namespace {

constexpr std::size_t kMaxFaults = 100;
constexpr std::size_t kContextWidth = 100;  // characters of a source line that are shown

bool starts_character(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U; }

// East Asian characters take two columns of a terminal.
bool is_wide(std::string_view character) {
  if (character.size() < 3) return false;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned>(static_cast<unsigned char>(character[i])); };
  if (character.size() == 4) return byte(0) == 0xF0 && byte(1) >= 0x9F;
  const unsigned c = ((byte(0) & 0x0FU) << 12U) | ((byte(1) & 0x3FU) << 6U) | (byte(2) & 0x3FU);
  return (c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0xA4CF) || (c >= 0xAC00 && c <= 0xD7A3) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0xFE30 && c <= 0xFE6F) || (c >= 0xFF00 && c <= 0xFF60);
}

std::string_view line_of(std::string_view text, std::size_t line) {
  for (std::size_t at = 1; at < line; ++at) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  text = text.substr(0, text.find('\n'));
  if (text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

// The first `count` characters.
std::vector<std::string_view> characters_of(std::string_view line, std::size_t count) {
  std::vector<std::string_view> characters;
  for (std::size_t at = 0; at < line.size() && characters.size() < count;) {
    std::size_t end = at + 1;
    while (end < line.size() && !starts_character(line[end])) ++end;
    characters.push_back(line.substr(at, end - at));
    at = end;
  }
  return characters;
}

std::string_view without_first(std::string_view line, std::size_t characters) {
  std::size_t at = 0;
  while (at < line.size() && (characters > 0 || !starts_character(line[at]))) {
    if (starts_character(line[at++])) --characters;
  }
  return line.substr(at);
}

}  // namespace

std::string place_text(const YamlText& source, const Place& place) {
  if (place.set) return "--set";
  if (place.line == 0) return source.name;
  return fmt::format("{}:{}:{}", source.name, place.line, place.column);
}

std::string place_context(const YamlText& source, const Place& place) {
  if (place.set || place.line == 0) return "";
  std::string_view line = line_of(source.text, place.line);
  const std::size_t before = place.column == 0 ? 0 : place.column - 1;
  const std::size_t skipped = before > kContextWidth / 2 ? before - kContextWidth / 2 : 0;
  line = without_first(line, skipped);
  const auto characters = characters_of(line, kContextWidth + 1);
  std::string shown = skipped > 0 ? "..." : "";
  std::string below(shown.size(), ' ');
  for (std::size_t i = 0; i < std::min(characters.size(), kContextWidth); ++i) {
    const std::string piece = characters[i] == "\t" ? " " : printable(characters[i]);
    shown += piece;
    if (i + skipped >= before) continue;
    below.append(piece.size() != characters[i].size() ? piece.size() : is_wide(piece) ? 2 : 1, ' ');
  }
  if (characters.size() > kContextWidth) shown += "...";
  const std::string number = std::to_string(place.line);
  return fmt::format("  {} | {}\n  {} | {}^", number, shown, std::string(number.size(), ' '), below);
}

std::vector<std::string> ConfigFaults::messages() const {
  std::vector<std::string> messages;
  for (const auto& fault : found_) messages.push_back(fault.message);
  return messages;
}

void ConfigFaults::throw_if_any() const {
  if (found_.empty()) return;
  auto sorted = found_;
  std::stable_sort(sorted.begin(), sorted.end(), [](const Placed& a, const Placed& b) {
    if (a.place.set != b.place.set) return b.place.set;
    return std::pair(a.place.line, a.place.column) < std::pair(b.place.line, b.place.column);
  });
  std::vector<Fault> faults;
  for (const auto& [place, message] : sorted) {
    if (faults.size() == kMaxFaults) {
      faults.push_back({fmt::format("{}: {} more faults are not shown", source_.name, sorted.size() - kMaxFaults), ""});
      break;
    }
    faults.push_back({fmt::format("{}: {}", place_text(source_, place), message), place_context(source_, place)});
  }
  faults.insert(faults.end(), placed_.begin(), placed_.end());
  throw Error(ExitCode::kUsage, std::move(faults));
}

}  // namespace llmtrain
