#pragma once
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "lib/base/file.h"
#include "lib/base/log.h"

namespace llmtrain {

// The folder that holds what was prepared from data:
//
//   shards/KEY.tokens  the tokens of one file, named by its content, the tokenizer and how it was read
//   rows/KEY.rows      how the documents of a source become rows
//   files.json         which content a path had, by size, time and inode, so that files are not hashed each time
//   lock               held by whoever writes
//
// Every file appears whole (AtomicFile), so that readers need no lock; the lock only keeps two processes from doing the
// same work twice, and where the file system has no locks both do it and write the same bytes. All of it may be deleted
// at any time. Folders are private to the user (0700, files 0600).
class ShardCache {
 public:
  // Makes the folder. Throws storage_error (5): no rights, or a symbolic link where a folder or file of it should be.
  ShardCache(const std::filesystem::path& folder, const Log& log);

  const std::filesystem::path& folder() const { return folder_; }
  std::filesystem::path shard_path(const std::string& key) const;
  std::filesystem::path rows_path(const std::string& key) const;

  // The digest of the path's content as it was remembered for this identity. Safe to call from several threads, as is
  // remember().
  std::optional<std::string> remembered_digest(const std::filesystem::path& path, const FileIdentity& identity) const;
  // A file written a moment ago may be written again within the resolution of its time: it is not remembered.
  void remember(const std::filesystem::path& path, const FileIdentity& identity, const std::string& sha256);
  // Whether something was learned that is not saved.
  bool has_news() const;
  // Writes what was learned. Hold the lock.
  void save_digests();

  // Waits until no other process holds the lock; says so, and looks for a request to stop. Removes what killed
  // processes left. The lock ends with the descriptor.
  FileDescriptor lock();

 private:
  struct Remembered {
    FileIdentity identity;
    std::string sha256;
  };
  using Digests = std::map<std::string, Remembered>;  // by absolute path

  std::filesystem::path digests_path() const { return folder_ / "files.json"; }
  Digests read_digests() const;

  std::filesystem::path folder_;
  Log log_;
  mutable std::mutex mutex_;
  Digests digests_;
  Digests learned_;
};

}  // namespace llmtrain
