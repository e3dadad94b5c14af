#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include <zlib.h>
#include <zstd.h>

#include "lib/base/error.h"

namespace llmtrain {

// One gzip member, by zlib's own compressor.
inline std::string gzip_bytes(std::string_view text) {
  z_stream stream{};
  ENSURE(::deflateInit2(&stream, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string packed(::deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  ENSURE(::deflate(&stream, Z_FINISH) == Z_STREAM_END);
  packed.resize(stream.total_out);
  ::deflateEnd(&stream);
  return packed;
}

// One Zstandard frame with a checksum. window_log 0: the library's choice.
inline std::string zstd_bytes(std::string_view text, int window_log = 0) {
  ZSTD_CCtx* context = ::ZSTD_createCCtx();
  ::ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  ::ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
  if (window_log > 0) ::ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
  std::string packed(::ZSTD_compressBound(text.size()), '\0');
  // Streaming without a known size keeps the window as wide as asked for.
  ZSTD_inBuffer in = {text.data(), text.size(), 0};
  ZSTD_outBuffer out = {packed.data(), packed.size(), 0};
  const std::size_t first = ::ZSTD_compressStream2(context, &out, &in, ZSTD_e_continue);
  const std::size_t left = ::ZSTD_compressStream2(context, &out, &in, ZSTD_e_end);
  ENSURE(::ZSTD_isError(first) == 0 && left == 0);
  packed.resize(out.pos);
  ::ZSTD_freeCCtx(context);
  return packed;
}

}  // namespace llmtrain
