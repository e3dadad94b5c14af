#include "lib/base/host_memory.h"

#include <gtest/gtest.h>

#include "lib/base/error.h"
#include "lib/base/file.h"
#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

constexpr const char* kMeminfo = "MemTotal:       1000 kB\nMemFree:   5 kB\nMemAvailable:    400 kB\n";

class HostMemoryOf : public testing::Test {
 protected:
  void put(const std::string& path, const std::string& text) {
    std::filesystem::create_directories((folder_.path() / path).parent_path());
    write_file(folder_.path() / path, text);
  }
  TempDir folder_;
};

TEST_F(HostMemoryOf, AMachineIsWhatItsKernelSays) {
  put("proc/meminfo", kMeminfo);
  EXPECT_EQ(host_memory(folder_.path()).total, 1000 * 1024U);
  EXPECT_EQ(host_memory(folder_.path()).available, 400 * 1024U);
}

TEST_F(HostMemoryOf, AControlGroupIsItsLimit) {
  put("proc/meminfo", kMeminfo);
  put("proc/self/cgroup", "0::/batch/job1\n");
  put("sys/fs/cgroup/batch/job1/memory.max", "204800\n");
  put("sys/fs/cgroup/batch/job1/memory.current", "4800\n");
  EXPECT_EQ(host_memory(folder_.path()).total, 204800U);
  EXPECT_EQ(host_memory(folder_.path()).available, 200000U);
}

TEST_F(HostMemoryOf, AControlGroupWithoutLimitIsTheMachine) {
  put("proc/meminfo", kMeminfo);
  put("sys/fs/cgroup/memory.max", "max\n");
  EXPECT_EQ(host_memory(folder_.path()).total, 1000 * 1024U);
}

TEST_F(HostMemoryOf, NothingIsAnErrorThatNamesTheFile) { EXPECT_THROW(host_memory(folder_.path()), Error); }

}  // namespace
}  // namespace llmtrain
