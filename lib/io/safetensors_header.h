#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/io/safetensors.h"

namespace llmtrain {

struct SafetensorsHeader {
  std::vector<SafetensorsTensor> tensors;  // offset: from the start of the data
  std::vector<std::uint32_t> by_name;      // places in tensors, in the order of the names, no two equal
  SafetensorsMetadata metadata;
};

// Reads the JSON of a header and checks that the tensors fill `data_bytes` bytes without overlap or hole. Throws
// input_error as SafetensorsFile does; `file`: for errors.
SafetensorsHeader parse_safetensors_header(std::string_view json, std::uint64_t data_bytes, const std::string& file);

}  // namespace llmtrain
