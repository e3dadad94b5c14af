#pragma once
#include <algorithm>
#include <cstdint>
#include <utility>

#include "lib/ops/cpu/simd.h"

// A matrix product for tiles in cache, compiled for the instruction set of the one file of its kind that includes it
// under `#pragma GCC target`, having set LLMTRAIN_VECTOR_BYTES, LLMTRAIN_TILE_VECTORS and LLMTRAIN_TILE_ROWS. So
// everything here is that file's own.

namespace llmtrain {
namespace {

// A register tile is up to kTileVectors vectors wide and so many rows high that its sums, a row of b and an element of
// a fill the registers.
constexpr int kTileVectors = LLMTRAIN_TILE_VECTORS;
constexpr int kGroup = 2 * LLMTRAIN_TILE_ROWS;  // rows come in whole groups
template <int kVectors>
constexpr int kTileRows = 2 * kVectors <= kTileVectors ? kGroup : LLMTRAIN_TILE_ROWS;

template <class C>
struct Simd {
  typedef C Vector __attribute__((vector_size(LLMTRAIN_VECTOR_BYTES)));
  typedef C Unaligned __attribute__((vector_size(LLMTRAIN_VECTOR_BYTES), aligned(alignof(C)), may_alias));
  static constexpr int kWidth = LLMTRAIN_VECTOR_BYTES / sizeof(C);
  static constexpr int kPanel = kTileVectors * kWidth;

  static LLMTRAIN_INLINE Vector at(const C* from) { return *reinterpret_cast<const Unaligned*>(from); }
  static LLMTRAIN_INLINE void put(C* to, Vector x) { *reinterpret_cast<Unaligned*>(to) = x; }

  // All lanes taken together by halves.
  template <class Combine>
  static LLMTRAIN_INLINE C reduce(Vector x, const Combine& combine) {
    C lanes[kWidth];
    __builtin_memcpy(lanes, &x, sizeof lanes);
#pragma GCC unroll 4
    for (int half = kWidth / 2; half > 0; half /= 2) {
#pragma omp simd
      for (int i = 0; i < half; ++i) lanes[i] = combine(lanes[i], lanes[i + half]);
    }
    return lanes[0];
  }
};

// c[m][n] = (add ? c[m][n] : 0) + sum over k < depth of a[m * kRow + k * kStep] * b[k * b_stride + n].
template <class C, int kVectors, int kRow, int kStep>
LLMTRAIN_INLINE void tile_product(const C* a, const C* b, std::int64_t b_stride, C* c, std::int64_t c_stride,
                                  std::int64_t depth, bool add) {
  using Vector = typename Simd<C>::Vector;
  constexpr int kWidth = Simd<C>::kWidth;
  constexpr int kRows = kTileRows<kVectors>;
  Vector sums[kRows][kVectors];
#pragma GCC unroll 16
  for (int m = 0; m < kRows; ++m) {
#pragma GCC unroll 4
    for (int n = 0; n < kVectors; ++n) {
      sums[m][n] = add ? Simd<C>::at(c + m * c_stride + n * kWidth) : Vector{};
    }
  }
  for (std::int64_t k = 0; k < depth; ++k) {
    Vector row[kVectors];
#pragma GCC unroll 4
    for (int n = 0; n < kVectors; ++n) row[n] = Simd<C>::at(b + n * kWidth);
#pragma GCC unroll 16
    for (int m = 0; m < kRows; ++m) {
      const Vector element = a[m * kRow] - Vector{};
#pragma GCC unroll 4
      for (int n = 0; n < kVectors; ++n) sums[m][n] += element * row[n];
    }
    a += kStep;
    b += b_stride;
  }
#pragma GCC unroll 16
  for (int m = 0; m < kRows; ++m) {
#pragma GCC unroll 4
    for (int n = 0; n < kVectors; ++n) {
      Simd<C>::put(c + m * c_stride + n * kWidth, sums[m][n]);
    }
  }
}

// Which k a group of rows needs.
struct Depth {
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

template <class C, int kVectors, int kRow, int kStep, class DepthOf>
void panel_product(const C* a, const C* b, C* c, std::int64_t rows, std::int64_t stride, bool add,
                   const DepthOf& depth_of) {
  constexpr int kRows = kTileRows<kVectors>;
  for (std::int64_t m = 0; m < rows; m += kRows) {
    const Depth depth = depth_of(m, m + kRows);
    if (depth.begin >= depth.end && add) continue;
    tile_product<C, kVectors, kRow, kStep>(a + m * kRow + depth.begin * kStep, b + depth.begin * stride, stride,
                                           c + m * stride, stride, depth.end - depth.begin, add);
  }
}

// Calls work with the number of vectors as a constant.
template <class Work>
LLMTRAIN_INLINE void with_vectors(std::int64_t vectors, const Work& work) {
  if (vectors == 1) return work(std::integral_constant<int, 1>());
  if constexpr (kTileVectors == 2) {
    work(std::integral_constant<int, 2>());
  } else {
    if (vectors == 2) return work(std::integral_constant<int, 2>());
    if (vectors == 3) return work(std::integral_constant<int, 3>());
    work(std::integral_constant<int, 4>());
  }
}

// c = (add ? c : 0) + a b, c: [rows, stride], b: [depth, stride], a by its strides; rows in whole groups, stride in
// whole vectors; depth_of(begin, end) says which k the rows [begin, end) of a are not zero for.
template <class C, int kRow, int kStep, class DepthOf>
void row_product(const C* a, const C* b, C* c, std::int64_t rows, std::int64_t stride, bool add,
                 const DepthOf& depth_of) {
  for (std::int64_t n = 0; n < stride; n += Simd<C>::kPanel) {
    with_vectors(std::min<std::int64_t>(kTileVectors, (stride - n) / Simd<C>::kWidth), [&](auto vectors) {
      panel_product<C, decltype(vectors)::value, kRow, kStep>(a, b + n, c + n, rows, stride, add, depth_of);
    });
  }
}

// Asks for the row so many rows ahead: rows are far apart, and what fetches ahead by itself does not see their pattern.
template <class T>
LLMTRAIN_INLINE void fetch_ahead(const T* row, std::int64_t stride, std::int64_t size) {
  constexpr std::int64_t kRowsAhead = 12;
  constexpr std::int64_t kLine = 64 / sizeof(T);
  for (std::int64_t i = 0; i < size; i += kLine) __builtin_prefetch(row + kRowsAhead * stride + i);
}

// Rows of `to` = rows of `from` * scale, made up with zeros to `rows_to` rows of `width`.
template <class T>
void pack_rows(const T* from, std::int64_t stride, std::int64_t rows, std::int64_t head_dim, Compute<T> scale,
               Compute<T>* to, std::int64_t rows_to, std::int64_t width) {
  for (std::int64_t row = 0; row < rows; ++row, from += stride, to += width) {
    fetch_ahead(from, stride, head_dim);
#pragma omp simd
    for (std::int64_t i = 0; i < head_dim; ++i) to[i] = load(from[i]) * scale;
    for (std::int64_t i = head_dim; i < width; ++i) to[i] = 0;
  }
  std::fill(to, to + (rows_to - rows) * width, Compute<T>{0});
}

// The square of vectors turned over: each step swaps blocks half as large as the one before.
template <class C, std::size_t... kLane>
LLMTRAIN_INLINE void transpose_square(typename Simd<C>::Vector* rows, std::index_sequence<kLane...>) {
  using Index = std::conditional_t<sizeof(C) == 8, std::int64_t, std::int32_t>;
  typedef Index Mask __attribute__((vector_size(LLMTRAIN_VECTOR_BYTES)));
  constexpr int kWidth = Simd<C>::kWidth;
  const auto step = [&](auto constant) {
    constexpr Index s = decltype(constant)::value;
    constexpr Mask kLow = {((kLane & s) == 0 ? Index(kLane) : Index(kWidth + kLane - s))...};
    constexpr Mask kHigh = {((kLane & s) == 0 ? Index(kLane + s) : Index(kWidth + kLane))...};
#pragma GCC unroll 16
    for (int i = 0; i < kWidth; ++i) {
      if ((i & s) != 0) continue;
      const auto low = __builtin_shuffle(rows[i], rows[i + s], kLow);
      rows[i + s] = __builtin_shuffle(rows[i], rows[i + s], kHigh);
      rows[i] = low;
    }
  };
  step(std::integral_constant<Index, 1>());
  step(std::integral_constant<Index, 2>());
  if constexpr (kWidth > 4) step(std::integral_constant<Index, 4>());
  if constexpr (kWidth > 8) step(std::integral_constant<Index, 8>());
}

// to[column * stride + row] = from[row][column]; rows and width in whole vectors.
template <class C>
void transpose_rows(const C* from, std::int64_t rows, std::int64_t width, C* to, std::int64_t stride) {
  constexpr int kWidth = Simd<C>::kWidth;
  for (std::int64_t row = 0; row < rows; row += kWidth) {
    for (std::int64_t column = 0; column < width; column += kWidth) {
      typename Simd<C>::Vector square[kWidth];
#pragma GCC unroll 16
      for (int i = 0; i < kWidth; ++i) {
        square[i] = Simd<C>::at(from + (row + i) * width + column);
      }
      transpose_square<C>(square, std::make_index_sequence<kWidth>());
#pragma GCC unroll 16
      for (int i = 0; i < kWidth; ++i) {
        Simd<C>::put(to + (column + i) * stride + row, square[i]);
      }
    }
  }
}

}  // namespace
}  // namespace llmtrain
