#include "apps/engine/machine.h"

#include <csignal>
#include <filesystem>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "lib/base/parallel.h"
#include "lib/base/signals.h"
#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(ReadProc, ReadsPastOneBufferOfAFileWithoutASize) {
  EXPECT_THAT(read_proc("/proc/self/maps"), HasSubstr("engine_test"));
  EXPECT_GT(read_proc("/proc/self/maps").size(), 4096U);
}

TEST(ReadProc, NamesAFileThatIsNotThere) {
  EXPECT_EQ(error_of(ExitCode::kInput, [] { read_proc("/proc/no-such-file"); }),
            "/proc/no-such-file: No such file or directory");
}

TEST(MappedFiles, ListsEachPathOnceAndKeepsSpaces) {
  EXPECT_THAT(mapped_files("55e0-55e1 r--p 00000000 fe:00 12 /opt/my programs/engine\n"
                           "55e1-55e2 r-xp 00001000 fe:00 12 /opt/my programs/engine\n"
                           "7f00-7f01 rw-p 00000000 00:00 0 \n"
                           "7f01-7f02 r--p 00000000 fe:00 13 /opt/lib/libtorch_cpu.so\n"
                           "7ffc-7ffd rw-p 00000000 00:00 0  [stack]"),
              ElementsAre("/opt/my programs/engine", "/opt/lib/libtorch_cpu.so"));
}

TEST(OpenmpRuntimes, KnowsThreeMakersAndRenamedFiles) {
  EXPECT_THAT(openmp_runtimes({"/torch/lib/libgomp.so.1", "/torch/lib/libgomp-24e2ab19.so.1.0.0",
                               "/usr/lib/llvm-14/lib/libomp.so.5", "/opt/intel/lib/libiomp5.so"}),
              ElementsAre("/torch/lib/libgomp.so.1", "/torch/lib/libgomp-24e2ab19.so.1.0.0",
                          "/usr/lib/llvm-14/lib/libomp.so.5", "/opt/intel/lib/libiomp5.so"));
}

TEST(OpenmpRuntimes, PassesOverOtherLibraries) {
  EXPECT_THAT(openmp_runtimes({"/libgomp.so.1/libtorch_cpu.so", "/usr/lib/libompi.so", "/usr/lib/libgo", "/"}),
              IsEmpty());
}

TEST(InstructionSets, TakesTheFlagsOfTheFirstProcessor) {
  EXPECT_THAT(instruction_sets("processor\t: 0\nflags\t\t: fpu avx avx2 avx512_bf16 amx_bf16\nprocessor\t: 1\n"
                               "flags\t\t: fpu avx512f\n"),
              ElementsAre("avx2", "avx512_bf16", "amx_bf16"));
}

TEST(InstructionSets, IsEmptyWhereTheKernelReportsNone) {
  EXPECT_THAT(instruction_sets("processor\t: 0\nFeatures\t: fp asimd\n"), IsEmpty());
}

TEST(WriteRate, MeasuresAFolderAndLeavesNothingInIt) {
  const TempDir folder;
  const auto rate = write_rate(folder.path(), std::uint64_t{1} << 20);
  ASSERT_TRUE(rate.has_value());
  EXPECT_GT(*rate, 0);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(WriteRate, IsNothingWhereThereIsNoFolder) { EXPECT_FALSE(write_rate("/no/such/folder", 1).has_value()); }

TEST(WriteRate, StopsWhereASignalAskedForIt) {
  install_signal_handlers();
  ::raise(SIGTERM);
  const TempDir folder;
  EXPECT_THAT(error_of(ExitCode::kRequeue, [&] { write_rate(folder.path(), 1); }), HasSubstr("stopped"));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  reset_signal_flags();
}

TEST(CountCores, CountsThreadsOfOneCoreOnce) {
  const TempDir root;
  const auto write = [&root](int processor, const std::string& siblings) {
    root.write(fmt::format("sys/devices/system/cpu/cpu{}/topology/thread_siblings_list", processor), siblings + "\n");
  };
  write(0, "0,2");
  write(1, "1,3");
  write(2, "0,2");
  write(3, "1,3");
  EXPECT_EQ(count_cores({0, 1, 2, 3}, root.path()), 2);
  EXPECT_EQ(count_cores({0, 2}, root.path()), 1);
  EXPECT_EQ(count_cores({1, 2}, root.path()), 2);
}

TEST(CountCores, CountsAProcessorThatTheKernelSaysNothingOf) {
  const TempDir root;
  EXPECT_EQ(count_cores({0, 5}, root.path()), 2);
}

TEST(AllowedProcessors, AreThoseOfTheAffinityMask) {
  EXPECT_EQ(static_cast<int>(allowed_processors().size()), available_processors());
}

}  // namespace
}  // namespace llmtrain
