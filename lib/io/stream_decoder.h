#pragma once
#include <cstddef>
#include <memory>
#include <span>
#include <string>

struct z_stream_s;
struct ZSTD_DCtx_s;

namespace llmtrain {

// What one call of a decoder did. A fault ends the stream; `consumed` then says where in the input it lies.
struct DecodeStep {
  std::size_t consumed = 0;
  std::size_t produced = 0;
  std::string fault = {};
};

// gzip (RFC 1952), any number of members. step() takes from `in` and puts into `out` until either is used up.
class GzipDecoder {
 public:
  GzipDecoder();
  DecodeStep step(std::span<const char> in, std::span<char> out);
  // True where the input may end: between two members.
  bool complete() const { return complete_; }

 private:
  struct Close {
    void operator()(z_stream_s* stream) const;
  };
  std::unique_ptr<z_stream_s, Close> stream_;
  bool complete_ = false;
};

// Zstandard (RFC 8878), any number of frames, skippable ones among them, windows up to 2^window_log bytes.
class ZstdDecoder {
 public:
  explicit ZstdDecoder(int window_log);
  DecodeStep step(std::span<const char> in, std::span<char> out);
  bool complete() const { return complete_; }

 private:
  struct Close {
    void operator()(ZSTD_DCtx_s* context) const;
  };
  std::unique_ptr<ZSTD_DCtx_s, Close> context_;
  int window_log_;
  bool complete_ = false;
  bool any_frame_ = false;
};

}  // namespace llmtrain
