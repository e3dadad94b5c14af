#include "lib/interop/atomic_folder.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <optional>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/error.h"
#include "lib/base/file.h"
#include "lib/base/text.h"

namespace llmtrain {
namespace {

namespace fs = std::filesystem;

// "out/" names "out".
fs::path without_slash(const fs::path& path) {
  const auto normal = path.lexically_normal();
  return normal.has_filename() ? normal : normal.parent_path();
}

fs::path parent_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

void refuse_what_is_not_ours(const fs::path& path, const std::function<bool(std::string_view)>& ours) {
  std::error_code error;
  const auto status = fs::symlink_status(path, error);
  if (!fs::exists(status)) return;
  if (!fs::is_directory(status)) {
    throw storage_error("{}: {} stands here, expected a folder or nothing; remove it or choose another name",
                        path.string(), fs::is_symlink(status) ? "a symbolic link" : "a file");
  }
  for (auto entry = fs::directory_iterator(path, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (!ours(name) || !fs::is_regular_file(entry->symlink_status(error))) {
      throw storage_error(
          "{}: holds '{}', which is no file of a model and would be lost; move it or choose another "
          "folder",
          path.string(), printable(name, 100));
    }
  }
  if (error) throw storage_error("{}: cannot list the folder: {}", path.string(), error.message());
}

bool is_dead(std::string_view pid) {
  if (pid.empty() || pid.size() > 9 ||
      !std::all_of(pid.begin(), pid.end(), [](char c) { return c >= '0' && c <= '9'; })) {
    return false;
  }
  const int number = std::stoi(std::string(pid));
  return number == ::getpid() || (::kill(number, 0) != 0 && errno == ESRCH);
}

void remove_leftovers(const fs::path& path) {
  std::error_code error;
  std::vector<fs::path> left;
  for (auto entry = fs::directory_iterator(parent_of(path), error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    for (const std::string mark : {".tmp-", ".old-"}) {
      const std::string stem = path.filename().string() + mark;
      if (!name.starts_with(stem) || !is_dead(std::string_view(name).substr(stem.size()))) continue;
      // An old folder whose successor never came is the only copy.
      if (mark == ".tmp-" || fs::exists(path)) left.push_back(entry->path());
    }
  }
  for (const auto& folder : left) fs::remove_all(folder, error);
}

void sync_folder(const fs::path& path) {
  const FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0 || ::fsync(fd.get()) != 0) {
    throw storage_error("{}: cannot sync the folder: {}", path.string(), system_message(errno));
  }
}

[[noreturn]] void fail_to_place(const fs::path& path) {
  throw storage_error("{}: cannot put the folder in place: {}", path.string(), system_message(errno));
}

}  // namespace

AtomicFolder::AtomicFolder(const fs::path& path, const std::function<bool(std::string_view)>& ours)
    : path_(without_slash(path)), temporary_(path_.string() + fmt::format(".tmp-{}", ::getpid())) {
  refuse_what_is_not_ours(path_, ours);
  make_directory(parent_of(path_));
  remove_leftovers(path_);
  if (::mkdir(temporary_.c_str(), 0700) != 0) {
    throw storage_error("{}: cannot make the folder: {}", temporary_.string(), system_message(errno));
  }
}

AtomicFolder::~AtomicFolder() {
  std::error_code ignored;
  if (!committed_) fs::remove_all(temporary_, ignored);
}

void AtomicFolder::commit() {
  ENSURE(!committed_, path_.string());
  sync_folder(temporary_);
  std::error_code ignored;
  std::optional<fs::path> old;
  if (!fs::exists(path_, ignored)) {
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail_to_place(path_);
  } else if (::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, path_.c_str(), RENAME_EXCHANGE) == 0) {
    old = temporary_;
  } else if (errno == EINVAL || errno == ENOSYS) {
    old = path_.string() + fmt::format(".old-{}", ::getpid());
    if (::rename(path_.c_str(), old->c_str()) != 0) fail_to_place(path_);
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) {
      const int error_number = errno;
      (void)::rename(old->c_str(), path_.c_str());
      errno = error_number;
      fail_to_place(path_);
    }
  } else {
    fail_to_place(path_);
  }
  committed_ = true;
  sync_folder(parent_of(path_));
  if (old) fs::remove_all(*old, ignored);  // what stays is removed by the next export
}

}  // namespace llmtrain
