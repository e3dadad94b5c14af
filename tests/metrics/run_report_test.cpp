#include "lib/metrics/run_report.h"

#include <gmock/gmock.h>

#include "lib/metrics/run_summary.h"
#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;

constexpr const char* kMetrics = R"({"schema":1,"t":1700000000.0}
{"t":1700000001.0,"step":10,"tokens":4000,"split":"train","loss":5.5,"tokens_per_second":1000.0,"mfu":0.25}
{"t":1700000002.0,"step":20,"tokens":8000,"split":"train","loss":4.5,"tokens_per_second":3000.0,"mfu":0.375}
{"t":1700000003.0,"step":20,"tokens":8000,"split":"validation","loss":4.25,"perplexity":70.105,"bits_per_byte":1.5}
{"t":1700000004.0,"step":30,"tokens":12000,"split":"train","loss":4.0,"tokens_per_second":2000.0,"mfu":0.5}
{"t":1700000005.0,"step":30,"tokens":12000,"split":"validation","loss":4.75,"perplexity":115.58,"bits_per_byte":1.75}
{"t":1700000005.0,"event":"time","start_seconds":2.0,"forward_seconds":30.0,"rollout_seconds":28.0}
)";
constexpr const char* kRun = R"({"parameters": 2160000, "total_steps": 30, "batch_tokens": 400, "micro_rows": 4,
 "threads": 2, "precision": "fp32", "data": {
 "train": [{"source": "a.jsonl", "weight": 1.0, "files": 2, "text_bytes": 3072, "documents": 90, "tokens": 6000,
            "rows": 25}],
 "validation": [{"source": "a.jsonl", "weight": 1.0, "files": 2, "text_bytes": 3072, "documents": 10, "tokens": 500,
                 "rows": 3}]}})";

class StageReport : public testing::Test {
 protected:
  StageReport() {
    write("metrics.jsonl", kMetrics);
    write("run.json", kRun);
    write("config.yaml", "run: {name: r}\n");
    write("train.log", "2023-11-14T22:13:20Z beginning\n");
    write("env.json", R"({"versions": {"llmtrain": "0.1.0"}, "memory_bytes": 2147483648, "cpus": [0, 1],
                          "starts": [{"t": 1}, {"t": 2}]})");
  }
  void write(const std::string& name, const std::string& text) const { folder_.write("r/pretrain/" + name, text); }
  StageRecord record() const { return read_stage(folder_ / "r/pretrain"); }

  TempDir folder_;
};

TEST_F(StageReport, TellsWhatTheRunCameTo) {
  write("result.json", R"({"status": "done", "reason": "all steps taken", "step": 30, "skipped_updates": 2})");
  EXPECT_THAT(run_facts(record()),
              ElementsAre(Pair("state", "done: all steps taken"), Pair("steps", "30"),
                          Pair("tokens seen", "12.0K (12,000)"), Pair("passes over the data", "2.00"),
                          Pair("parameters", "2.16M (2,160,000)"), Pair("tokens a step", "400"),
                          Pair("rows a micro-batch", "4"), Pair("precision", "fp32"), Pair("threads", "2"),
                          Pair("training loss at the end", "4.0000"), Pair("best held-out loss", "4.2500 at step 20"),
                          Pair("its perplexity", "70.11"), Pair("its bits a byte", "1.5000"),
                          Pair("tokens a second, median", "2,000"), Pair("FLOPs utilisation, median", "37.5 %"),
                          Pair("time", "1 m 00 s"), Pair("begun", "2023-11-14 22:13 UTC"),
                          Pair("last record", "2023-11-14 22:13 UTC"), Pair("updates skipped", "2")));
}

TEST_F(StageReport, TellsHowARunEndedThatIsNotDone) {
  const auto state = [&] { return run_facts(record()).front().second; };
  EXPECT_EQ(state(), "not finished as of 2023-11-14 22:13 UTC");
  write("metrics.jsonl", std::string(kMetrics) + "{\"t\":1700000006.0,\"step\":30,\"event\":\"stop\"}\n");
  EXPECT_EQ(state(), "stopped on request after step 30, to be resumed");
  write("train.log", "2023-11-14T22:13:20Z error: the disk is full\n");
  EXPECT_EQ(state(), "ended by an error: the disk is full");
  write("metrics.jsonl", "");
  write("train.log", "");
  EXPECT_EQ(state(), "not begun");
}

TEST_F(StageReport, SaysHowFarARunHasComeOfHowMany) {
  write("run.json", R"({"total_steps": 1000})");
  EXPECT_THAT(run_facts(record()), Contains(Pair("steps", "30 of 1,000")));
}

TEST_F(StageReport, ListsTheDataByItsSources) {
  EXPECT_THAT(data_table(record()).rows,
              ElementsAre(ElementsAre("a.jsonl", "90", "6,000", "25", "2", "3.0 KiB", "1"),
                          ElementsAre("a.jsonl (held out)", "10", "500", "3", "2", "3.0 KiB", "1")));
}

TEST_F(StageReport, ListsTheMachineMemberForMember) {
  EXPECT_THAT(environment_table(record()).rows,
              ElementsAre(ElementsAre("versions llmtrain", "0.1.0"), ElementsAre("memory bytes", "2.0 GiB"),
                          ElementsAre("cpus", "0, 1"), ElementsAre("starts", "2"), ElementsAre("starts, last t", "2")));
}

TEST_F(StageReport, NamesThePartsOfTheTime) {
  EXPECT_THAT(part_timings(record()),
              ElementsAre(Pair("start: data, tokenizer, state", 2.0), Pair("forward", 30.0), Pair("rollout", 28.0)));
}

TEST_F(StageReport, IsOnePageWithAllOfIt) {
  write("samples/step-20.txt", "once upon\n\n");
  const auto path = write_run_report(folder_ / "r/pretrain");
  EXPECT_EQ(path, folder_ / "r/pretrain/report.html");
  const auto html = slurp(path);
  for (const char* part : {"<h1>r: pretrain</h1>", "4.2500 at step 20", "<h2>Curves</h2>", "<h3>Loss</h3>",
                           "<h3>Model FLOPs utilisation, %</h3>", "<h2>Time</h2>", "<h2>Data</h2>",
                           "<h2>Machine and versions</h2>", "once upon", "run: {name: r}"}) {
    EXPECT_THAT(html, HasSubstr(part));
  }
  EXPECT_THAT(html, Not(HasSubstr("<h2>Missing</h2>")));
}

TEST_F(StageReport, SaysWhatIsMissingAndShowsTheRest) {
  write("metrics.jsonl", std::string(kMetrics) + "{\"t\":17000");
  std::filesystem::remove(folder_ / "r/pretrain/env.json");
  const auto html = slurp(write_run_report(folder_ / "r/pretrain"));
  EXPECT_THAT(html, HasSubstr("<h2>Missing</h2>"));
  EXPECT_THAT(html, HasSubstr("metrics.jsonl: the last line is cut, 10 bytes"));
  EXPECT_THAT(html, HasSubstr("<li>env.json: not there"));
  EXPECT_THAT(html, HasSubstr("<h3>Loss</h3>"));
}

TEST_F(StageReport, ThatCannotBeWrittenIsAStorageError) {
  std::filesystem::create_directory(folder_ / "r/pretrain/report.html");
  EXPECT_THAT(error_of(ExitCode::kStorage, [&] { write_run_report(folder_ / "r/pretrain"); }),
              HasSubstr("report.html"));
}

// The rows of a table by their first cells.
std::vector<std::vector<std::string>> rows_named(const ReportTable& table, const std::string& name) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& row : table.rows) {
    if (row[0] == name) rows.push_back(row);
  }
  return rows;
}

TEST(CompareRuns, PutsFactsSideBySide) {
  const TempDir folder;
  folder.write("a/pretrain/metrics.jsonl", "{\"step\":10,\"tokens\":1,\"split\":\"train\",\"loss\":2.0}\n");
  folder.write("b/pretrain/metrics.jsonl", "{\"step\":20,\"tokens\":1,\"split\":\"train\",\"loss\":3.0}\n");
  folder.write("b/pretrain/run.json", "{\"threads\": 2}");
  const auto input = compare_runs({read_stage(folder / "a/pretrain"), read_stage(folder / "b/pretrain")});
  EXPECT_EQ(input.title, "a, b");
  ASSERT_FALSE(input.summaries.empty());
  EXPECT_THAT(input.summaries[0].header, ElementsAre("", "a", "b"));
  EXPECT_THAT(rows_named(input.summaries[0], "training loss at the end"),
              ElementsAre(ElementsAre("training loss at the end", "2.0000", "3.0000")));
  EXPECT_THAT(rows_named(input.summaries[0], "threads"), ElementsAre(ElementsAre("threads", "-", "2")));
  ASSERT_FALSE(input.charts.empty());
  ASSERT_EQ(input.charts[0].curves.size(), 2U);
  EXPECT_EQ(input.charts[0].curves[1].name, "b");
  EXPECT_THAT(input.missing, Contains("a: run.json: not there"));
}

TEST(CompareRuns, ListsTheKeysThatDiffer) {
  const TempDir folder;
  const std::string same = "  steps: 10\n  prompts: [x, y]\n";
  folder.write("a/s/config.yaml",
               "run: {seed: 1}\np:\n  optim: {lr: 0.1}\n" + same + "  data: [{path: m}, {path: n}]\n");
  folder.write("b/s/config.yaml",
               "run: {seed: 1}\np:\n  optim: {lr: 0.2}\n" + same + "  data: [{path: m}, {path: o}]\n");
  folder.write("c/s/config.yaml",
               "run: {seed: 1}\np:\n  optim: {lr: 0.1}\n  max: 3\n" + same + "  data: [{path: m}]\n");
  const auto input = compare_runs({read_stage(folder / "a/s"), read_stage(folder / "b/s"), read_stage(folder / "c/s")});
  ASSERT_EQ(input.summaries.size(), 2U);
  EXPECT_THAT(input.summaries[1].rows, ElementsAre(ElementsAre("p.optim.lr", "0.1", "0.2", "0.1"),
                                                   ElementsAre("p.data[1].path", "n", "o", "not given"),
                                                   ElementsAre("p.max", "not given", "not given", "3")));
}

TEST(CompareRuns, NamesRunsAlikeByWhatTellsThemApart) {
  const TempDir folder;
  for (const char* stage : {"x/r/pretrain", "x/r/sft", "y/r/sft"})
    folder.write(std::string(stage) + "/config.yaml", "");
  const auto names = [&](const std::vector<std::string>& stages) {
    std::vector<StageRecord> records;
    for (const auto& stage : stages) records.push_back(read_stage(folder / stage));
    return compare_runs(records).summaries[0].header;
  };
  EXPECT_THAT(names({"x/r/pretrain", "x/r/sft"}), ElementsAre("", "r/pretrain", "r/sft"));
  EXPECT_THAT(names({"x/r/sft", "y/r/sft"}),
              ElementsAre("", (folder / "x/r/sft").string(), (folder / "y/r/sft").string()));
}

TEST(CompareRuns, LeavesAConfigurationOutThatDoesNotRead) {
  const TempDir folder;
  folder.write("a/s/config.yaml", "p: {lr: 0.1, steps: 10}\n");
  folder.write("b/s/config.yaml", "p: {lr: 0.2, steps: 10}\n");
  folder.write("c/s/metrics.jsonl", "");
  const auto input = compare_runs({read_stage(folder / "a/s"), read_stage(folder / "b/s"), read_stage(folder / "c/s")});
  EXPECT_THAT(input.summaries[1].rows, ElementsAre(ElementsAre("p.lr", "0.1", "0.2", "unknown")));
}

TEST(CompareRuns, ShowsNoConfigurationWhereNoneReads) {
  const TempDir folder;
  folder.write("a/s/config.yaml", "x: [1\n");
  folder.write("b/s/config.yaml", "x: [1\n");
  EXPECT_THAT(compare_runs({read_stage(folder / "a/s"), read_stage(folder / "b/s")}).summaries[1].rows, IsEmpty());
}

}  // namespace
}  // namespace llmtrain
