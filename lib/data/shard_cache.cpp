#include "lib/data/shard_cache.h"

#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/file.h>

#include "lib/base/error.h"
#include "lib/base/signals.h"

namespace llmtrain {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr int kDigestsVersion = 2;
constexpr auto kLockPoll = std::chrono::milliseconds(50);
constexpr auto kRecent = std::chrono::seconds(2);  // beyond the resolution of any file system's times (FAT: 2 s)

fs::path own_folder(const fs::path& folder) {
  make_directory(folder);
  std::error_code error;
  if (fs::symlink_status(folder, error).type() == fs::file_type::symlink) {
    throw storage_error("{}: the data cache is a symbolic link, expected a folder; name the folder it points to",
                        folder.string());
  }
  return folder;
}

void refuse_link(const fs::path& path) {
  std::error_code error;
  if (fs::symlink_status(path, error).type() == fs::file_type::symlink) {
    throw storage_error("{}: a symbolic link, expected a file of the data cache; remove it", path.string());
  }
}

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

void remove_leftovers(const fs::path& folder) {
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    std::error_code ignored;
    if (name.starts_with('.') && name.find(".tmp-") != std::string::npos) fs::remove(entry.path(), ignored);
  }
}

}  // namespace

ShardCache::ShardCache(const fs::path& folder, const Log& log) : folder_(own_folder(folder)), log_(log) {
  own_folder(folder_ / "shards");
  own_folder(folder_ / "rows");
  digests_ = read_digests();
}

fs::path ShardCache::shard_path(const std::string& key) const { return folder_ / "shards" / (key + ".tokens"); }
fs::path ShardCache::rows_path(const std::string& key) const { return folder_ / "rows" / (key + ".rows"); }

// What cannot be read is not believed: its files are hashed again.
ShardCache::Digests ShardCache::read_digests() const {
  Digests digests;
  refuse_link(digests_path());
  std::error_code error;
  if (!fs::exists(digests_path(), error)) return digests;
  try {
    const Json root = Json::parse(read_file(digests_path()));
    if (root.at("version") != kDigestsVersion) return digests;
    for (const auto& [path, entry] : root.at("files").items()) {
      digests[path] = {.identity = {.device = entry.at("device"),
                                    .inode = entry.at("inode"),
                                    .size = entry.at("size"),
                                    .modified_ns = entry.at("modified_ns"),
                                    .changed_ns = entry.at("changed_ns")},
                       .sha256 = entry.at("sha256")};
    }
  } catch (const Json::exception&) {
    log_.warn("{}: damaged; all data files are hashed again", digests_path().string());
    digests.clear();
  }
  return digests;
}

std::optional<std::string> ShardCache::remembered_digest(const fs::path& path, const FileIdentity& identity) const {
  const std::scoped_lock lock(mutex_);
  const auto found = digests_.find(fs::absolute(path).lexically_normal().string());
  if (found == digests_.end() || found->second.identity != identity) return std::nullopt;
  return found->second.sha256;
}

void ShardCache::remember(const fs::path& path, const FileIdentity& identity, const std::string& sha256) {
  const std::int64_t age = now_ns() - identity.modified_ns;
  if (age < std::chrono::nanoseconds(kRecent).count()) return;
  const std::scoped_lock lock(mutex_);
  const std::string name = fs::absolute(path).lexically_normal().string();
  const auto known = digests_.find(name);
  if (known != digests_.end() && known->second.identity == identity && known->second.sha256 == sha256) return;
  digests_[name] = learned_[name] = {.identity = identity, .sha256 = sha256};
}

bool ShardCache::has_news() const {
  const std::scoped_lock lock(mutex_);
  return !learned_.empty();
}

void ShardCache::save_digests() {
  const std::scoped_lock lock(mutex_);
  Digests all = read_digests();  // another process may have learned something meanwhile
  for (const auto& [path, entry] : learned_) all[path] = entry;
  Json files = Json::object();
  for (const auto& [path, entry] : all) {
    files[path] = {{"device", entry.identity.device},
                   {"inode", entry.identity.inode},
                   {"size", entry.identity.size},
                   {"modified_ns", entry.identity.modified_ns},
                   {"changed_ns", entry.identity.changed_ns},
                   {"sha256", entry.sha256}};
  }
  const Json root = {{"version", kDigestsVersion}, {"files", files}};
  // A name that is not UTF-8 is written with replacements, matches no path, and its file is hashed each time.
  write_file(digests_path(), root.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
  learned_.clear();
}

FileDescriptor ShardCache::lock() {
  const fs::path path = folder_ / "lock";
  FileDescriptor fd(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (fd.get() < 0) throw storage_error("{}: cannot open the lock: {}", path.string(), system_message(errno));
  bool told = false;
  while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return fd;  // no locks here; see the class
    if (!std::exchange(told, true)) {
      log_.info("waiting for another llmtrain that prepares data in {}", folder_.string());
    }
    stop_point("waiting for the data cache");
    std::this_thread::sleep_for(kLockPoll);
  }
  remove_leftovers(folder_);
  remove_leftovers(folder_ / "shards");
  remove_leftovers(folder_ / "rows");
  return fd;
}

}  // namespace llmtrain
