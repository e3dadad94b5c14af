#pragma once
#include <string>
#include <string_view>

namespace llmtrain {

// All of stdin, as bytes. Throws input_error if it cannot be read.
std::string read_stdin();
// Bytes to stdout. Throws storage_error if they cannot be written (a closed pipe, a full disk).
void write_stdout(std::string_view bytes);

}  // namespace llmtrain
