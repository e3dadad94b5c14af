#include "tests/support/test_support.h"

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace llmtrain {
namespace fs = std::filesystem;

TempDir::TempDir() {
  std::string pattern = (fs::temp_directory_path() / "llmtrain-test-XXXXXX").string();
  ENSURE(::mkdtemp(pattern.data()) != nullptr, pattern);
  path_ = pattern;
}

TempDir::~TempDir() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

fs::path TempDir::write(const std::string& name, std::string_view bytes) const {
  const fs::path path = path_ / name;
  fs::create_directories(path.parent_path());
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  ENSURE(file.good(), path.string());
  return path;
}

std::string slurp(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.is_open()) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

ProgramResult run_program(const std::vector<std::string>& arguments, const ProgramOptions& options) {
  const TempDir streams;
  const auto input = streams.write("in", options.input);
  std::vector<char*> argv;
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const std::string out = (streams / "out").string();
  const std::string err = (streams / "err").string();
  const auto start = std::chrono::steady_clock::now();
  const pid_t child = ::fork();
  ENSURE(child >= 0);
  if (child == 0) {
    for (const auto& [name, value] : options.environment) ::setenv(name.c_str(), value.c_str(), 1);
    const int in_fd = ::open(input.c_str(), O_RDONLY);
    const int out_fd = ::open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    const int err_fd = ::open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (::chdir(options.directory.c_str()) != 0) ::_exit(127);
    ::dup2(in_fd, 0);
    ::dup2(out_fd, 1);
    ::dup2(err_fd, 2);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  int status = 0;
  ENSURE(::waitpid(child, &status, 0) == child);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  const int exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return {.exit_code = exit_code, .out = slurp(out), .err = slurp(err), .seconds = seconds.count()};
}

ProgramResult run_llmtrain(std::vector<std::string> arguments, const ProgramOptions& options) {
  arguments.insert(arguments.begin(), LLMTRAIN_BINARY_DIR "/llmtrain");
  return run_program(arguments, options);
}

std::optional<fs::path> real_data_folder() {
  const char* folder = std::getenv("LLMTRAIN_TEST_DATA");
  if (folder == nullptr || !fs::is_directory(folder)) return std::nullopt;
  return fs::path(folder);
}

}  // namespace llmtrain
