#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace llmtrain {

// What tells one state of a file from another without reading it.
struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  std::int64_t modified_ns = 0;  // since 1970
  std::int64_t changed_ns = 0;   // the same of the inode: moves even where the other was set back
  bool operator==(const FileIdentity&) const = default;
};

// A file descriptor that closes itself.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept;
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  ~FileDescriptor();
  int get() const { return fd_; }
  // Closes now and returns what close(2) returned: 0, or -1 with errno.
  int close();

 private:
  int fd_ = -1;
};

// A regular file opened for reading by offset. Throws input_error (3) if it is missing, not readable, or not a regular
// file (directory, FIFO, device, socket). Never blocks on open. Safe to read from several threads at once.
class InputFile {
 public:
  explicit InputFile(std::filesystem::path path);

  const std::filesystem::path& path() const { return path_; }
  std::uint64_t size() const { return identity_.size; }  // bytes, when opened
  const FileIdentity& identity() const { return identity_; }
  // What the file is now; differs from identity() if it was written meanwhile.
  FileIdentity identity_now() const;

  // Reads up to `bytes`; fewer only at the end of the file. Throws input_error with file and offset on a read error.
  std::size_t read_some(void* buffer, std::size_t bytes, std::uint64_t offset) const;
  // Throws input_error if the file ends before (it shrank, or an offset in it lies).
  void read_exact(void* buffer, std::size_t bytes, std::uint64_t offset) const;

 private:
  std::filesystem::path path_;
  FileDescriptor fd_;
  FileIdentity identity_;
};

// Writes a file that appears whole or not at all: a temporary file beside it, fsync, rename, fsync of the folder.
// A symbolic link at the path is refused. Mode 0600. Without commit() nothing is left behind.
// Throws storage_error (5) naming the file and the reason.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text) { write(std::as_bytes(std::span(text.data(), text.size()))); }
  // Overwrites bytes already written, e.g. a header whose counts are known last.
  void write_at(std::span<const std::byte> bytes, std::uint64_t offset);
  std::uint64_t size() const { return flushed_ + buffer_.size(); }
  void commit();

 private:
  void flush();

  std::filesystem::path path_;
  std::filesystem::path temporary_;
  FileDescriptor fd_;
  std::string buffer_;
  std::uint64_t flushed_ = 0;
  bool committed_ = false;
};

// The whole text of a regular file. Throws input_error if it is larger than max_bytes.
std::string read_file(const std::filesystem::path& path, std::uint64_t max_bytes = std::uint64_t{1} << 30);
// Through AtomicFile.
void write_file(const std::filesystem::path& path, std::string_view text);
// Makes the folder and its missing parents with mode 0700. Throws storage_error.
void make_directory(const std::filesystem::path& path);
// Bytes an unprivileged user may still write on the file system that holds the path (or its nearest existing parent).
std::uint64_t free_bytes(const std::filesystem::path& path);
// "No such file or directory" for the errno given.
std::string system_message(int error_number);

}  // namespace llmtrain
