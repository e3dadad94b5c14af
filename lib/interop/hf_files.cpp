#include "lib/interop/hf_files.h"

#include <algorithm>
#include <array>
#include <system_error>

#include <nlohmann/json.hpp>

#include "lib/base/error.h"
#include "lib/base/strict_json.h"
#include "lib/base/text.h"

namespace llmtrain {
namespace {

namespace fs = std::filesystem;

bool is_digits(std::string_view text) {
  return text.size() == 5 && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_shard_name(std::string_view name) {
  constexpr std::string_view kBegin = "model-";
  constexpr std::string_view kMiddle = "-of-";
  constexpr std::string_view kEnd = ".safetensors";
  if (name.size() != kBegin.size() + 5 + kMiddle.size() + 5 + kEnd.size() || !name.starts_with(kBegin)) return false;
  name.remove_prefix(kBegin.size());
  return is_digits(name.substr(0, 5)) && name.substr(5).starts_with(kMiddle) &&
         is_digits(name.substr(5 + kMiddle.size(), 5)) && name.ends_with(kEnd);
}

// What a link in the folder may lead to.
fs::path root_of(const fs::path& folder, std::error_code& error) {
  const auto real = fs::canonical(folder, error);
  return real.parent_path().filename() == "snapshots" ? real.parent_path().parent_path() : real;
}

bool is_plain_file_name(const std::string& name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find_first_of(std::string_view("/\\\0", 3)) == std::string::npos;
}

}  // namespace

std::string hf_shard_name(std::size_t number, std::size_t count) {
  return fmt::format("model-{:05}-of-{:05}.safetensors", number, count);
}

bool is_hf_file_name(std::string_view name) {
  constexpr std::array<std::string_view, 8> kNames = {kHfSingleFile,
                                                      kHfIndexFile,
                                                      "config.json",
                                                      "generation_config.json",
                                                      "tokenizer.json",
                                                      "tokenizer_config.json",
                                                      "special_tokens_map.json",
                                                      "chat_template.jinja"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end() || is_shard_name(name);
}

fs::path hf_file(const fs::path& folder, const std::string& name) {
  auto path = folder / name;
  std::error_code error;
  if (!fs::is_symlink(path, error)) return path;
  const auto target = fs::canonical(path, error);
  if (error) throw input_error("{}: a symbolic link to what is not there", path.string());
  const auto root = root_of(folder, error);
  const auto inside = target.lexically_relative(root);
  if (error || inside.empty() || *inside.begin() == "..") {
    throw input_error("{}: a symbolic link that leads out of the folder, to {}; copy the file instead", path.string(),
                      printable(target.string(), 200));
  }
  return path;
}

std::map<std::string, std::string> parse_hf_index(std::string_view json, const std::string& name) {
  const auto document = parse_strict_json(json, name);
  const auto places = JsonView(document, name).member("weight_map");
  places.expect_object();
  std::map<std::string, std::string> shards;
  for (const auto& [tensor, file] : places.value().items()) {
    const auto view = places.member(tensor);
    if (!is_plain_file_name(view.string())) {
      view.fail(
          fmt::format("expected the plain name of a file in this folder, got \"{}\"", printable(view.string(), 100)));
    }
    shards.emplace(tensor, view.string());
  }
  if (shards.empty()) places.fail("names no tensor");
  return shards;
}

std::string hf_index_json(const std::vector<HfShard>& shards, std::uint64_t total_bytes) {
  nlohmann::ordered_json json;
  json["metadata"]["total_size"] = total_bytes;
  std::map<std::string, std::string> places;
  for (const auto& shard : shards) {
    for (const auto& tensor : shard.tensors) places.emplace(tensor, shard.file);
  }
  json["weight_map"] = places;
  return json.dump(2) + "\n";
}

}  // namespace llmtrain
