#pragma once
#include <cstdint>
#include <filesystem>
#include <vector>

namespace llmtrain {

// The ids that end a generated text, as a model folder says: eos_token_id, one or several, of generation_config.json,
// else of config.json, as transformers takes them; none where neither says any. Throws input_error (3) for what is no
// id below `vocab`.
std::vector<std::uint32_t> hf_end_tokens(const std::filesystem::path& folder, std::int64_t vocab);

}  // namespace llmtrain
