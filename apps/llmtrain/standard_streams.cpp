#include "apps/llmtrain/standard_streams.h"

#include <array>
#include <cerrno>
#include <cstdio>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "lib/base/error.h"
#include "lib/base/file.h"
#include "lib/base/signals.h"

namespace llmtrain {

void occupy_standard_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(stream, F_GETFD) != -1 || errno != EBADF) continue;
    // The lowest free descriptor is the stream's own. The wrong way round: reading stdin, writing the others fails.
    ENSURE(::open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY) == stream, stream);
  }
}

std::string read_stdin() {
  std::string text;
  std::array<char, 65536> buffer;
  while (true) {
    pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
    ::poll(&input, 1, -1);  // ends at a signal, where read() goes on
    stop_point("reading stdin");
    const ssize_t got = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw input_error("stdin: cannot read: {}", system_message(errno));
    if (got == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

bool write_stdout(std::string_view bytes) {
  const bool written = std::fwrite(bytes.data(), 1, bytes.size(), stdout) == bytes.size() && std::fflush(stdout) == 0;
  if (!written && errno != EPIPE) throw storage_error("stdout: cannot write: {}", system_message(errno));
  return written;
}

}  // namespace llmtrain
