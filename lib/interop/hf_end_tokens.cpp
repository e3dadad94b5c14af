#include "lib/interop/hf_end_tokens.h"

#include <nlohmann/json.hpp>

#include "lib/base/error.h"
#include "lib/base/file.h"
#include "lib/base/strict_json.h"
#include "lib/interop/hf_files.h"

namespace llmtrain {
namespace {

constexpr std::uint64_t kMaxBytes = std::uint64_t{16} << 20;

std::uint32_t id_below(const JsonView& view, std::int64_t vocab) {
  const auto id = view.id();
  if (id >= vocab) view.fail(fmt::format("expected an id below the vocabulary's {}, got {}", vocab, id));
  return id;
}

}  // namespace

std::vector<std::uint32_t> hf_end_tokens(const std::filesystem::path& folder, std::int64_t vocab) {
  std::vector<std::uint32_t> ids;
  for (const char* name : {"generation_config.json", "config.json"}) {
    std::error_code ignored;
    if (!std::filesystem::exists(folder / name, ignored)) continue;
    const auto path = hf_file(folder, name);
    const auto json = parse_strict_json(read_file(path, kMaxBytes), path.string());
    const auto told = JsonView(json, path.string()).member_or_null("eos_token_id");
    if (told.is_null()) continue;
    if (!told.value().is_array()) {
      ids.push_back(id_below(told, vocab));
    } else {
      for (const auto& element : told.elements()) ids.push_back(id_below(element, vocab));
    }
    if (!ids.empty()) return ids;
  }
  return ids;
}

}  // namespace llmtrain
