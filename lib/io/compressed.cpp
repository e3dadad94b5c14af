#include "lib/io/compressed.h"

#include <algorithm>
#include <variant>
#include <vector>

#include "lib/base/digest.h"
#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/io/stream_decoder.h"

namespace llmtrain {
namespace {

constexpr std::size_t kInputBlock = std::size_t{256} << 10;
constexpr std::size_t kDigestBlock = std::size_t{1} << 20;

using Decoder = std::variant<std::monostate, GzipDecoder, ZstdDecoder>;

Decoder make_decoder(Compression compression) {
  switch (compression) {
    case Compression::kGzip:
      return GzipDecoder();
    case Compression::kZstd:
      return ZstdDecoder(kMaxZstdWindowLog);
    case Compression::kNone:
      break;
  }
  return std::monostate();
}

Error changed_error(const std::filesystem::path& path) {
  return input_error("{}: the file changed while it was read; try again when nothing writes to it", path.string());
}

// The bytes of a file in order, with their digest and the proof that they are those of one state of the file.
class RawReader {
 public:
  explicit RawReader(const std::filesystem::path& path) : file_(path) {}

  std::size_t read(char* buffer, std::size_t bytes) {
    if (!digest_.empty()) return 0;
    const std::size_t wanted = std::min<std::uint64_t>(bytes, file_.size() - offset_);
    file_.read_exact(buffer, wanted, offset_);
    sha_.update(std::string_view(buffer, wanted));
    offset_ += wanted;
    if (offset_ == file_.size()) {
      if (file_.identity_now() != file_.identity()) throw changed_error(file_.path());
      digest_ = sha_.finish();
    }
    return wanted;
  }

  const InputFile& file() const { return file_; }
  std::uint64_t offset() const { return offset_; }
  const std::string& digest() const {
    ENSURE(!digest_.empty(), file_.path().string(), offset_);
    return digest_;
  }

 private:
  InputFile file_;
  Sha256 sha_;
  std::uint64_t offset_ = 0;
  std::string digest_;
};

}  // namespace

Compression detect_compression(std::string_view first_bytes) {
  if (first_bytes.starts_with("\x1f\x8b\x08")) return Compression::kGzip;
  if (first_bytes.starts_with("\x28\xb5\x2f\xfd")) return Compression::kZstd;
  const bool skippable = first_bytes.size() >= 4 && (static_cast<unsigned char>(first_bytes[0]) & 0xF0U) == 0x50 &&
                         first_bytes.substr(1, 3) == "\x2a\x4d\x18";
  return skippable ? Compression::kZstd : Compression::kNone;
}

struct ExpandedStream::State {
  State(const std::filesystem::path& path, Compression compression, ExpandLimits wanted)
      : raw(path), decoder(make_decoder(compression)), limits(wanted) {}

  template <class SomeDecoder>
  std::size_t decode(SomeDecoder& some, std::span<char> out) {
    if (block.empty()) block.resize(kInputBlock);
    std::size_t done = 0;
    while (done < out.size()) {
      if (waiting.empty()) waiting = {block.data(), raw.read(block.data(), block.size())};
      if (waiting.empty() && some.complete()) break;
      const DecodeStep step = some.step(waiting, out.subspan(done));
      waiting = waiting.subspan(step.consumed);
      done += step.produced;
      const std::uint64_t consumed = raw.offset() - waiting.size();
      if (!step.fault.empty()) {
        throw input_error("{}: byte {}: {}", raw.file().path().string(), consumed, step.fault);
      }
      if (step.produced == 0 && step.consumed == 0 && waiting.empty() && !some.complete()) {
        throw input_error("{}: byte {}: the compressed data ends too early; was the file cut short?",
                          raw.file().path().string(), consumed);
      }
      check_ratio(bytes_out + done, consumed);
    }
    return done;
  }

  void check_ratio(std::uint64_t out, std::uint64_t in) const {
    if (out <= kBombGrace || static_cast<double>(out) <= limits.max_ratio * static_cast<double>(in)) return;
    throw input_error("{}: byte {}: expands too much, expected at most {} bytes a byte, got {} from {}; try max_ratio",
                      raw.file().path().string(), in, limits.max_ratio, human_bytes(out), human_bytes(in));
  }

  RawReader raw;
  Decoder decoder;
  ExpandLimits limits;
  std::vector<char> block;
  std::span<const char> waiting;  // of the block, not decoded yet
  std::uint64_t bytes_out = 0;
};

ExpandedStream::ExpandedStream(const std::filesystem::path& path, Compression compression, ExpandLimits limits)
    : state_(std::make_unique<State>(path, compression, limits)) {}
ExpandedStream::ExpandedStream(ExpandedStream&&) noexcept = default;
ExpandedStream::~ExpandedStream() = default;

std::size_t ExpandedStream::read(char* buffer, std::size_t bytes) {
  State& s = *state_;
  std::size_t done = 0;
  if (auto* gzip = std::get_if<GzipDecoder>(&s.decoder)) {
    done = s.decode(*gzip, {buffer, bytes});
  } else if (auto* zstd = std::get_if<ZstdDecoder>(&s.decoder)) {
    done = s.decode(*zstd, {buffer, bytes});
  } else {
    done = s.raw.read(buffer, bytes);
  }
  s.bytes_out += done;
  return done;
}

const std::filesystem::path& ExpandedStream::path() const { return state_->raw.file().path(); }
const FileIdentity& ExpandedStream::identity() const { return state_->raw.file().identity(); }
std::uint64_t ExpandedStream::bytes_read() const { return state_->raw.offset(); }
std::uint64_t ExpandedStream::bytes_out() const { return state_->bytes_out; }
const std::string& ExpandedStream::sha256() const { return state_->raw.digest(); }

FileDigest digest_file(const std::filesystem::path& path) {
  RawReader raw(path);
  std::vector<char> block(kDigestBlock);
  while (raw.read(block.data(), block.size()) > 0) {
  }
  return {.sha256 = raw.digest(), .identity = raw.file().identity()};
}

}  // namespace llmtrain
