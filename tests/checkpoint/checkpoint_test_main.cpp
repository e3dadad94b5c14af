#include <cstdlib>
#include <cstring>

#include <gmock/gmock.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/checkpoint/retention.h"
#include "tests/checkpoint/sample_checkpoint.h"
#include "tests/checkpoint/victim.h"

namespace llmtrain {
namespace {

// A call that a tracer sees and that does nothing.
void mark(const char* phase) { static_cast<void>(::access(phase, F_OK)); }

int save_and_prune(const std::filesystem::path& folder, std::int64_t step) {
  try {
    mark(kMarkClean);
    clean_temporary(folder);
    mark(kMarkSave);
    save_sample(folder, step);
  } catch (const Error& error) {
    return static_cast<int>(error.code());
  }
  try {
    mark(kMarkPrune);
    prune(folder, 2, {});
    mark(kMarkEnd);
    return 0;
  } catch (const Error& error) {
    return error.code() == ExitCode::kStorage ? kSavedNotPruned : static_cast<int>(ExitCode::kInternal);
  }
}

int load(const std::filesystem::path& folder) {
  try {
    mark(kMarkLoad);
    const auto reader = newest_valid(folder, Log(LogLevel::kQuiet));
    const auto difference = reader ? difference_from_sample(*reader) : "none";
    mark(kMarkEnd);
    return difference.empty() ? kLoadedStep + static_cast<int>(reader->manifest().step) : kLoadedWrongly;
  } catch (const Error& error) {
    return static_cast<int>(error.code());
  }
}

}  // namespace
}  // namespace llmtrain

// The tests, or the program that some of them run under a tracer: --save FOLDER STEP, --load FOLDER.
int main(int argc, char** argv) {
  if (argc == 4 && std::strcmp(argv[1], "--save") == 0) return llmtrain::save_and_prune(argv[2], std::atoi(argv[3]));
  if (argc == 3 && std::strcmp(argv[1], "--load") == 0) return llmtrain::load(argv[2]);
  // No test here can see whether bytes reached a disk, so none need wait for one; TMPDIR=/var/tmp makes them.
  if (::access("/dev/shm", W_OK) == 0) ::setenv("TMPDIR", "/dev/shm", 0);
  testing::InitGoogleMock(&argc, argv);
  return RUN_ALL_TESTS();
}
