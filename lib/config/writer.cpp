#include "lib/config/writer.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "lib/base/text.h"

namespace llmtrain {
namespace {

constexpr std::size_t kOriginColumn = 40;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Words that YAML 1.1 or 1.2 take for a bool or a null.
bool is_reserved(std::string_view text) {
  constexpr std::array<std::string_view, 9> kWords = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"};
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::find(kWords.begin(), kWords.end(), lower) != kWords.end();
}

// Begins like a word or a path, and holds nothing that YAML gives a meaning to.
bool is_plain(std::string_view text) {
  if (text.empty() || is_reserved(text)) return false;
  const bool path = (text[0] == '.' || text[0] == '/') && text.size() > 1 && text != "..." && text != ".inf" &&
                    text != ".nan" && text != ".Inf" && text != ".INF" && text != ".NaN" && text != ".NAN" &&
                    !is_digit(text[1]);
  if (!is_letter(text[0]) && !path) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return is_letter(c) || is_digit(c) || std::string_view("./-+*?@=~").find(c) != std::string_view::npos;
  });
}

void append_escaped(std::string& quoted, std::string_view text) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (text[at] == '"' || text[at] == '\\') {
      quoted += '\\';
      quoted += text[at];
    } else if (text[at] == '\n') {
      quoted += "\\n";
    } else if (text[at] == '\t') {
      quoted += "\\t";
    } else if (byte < 0x20 || byte == 0x7F) {
      quoted += fmt::format("\\x{:02X}", byte);
    } else {
      quoted += text[at];
    }
  }
}

// U+0085, U+2028, U+2029 and U+FEFF are line breaks or marks to some YAML readers; C1 controls are not printable.
std::string escape_special(std::string text) {
  const auto replace = [&](std::string_view from, std::string_view to) {
    for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
      text.replace(at, from.size(), to);
    }
  };
  for (unsigned c = 0x80; c < 0xA0; ++c) {
    replace(std::string{static_cast<char>(0xC2), static_cast<char>(c)}, fmt::format("\\u{:04X}", c));
  }
  replace("\u2028", "\\u2028");
  replace("\u2029", "\\u2029");
  replace("\uFEFF", "\\uFEFF");
  return text;
}

std::string scalar_text(const ValueRef& value) {
  struct Texts {
    std::string operator()(const bool* to) const { return *to ? "true" : "false"; }
    std::string operator()(const std::int64_t* to) const { return fmt::format("{}", *to); }
    std::string operator()(const double* to) const { return format_number(*to); }
    std::string operator()(const std::string* to) const { return yaml_scalar(*to); }
    std::string operator()(const Bytes* to) const { return format_bytes(*to); }
    std::string operator()(const Duration* to) const { return format_duration(*to); }
    std::string operator()(const AutoCount* to) const { return format_auto_count(*to); }
    std::string operator()(const EnumRef& to) const { return yaml_scalar(to.names[to.index(to.value)]); }
    std::string operator()(const SectionRef&) const { return ""; }
    std::string operator()(const ListRef&) const { return ""; }
    std::string operator()(const OptionalRef&) const { return ""; }
  };
  return std::visit(Texts{}, value.to);
}

bool is_given(const ValueRef& value) {
  const auto* optional = std::get_if<OptionalRef>(&value.to);
  return optional == nullptr || optional->given(optional->value);
}

ValueRef inner(const ValueRef& value) {
  const auto* optional = std::get_if<OptionalRef>(&value.to);
  return optional == nullptr ? value : optional->get(optional->value);
}

class BlockWriter {
 public:
  explicit BlockWriter(const Origins* origins) : origins_(origins) {}

  // lead: what stands before the first key instead of the indentation ("  - "); as wide as it.
  void section(const SectionRef& section, const std::string& path, std::size_t indent, std::string lead) {
    section.visit(section.value, [&](const FieldRef& field) {
      if (!is_given(field.value)) return;
      const std::string below = path.empty() ? std::string(field.name) : fmt::format("{}.{}", path, field.name);
      text_ += lead;
      text_ += fmt::format("{}:", field.name);
      value(inner(field.value), below, indent);
      lead = std::string(indent, ' ');
    });
  }

  std::string take() { return std::move(text_); }

 private:
  // Behind "key:".
  void value(const ValueRef& value, const std::string& path, std::size_t indent) {
    if (const auto* section = std::get_if<SectionRef>(&value.to); section != nullptr && !is_bare(*section)) {
      text_ += '\n';
      this->section(*section, path, indent + 2, std::string(indent + 2, ' '));
    } else if (const auto* list = std::get_if<ListRef>(&value.to); list != nullptr && list->size(list->value) > 0) {
      text_ += '\n';
      items(*list, path, indent + 2);
    } else {
      text_ += ' ';
      line_end(value, path);
    }
  }

  void items(const ListRef& list, const std::string& path, std::size_t indent) {
    for (std::size_t i = 0; i < list.size(list.value); ++i) {
      const ValueRef item = list.at(list.value, i);
      const std::string below = fmt::format("{}[{}]", path, i);
      const std::string lead = std::string(indent, ' ') + "- ";
      if (const auto* section = std::get_if<SectionRef>(&item.to); section != nullptr && !is_bare(*section)) {
        this->section(*section, below, indent + 2, lead);
      } else {
        text_ += lead;
        line_end(item, below);
      }
    }
  }

  void line_end(const ValueRef& value, const std::string& path) {
    text_ += flow_text(value);
    if (origins_ != nullptr) {
      const auto found = origins_->find(path);
      const std::size_t width = text_.size() - (text_.rfind('\n') + 1);  // npos + 1 is 0
      if (width < kOriginColumn) text_.append(kOriginColumn - width, ' ');
      text_ += fmt::format("  # {}", found == origins_->end() ? "default" : printable(found->second));
    }
    text_ += '\n';
  }

  // Nothing in it would be written.
  static bool is_bare(const SectionRef& section) {
    bool bare = true;
    section.visit(section.value, [&](const FieldRef& field) { bare = bare && !is_given(field.value); });
    return bare;
  }

  const Origins* origins_;
  std::string text_;
};

}  // namespace

std::string write_section(const SectionRef& root, const Origins* origins) {
  BlockWriter writer(origins);
  writer.section(root, "", 0, "");
  return writer.take();
}

std::string flow_text(const ValueRef& value) {
  if (!is_given(value)) return "null";
  const ValueRef given = inner(value);
  std::vector<std::string> parts;
  if (const auto* list = std::get_if<ListRef>(&given.to)) {
    for (std::size_t i = 0; i < list->size(list->value); ++i) parts.push_back(flow_text(list->at(list->value, i)));
    return fmt::format("[{}]", fmt::join(parts, ", "));
  }
  if (const auto* section = std::get_if<SectionRef>(&given.to)) {
    section->visit(section->value, [&](const FieldRef& field) {
      if (is_given(field.value)) parts.push_back(fmt::format("{}: {}", field.name, flow_text(field.value)));
    });
    return fmt::format("{{{}}}", fmt::join(parts, ", "));
  }
  return scalar_text(given);
}

std::string yaml_scalar(std::string_view text) {
  if (is_plain(text)) return std::string(text);
  std::string escaped(text);
  for (std::size_t at = escaped.find("${"); at != std::string::npos; at = escaped.find("${", at + 3)) {
    escaped.insert(at, 1, '$');
  }
  std::string quoted = "\"";
  append_escaped(quoted, escaped);
  return escape_special(quoted) + "\"";
}

}  // namespace llmtrain
