#pragma once
#include <cmath>
#include <limits>
#include <type_traits>

#include "lib/ops/cpu/attention_kernels.h"
#include "lib/ops/cpu/tile_product.h"

// The attention kernel's body, compiled as tile_product.h is.

namespace llmtrain {
namespace {

// Queries and keys that scores are in memory for at once: whole groups, panels and vectors of both.
constexpr std::int64_t kQueries = 48;
constexpr std::int64_t kKeys = 384;

std::int64_t round_up(std::int64_t n, std::int64_t unit) { return (n + unit - 1) / unit * unit; }
std::int64_t round_down(std::int64_t n, std::int64_t unit) { return n / unit * unit; }

template <class C>
std::int64_t padded_width(std::int64_t head_dim) {
  return round_up(head_dim, Simd<C>::kWidth);
}

// e^x for x of 0 and below (a little above by rounding), exact 0 below -87, so that what is masked (minus infinity)
// counts for nothing. float: range reduction and the polynomial of degree 6 that errs least (found by Lawson's
// algorithm), 1.04e-7 of the value at most; e^0 is 1.
template <class C>
LLMTRAIN_INLINE typename Simd<C>::Vector weights_of(typename Simd<C>::Vector x) {
  constexpr C kLeast = -87;
  using Vector = typename Simd<C>::Vector;
  if constexpr (std::is_same_v<C, double>) {
    Vector e{};
    for (int i = 0; i < Simd<C>::kWidth; ++i) e[i] = x[i] < kLeast ? 0 : std::exp(x[i]);
    return e;
  } else {
    typedef std::int32_t Bits __attribute__((vector_size(LLMTRAIN_VECTOR_BYTES)));
    constexpr float kLog2E = 1.44269504F;
    constexpr float kLn2High = 0.693359375F;  // few bits, so that its product with a small whole number is exact
    constexpr float kLn2Low = -2.12194440e-4F;
    constexpr float kRounder = 12582912.0F;  // 1.5 * 2^23: adding it leaves the nearest whole number in the low bits
    const Vector shifted = x * kLog2E + kRounder;
    const Vector whole = shifted - kRounder;
    const Vector rest = (x - whole * kLn2High) - whole * kLn2Low;
    Vector p = rest * 0.00138368353F + 0.00837482419F;
    p = p * rest + 0.0416682251F;
    p = p * rest + 0.166664198F;
    p = p * rest + 0.499999911F;
    p = p * rest + 1.0F;
    p = p * rest + 1.0F;
    const Vector scaled = reinterpret_cast<Vector>(reinterpret_cast<Bits>(p) + (reinterpret_cast<Bits>(shifted) << 23));
    return x < kLeast ? Vector{} : scaled;
  }
}
template <class C>
LLMTRAIN_INLINE C weight_of(C x) {
  return weights_of<C>(x - typename Simd<C>::Vector{})[0];
}

// Keys that a task's queries see, from a whole panel on.
template <class C>
struct KeySpan {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::int64_t padded() const { return round_up(end - begin, Simd<C>::kPanel); }
};

template <class C>
KeySpan<C> key_span(const AttentionSizes& sizes, const AttentionTask& task) {
  const auto offset = task.keys - task.queries;
  const auto oldest = std::max<std::int64_t>(0, offset + task.query_begin - sizes.window + 1);
  return {.begin = round_down(oldest, Simd<C>::kPanel), .end = offset + task.query_end};
}

// Some queries of one head against some keys; places count from the span's first key.
struct Block {
  std::int64_t place = 0;  // of the first query
  std::int64_t rows = 0;
  std::int64_t key = 0;  // first key
  std::int64_t keys = 0;
  std::int64_t window = 0;

  // Columns that the queries [begin, end) of the block see, any of them.
  Depth columns(std::int64_t begin, std::int64_t end) const {
    const auto last = place + std::min(end, rows) - 1;
    return {.begin = std::max<std::int64_t>(0, place + begin - window + 1 - key),
            .end = std::min(keys, last + 1 - key)};
  }
  // Queries that see the columns [begin, end), any of them.
  Depth queries(std::int64_t begin, std::int64_t end) const {
    return {.begin = std::max<std::int64_t>(0, key + begin - place),
            .end = std::min(rows, key + end - 1 + window - place)};
  }
};

// scores[row][column] = sum over d of turned[d][row] * panels[d][column], where any query of a group sees the column.
template <class C>
void score_product(const Block& block, const C* turned, const C* panels, std::int64_t head_dim, std::int64_t width,
                   C* scores) {
  constexpr std::int64_t kPanel = Simd<C>::kPanel;
  for (std::int64_t column = 0; column < block.keys; column += kPanel) {
    const C* panel = panels + (block.key + column) * width;
    for (std::int64_t row = 0; row < block.rows; row += kGroup) {
      const Depth seen = block.columns(row, row + kGroup);
      if (seen.end <= column || seen.begin >= column + kPanel) continue;
      const auto needed = (seen.end - column + Simd<C>::kWidth - 1) / Simd<C>::kWidth;
      with_vectors(std::min<std::int64_t>(kTileVectors, needed), [&](auto vectors) {
        for (std::int64_t tile = row; tile < row + kGroup; tile += kTileRows<decltype(vectors)::value>) {
          tile_product<C, decltype(vectors)::value, 1, kQueries>(
              turned + tile, panel, kPanel, scores + tile * kKeys + column, kKeys, head_dim, false);
        }
      });
    }
  }
}

// A row's columns in use, made up to whole vectors.
template <class C>
struct RowSpan {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::int64_t first = 0;  // whole vectors from here
  std::int64_t last = 0;
};

template <class C>
RowSpan<C> row_span(const Block& block, std::int64_t row) {
  const Depth seen = block.columns(row, row + 1);
  if (seen.begin >= seen.end) return {};
  return {.begin = seen.begin,
          .end = seen.end,
          .first = round_down(seen.begin, Simd<C>::kWidth),
          .last = round_up(seen.end, Simd<C>::kWidth)};
}

template <class C>
void mask_row(const RowSpan<C>& span, C* row) {
  constexpr C kNever = -std::numeric_limits<C>::infinity();
  for (auto i = span.first; i < span.begin; ++i) row[i] = kNever;
  for (auto i = span.end; i < span.last; ++i) row[i] = kNever;
}

// What the products read of a row beyond its vectors is zero: the columns of its group, in whole groups.
template <class C>
void clear_around(const Block& block, std::int64_t row, const RowSpan<C>& span, C* values) {
  const auto group = round_down(row, kGroup);
  Depth read = block.columns(group, group + kGroup);
  read = {.begin = round_down(read.begin, kGroup), .end = round_up(std::max(read.end, span.end), kGroup)};
  if (span.begin >= span.end) return std::fill(values + read.begin, values + std::max(read.begin, read.end), C{0});
  if (read.begin < span.first) std::fill(values + read.begin, values + span.first, C{0});
  if (span.last < read.end) std::fill(values + span.last, values + read.end, C{0});
}

// ---- forward ----

template <class C>
struct ForwardScratch {
  C* keys;     // panels of keys turned: [span, width]
  C* values;   // [span, width]
  C* rows;     // [max(queries, panel), width]
  C* turned;   // [width, kQueries]
  C* scores;   // [kQueries, kKeys]
  C* out;      // [kQueries, width]
  C* largest;  // [kQueries]
  C* sums;     // [kQueries]

  ForwardScratch(C* memory, std::int64_t span, std::int64_t width) {
    const auto take = [&](std::int64_t count) {
      C* const at = memory == nullptr ? nullptr : memory + used;
      used += round_up(count, 16);
      return at;
    };
    keys = take(span * width);
    values = take(span * width);
    rows = take(std::max<std::int64_t>(kQueries, Simd<C>::kPanel) * width);
    turned = take(width * kQueries);
    scores = take(kQueries * kKeys);
    out = take(kQueries * width);
    largest = take(kQueries);
    sums = take(kQueries);
  }
  std::int64_t used = 0;  // elements
};

// Keys of a task, turned, panel by panel.
template <class T>
void pack_panels(const T* from, std::int64_t stride, const KeySpan<Compute<T>>& span, std::int64_t head_dim,
                 std::int64_t width, Compute<T>* rows, Compute<T>* panels) {
  using C = Compute<T>;
  constexpr std::int64_t kPanel = Simd<C>::kPanel;
  for (auto key = span.begin; key < span.end; key += kPanel) {
    const auto count = std::min(kPanel, span.end - key);
    pack_rows(from + key * stride, stride, count, head_dim, C{1}, rows, kPanel, width);
    transpose_rows(rows, kPanel, width, panels + (key - span.begin) * width, kPanel);
  }
}

// Scores become weights under the largest score so far; what was summed before is brought down to that.
template <class C>
void weigh_rows(const Block& block, bool first, std::int64_t width, const ForwardScratch<C>& scratch) {
  for (std::int64_t row = 0; row < block.rows; ++row) {
    C* scores = scratch.scores + row * kKeys;
    const auto span = row_span<C>(block, row);
    if (span.begin < span.end) {
      mask_row(span, scores);
      using Lanes = Simd<C>;
      auto most = scratch.largest[row] - typename Lanes::Vector{};
      for (auto i = span.first; i < span.last; i += Lanes::kWidth) {
        const auto x = Lanes::at(scores + i);
        most = x > most ? x : most;
      }
      const C largest = Lanes::reduce(most, [](C x, C y) { return x > y ? x : y; });
      typename Lanes::Vector sums{};
      for (auto i = span.first; i < span.last; i += Lanes::kWidth) {
        const auto weights = weights_of<C>(Lanes::at(scores + i) - largest);
        Lanes::put(scores + i, weights);
        sums += weights;
      }
      const C sum = Lanes::reduce(sums, [](C x, C y) { return x + y; });
      const C before = weight_of(scratch.largest[row] - largest);
      scratch.sums[row] = scratch.sums[row] * before + sum;
      scratch.largest[row] = largest;
      if (!first && before != 1) {
        C* out = scratch.out + row * width;
#pragma omp simd
        for (std::int64_t i = 0; i < width; ++i) out[i] *= before;
      }
    }
    clear_around(block, row, span, scores);
  }
}

template <class T>
void forward_block(const AttentionSizes& sizes, const AttentionTask& task, const AttentionForward<T>& arrays,
                   const ForwardScratch<Compute<T>>& scratch, std::int64_t head, std::int64_t query) {
  using C = Compute<T>;
  const auto dim = sizes.head_dim;
  const auto width = padded_width<C>(dim);
  const auto span = key_span<C>(sizes, task);
  const auto rows = std::min(kQueries, task.query_end - query);
  const auto first_row = task.first_query + query;
  const C scale = 1 / std::sqrt(static_cast<C>(dim));
  pack_rows(arrays.in.q + first_row * arrays.in.q_stride + head * dim, arrays.in.q_stride, rows, dim, scale,
            scratch.rows, kQueries, width);
  transpose_rows(scratch.rows, kQueries, width, scratch.turned, kQueries);
  std::fill_n(scratch.largest, kQueries, -std::numeric_limits<C>::infinity());
  std::fill_n(scratch.sums, kQueries, C{0});

  Block block{.place = task.keys - task.queries + query - span.begin, .rows = rows, .window = sizes.window};
  const auto end = block.place + rows;
  const auto begin = round_down(std::max<std::int64_t>(0, block.place - sizes.window + 1), Simd<C>::kPanel);
  for (block.key = begin; block.key < end; block.key += kKeys) {
    const bool first = block.key == begin;
    block.keys = std::min(kKeys, end - block.key);
    score_product(block, scratch.turned, scratch.keys, dim, width, scratch.scores);
    weigh_rows(block, first, width, scratch);
    row_product<C, kKeys, 1>(scratch.scores, scratch.values + block.key * width, scratch.out, round_up(rows, kGroup),
                             width, !first, [&](std::int64_t m, std::int64_t n) { return block.columns(m, n); });
  }
  for (std::int64_t row = 0; row < rows; ++row) {
    T* to = arrays.out + (first_row + row) * sizes.heads * dim + head * dim;
    const C* from = scratch.out + row * width;
    const C share = 1 / scratch.sums[row];
#pragma omp simd
    for (std::int64_t i = 0; i < dim; ++i) store(to[i], from[i] * share);
    if (arrays.log_sum != nullptr) {
      arrays.log_sum[(first_row + row) * sizes.heads + head] = scratch.largest[row] + std::log(scratch.sums[row]);
    }
  }
}

template <class T>
void forward_task(const AttentionSizes& sizes, const AttentionTask& task, const AttentionForward<T>& arrays,
                  Compute<T>* memory) {
  using C = Compute<T>;
  const auto width = padded_width<C>(sizes.head_dim);
  const auto span = key_span<C>(sizes, task);
  const ForwardScratch<C> scratch(memory, span.padded(), width);
  const auto start = task.first_key * arrays.in.kv_stride + task.kv_head * arrays.in.kv_head_stride;
  pack_panels(arrays.in.k + start, arrays.in.kv_stride, span, sizes.head_dim, width, scratch.rows, scratch.keys);
  pack_rows(arrays.in.v + start + span.begin * arrays.in.kv_stride, arrays.in.kv_stride, span.end - span.begin,
            sizes.head_dim, C{1}, scratch.values, span.end - span.begin, width);
  for (auto head = task.head_begin; head < task.head_end; ++head) {
    for (auto query = task.query_begin; query < task.query_end; query += kQueries) {
      forward_block(sizes, task, arrays, scratch, head, query);
    }
  }
}

template <class T>
std::int64_t forward_scratch(const AttentionSizes& sizes, const AttentionTask& task) {
  using C = Compute<T>;
  return ForwardScratch<C>(nullptr, key_span<C>(sizes, task).padded(), padded_width<C>(sizes.head_dim)).used;
}

// ---- backward ----

template <class C>
struct BackwardScratch {
  C* keys;           // [span, width]
  C* turned_keys;    // panels
  C* turned_values;  // panels
  C* d_keys;         // [span in groups, width]
  C* d_values;
  C* q;         // [rows, width], scaled
  C* turned_q;  // [width, kQueries]
  C* d_out;
  C* turned_d_out;
  C* weights;  // [kQueries, kKeys]
  C* slopes;   // [kQueries, kKeys], gradients of scores
  C* dq;       // [kQueries, width]
  C* deltas;   // [kQueries]
  C* log_sum;  // [kQueries]

  BackwardScratch(C* memory, std::int64_t span, std::int64_t width) {
    const auto take = [&](std::int64_t count) {
      C* const at = memory == nullptr ? nullptr : memory + used;
      used += round_up(count, 16);
      return at;
    };
    const auto rows = std::max<std::int64_t>(kQueries, Simd<C>::kPanel);
    keys = take(span * width);
    turned_keys = take(span * width);
    turned_values = take(span * width);
    d_keys = take((span + kGroup) * width);
    d_values = take((span + kGroup) * width);
    q = take(rows * width);
    turned_q = take(width * kQueries);
    d_out = take(rows * width);
    turned_d_out = take(width * kQueries);
    weights = take(kQueries * kKeys);
    slopes = take(kQueries * kKeys);
    dq = take(kQueries * width);
    deltas = take(kQueries);
    log_sum = take(kQueries);
  }
  std::int64_t used = 0;  // elements
};

// Weights anew from the scores that stand in their place; slopes from the weights' gradients that stand in theirs.
template <class C>
void slope_rows(const Block& block, const BackwardScratch<C>& scratch) {
  for (std::int64_t row = 0; row < block.rows; ++row) {
    C* weights = scratch.weights + row * kKeys;
    C* slopes = scratch.slopes + row * kKeys;
    const auto span = row_span<C>(block, row);
    mask_row(span, weights);
    const C log_sum = scratch.log_sum[row];
    const C delta = scratch.deltas[row];
    for (auto i = span.first; i < span.last; i += Simd<C>::kWidth) {
      const auto weight = weights_of<C>(Simd<C>::at(weights + i) - log_sum);
      Simd<C>::put(weights + i, weight);
      Simd<C>::put(slopes + i, weight * (Simd<C>::at(slopes + i) - delta));
    }
    clear_around(block, row, span, weights);
    clear_around(block, row, span, slopes);
  }
}

// Queries, their outputs' gradients, both ways round, and what a row's softmax needs.
template <class T>
void pack_queries(const AttentionSizes& sizes, const AttentionBackward<T>& arrays, std::int64_t first_row,
                  std::int64_t rows, std::int64_t head, const BackwardScratch<Compute<T>>& scratch) {
  using C = Compute<T>;
  const auto dim = sizes.head_dim;
  const auto width = padded_width<C>(dim);
  const auto out_stride = sizes.heads * dim;
  const auto out_start = first_row * out_stride + head * dim;
  const C scale = 1 / std::sqrt(static_cast<C>(dim));
  pack_rows(arrays.in.q + first_row * arrays.in.q_stride + head * dim, arrays.in.q_stride, rows, dim, scale, scratch.q,
            kQueries, width);
  pack_rows(arrays.d_out + out_start, out_stride, rows, dim, C{1}, scratch.d_out, kQueries, width);
  transpose_rows(scratch.q, kQueries, width, scratch.turned_q, kQueries);
  transpose_rows(scratch.d_out, kQueries, width, scratch.turned_d_out, kQueries);
  for (std::int64_t row = 0; row < rows; ++row) {
    const T* out = arrays.out + out_start + row * out_stride;
    fetch_ahead(out, out_stride, dim);
    const C* d_out = scratch.d_out + row * width;
    C products[Simd<C>::kWidth] = {};
    for (std::int64_t i = 0; i + Simd<C>::kWidth <= dim; i += Simd<C>::kWidth) {
#pragma omp simd
      for (int lane = 0; lane < Simd<C>::kWidth; ++lane) products[lane] += load(out[i + lane]) * d_out[i + lane];
    }
    typename Simd<C>::Vector sums;
    __builtin_memcpy(&sums, products, sizeof sums);
    C delta = Simd<C>::reduce(sums, [](C x, C y) { return x + y; });
    for (auto i = round_down(dim, Simd<C>::kWidth); i < dim; ++i) delta += load(out[i]) * d_out[i];
    scratch.deltas[row] = delta;
    scratch.log_sum[row] = arrays.log_sum[(first_row + row) * sizes.heads + head];
  }
}

template <class T>
void backward_block(const AttentionSizes& sizes, const AttentionTask& task, const AttentionBackward<T>& arrays,
                    const BackwardScratch<Compute<T>>& scratch, std::int64_t head, std::int64_t query) {
  using C = Compute<T>;
  const auto dim = sizes.head_dim;
  const auto width = padded_width<C>(dim);
  const auto span = key_span<C>(sizes, task);
  const auto rows = std::min(kQueries, task.query_end - query);
  const auto first_row = task.first_query + query;
  pack_queries(sizes, arrays, first_row, rows, head, scratch);

  Block block{.place = task.keys - task.queries + query - span.begin, .rows = rows, .window = sizes.window};
  const auto end = block.place + rows;
  const auto begin = round_down(std::max<std::int64_t>(0, block.place - sizes.window + 1), Simd<C>::kPanel);
  const auto columns = [&](std::int64_t m, std::int64_t n) { return block.columns(m, n); };
  const auto queries = [&](std::int64_t m, std::int64_t n) { return block.queries(m, n); };
  for (block.key = begin; block.key < end; block.key += kKeys) {
    block.keys = std::min(kKeys, end - block.key);
    score_product(block, scratch.turned_q, scratch.turned_keys, dim, width, scratch.weights);
    score_product(block, scratch.turned_d_out, scratch.turned_values, dim, width, scratch.slopes);
    slope_rows(block, scratch);
    const auto groups = round_up(block.keys, kGroup);
    const auto at = block.key * width;
    row_product<C, 1, kKeys>(scratch.weights, scratch.d_out, scratch.d_values + at, groups, width, true, queries);
    row_product<C, 1, kKeys>(scratch.slopes, scratch.q, scratch.d_keys + at, groups, width, true, queries);
    row_product<C, kKeys, 1>(scratch.slopes, scratch.keys + at, scratch.dq, round_up(rows, kGroup), width,
                             block.key != begin, columns);
  }
  const C scale = 1 / std::sqrt(static_cast<C>(dim));
  for (std::int64_t row = 0; row < rows; ++row) {
    T* to = arrays.dq + (first_row + row) * arrays.in.q_stride + head * dim;
    const C* from = scratch.dq + row * width;
#pragma omp simd
    for (std::int64_t i = 0; i < dim; ++i) store(to[i], from[i] * scale);
  }
}

template <class T>
void backward_task(const AttentionSizes& sizes, const AttentionTask& task, const AttentionBackward<T>& arrays,
                   Compute<T>* memory) {
  using C = Compute<T>;
  const auto dim = sizes.head_dim;
  const auto width = padded_width<C>(dim);
  const auto span = key_span<C>(sizes, task);
  const auto stride = arrays.in.kv_stride;
  const BackwardScratch<C> scratch(memory, span.padded(), width);
  const auto start = task.first_key * stride + task.kv_head * arrays.in.kv_head_stride;
  pack_panels(arrays.in.k + start, stride, span, dim, width, scratch.q, scratch.turned_keys);
  pack_panels(arrays.in.v + start, stride, span, dim, width, scratch.q, scratch.turned_values);
  const auto keys = span.end - span.begin;
  pack_rows(arrays.in.k + start + span.begin * stride, stride, keys, dim, C{1}, scratch.keys, keys, width);
  std::fill_n(scratch.d_keys, (keys + kGroup) * width, C{0});
  std::fill_n(scratch.d_values, (keys + kGroup) * width, C{0});
  for (auto head = task.head_begin; head < task.head_end; ++head) {
    for (auto query = task.query_begin; query < task.query_end; query += kQueries) {
      backward_block(sizes, task, arrays, scratch, head, query);
    }
  }
  if (task.partial >= 0) {
    C* to = arrays.partials + task.partial;
    std::fill_n(to, 2 * task.keys * width, C{0});
    std::copy_n(scratch.d_keys, keys * width, to + span.begin * width);
    std::copy_n(scratch.d_values, keys * width, to + (task.keys + span.begin) * width);
    return;
  }
  for (std::int64_t key = 0; key < keys; ++key) {
    T* dk = arrays.dk + start + (span.begin + key) * stride;
    T* dv = arrays.dv + start + (span.begin + key) * stride;
    const C* from_k = scratch.d_keys + key * width;
    const C* from_v = scratch.d_values + key * width;
#pragma omp simd
    for (std::int64_t i = 0; i < dim; ++i) store(dk[i], from_k[i]);
#pragma omp simd
    for (std::int64_t i = 0; i < dim; ++i) store(dv[i], from_v[i]);
  }
}

template <class T>
std::int64_t backward_scratch(const AttentionSizes& sizes, const AttentionTask& task) {
  using C = Compute<T>;
  return BackwardScratch<C>(nullptr, key_span<C>(sizes, task).padded(), padded_width<C>(sizes.head_dim)).used;
}

}  // namespace
}  // namespace llmtrain
