#include "apps/engine/advice.h"

#include <map>

#include <gmock/gmock.h>

namespace llmtrain {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A machine on which all is well.
DoctorReport good_report() {
  DoctorReport report;
  report.threads = 8;
  report.processors_allowed = 8;
  report.processors_online = 8;
  report.cores = 8;
  report.memory = {.total = std::uint64_t{64} << 30, .available = std::uint64_t{60} << 30};
  report.runtime.avx512_gemm = true;
  report.huge_pages = "madvise";
  report.disk_rate = 1e9;
  return report;
}

std::vector<std::string> advice_in(const DoctorReport& report, const std::map<std::string, std::string>& environment) {
  return advice(report, [&environment](const std::string& name) -> std::optional<std::string> {
    const auto found = environment.find(name);
    return found == environment.end() ? std::nullopt : std::optional(found->second);
  });
}

TEST(Advice, IsNoneWhereAllIsWell) {
  EXPECT_THAT(advice_in(good_report(), {{"OMP_NUM_THREADS", "8"}, {"LD_PRELOAD", ""}, {"LLMTRAIN_HUGE_PAGES", "1"}}),
              IsEmpty());
}

TEST(Advice, KnowsThatThereAreMoreProcessors) {
  auto report = good_report();
  report.processors_online = 64;
  EXPECT_THAT(advice_in(report, {}), ElementsAre(HasSubstr("only 8 of 64 processors")));
}

TEST(Advice, NamesTheVariableThatAsksForFewerThreads) {
  auto report = good_report();
  report.threads = 1;
  EXPECT_THAT(advice_in(report, {{"OMP_NUM_THREADS", "1"}}),
              ElementsAre("1 thread for 8 processors: unset OMP_NUM_THREADS=1"));
  EXPECT_THAT(advice_in(report, {{"OMP_THREAD_LIMIT", "1"}}),
              ElementsAre("1 thread for 8 processors: unset OMP_THREAD_LIMIT=1"));
}

TEST(Advice, SeesThreadsThatShareACore) {
  auto report = good_report();
  report.cores = 4;
  EXPECT_THAT(advice_in(report, {}), ElementsAre("8 threads share 4 cores: run.threads: 4 may be faster"));
}

TEST(Advice, NamesASwitchThatWasTurnedOff) {
  auto report = good_report();
  report.runtime.avx512_gemm = false;
  EXPECT_THAT(advice_in(report, {}), IsEmpty());
  EXPECT_THAT(advice_in(report, {{"LLMTRAIN_MKL_AVX512", "0"}}), ElementsAre(HasSubstr("LLMTRAIN_MKL_AVX512=0")));
  EXPECT_THAT(advice_in(report, {{"LLMTRAIN_HUGE_PAGES", "0"}}), ElementsAre(HasSubstr("LLMTRAIN_HUGE_PAGES=0")));
}

TEST(Advice, KnowsHowToGetHugePages) {
  auto report = good_report();
  report.huge_pages = "never";
  EXPECT_THAT(advice_in(report, {}), ElementsAre(HasSubstr("/sys/kernel/mm/transparent_hugepage/enabled")));
  report.huge_pages = "";  // a kernel built without them
  EXPECT_THAT(advice_in(report, {}), IsEmpty());
}

TEST(Advice, SeesLittleMemory) {
  auto report = good_report();
  report.memory.available = std::uint64_t{1} << 30;
  EXPECT_THAT(advice_in(report, {}), ElementsAre(HasSubstr("1.0 GiB of memory available")));
}

TEST(Advice, SeesAForeignLibrary) {
  EXPECT_THAT(advice_in(good_report(), {{"LD_PRELOAD", "/lib/libx.so"}}),
              ElementsAre(HasSubstr("LD_PRELOAD=/lib/libx.so")));
}

TEST(Advice, SeesADiskThatIsSlowOrCannotBeWrittenTo) {
  auto report = good_report();
  report.disk_rate = 8.0 * 1024 * 1024;
  EXPECT_THAT(advice_in(report, {}), ElementsAre(HasSubstr("takes 8.0 MiB/s")));
  report.disk_rate = std::nullopt;
  EXPECT_THAT(advice_in(report, {}), ElementsAre(HasSubstr("cannot be written to")));
}

}  // namespace
}  // namespace llmtrain
