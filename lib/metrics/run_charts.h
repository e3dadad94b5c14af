#pragma once
#include <string>
#include <vector>

#include "lib/metrics/metrics_history.h"
#include "lib/metrics/svg_chart.h"

namespace llmtrain {

// The curves of one run: training loss as it is and smoothed with the held-out loss, the same
// without the descent at the beginning, then whatever else was recorded.
std::vector<Chart> run_charts(const MetricsHistory& history);

struct NamedHistory {
  std::string name;
  const MetricsHistory& history;
};
// The same of several runs, a chart for each number that any of them recorded, a curve for each run: it has one colour
// in all charts. The training loss is smoothed.
std::vector<Chart> compared_charts(const std::vector<NamedHistory>& runs);

// Each point's value as the mean of the same number of points before and after it and its own, about a fortieth of all
// (fewer near the ends): a mean of what came before alone would lag behind a loss that falls. Values that are not
// finite stay, and are left out of the means.
std::vector<CurvePoint> smoothed(const std::vector<CurvePoint>& points);

}  // namespace llmtrain
