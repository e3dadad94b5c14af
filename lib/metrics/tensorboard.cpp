#include "lib/metrics/tensorboard.h"

#include <bit>
#include <cstring>
#include <span>
#include <utility>

#include "lib/base/crc32c.h"
#include "lib/base/file.h"
#include "lib/base/text.h"

namespace llmtrain {
namespace {

static_assert(std::endian::native == std::endian::little, "frames and protobuf numbers are little-endian");

// Field numbers of event.proto, summary.proto, tensor.proto.
namespace event_field {
constexpr unsigned kWallTime = 1, kStep = 2, kFileVersion = 3, kSummary = 5, kSessionLog = 7;
}
namespace summary_field {
constexpr unsigned kValue = 1, kTag = 1, kSimpleValue = 2, kTensor = 8, kMetadata = 9;
}
constexpr unsigned kSessionStatus = 1, kSessionStart = 1;
constexpr unsigned kTensorType = 1, kTensorShape = 2, kTensorStrings = 8, kTypeString = 7;
constexpr unsigned kPluginData = 1, kPluginName = 1;

// The wire format of protocol buffers.
enum WireType : unsigned { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

void put_varint(std::string& message, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7U) message += static_cast<char>((value & 0x7FU) | 0x80U);
  message += static_cast<char>(value);
}

template <class Number>
void put_raw(std::string& bytes, Number number) {
  char raw[sizeof(Number)];
  std::memcpy(raw, &number, sizeof(Number));
  bytes.append(raw, sizeof(Number));
}

void put_tag(std::string& message, unsigned field, WireType type) { put_varint(message, field << 3U | type); }

void put_bytes(std::string& message, unsigned field, std::string_view bytes) {
  put_tag(message, field, kBytes);
  put_varint(message, bytes.size());
  message += bytes;
}

void put_number(std::string& message, unsigned field, std::uint64_t number) {
  put_tag(message, field, kVarint);
  put_varint(message, number);
}

std::string event_at(double wall_time, std::int64_t step) {
  std::string event;
  put_tag(event, event_field::kWallTime, kFixed64);
  put_raw(event, wall_time);
  if (step != 0) put_number(event, event_field::kStep, static_cast<std::uint64_t>(step));  // zero is what absence means
  return event;
}

void put_summary(std::string& event, std::string_view value) {
  std::string summary;
  put_bytes(summary, summary_field::kValue, value);
  put_bytes(event, event_field::kSummary, summary);
}

std::uint32_t masked_crc(std::string_view bytes) {
  const std::uint32_t crc = crc32c(std::as_bytes(std::span(bytes.data(), bytes.size())));
  return std::rotr(crc, 15) + 0xA282EAD8U;
}

std::string frame(std::string_view record) {
  std::string bytes;
  put_raw(bytes, static_cast<std::uint64_t>(record.size()));
  put_raw(bytes, masked_crc(bytes));
  bytes += record;
  put_raw(bytes, masked_crc(record));
  return bytes;
}

constexpr std::size_t kHeaderBytes = 12;
constexpr std::size_t kFooterBytes = 4;

// Bytes up to the first frame that is torn or damaged.
std::uint64_t readable_bytes(const InputFile& file) {
  std::uint64_t offset = 0;
  std::string record;
  while (file.size() - offset >= kHeaderBytes + kFooterBytes) {
    char header[kHeaderBytes];
    file.read_exact(header, kHeaderBytes, offset);
    std::uint64_t size = 0;
    std::uint32_t crc = 0;
    std::memcpy(&size, header, sizeof(size));
    std::memcpy(&crc, header + sizeof(size), sizeof(crc));
    const std::uint64_t left = file.size() - offset - kHeaderBytes - kFooterBytes;
    if (crc != masked_crc({header, sizeof(size)}) || size > left) break;
    record.resize(size + kFooterBytes);
    file.read_exact(record.data(), record.size(), offset + kHeaderBytes);
    std::memcpy(&crc, record.data() + size, sizeof(crc));
    if (crc != masked_crc({record.data(), size})) break;
    offset += kHeaderBytes + size + kFooterBytes;
  }
  return offset;
}

}  // namespace

TensorboardWriter::TensorboardWriter(const std::filesystem::path& folder, Log log, WallClock clock)
    : file_(folder / kFileName), log_(std::move(log)), clock_(std::move(clock)) {
  const std::uint64_t readable = readable_bytes(InputFile(file_.path()));
  if (readable < file_.size()) file_.cut(readable);
}

void TensorboardWriter::scalar(std::string_view tag, std::int64_t step, double value) {
  std::string content;
  put_bytes(content, summary_field::kTag, tag);
  put_tag(content, summary_field::kSimpleValue, kFixed32);
  put_raw(content, static_cast<float>(value));
  std::string event = event_at(clock_(), step);
  put_summary(event, content);
  write(event);
}

void TensorboardWriter::text(std::string_view tag, std::int64_t step, std::string_view markdown) {
  std::string tensor;
  put_number(tensor, kTensorType, kTypeString);
  put_bytes(tensor, kTensorShape, "");                      // no dimensions: one string
  put_bytes(tensor, kTensorStrings, valid_utf8(markdown));  // TensorBoard fails on what is not
  std::string plugin;
  put_bytes(plugin, kPluginName, "text");
  std::string metadata;
  put_bytes(metadata, kPluginData, plugin);
  std::string content;
  put_bytes(content, summary_field::kTag, tag);
  put_bytes(content, summary_field::kTensor, tensor);
  put_bytes(content, summary_field::kMetadata, metadata);
  std::string event = event_at(clock_(), step);
  put_summary(event, content);
  write(event);
}

void TensorboardWriter::resume_after(std::int64_t step) {
  std::string session;
  put_number(session, kSessionStatus, kSessionStart);
  std::string event = event_at(clock_(), step + 1);
  put_bytes(event, event_field::kSessionLog, session);
  write(event);
}

void TensorboardWriter::write(std::string_view event) {
  std::string bytes;
  if (file_.size() == 0) {
    std::string version = event_at(clock_(), 0);
    put_bytes(version, event_field::kFileVersion, "brain.Event:2");
    bytes = frame(version);
  }
  bytes += frame(event);
  const int fault = file_.append(bytes);
  if (fault != 0 && !std::exchange(warned_, true)) {
    log_.warn("{}: cannot write: {}; training goes on without these curves", file_.path().string(),
              system_message(fault));
  }
}

}  // namespace llmtrain
