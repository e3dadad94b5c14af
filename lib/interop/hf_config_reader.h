#pragma once
#include <string>
#include <string_view>

#include "lib/arch/model_shape.h"

namespace llmtrain {

// What a config.json of GPT-2, Llama, Mistral, Qwen 2 or Qwen 3 says, strictly: a value that would make transformers
// compute something that we do not is an input_error (3) that names file and key, and so is a value of the wrong type
// or out of range. A missing key has the default of its class in transformers 5.24 (GPT-2's dropout of 0.1 too); keys
// that change nothing for a causal language model are ignored, among them attention's dropout, which we do not have.
// rope_theta may stand at the top or in rope_parameters, scaling in rope_scaling or in rope_parameters; where one thing
// is said twice, both must say the same. `name`: the file, for errors.
ModelShape shape_from_hf_config(std::string_view json, const std::string& name);

}  // namespace llmtrain
