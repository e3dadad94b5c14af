#include "lib/data/mixture.h"

#include <cmath>
#include <utility>

#include "lib/base/error.h"
#include "lib/base/random.h"

namespace llmtrain {
namespace {

constexpr unsigned kShareBits = 40;  // shares are counted in units of 2^-kShareBits

}  // namespace

Mixture::Mixture(std::uint64_t seed, const std::vector<MixtureSource>& sources) : seed_(seed) {
  ENSURE(!sources.empty());
  double total = 0.0;
  for (const auto& source : sources) {
    ENSURE(std::isfinite(source.weight) && source.weight > 0.0 && source.rows > 0, source.weight, source.rows);
    total += source.weight;
  }
  shares_.push_back(0);
  double sum = 0.0;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    sum += sources[i].weight;
    const double share = i + 1 == sources.size() ? 1.0 : sum / total;
    shares_.push_back(static_cast<std::uint64_t>(std::llround(std::ldexp(share, kShareBits))));
    if (shares_[i + 1] <= shares_[i]) {
      throw config_error("data.train[{}].weight: too small beside the others: got {} of {} in all", i,
                         sources[i].weight, total);
    }
    orders_.emplace_back(seed, fmt::format("sample_order/{}", i), sources[i].rows);
    rows_ += sources[i].rows;
  }
}

// Halving keeps counts whole, adding up, and rising: one sample more for a range is one more for one of its halves.
void Mixture::share_out(std::uint64_t count, std::size_t first, std::size_t last,
                        std::vector<std::uint64_t>& counts) const {
  if (last - first == 1) {
    counts[first] = count;
    return;
  }
  __extension__ using Wide = unsigned __int128;
  const std::size_t middle = first + (last - first + 1) / 2;
  const std::uint64_t whole = shares_[last] - shares_[first];
  const std::uint64_t part = shares_[middle] - shares_[first];
  const auto left = static_cast<std::uint64_t>((Wide{2} * count * part + whole) / (Wide{2} * whole));
  share_out(left, first, middle, counts);
  share_out(count - left, middle, last, counts);
}

std::vector<std::uint64_t> Mixture::quotas(std::uint64_t blocks) const {
  std::vector<std::uint64_t> counts(orders_.size());
  share_out(blocks * kMixtureBlock, 0, orders_.size(), counts);
  return counts;
}

Draw Mixture::draw(std::size_t source, std::uint64_t count_before) const {
  const auto& order = orders_[source];
  const std::uint64_t epoch = count_before / order.count();
  return {.source = static_cast<std::uint32_t>(source),
          .epoch = epoch,
          .row = order.at(epoch, count_before % order.count())};
}

std::vector<Draw> Mixture::block(std::uint64_t block) const {
  std::vector<Draw> draws;
  draws.reserve(kMixtureBlock);
  if (orders_.size() == 1) {
    for (std::uint64_t i = 0; i < kMixtureBlock; ++i) draws.push_back(draw(0, block * kMixtureBlock + i));
    return draws;
  }
  std::vector<std::uint32_t> slots;
  slots.reserve(kMixtureBlock);
  auto used = quotas(block);
  const auto until = quotas(block + 1);
  for (std::size_t source = 0; source < orders_.size(); ++source) {
    slots.insert(slots.end(), until[source] - used[source], static_cast<std::uint32_t>(source));
  }
  ENSURE(slots.size() == kMixtureBlock, slots.size());
  RandomStream random(seed_, "mixture", block);
  for (std::size_t i = slots.size() - 1; i > 0; --i) std::swap(slots[i], slots[random.below(i + 1)]);
  for (const auto source : slots) draws.push_back(draw(source, used[source]++));
  return draws;
}

Draw Mixture::at(std::uint64_t position) const {
  if (orders_.size() == 1) return draw(0, position);
  return block(position / kMixtureBlock)[position % kMixtureBlock];
}

}  // namespace llmtrain
