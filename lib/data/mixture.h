#pragma once
#include <cstdint>
#include <vector>

#include "lib/data/sample_order.h"

namespace llmtrain {

struct MixtureSource {
  double weight = 1.0;     // share of the samples, relative to the others; positive
  std::uint64_t rows = 0;  // samples it has; at least one
};

// Which sample stands at a position of training.
struct Draw {
  std::uint32_t source = 0;
  std::uint64_t epoch = 0;  // how often the source has been gone through before
  std::uint64_t row = 0;
  bool operator==(const Draw&) const = default;
};

// Positions that hold each source by its share, and among which the sources are shuffled.
inline constexpr std::uint64_t kMixtureBlock = 1024;

// The order of training samples over weighted sources, as a pure function of (seed, position): the data cursor of a run
// is one number.
//
// The first b blocks hold of each source its share of them, rounded by halving the list of sources again and again:
// so a source is never more than ceil(log2(sources)) / 2 samples away from its share, however long the run, and its
// count never falls. Inside a block the sources are shuffled. A source gives its rows in an order of its own for each
// epoch, and starts an epoch only when the one before is used up. A single source is not blocked: its first `rows`
// positions are one whole epoch.
class Mixture {
 public:
  // Throws config_error (2) if a weight is so small beside the others that its source would never be drawn.
  Mixture(std::uint64_t seed, const std::vector<MixtureSource>& sources);

  Draw at(std::uint64_t position) const;
  // The draws of positions [block * kMixtureBlock, (block + 1) * kMixtureBlock): cheaper than at() for each.
  std::vector<Draw> block(std::uint64_t block) const;
  // [sources]: samples of each among the first `blocks` blocks.
  std::vector<std::uint64_t> quotas(std::uint64_t blocks) const;
  // Rows of all sources together: as many positions are called one epoch.
  std::uint64_t rows() const { return rows_; }
  std::size_t sources() const { return orders_.size(); }

 private:
  Draw draw(std::size_t source, std::uint64_t count_before) const;
  void share_out(std::uint64_t count, std::size_t first, std::size_t last, std::vector<std::uint64_t>& counts) const;

  std::uint64_t seed_;
  std::uint64_t rows_ = 0;
  std::vector<std::uint64_t> shares_;  // [sources + 1], cumulative
  std::vector<SampleOrder> orders_;
};

}  // namespace llmtrain
