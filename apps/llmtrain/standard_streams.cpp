#include "apps/llmtrain/standard_streams.h"

#include <array>
#include <cerrno>
#include <cstdio>

#include "lib/base/error.h"
#include "lib/base/file.h"

namespace llmtrain {

std::string read_stdin() {
  std::string text;
  std::array<char, 65536> buffer;
  while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), stdin)) text.append(buffer.data(), got);
  if (std::ferror(stdin) != 0) throw input_error("stdin: cannot read: {}", system_message(errno));
  return text;
}

void write_stdout(std::string_view bytes) {
  const bool written = std::fwrite(bytes.data(), 1, bytes.size(), stdout) == bytes.size() && std::fflush(stdout) == 0;
  if (!written) throw storage_error("stdout: cannot write: {}", system_message(errno));
}

}  // namespace llmtrain
