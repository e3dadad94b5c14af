#include "lib/base/mapped_file.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/error.h"
#include "lib/base/file.h"

namespace llmtrain {
namespace {

// More maps than Linux allows a process by default (vm.max_map_count, 65530).
constexpr std::size_t kMaxMaps = 65536;

struct MapSlot {
  std::atomic<std::uintptr_t> begin = 0;
  std::atomic<std::uintptr_t> end = 0;
  std::atomic<const std::string*> message = nullptr;  // null: free
};

// What the handler of SIGBUS looks a fault's address up in: it has no argument to carry state. Who reads a map holds
// it, so the slot that a fault finds does not change meanwhile.
std::array<MapSlot, kMaxMaps> g_maps;
std::atomic<std::size_t> g_maps_used{0};  // slots beyond were never taken

MapSlot* take_slot(const std::string* message) {
  for (std::size_t i = 0; i < kMaxMaps; ++i) {
    const std::string* none = nullptr;
    if (!g_maps[i].message.compare_exchange_strong(none, message)) continue;
    std::size_t used = g_maps_used.load();
    while (used < i + 1 && !g_maps_used.compare_exchange_weak(used, i + 1)) {
    }
    return &g_maps[i];
  }
  return nullptr;
}

void on_bus_error(int, siginfo_t* info, void*) {
  const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  const std::size_t used = g_maps_used.load();
  for (std::size_t i = 0; i < used; ++i) {
    const auto& slot = g_maps[i];
    if (address < slot.begin.load() || address >= slot.end.load()) continue;
    const auto* message = slot.message.load();
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, message->data(), message->size());
    ::_exit(static_cast<int>(ExitCode::kInput));
  }
  ::signal(SIGBUS, SIG_DFL);  // not ours: the access is tried again, and ends as it would have
}

}  // namespace

struct MappedFile::Guard {
  Guard(const std::filesystem::path& path, const std::byte* data, std::size_t size)
      : message("\nllmtrain: error: " + path.string() +
                ": cut short while it was read; run the same command again, which makes it anew\n"),
        slot(take_slot(&message)) {
    if (slot == nullptr) return;
    slot->begin = reinterpret_cast<std::uintptr_t>(data);
    slot->end = reinterpret_cast<std::uintptr_t>(data + size);
  }
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;
  ~Guard() {
    if (slot == nullptr) return;
    slot->end = 0;
    slot->begin = 0;
    slot->message = nullptr;
  }

  std::string message;
  MapSlot* slot;
};

MappedFile::MappedFile(const std::filesystem::path& path) {
  const InputFile file(path);
  size_ = file.size();
  if (size_ == 0) return;
  const FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  void* address = fd.get() < 0 ? MAP_FAILED : ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, fd.get(), 0);
  if (address == MAP_FAILED) throw input_error("{}: cannot map: {}", path.string(), system_message(errno));
  data_ = static_cast<const std::byte*>(address);
  guard_ = std::make_unique<Guard>(path, data_, size_);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      guard_(std::move(other.guard_)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(guard_, other.guard_);
  return *this;
}

MappedFile::~MappedFile() {
  guard_.reset();
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

void guard_mapped_files() {
  struct sigaction action {};
  action.sa_sigaction = on_bus_error;
  action.sa_flags = SA_SIGINFO;
  ENSURE(::sigaction(SIGBUS, &action, nullptr) == 0);
}

}  // namespace llmtrain
