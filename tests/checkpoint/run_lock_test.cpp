#include "lib/checkpoint/run_lock.h"

#include <csignal>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/checkpoint/sample_checkpoint.h"

namespace llmtrain {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr int kStarters = 8;
constexpr int kLocked = static_cast<int>(ExitCode::kLocked);

std::string host_name() {
  char host[256] = {};
  EXPECT_EQ(::gethostname(host, sizeof(host) - 1), 0);
  return host;
}

// Takes the lock when the gate opens and holds it for as long as it lives.
int hold(const fs::path& folder, int gate) {
  char byte = 0;
  if (::read(gate, &byte, 1) != 0) return 1;
  const RunLock lock(folder);
  ::alarm(30);  // should the test end before it
  for (;;) ::pause();
}

struct Race {
  std::vector<pid_t> losers;
  pid_t winner = 0;
};

// Starts all at once and waits for all but one to end.
Race run_race(const TempDir& folder) {
  int gate[2] = {};
  EXPECT_EQ(::pipe2(gate, O_CLOEXEC), 0);
  std::vector<pid_t> starters;
  for (int i = 0; i < kStarters; ++i) {
    starters.push_back(start_child(
        [&] {
          ::close(gate[1]);
          return hold(folder.path(), gate[0]);
        },
        folder / fmt::format("message{}", i)));
  }
  ::close(gate[0]);
  ::close(gate[1]);
  Race race;
  while (race.losers.size() + 1 < kStarters) {
    int status = 0;
    race.losers.push_back(::waitpid(-1, &status, 0));
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == kLocked) << status;
  }
  for (const auto starter : starters) {
    if (std::count(race.losers.begin(), race.losers.end(), starter) == 0) race.winner = starter;
  }
  return race;
}

// The file names a process of the round before at first, so a name read too early would be wrong.
TEST(RunLock, GoesToOneOfManyAndTheOthersAreToldWhoHasIt) {
  const TempDir folder;
  for (int round = 0; round < 20; ++round) {
    const auto race = run_race(folder);
    EXPECT_EQ(::kill(race.winner, SIGKILL), 0);
    ASSERT_EQ(wait_for(race.winner), 128 + SIGKILL);
    const auto expected =
        fmt::format("{}: process {} on {} runs here; wait for it", folder.path().string(), race.winner, host_name());
    int told = 0;
    for (int i = 0; i < kStarters; ++i) {
      const auto message = folder / fmt::format("message{}", i);
      if (!fs::exists(message)) continue;
      ++told;
      ASSERT_THAT(slurp(message), HasSubstr(expected)) << "round " << round;
      fs::remove(message);
    }
    EXPECT_EQ(told, kStarters - 1);
  }
  EXPECT_NO_THROW(RunLock{folder.path()});  // nothing is left of those that were killed
}

TEST(RunLock, IsFreeAgainWhenItGoes) {
  const TempDir folder;
  {
    const RunLock lock(folder.path());
    error_of(ExitCode::kLocked, [&] { RunLock second(folder.path()); });
  }
  EXPECT_NO_THROW(RunLock{folder.path()});
}

TEST(RunLock, LeavesNothingOfALongerNameBefore) {
  const TempDir folder;
  folder.write(".lock", std::string(300, 'x'));
  const RunLock lock(folder.path());
  EXPECT_EQ(slurp(folder / ".lock"), fmt::format("process {} on {}", ::getpid(), host_name()));
}

TEST(RunLock, LeavesAloneWhatALinkPointsTo) {
  const TempDir folder;
  const auto target = folder.write("target", "precious");
  fs::create_symlink(target, folder / ".lock");
  EXPECT_THAT(error_of(ExitCode::kStorage, [&] { RunLock lock(folder.path()); }), HasSubstr(".lock: cannot open"));
  EXPECT_EQ(slurp(target), "precious");
}

TEST(RunLock, SaysThatThereIsNoFolder) {
  const TempDir folder;
  EXPECT_THAT(error_of(ExitCode::kStorage, [&] { RunLock lock(folder / "none"); }), HasSubstr("No such file"));
}

TEST(RunLock, IsReadableByItsOwnerOnly) {
  const TempDir folder;
  const mode_t before = ::umask(0);
  const RunLock lock(folder.path());
  ::umask(before);
  struct stat status {};
  ASSERT_EQ(::stat((folder / ".lock").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

// A holder on another host, whose number says nothing here.
TEST(RunLock, TellsWhatAHolderElsewhereWrote) {
  const TempDir folder;
  const RunLock lock(folder.path());
  folder.write(".lock", "process 1 on \x1b[31melsewhere");
  EXPECT_THAT(error_of(ExitCode::kLocked, [&] { RunLock second(folder.path()); }),
              HasSubstr("process 1 on \\x1b[31melsewhere runs here"));
}

TEST(RunLock, DoesNotNameAProcessThatIsGone) {
  const TempDir folder;
  const RunLock lock(folder.path());
  const pid_t gone = start_child([] { return 0; });
  wait_for(gone);
  folder.write(".lock", fmt::format("process {} on {}", gone, host_name()));
  EXPECT_THAT(error_of(ExitCode::kLocked, [&] { RunLock second(folder.path()); }), HasSubstr(": another process runs"));
}

}  // namespace
}  // namespace llmtrain
