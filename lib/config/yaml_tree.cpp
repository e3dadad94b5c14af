#include "lib/config/yaml_tree.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <sstream>
#include <unordered_map>
#include <utility>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include "lib/base/text.h"

namespace llmtrain {
namespace {

constexpr std::size_t kShownText = 60;  // bytes of a value that a message repeats

struct StopParsing {};

// Byte offsets to places and back.
class LineIndex {
 public:
  explicit LineIndex(std::string_view text) : text_(text) {
    for (std::size_t at = text.find('\n'); at != std::string_view::npos; at = text.find('\n', at + 1)) {
      starts_.push_back(at + 1);
    }
  }

  // line and byte_column from 0, as yaml-cpp counts them.
  std::size_t offset(std::size_t line, std::size_t byte_column) const {
    return line < starts_.size() ? std::min(starts_[line] + byte_column, text_.size()) : text_.size();
  }
  // Fast where places are asked for in the order of the text, however long its lines are.
  Place place(std::size_t at) {
    const auto after = std::upper_bound(starts_.begin(), starts_.end(), at);
    const auto line = static_cast<std::size_t>(after - starts_.begin());
    if (last_place_.line != line || last_offset_ > at) {
      last_place_ = {.line = line, .column = 1};
      last_offset_ = starts_[line - 1];
    }
    for (; last_offset_ < at; ++last_offset_) {
      if ((static_cast<unsigned char>(text_[last_offset_]) & 0xC0U) != 0x80U) ++last_place_.column;
    }
    return last_place_;
  }
  std::string_view line(std::size_t index) const {
    if (index >= starts_.size()) return {};
    return text_.substr(starts_[index], text_.find('\n', starts_[index]) - starts_[index]);
  }

 private:
  std::string_view text_;
  std::vector<std::size_t> starts_ = {0};
  std::size_t last_offset_ = 0;
  Place last_place_ = {.line = 1, .column = 1};
};

bool is_null_word(std::string_view text) { return text == "~" || text == "null" || text == "Null" || text == "NULL"; }

// Whether an explicit null stands at the start of `rest`. yaml-cpp reports "key:" at the place of whatever comes next,
// which may be a key of that name.
bool starts_with_null(std::string_view rest) {
  const std::size_t end = std::min(rest.find_first_of(" \t\r\n,]}:#"), rest.size());
  if (!is_null_word(rest.substr(0, end))) return false;
  const std::size_t next = rest.find_first_not_of(" \t", end);
  return next == std::string_view::npos || rest[next] != ':';
}

// Whether the quoted text that begins `rest` ends in it; true of text without quotes.
bool is_closed(std::string_view rest) {
  const char quote = rest.empty() ? ' ' : rest[0];
  if (quote != '"' && quote != '\'') return true;
  for (std::size_t at = 1; at < rest.size(); ++at) {
    if (quote == '"' && rest[at] == '\\') {
      ++at;
    } else if (rest[at] == quote) {
      if (quote == '"' || at + 1 == rest.size() || rest[at + 1] != quote) return true;
      ++at;  // '' is a quote within
    }
  }
  return false;
}

// The one class here with a base: yaml-cpp hands out its events by this interface.
class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(std::string_view text, LineIndex& lines, ConfigFaults& faults)
      : text_(text), lines_(lines), faults_(faults) {}

  // The document; kEmpty if there was none.
  YamlNode take_root() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ == 1) return;
    faults_.add(place(mark), "a second document begins here; a pipeline file holds one");
    throw StopParsing();
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    YamlNode node = leaf(mark, "", anchor);
    node.kind = starts_with_null(text_.substr(offset(mark))) ? YamlKind::kNull : YamlKind::kEmpty;
    complete(std::move(node));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    faults_.add(place(mark),
                "aliases ('*name') are not taken; write the value out, or quote a text that begins with *");
    YamlNode node = leaf(mark, "", 0);
    node.kind = YamlKind::kScalar;
    ignored_ = true;
    complete(std::move(node));
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    YamlNode node = leaf(mark, tag, anchor);
    node.kind = YamlKind::kScalar;
    node.text = value;
    node.quoted = tag == "!";
    if (node.quoted && !is_closed(text_.substr(offset(mark)))) {
      faults_.add(node.place, "a quote is not closed");
      throw StopParsing();
    }
    complete(std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(leaf(mark, tag, anchor), YamlKind::kList);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(leaf(mark, tag, anchor), YamlKind::kMap);
  }
  void OnMapEnd() override { close(); }

 private:
  // A list or map whose end has not come yet.
  struct Open {
    YamlNode node;
    std::optional<YamlEntry> key;  // whose value comes next
    bool drop = false;             // that value is of a key already refused
    std::unordered_map<std::string, Place> seen;
  };

  std::size_t offset(const YAML::Mark& mark) const {
    return lines_.offset(static_cast<std::size_t>(std::max(mark.line, 0)),
                         static_cast<std::size_t>(std::max(mark.column, 0)));
  }
  Place place(const YAML::Mark& mark) { return lines_.place(offset(mark)); }

  YamlNode leaf(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    YamlNode node;
    node.place = place(mark);
    if (++nodes_ > YamlLimits::kNodes) {
      faults_.add(node.place, fmt::format("more than {} values; is this a pipeline file?", YamlLimits::kNodes));
      throw StopParsing();
    }
    if (faults_.full()) throw StopParsing();
    if (anchor != 0) faults_.add(node.place, "anchors ('&name') are not taken; write the value out where it is needed");
    const std::size_t at = offset(mark);
    const bool unnamed = tag.empty() || tag == "?" || tag == "!";
    if (!unnamed || (at < text_.size() && text_[at] == '!')) {
      faults_.add(node.place, fmt::format("tags ('{}') are not taken; the key alone says what the value is",
                                          printable(unnamed ? "!" : tag, kShownText)));
    }
    return node;
  }

  void open(YamlNode node, YamlKind kind) {
    if (open_.size() == YamlLimits::kDepth) {
      faults_.add(node.place, fmt::format("nested deeper than {} levels", YamlLimits::kDepth));
      throw StopParsing();
    }
    node.kind = kind;
    open_.push_back({.node = std::move(node), .key = std::nullopt, .drop = false, .seen = {}});
  }
  void close() {
    YamlNode node = std::move(open_.back().node);
    open_.pop_back();
    complete(std::move(node));
  }

  void complete(YamlNode node) {
    const bool ignored = std::exchange(ignored_, false);
    if (open_.empty()) {
      root_ = std::move(node);
    } else if (open_.back().node.kind == YamlKind::kList) {
      if (!ignored) open_.back().node.items.push_back(std::move(node));
    } else if (!open_.back().key) {
      take_key(open_.back(), node, ignored);
    } else {
      Open& map = open_.back();
      if (node.kind == YamlKind::kEmpty) node.place = map.key->place;
      map.key->value = std::move(node);
      if (!map.drop && !ignored) map.node.entries.push_back(std::move(*map.key));
      map.key.reset();
    }
  }

  void take_key(Open& map, const YamlNode& node, bool ignored) {
    map.key = YamlEntry{.key = node.text, .place = node.place, .value = {}};
    map.drop = true;
    if (ignored) return;
    if (node.kind != YamlKind::kScalar) {
      faults_.add(node.place, fmt::format("a key must be a name, got {}", found_text(node)));
    } else if (node.text == "<<" && !node.quoted) {
      faults_.add(node.place, "merge keys ('<<') are not taken; write the keys out");
    } else if (const auto [first, is_new] = map.seen.emplace(node.text, node.place); !is_new) {
      faults_.add(node.place, fmt::format("key '{}' is repeated; it stands in line {} already",
                                          printable(node.text, kShownText), first->second.line));
    } else {
      map.drop = false;
    }
  }

  std::string_view text_;
  LineIndex& lines_;
  ConfigFaults& faults_;
  std::vector<Open> open_;
  YamlNode root_;
  std::size_t nodes_ = 0;
  int documents_ = 0;
  bool ignored_ = false;  // the value that comes was refused: no second fault for it
};

// What yaml-cpp says, in words that tell what to do.
std::string reworded(std::string_view message) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 11> kWords = {{
      {"illegal map value", "a ':' where no key can stand; check the indentation, or quote the text"},
      {"illegal map key", "a key where none can stand; check the indentation, or quote the text"},
      {"illegal block entry", "a '-' where no list item can stand; check the indentation, or quote the text"},
      {"end of map not found", "this line does not continue the map above; check the indentation"},
      {"end of sequence not found", "this line does not continue the list above; check the indentation"},
      {"end of map flow not found", "'{' is not closed, or a ',' is missing; a text with brackets needs quotes"},
      {"end of sequence flow not found", "'[' is not closed, or a ',' is missing; a text with brackets needs quotes"},
      {"illegal flow end", "a bracket closes that was not opened; a text with brackets needs quotes"},
      {"illegal EOF in scalar", "a quote is not closed"},
      {"unknown token", "a character that can begin no value; quote the text"},
      {"the referenced anchor is not defined", "aliases ('*name') are not taken; quote a text that begins with *"},
  }};
  for (const auto& [theirs, ours] : kWords) {
    if (message.starts_with(theirs)) return std::string(ours);
  }
  return "not valid YAML: " + printable(message, 2 * kShownText);
}

// yaml-cpp names a tab in the indentation by whatever it stumbled over next, so the lines around are looked at.
void add_syntax_fault(const YAML::Exception& error, LineIndex& lines, ConfigFaults& faults) {
  const auto line = static_cast<std::size_t>(std::max(error.mark.line, 0));
  for (std::size_t at = line == 0 ? 0 : line - 1; at <= line; ++at) {
    const std::string_view shown = lines.line(at);
    const std::size_t tab = shown.substr(0, shown.find_first_not_of(" \t")).find('\t');
    if (tab != std::string_view::npos) {
      faults.add(lines.place(lines.offset(at, tab)), "a tab indents this line; YAML takes spaces only");
      return;
    }
  }
  const auto column = static_cast<std::size_t>(std::max(error.mark.column, 0));
  faults.add(lines.place(lines.offset(line, column)), reworded(error.msg));
}

// True if the text can be given to yaml-cpp.
bool check_bytes(const YamlText& source, LineIndex& lines, ConfigFaults& faults) {
  if (const auto at = find_invalid_utf8(source.text)) {
    const Place place = lines.place(*at);
    faults.add(place, fmt::format("byte {} of the file is not UTF-8, got \\x{:02x}; save the file as UTF-8", *at,
                                  static_cast<unsigned char>(source.text[*at])));
    return false;
  }
  for (std::size_t i = 0; i < source.text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(source.text[i]);
    const bool newline = byte == '\n' || (byte == '\r' && source.text.substr(i + 1, 1) == "\n");
    if ((byte < 0x20 || byte == 0x7F) && byte != '\t' && !newline) {
      faults.add(lines.place(i), fmt::format("control character \\x{:02x}; take it out", byte));
      return false;
    }
  }
  return true;
}

// Nothing where the text cannot be read on; `faults` says why.
std::optional<YamlNode> build_tree(const YamlText& source, ConfigFaults& faults) {
  LineIndex lines(source.text);
  if (!check_bytes(source, lines, faults)) return std::nullopt;
  TreeBuilder builder(source.text, lines, faults);
  try {
    std::istringstream stream(source.text);
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& error) {
    add_syntax_fault(error, lines, faults);
    return std::nullopt;
  } catch (const StopParsing&) {
    return std::nullopt;
  }
  return builder.take_root();
}

void place_at_set(YamlNode& node) {
  node.place = {.set = true};
  for (auto& item : node.items) place_at_set(item);
  for (auto& entry : node.entries) {
    entry.place = {.set = true};
    place_at_set(entry.value);
  }
}

}  // namespace

YamlEntry* YamlNode::find(std::string_view key) {
  for (auto& entry : entries) {
    if (entry.key == key) return &entry;
  }
  return nullptr;
}

const YamlEntry* YamlNode::find(std::string_view key) const { return const_cast<YamlNode*>(this)->find(key); }

YamlNode parse_yaml(const YamlText& source, ConfigFaults& faults) {
  if (source.text.size() > YamlLimits::kBytes) {
    faults.add({}, fmt::format("{} bytes; a pipeline file has at most {}", source.text.size(), YamlLimits::kBytes));
  }
  auto root = faults.count() == 0 ? build_tree(source, faults) : std::nullopt;
  if (!root) faults.throw_if_any();
  ENSURE(root.has_value());
  if (root->kind == YamlKind::kEmpty || root->kind == YamlKind::kNull) {
    faults.add({}, "the file is empty; expected keys, see 'llmtrain config explain'");
  } else if (root->kind != YamlKind::kMap) {
    faults.add(root->place, fmt::format("expected keys at the top of the file, got {}", found_text(*root)));
  }
  return std::move(*root);
}

YamlNode parse_set_value(const std::string& value, std::string_view key, ConfigFaults& faults) {
  constexpr std::string_view kYamlStarts = "[{\"'";
  YamlNode node;
  if (!value.empty() && kYamlStarts.find(value.front()) != std::string_view::npos) {
    const YamlText source{.name = "--set", .text = value};
    ConfigFaults inner(source);
    if (auto root = build_tree(source, inner)) node = std::move(*root);
    for (const auto& message : inner.messages()) faults.add({.set = true}, fmt::format("'{}': {}", key, message));
  } else if (!value.empty()) {
    node.kind = is_null_word(value) ? YamlKind::kNull : YamlKind::kScalar;
    if (node.kind == YamlKind::kScalar) node.text = value;
  }
  place_at_set(node);
  return node;
}

std::string found_text(const YamlNode& node) {
  switch (node.kind) {
    case YamlKind::kEmpty:
      return "nothing";
    case YamlKind::kNull:
      return "null";
    case YamlKind::kScalar:
      return fmt::format("'{}'", printable(node.text, kShownText));
    case YamlKind::kList:
      return "a list";
    case YamlKind::kMap:
      return "a section";
  }
  return "?";
}

}  // namespace llmtrain
