#include "lib/metrics/share.h"

#include <cmath>

#include "lib/base/error.h"

namespace llmtrain {

Share share_of(std::int64_t hits, std::int64_t cases) {
  ENSURE(hits >= 0 && hits <= cases && cases > 0, hits, cases);
  Share share{.value = static_cast<double>(hits) / static_cast<double>(cases), .error = {}};
  if (cases > 1) share.error = std::sqrt(share.value * (1 - share.value) / static_cast<double>(cases - 1));
  return share;
}

}  // namespace llmtrain
