#include "lib/metrics/html_report.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/metrics/html_text.h"

namespace llmtrain {
namespace {

constexpr std::string_view kHead = R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<style>
:root{--page:#fff;--ink:#1c2024;--dim:#5f6770;--rule:#dfe3e8;--soft:#f4f6f8;--warn:#8a4b00;--warnpage:#fff4e0;
--c0:#1769c4;--c1:#c8500a;--c2:#247a37;--c3:#8e35a8;--c4:#c0224f;--c5:#0b7a8a;--c6:#7d6200;--c7:#565e68}
@media(prefers-color-scheme:dark){:root{--page:#14171a;--ink:#e4e7ea;--dim:#9aa3ad;--rule:#31373d;--soft:#1d2125;
--warn:#ffc46b;--warnpage:#33270f;--c0:#6cb2ff;--c1:#ff9d5c;--c2:#6fce85;--c3:#d49bec;--c4:#ff86a5;--c5:#5fd0de;
--c6:#d9bd4f;--c7:#aab3bd}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1.5rem 1.25rem 4rem;max-width:72rem;background:var(--page);color:var(--ink);
font:16px/1.5 system-ui,sans-serif}
h1{font-size:1.6rem;line-height:1.25;margin:0 0 1rem;overflow-wrap:anywhere}
h2{font-size:1.15rem;margin:2.25rem 0 .75rem}
h3{font-size:1rem;margin:0;overflow-wrap:anywhere}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,10.5rem),1fr));gap:.75rem 1.5rem;margin:0}
dt{color:var(--dim);font-size:.85rem}
dd{margin:0;overflow-wrap:anywhere}
.missing{margin:0;padding:0 0 0 1.2rem;color:var(--dim);overflow-wrap:anywhere}
.warnings{overflow-wrap:anywhere;margin:0;padding:.6rem 1rem .6rem 2rem;background:var(--warnpage);color:var(--warn);border-radius:.4rem}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr));gap:1.75rem 2rem}
figure{margin:0;min-width:0}
svg{display:block;width:100%;height:auto}
svg text{font:11px system-ui,sans-serif;fill:var(--dim);font-variant-numeric:tabular-nums}
@media(max-width:32rem){svg text{font-size:14px}}
.faint{opacity:.45}.line.faint{stroke-width:1}.band.faint{opacity:.12}
.value{text-anchor:end}.step{text-anchor:middle}
.grid{stroke:var(--rule);fill:none}.axis{stroke:var(--dim);fill:none}
.line{fill:none;stroke-width:1.8;stroke-linejoin:round}.band{stroke:none;opacity:.22}.dot{stroke:none}
.key{display:flex;flex-wrap:wrap;gap:.1rem 1rem;margin:.1rem 0 .3rem;padding:0;list-style:none;font-size:.85rem;
color:var(--dim)}
.key i{display:inline-block;width:1.1em;margin-right:.4em;border-top:.2em solid;vertical-align:.25em}
.key .dashed{border-top-style:dashed}
.key b{color:var(--ink);font-weight:600;font-variant-numeric:tabular-nums}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
.wide{overflow-x:auto}
th{text-align:left;font-weight:600;font-size:.85rem;color:var(--dim)}
td,th{padding:.25rem .75rem .25rem 0;border-bottom:1px solid var(--rule);vertical-align:top}
td.n,th.n{text-align:right;white-space:nowrap}
td.bar{width:45%;padding-right:0;vertical-align:middle}
.text td{min-width:6.5rem;overflow-wrap:anywhere}
.bar i{display:block;height:.6rem;min-width:1px;background:var(--c0);border-radius:.15rem}
details{margin:.5rem 0}
summary{cursor:pointer;overflow-wrap:anywhere}
pre{margin:.4rem 0 0;padding:.75rem 1rem;background:var(--soft);border-radius:.4rem;overflow-x:auto;
font:.85rem/1.5 ui-monospace,monospace}
.sample pre{white-space:pre-wrap;overflow-wrap:anywhere}
.prompt{color:var(--dim)}
)";

std::string colour_rules() {
  std::string css;
  for (int i = 0; i < 8; ++i)
    css += fmt::format(
        ".line.c{0},i.c{0}{{stroke:var(--c{0});border-color:var(--c{0})}}"
        ".band.c{0},.dot.c{0}{{fill:var(--c{0})}}\n",
        i);
  return css;
}

std::string heading(std::string_view text) { return fmt::format("<h2>{}</h2>\n", html_text(text)); }

std::string facts_part(const ReportInput& input) {
  if (input.facts.empty()) return "";
  std::string html = "<dl>\n";
  for (const auto& [name, value] : input.facts) {
    html += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", html_text(name), html_text(value));
  }
  return html + "</dl>\n";
}

std::string list_part(std::string_view title, std::string_view style, const std::vector<std::string>& lines) {
  if (lines.empty()) return "";
  std::string html = heading(title) + fmt::format("<ul class=\"{}\">\n", style);
  for (const auto& line : lines) html += fmt::format("<li>{}</li>\n", html_text(line));
  return html + "</ul>\n";
}

std::string table_row(const std::vector<std::string>& cells, std::string_view tag, bool numbers) {
  std::string html = "<tr>";
  for (std::size_t i = 0; i < cells.size(); ++i) {
    html += fmt::format("<{0}{1}>{2}</{0}>", tag, numbers && i > 0 ? " class=\"n\"" : "", html_text(cells[i]));
  }
  return html + "</tr>\n";
}

std::string tables_part(const std::vector<ReportTable>& tables) {
  std::string html;
  for (const auto& table : tables) {
    if (table.rows.empty()) continue;
    html +=
        heading(table.title) + fmt::format("<div class=\"wide\"><table{}>\n", table.numbers ? "" : " class=\"text\"");
    if (!table.header.empty()) html += table_row(table.header, "th", table.numbers);
    for (const auto& row : table.rows) html += table_row(row, "td", table.numbers);
    html += "</table></div>\n";
  }
  return html;
}

// The last finite value, and how many were none.
std::string key_of(const Curve& curve, std::size_t index) {
  std::string last = "-";
  std::uint64_t not_finite = 0;
  for (const auto& point : curve.points) {
    if (std::isfinite(point.value)) {
      last = number_text(point.value, 4);
    } else {
      ++not_finite;
    }
  }
  const std::size_t number = curve.colour.value_or(index);
  const std::string lost = not_finite == 0 ? "" : fmt::format(" ({} not finite)", with_thousands(not_finite));
  const std::string mark =
      fmt::format("<i class=\"c{}{}{}\"></i>", number % 8, number < 8 ? "" : " dashed", curve.faint ? " faint" : "");
  return fmt::format("<li>{}{} <b>{}</b>{}</li>", curve.name.empty() ? "" : mark,
                     curve.name.empty() ? "at the end" : html_text(curve.name), last, lost);
}

std::string charts_part(const ReportInput& input) {
  std::string html;
  for (const auto& chart : input.charts) {
    const std::string svg = svg_chart(chart);
    if (svg.empty()) continue;
    html += fmt::format("<figure><h3>{}</h3><ul class=\"key\">", html_text(chart.title));
    for (std::size_t i = 0; i < chart.curves.size(); ++i) html += key_of(chart.curves[i], i);
    html += "</ul>" + svg + "</figure>\n";
  }
  return html.empty() ? "" : heading("Curves") + "<div class=\"charts\">\n" + html + "</div>\n";
}

std::string timings_part(const ReportInput& input) {
  double total = 0.0;
  for (const auto& [part, seconds] : input.timings) total += seconds;
  if (!(total > 0.0)) return "";
  std::string html = heading("Time") + "<table>\n";
  for (const auto& [part, seconds] : input.timings) {
    const double share = 100.0 * seconds / total;
    html += fmt::format(
        "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{:.1f} %</td><td class=\"bar\"><i "
        "style=\"width:{:.1f}%\"></i></td></tr>\n",
        html_text(part), human_seconds(seconds), share, share);
  }
  return html + "</table>\n";
}

std::string samples_part(const ReportInput& input) {
  if (input.samples.empty()) return "";
  std::string html = heading("Samples");
  std::vector<ReportSample> latest_first = input.samples;
  std::stable_sort(latest_first.begin(), latest_first.end(),
                   [](const ReportSample& a, const ReportSample& b) { return a.step > b.step; });
  std::int64_t before = -1;
  for (const auto& [step, prompt, text] : latest_first) {
    if (step != before) {
      html += fmt::format("{}<details class=\"sample\"{}><summary>Step {}</summary>", before < 0 ? "" : "</details>\n",
                          before < 0 ? " open" : "", step);
    }
    before = step;
    html += fmt::format("<pre><span class=\"prompt\">{}</span>{}</pre>", html_text(prompt), html_text(text));
  }
  return html + "</details>\n";
}

std::string config_part(const ReportInput& input) {
  if (input.config.empty()) return "";
  return heading("Configuration") +
         fmt::format("<details><summary>config.yaml</summary><pre>{}</pre></details>\n", html_text(input.config));
}

}  // namespace

std::string html_report(const ReportInput& input) {
  const std::string title = html_text(input.title);
  std::string html(kHead);
  html += colour_rules() + fmt::format("</style>\n<title>{0}</title>\n</head>\n<body>\n<h1>{0}</h1>\n", title);
  html += facts_part(input) + tables_part(input.summaries) + list_part("Missing", "missing", input.missing) +
          list_part("Warnings", "warnings", input.warnings) + charts_part(input) + timings_part(input) +
          tables_part(input.tables) + samples_part(input);
  return html + config_part(input) + "</body>\n</html>\n";
}

}  // namespace llmtrain
