#pragma once
#include <string>
#include <string_view>

namespace llmtrain {

// First thing in main: a standard stream that the program was started without gets a place-holder, which fails as a
// closed one does, so that no file opened later becomes stderr and has messages written into it.
void occupy_standard_streams();

// All of stdin, as bytes. Throws input_error if it cannot be read, stopped_error once a stop was asked for.
std::string read_stdin();
// Bytes to stdout. Throws storage_error if they cannot be written (a full disk, stdout closed). False: the reader went
// away (| head -1) and has what it wanted.
bool write_stdout(std::string_view bytes);

}  // namespace llmtrain
