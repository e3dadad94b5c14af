#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace llmtrain {

using MetricValue = std::variant<std::int64_t, double, std::string, bool>;
// What one line of metrics says, keys in the order given, each once: {{"step", 3}, {"split", "train"}, {"loss", 2.9}}.
using Record = std::vector<std::pair<std::string, MetricValue>>;

// One JSON object without a line break. A double reads back as itself and always as a number with a fraction or an
// exponent, but NaN and the infinities, which JSON lacks, become the strings "nan", "inf" and "-inf". Malformed UTF-8
// in a string becomes U+FFFD. ascii: everything beyond ASCII is written \uXXXX, so that no byte can move a terminal.
std::string to_json(const Record& record, bool ascii = false);

}  // namespace llmtrain
