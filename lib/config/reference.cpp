#include "lib/config/reference.h"

#include <map>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "lib/config/explain.h"

namespace llmtrain {
namespace {

constexpr std::string_view kIntroduction = R"(# Pipeline files

<!-- Made by `llmtrain config reference`; change the field lists in lib/config instead. -->

One YAML file says what is trained, on what, and how. The folders here hold files that run as they stand;
[quickstart](quickstart/pipeline.yaml) is the one to start from.

```
llmtrain config check FILE            every mistake at once, each with its place
llmtrain config show FILE --origin    every value that holds, and where it came from
llmtrain config explain KEY           what a key means
llmtrain config schema > FILE         JSON Schema for an editor
```

`--set pretrain.optim.lr=1e-4` overrides any key by its full path, `--set 'pretrain.data.train[0].weight=2'` inside a
list. Relative paths are taken from the working directory.

Keys that are not known, repeated, missing, of the wrong type, out of range or in contradiction are errors. A key that
is left out has its default; `null` is for keys whose default is *not given*. Anchors, aliases, tags, merge keys and
several documents in one file are not taken. `llmtrain config explain KEY` says of a key whether it may differ when a run
is resumed.

| value | written |
|---|---|
| integer, number | `500`, `3e-4`, `64k`, `20M`, `1.5B`, `2T` (powers of 1000), `64Ki`, `1Mi`, `2Gi`, `1Ti` (powers of 1024); no leading zeros, no `1_000` |
| size | `8GiB`, `512MB`, `1024` (bytes) |
| duration | `30m`, `1h30m`, `45s`, `1d`; a unit is always there |
| count that may be left to the program | `auto`, or an integer |
| true or false | `true`, `false`; not `yes`, `on` |
| text | quoted or not; `"08"`, `no` and `1e-4` stay what they are |
| any of these | `${NAME}` is replaced by that environment variable's text (in `{...}` and `[...]` quote it: `"${NAME}"`); `$${` stands for `${` |
)";

std::string cell(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '|') {
      escaped += "\\|";
    } else if (c == '<') {
      escaped += "&lt;";
    } else if (c == '*') {
      escaped += "\\*";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

std::string default_cell(const KeySpec& spec) {
  if (spec.default_text) {
    std::string text = *spec.default_text;
    for (std::size_t at = text.find('|'); at != std::string::npos; at = text.find('|', at + 2))
      text.insert(at, 1, '\\');
    return fmt::format("`{}`", text);
  }
  if (spec.kind == ValueKind::kSection && !spec.optional) return "";
  return default_words(spec);
}

const KeySpec* section_of(const KeySpec& spec) {
  if (spec.kind == ValueKind::kSection) return &spec;
  return spec.kind == ValueKind::kList ? section_of(spec.item()) : nullptr;
}

// Tables by their text, with the section that had it first: sources and optimizers stand at several places.
using Tables = std::map<std::string, std::string>;

void add_section(const KeySpec& section, std::string_view description, Tables& tables, std::string& page) {
  const std::string title = section.path.empty() ? "The top of the file" : fmt::format("`{}`", section.path);
  page += fmt::format("\n## {}\n\n", title);
  if (!description.empty()) page += fmt::format("{}\n\n", cell(description));
  std::string table = "| key | value | default | meaning |\n|---|---|---|---|\n";
  for (const auto& key : section.children) {
    table += fmt::format("| `{}` | {} | {} | {} |\n", key.name, cell(value_words(key)), default_cell(key),
                         cell(key.description));
  }
  const auto [first, is_new] = tables.emplace(std::move(table), title);
  page += is_new ? first->first : fmt::format("Keys, values and defaults of {}.\n", first->second);
  for (const auto& key : section.children) {
    if (const KeySpec* below = section_of(key)) add_section(*below, key.description, tables, page);
  }
}

}  // namespace

std::string key_reference(const KeySpec& root) {
  std::string page(kIntroduction);
  Tables tables;
  add_section(root, "", tables, page);
  return page;
}

}  // namespace llmtrain
