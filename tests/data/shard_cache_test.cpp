#include "lib/data/shard_cache.h"

#include <chrono>
#include <filesystem>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/signals.h"
#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Optional;

const Log kQuiet(LogLevel::kQuiet);

FileIdentity identity_of(const fs::path& path) { return InputFile(path).identity(); }

// A file as it is when it was not written a moment ago.
fs::path write_old(const TempDir& folder, const std::string& name, const std::string& text) {
  const auto path = folder.write(name, text);
  fs::last_write_time(path, fs::file_time_type::clock::now() - std::chrono::hours(1));
  return path;
}

TEST(ShardCache, RemembersADigestForTheIdentity) {
  const TempDir folder;
  const auto path = write_old(folder, "a.txt", "text");
  const auto identity = identity_of(path);
  {
    ShardCache cache(folder / "cache", kQuiet);
    EXPECT_FALSE(cache.remembered_digest(path, identity));
    EXPECT_FALSE(cache.has_news());
    cache.remember(path, identity, "12ab");
    EXPECT_TRUE(cache.has_news());
    const auto lock = cache.lock();
    cache.save_digests();
    EXPECT_FALSE(cache.has_news());
  }
  const ShardCache again(folder / "cache", kQuiet);
  EXPECT_THAT(again.remembered_digest(path, identity), Optional(std::string("12ab")));
}

TEST(ShardCache, ForgetsWhenSizeTimeOrInodeDiffer) {
  const TempDir folder;
  const auto path = write_old(folder, "a.txt", "text");
  const auto identity = identity_of(path);
  ShardCache cache(folder / "cache", kQuiet);
  cache.remember(path, identity, "12ab");
  for (const auto change : {0, 1, 2, 3, 4}) {
    auto other = identity;
    if (change == 0) other.size += 1;
    if (change == 1) other.modified_ns += 1;
    if (change == 2) other.inode += 1;
    if (change == 3) other.device += 1;
    if (change == 4) other.changed_ns += 1;
    EXPECT_FALSE(cache.remembered_digest(path, other)) << change;
  }
  EXPECT_FALSE(cache.remembered_digest(folder / "b.txt", identity));
}

TEST(ShardCache, DoesNotTrustTheTimeOfAFileJustWritten) {
  const TempDir folder;
  const auto path = folder.write("a.txt", "text");
  ShardCache cache(folder / "cache", kQuiet);
  cache.remember(path, identity_of(path), "12ab");
  EXPECT_FALSE(cache.remembered_digest(path, identity_of(path)));
}

TEST(ShardCache, KeepsWhatAnotherProcessLearned) {
  const TempDir folder;
  const auto a = write_old(folder, "a.txt", "a");
  const auto b = write_old(folder, "b.txt", "b");
  ShardCache first(folder / "cache", kQuiet);
  ShardCache second(folder / "cache", kQuiet);
  first.remember(a, identity_of(a), "aa");
  second.remember(b, identity_of(b), "bb");
  first.save_digests();
  second.save_digests();
  const ShardCache both(folder / "cache", kQuiet);
  EXPECT_TRUE(both.remembered_digest(a, identity_of(a)));
  EXPECT_TRUE(both.remembered_digest(b, identity_of(b)));
}

TEST(ShardCache, HashesAgainWhereItsIndexIsDamaged) {
  const TempDir folder;
  const auto path = write_old(folder, "a.txt", "text");
  for (const std::string damaged : {"", "{", "[]", "{\"version\": 2}", "{\"version\": 1, \"files\": {\"a\": {}}}"}) {
    ShardCache(folder / "cache", kQuiet);
    folder.write("cache/files.json", damaged);
    ShardCache cache(folder / "cache", kQuiet);
    EXPECT_FALSE(cache.remembered_digest(path, identity_of(path))) << damaged;
    cache.remember(path, identity_of(path), "12ab");
    cache.save_digests();
    EXPECT_TRUE(ShardCache(folder / "cache", kQuiet).remembered_digest(path, identity_of(path))) << damaged;
  }
}

TEST(ShardCache, IsPrivateWhateverTheUmask) {
  const TempDir folder;
  const mode_t old = ::umask(0);
  ShardCache cache(folder / "deep/cache", kQuiet);
  const auto path = write_old(folder, "a.txt", "text");
  cache.remember(path, identity_of(path), "12ab");
  const auto lock = cache.lock();
  cache.save_digests();
  ::umask(old);
  for (const auto& [name, mode] : std::map<std::string, mode_t>{{"deep", 0700},
                                                                {"deep/cache", 0700},
                                                                {"deep/cache/shards", 0700},
                                                                {"deep/cache/rows", 0700},
                                                                {"deep/cache/lock", 0600},
                                                                {"deep/cache/files.json", 0600}}) {
    struct stat status {};
    ASSERT_EQ(::stat((folder / name).c_str(), &status), 0) << name;
    EXPECT_EQ(status.st_mode & 0777U, mode) << name;
  }
}

class PlantedLinkTest : public testing::TestWithParam<std::string> {};

TEST_P(PlantedLinkTest, IsRefused) {
  const TempDir folder;
  fs::create_directories(folder / "elsewhere");
  folder.write("file", "{}");
  const fs::path link = folder / GetParam();
  fs::create_directories(link.parent_path());
  const bool is_file = GetParam().ends_with("lock") || GetParam().ends_with("json");
  fs::create_symlink(is_file ? folder / "file" : folder / "elsewhere", link);
  const auto message = error_of(ExitCode::kStorage, [&] { ShardCache(folder / "cache", kQuiet).lock(); });
  EXPECT_THAT(message, HasSubstr(link.string()));
  EXPECT_EQ(slurp(folder / "file"), "{}");
}

INSTANTIATE_TEST_SUITE_P(Names, PlantedLinkTest,
                         testing::Values("cache", "cache/shards", "cache/rows", "cache/lock", "cache/files.json"));

TEST(ShardCache, WaitsForTheLockOfAnotherProcess) {
  const TempDir folder;
  ShardCache cache(folder / "cache", kQuiet);
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto lock = ShardCache(folder / "cache", kQuiet).lock();
    [[maybe_unused]] auto written = ::write(ready[1], "x", 1);
    ::usleep(300'000);
    folder.write("done", "");
    ::_exit(0);  // the kernel lets the lock go
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  const auto lock = cache.lock();
  EXPECT_TRUE(fs::exists(folder / "done"));
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
}

TEST(ShardCache, StopsWaitingOnRequest) {
  const TempDir folder;
  ShardCache cache(folder / "cache", kQuiet);
  const auto held = cache.lock();
  install_signal_handlers();
  ASSERT_EQ(::raise(SIGTERM), 0);
  const auto message = error_of(ExitCode::kRequeue, [&] { ShardCache(folder / "cache", kQuiet).lock(); });
  reset_signal_flags();
  EXPECT_THAT(message, HasSubstr("waiting for the data cache"));
}

TEST(ShardCache, RemovesWhatKilledProcessesLeft) {
  const TempDir folder;
  ShardCache cache(folder / "cache", kQuiet);
  folder.write("cache/shards/.ab.tokens.tmp-123", "half");
  folder.write("cache/rows/.ab.rows.tmp-123", "half");
  folder.write("cache/.files.json.tmp-9", "half");
  folder.write("cache/shards/ab.tokens", "whole");
  const auto lock = cache.lock();
  EXPECT_FALSE(fs::exists(folder / "cache/shards/.ab.tokens.tmp-123"));
  EXPECT_FALSE(fs::exists(folder / "cache/rows/.ab.rows.tmp-123"));
  EXPECT_FALSE(fs::exists(folder / "cache/.files.json.tmp-9"));
  EXPECT_TRUE(fs::exists(folder / "cache/shards/ab.tokens"));
}

}  // namespace
}  // namespace llmtrain
