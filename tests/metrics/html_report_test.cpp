#include "lib/metrics/html_report.h"

#include <algorithm>
#include <cmath>

#include <gmock/gmock.h>

#include "lib/metrics/html_text.h"

namespace llmtrain {
namespace {

using testing::HasSubstr;
using testing::Not;

ReportInput full_report(const std::string& text) {
  return {.title = text,
          .facts = {{text, text}},
          .missing = {text},
          .warnings = {text},
          .summaries = {{.title = text, .header = {text, text}, .rows = {{text, text}}}},
          .charts = {{text, {{text, {{1, 2.0}, {2, 1.0}}}}}},
          .timings = {{text, 3.0}, {"saving", 1.0}},
          .tables = {{.title = text, .header = {}, .rows = {{text, text}}, .numbers = true}},
          .samples = {{10, text, text}, {20, text, text}},
          .config = text};
}

TEST(HtmlText, EscapesWhatHtmlTakesForItself) {
  EXPECT_EQ(html_text("a < b & \"c\" > 'd'"), "a &lt; b &amp; &quot;c&quot; &gt; &#39;d&#39;");
  EXPECT_EQ(html_text("two\nlines\tand ä 語"), "two\nlines\tand ä 語");
  EXPECT_EQ(html_text("\x1b\xff\xe2\x80\xae"), "\\x1b\\xff\\u{202e}");
  EXPECT_EQ(html_text("\n"), "\n");
}

TEST(HtmlReport, LetsNoTextBecomeMarkup) {
  const auto plain = html_report(full_report("text"));
  const auto hostile = html_report(full_report("\"'><script>alert(1)</script><img src=x onerror=y>"));
  EXPECT_THAT(hostile, Not(HasSubstr("<script")));
  EXPECT_THAT(hostile, Not(HasSubstr("<img")));
  // As many tags and quoted values as with harmless text.
  for (const char mark : {'<', '>', '"', '\''}) {
    EXPECT_EQ(std::count(hostile.begin(), hostile.end(), mark), std::count(plain.begin(), plain.end(), mark)) << mark;
  }
}

TEST(HtmlReport, NeedsNothingFromANetwork) {
  const auto html = html_report(full_report("text"));
  for (const char* word : {"http:", "https:", "//", "src=", "href=", "url(", "@import", "<script", "<link"}) {
    EXPECT_THAT(html, Not(HasSubstr(word)));
  }
  EXPECT_THAT(html, HasSubstr("content=\"default-src 'none'; style-src 'unsafe-inline'\""));
  EXPECT_THAT(html, HasSubstr("prefers-color-scheme:dark"));
}

TEST(HtmlReport, OverlaysRunsWithAKey) {
  const auto html =
      html_report({.title = "runs", .charts = {{"loss", {{"run a", {{1, 4.0}, {2, 3.5}}}, {"run b", {{1, 5.0}}}}}}});
  EXPECT_THAT(html,
              HasSubstr("<li><i class=\"c0\"></i>run a <b>3.5</b></li><li><i class=\"c1\"></i>run b <b>5</b></li>"));
}

TEST(HtmlReport, SaysHowManyValuesAreNotFinite) {
  const auto html = html_report({.title = "run", .charts = {{"loss", {{"train", {{1, 4.0}, {2, INFINITY}}}}}}});
  EXPECT_THAT(html, HasSubstr("train <b>4</b> (1 not finite)</li>"));
}

TEST(HtmlReport, GivesEachPartItsShareOfTheTime) {
  const auto html = html_report({.title = "run", .timings = {{"training", 90.0}, {"saving", 30.0}}});
  EXPECT_THAT(html, HasSubstr("<td>training</td><td class=\"n\">1 m 30 s</td><td class=\"n\">75.0 %</td>"));
  EXPECT_THAT(html, HasSubstr("<td>saving</td><td class=\"n\">30.0 s</td><td class=\"n\">25.0 %</td>"));
}

TEST(HtmlReport, ShowsTheLastSamplesFirst) {
  const auto html = html_report({.title = "run", .samples = {{10, "", "early"}, {20, "p", "late"}, {20, "q", "too"}}});
  const auto early = html.find("<details class=\"sample\"><summary>Step 10</summary>");
  const auto late = html.find("<details class=\"sample\" open><summary>Step 20</summary>");
  ASSERT_NE(early, std::string::npos);
  EXPECT_LT(late, early);
  EXPECT_LT(html.find("late"), html.find("too"));
}

TEST(HtmlReport, PutsTheSamplesOfAStepTogether) {
  const auto html = html_report({.title = "run", .samples = {{10, "a", " b"}, {10, "c", " d"}}});
  EXPECT_THAT(html, HasSubstr("<summary>Step 10</summary><pre><span class=\"prompt\">a</span> b</pre>"
                              "<pre><span class=\"prompt\">c</span> d</pre></details>"));
}

TEST(HtmlReport, AlignsNumbersOfATableToTheRight) {
  ReportTable table{.title = "Data", .header = {"source", "tokens"}, .rows = {{"a", "12"}}, .numbers = true};
  EXPECT_THAT(html_report({.title = "run", .tables = {table}}),
              HasSubstr("<tr><th>source</th><th class=\"n\">tokens</th></tr>\n"
                        "<tr><td>a</td><td class=\"n\">12</td></tr>"));
  table.numbers = false;
  EXPECT_THAT(html_report({.title = "run", .tables = {table}}), HasSubstr("<tr><td>a</td><td>12</td></tr>"));
}

TEST(HtmlReport, NamesNoCurveThatItsChartNames) {
  const auto html = html_report({.title = "run", .charts = {{"Rate", {{"", {{1, 4.0}, {2, 3.5}}}}}}});
  EXPECT_THAT(html, HasSubstr("<h3>Rate</h3><ul class=\"key\"><li>at the end <b>3.5</b></li></ul>"));
}

TEST(HtmlReport, LeavesOutPartsWithoutContent) {
  const auto html = html_report({.title = "run"});
  EXPECT_THAT(html, Not(HasSubstr("<h2>")));
  EXPECT_THAT(html, HasSubstr("<h1>run</h1>"));
}

}  // namespace
}  // namespace llmtrain
