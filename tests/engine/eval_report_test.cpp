#include "apps/engine/eval_report.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace llmtrain {
namespace {

EvalReport sample_report() {
  EvalReport report;
  report.model = "runs/q/pretrain/model";
  report.model_sha256 = "0123456789abcdef";
  report.parameters = 2'200'000;
  report.precision = "fp32";
  report.time = 1'700'000'000;  // 14 November 2023, 22:13:20 UTC
  report.tasks = {{.name = "held-out",
                   .kind = "held_out",
                   .path = "",
                   .metrics = {{"loss", 1.23456, {}}, {"perplexity", 3.5, {}}},
                   .facts = {{"tokens", 12345}, {"bytes", 50000}}},
                  {.name = "facts",
                   .kind = "multiple_choice",
                   .path = "facts.jsonl",
                   .metrics = {{"acc", 0.75, 0.25}},
                   .facts = {{"questions", 4}}}};
  return report;
}

TEST(EvalReport, IsATableForPeople) {
  EXPECT_EQ(to_text(sample_report()),
            "runs/q/pretrain/model (2.20M parameters, fp32, sha256 0123456789ab)\n"
            "\n"
            "task      metric      value   stderr  of\n"
            "held-out  loss        1.2346          12,345 tokens\n"
            "          perplexity  3.5000\n"
            "facts     acc         0.7500  0.2500  4 questions\n");
}

TEST(EvalReport, IsOneObjectForPrograms) {
  const auto json = nlohmann::json::parse(to_json(sample_report()));
  EXPECT_EQ(json.at("model"), "runs/q/pretrain/model");
  EXPECT_EQ(json.at("model_sha256"), "0123456789abcdef");
  EXPECT_EQ(json.at("date"), "2023-11-14T22:13:20Z");
  EXPECT_FALSE(json.at("llmtrain").get<std::string>().empty());
  ASSERT_EQ(json.at("tasks").size(), 2U);
  const auto& held_out = json["tasks"][0];
  EXPECT_EQ(held_out.at("metrics").at("loss"), (nlohmann::json{{"value", 1.23456}}));
  EXPECT_FALSE(held_out.contains("path"));
  EXPECT_EQ(held_out.at("facts").at("bytes"), 50000);
  const auto& facts = json["tasks"][1];
  EXPECT_EQ(facts.at("path"), "facts.jsonl");
  EXPECT_EQ(facts.at("metrics").at("acc"), (nlohmann::json{{"value", 0.75}, {"stderr", 0.25}}));
}

}  // namespace
}  // namespace llmtrain
