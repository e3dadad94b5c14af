#pragma once
#include <filesystem>
#include <string>

namespace llmtrain {

// SHA-256, 64 hexadecimal digits, of what decides what a model folder computes: its files *.json, *.safetensors and
// merges.txt. Taken of the lines that `LC_ALL=C sha256sum *.json *.safetensors merges.txt | sort -k 2` prints. Reads
// them all. Throws input_error (3), stopped_error (75).
std::string model_hash(const std::filesystem::path& folder);

}  // namespace llmtrain
