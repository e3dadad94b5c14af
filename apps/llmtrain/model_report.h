#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "apps/llmtrain/text_table.h"
#include "lib/arch/model_shape.h"

namespace llmtrain {

// Insertion order is kept, so that output reads in the order it was made.
using Json = nlohmann::ordered_json;

// What the shape is, in words: one line a property.
std::vector<Row> shape_rows(const ModelShape& shape);
Json shape_json(const ModelShape& shape);

// Bytes of weights, gradients and moments under each recipe of state_bytes.h, with a line of headings.
std::vector<Row> state_rows(std::int64_t parameters);
Json state_json(std::int64_t parameters);

}  // namespace llmtrain
