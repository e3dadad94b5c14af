#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace llmtrain {

inline constexpr std::string_view kHfSingleFile = "model.safetensors";
inline constexpr std::string_view kHfIndexFile = "model.safetensors.index.json";

// "model-00002-of-00013.safetensors": the second of 13.
std::string hf_shard_name(std::size_t number, std::size_t count);
// Whether it is the name of a file that write_hf_folder writes.
bool is_hf_file_name(std::string_view name);

// The path of a file in a model folder. Throws input_error (3) if it is a symbolic link that leads out of the folder,
// or for a folder REPOSITORY/snapshots/REVISION out of the repository.
std::filesystem::path hf_file(const std::filesystem::path& folder, const std::string& name);

// model.safetensors.index.json: which shard holds a tensor. Throws input_error unless every shard is a plain file name.
// `name`: the file, for errors.
std::map<std::string, std::string> parse_hf_index(std::string_view json, const std::string& name);
// tensors: the names of each shard's, in the shards' order.
struct HfShard {
  std::string file;
  std::vector<std::string> tensors;
};
std::string hf_index_json(const std::vector<HfShard>& shards, std::uint64_t total_bytes);

}  // namespace llmtrain
