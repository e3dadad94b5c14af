#include "lib/base/processor.h"

#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

TEST(ProcessorName, IsTheKernels) {
  const TempDir root;
  EXPECT_EQ(processor_name(root.path()), "unknown");
  root.write("proc/cpuinfo", "processor\t: 0\nBogoMIPS\t: 100\n");
  EXPECT_EQ(processor_name(root.path()), "unknown");
  root.write("proc/cpuinfo", "processor\t: 0\nmodel\t\t: 17\nmodel name\t: AMD EPYC 9R14\n\nmodel name\t: other\n");
  EXPECT_EQ(processor_name(root.path()), "AMD EPYC 9R14");
}

}  // namespace
}  // namespace llmtrain
