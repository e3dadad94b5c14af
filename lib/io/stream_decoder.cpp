#include "lib/io/stream_decoder.h"

#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "lib/base/error.h"

namespace llmtrain {
namespace {

constexpr int kGzipWrapper = 16;  // added to the window bits: take a gzip header and nothing else

}  // namespace

void GzipDecoder::Close::operator()(z_stream_s* stream) const {
  ::inflateEnd(stream);
  delete stream;
}

GzipDecoder::GzipDecoder() : stream_(std::make_unique<z_stream_s>().release()) {
  const int result = ::inflateInit2(stream_.get(), MAX_WBITS + kGzipWrapper);
  ENSURE(result == Z_OK, result);
}

DecodeStep GzipDecoder::step(std::span<const char> in, std::span<char> out) {
  if (complete_ && !in.empty()) {
    if (in.front() != '\x1f') return {.fault = "bytes after the last gzip member"};
    ENSURE(::inflateReset(stream_.get()) == Z_OK);
    complete_ = false;
  }
  stream_->next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
  stream_->avail_in = static_cast<uInt>(in.size());
  stream_->next_out = reinterpret_cast<Bytef*>(out.data());
  stream_->avail_out = static_cast<uInt>(out.size());
  const int result = ::inflate(stream_.get(), Z_NO_FLUSH);
  DecodeStep step = {.consumed = in.size() - stream_->avail_in, .produced = out.size() - stream_->avail_out};
  if (result == Z_STREAM_END) {
    complete_ = true;
  } else if (result == Z_MEM_ERROR) {
    throw std::bad_alloc();
  } else if (result == Z_DATA_ERROR || result == Z_NEED_DICT) {
    step.fault = fmt::format("corrupt gzip data ({})", stream_->msg != nullptr ? stream_->msg : "wants a dictionary");
  } else {
    ENSURE(result == Z_OK || result == Z_BUF_ERROR, result);
  }
  return step;
}

void ZstdDecoder::Close::operator()(ZSTD_DCtx_s* context) const { ::ZSTD_freeDCtx(context); }

ZstdDecoder::ZstdDecoder(int window_log) : context_(::ZSTD_createDCtx()), window_log_(window_log) {
  if (!context_) throw std::bad_alloc();
  ENSURE(::ZSTD_isError(::ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, window_log)) == 0, window_log);
}

DecodeStep ZstdDecoder::step(std::span<const char> in, std::span<char> out) {
  ZSTD_inBuffer input = {in.data(), in.size(), 0};
  ZSTD_outBuffer output = {out.data(), out.size(), 0};
  const std::size_t result = ::ZSTD_decompressStream(context_.get(), &output, &input);
  DecodeStep step = {.consumed = input.pos, .produced = output.pos};
  if (::ZSTD_isError(result) == 0) {
    // A call without input at a frame's end asks for the next header; that is no frame begun.
    if (result == 0 || !in.empty()) complete_ = result == 0;
    any_frame_ = any_frame_ || complete_;
    return step;
  }
  const auto code = ::ZSTD_getErrorCode(result);
  if (code == ZSTD_error_memory_allocation) throw std::bad_alloc();
  if (code == ZSTD_error_prefix_unknown && any_frame_) {
    step.fault = "bytes after the last Zstandard frame";
    step.consumed = 0;  // the library has eaten the four bytes that it did not know
  } else if (code == ZSTD_error_frameParameter_windowTooLarge) {
    step.fault = fmt::format("Zstandard window too large, expected at most 2^{} bytes; try compressing without --long",
                             window_log_);
  } else {
    step.fault = fmt::format("corrupt Zstandard data ({})", ::ZSTD_getErrorName(result));
  }
  return step;
}

}  // namespace llmtrain
