#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "lib/tokenizer/document_stream.h"
#include "lib/tokenizer/tokenizer_spec.h"

namespace llmtrain {

// The same documents as scripts/fixtures/seeded_text.py makes.
std::vector<std::string> seeded_documents(std::uint64_t seed, std::size_t count);
// Hands the documents out one by one.
NextDocument documents_of(std::vector<std::string> documents);

// SHA-256 of the ids as little-endian u32, each document ended by 2^32 - 1.
std::string digest_of_ids(std::span<const std::vector<std::uint32_t>> documents);
// SHA-256 of what training made: the tokens as they are written in a file, by id, then the merges, a line each.
std::string digest_of_training(const TokenizerSpec& spec);
// The digest of that name in tests/tokenizer/golden/digests.txt; "missing" if it is not there.
std::string golden_digest(const std::string& name);
std::filesystem::path golden_file(const std::string& name);

}  // namespace llmtrain
