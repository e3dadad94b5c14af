#pragma once
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "lib/base/error.h"

namespace llmtrain {

// A folder of its own for one test, removed with all that is in it.
class TempDir {
 public:
  TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir();
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  // Writes a file (and its folders) as it stands and returns its path.
  std::filesystem::path write(const std::string& name, std::string_view bytes) const;

 private:
  std::filesystem::path path_;
};

std::string slurp(const std::filesystem::path& path);

struct ProgramResult {
  int exit_code = -1;  // 128 + signal if a signal ended it
  std::string out;
  std::string err;
  double seconds = 0.0;
};

struct ProgramOptions {
  std::filesystem::path directory = ".";
  std::map<std::string, std::string> environment;  // on top of ours
  std::string input;                               // its stdin
};

// Runs a program by argument list, without a shell. arguments[0] is the path.
ProgramResult run_program(const std::vector<std::string>& arguments, const ProgramOptions& options = {});
// The built front: run_llmtrain({"config", "check", path}).
ProgramResult run_llmtrain(std::vector<std::string> arguments, const ProgramOptions& options = {});

// The folder of real data (LLMTRAIN_TEST_DATA), if there is one.
std::optional<std::filesystem::path> real_data_folder();

// The message of the Error that `work` throws, its faults joined by newlines; records a failure if it throws none or
// another exit code.
template <class Work>
std::string error_of(ExitCode code, Work&& work) {
  try {
    work();
  } catch (const Error& error) {
    EXPECT_EQ(static_cast<int>(error.code()), static_cast<int>(code)) << error.what();
    std::string all;
    for (const auto& fault : error.faults()) all += (all.empty() ? "" : "\n") + fault.message;
    return all;
  }
  ADD_FAILURE() << "expected an Error, none was thrown";
  return "";
}

}  // namespace llmtrain

// First line of a test that reads real data: skips with a message without the folder, fails where
// LLMTRAIN_REQUIRE_DATA says that it must be there. Then `data` is its path.
#define LLMTRAIN_NEEDS_REAL_DATA(data)                                                                   \
  const auto data##_folder = ::llmtrain::real_data_folder();                                             \
  if (!data##_folder) {                                                                                  \
    if (std::getenv("LLMTRAIN_REQUIRE_DATA") != nullptr) FAIL() << "LLMTRAIN_TEST_DATA names no folder"; \
    GTEST_SKIP() << "set LLMTRAIN_TEST_DATA to the folder of real data to run this test";                \
  }                                                                                                      \
  const std::filesystem::path data = *data##_folder
