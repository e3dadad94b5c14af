#pragma once
#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>

namespace llmtrain {

// A whole file of our own making, mapped read-only. Foreign files may shrink under a map: read those with InputFile.
class MappedFile {
 public:
  // Throws input_error (3) as InputFile does.
  explicit MappedFile(const std::filesystem::path& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();
  std::span<const std::byte> bytes() const { return {data_, size_}; }

 private:
  struct Guard;
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::unique_ptr<Guard> guard_;
};

// From now on, reading a map whose file was cut short meanwhile ends the process with 3 and a line that names the file,
// instead of SIGBUS.
void guard_mapped_files();

}  // namespace llmtrain
