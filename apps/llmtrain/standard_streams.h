#pragma once
#include <string>
#include <string_view>

namespace llmtrain {

// All of stdin, as bytes. Throws input_error if it cannot be read, stopped_error once a stop was asked for.
std::string read_stdin();
// Bytes to stdout. Throws storage_error if they cannot be written (a full disk, stdout closed); a reader that went away
// (| head -1) has what it wanted.
void write_stdout(std::string_view bytes);

}  // namespace llmtrain
