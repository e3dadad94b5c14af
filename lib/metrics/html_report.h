#pragma once
#include <string>
#include <utility>
#include <vector>

#include "lib/metrics/svg_chart.h"

namespace llmtrain {

struct ReportSample {
  std::int64_t step = 0;
  std::string prompt;  // empty: from the empty context
  std::string text;
};

struct ReportTable {
  std::string title;
  std::vector<std::string> header{};           // empty: none
  std::vector<std::vector<std::string>> rows;  // of equally many cells
  bool numbers = false;                        // what stands behind the first column
};

struct ReportInput {
  std::string title;                                         // "quickstart: pretrain"
  std::vector<std::pair<std::string, std::string>> facts{};  // "parameters", "2.1M"
  std::vector<std::string> missing{};                        // what the page would tell and cannot, and why
  std::vector<std::string> warnings{};
  std::vector<ReportTable> summaries{};                   // above the curves
  std::vector<Chart> charts{};                            // several runs: their curves in one chart
  std::vector<std::pair<std::string, double>> timings{};  // part of the run, seconds
  std::vector<ReportTable> tables{};                      // below the timings
  std::vector<ReportSample> samples{};                    // shown from the last step to the first
  std::string config{};                                   // YAML
};

// One HTML page of a training run that needs nothing but itself: no script, nothing from a network (its own policy
// forbids both), curves as inline SVG, light or dark as the reader's system is. All text is escaped. Parts without
// content are left out. The same input gives the same bytes.
std::string html_report(const ReportInput& input);

}  // namespace llmtrain
