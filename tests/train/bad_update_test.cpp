#include "lib/train/bad_update.h"

#include <cmath>
#include <fstream>
#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/test_support.h"
#include "tests/train/worked_batch.h"

namespace llmtrain {
namespace {

namespace fs = std::filesystem;

class BadUpdate : public testing::Test {
 protected:
  fs::path dump(std::int64_t step) {
    return dump_bad_update(stage_.path(), step, batch_, {.terms = {{"loss", 2.5}}, .grad_norm = INFINITY}, store_);
  }
  std::set<std::string> names() const {
    std::set<std::string> found;
    for (const auto& entry : fs::directory_iterator(stage_.path() / "bad_updates")) {
      found.insert(entry.path().filename().string());
    }
    return found;
  }

  TempDir stage_;
  Batch batch_ = to_batch(row_batch({{.tokens = {5, 6, 7}, .documents = {0}, .trained = 2}}));
  WeightStore store_{{.parameters = {{.name = "w", .shape = {4}, .part = ModelPart::kNorm, .decays = false}},
                      .joined = {},
                      .rules = {}},
                     {}};
};

TEST_F(BadUpdate, TellsWhatIsNeededToLookIntoIt) {
  store_.weight("w").grad[2] = std::nan("");
  store_.weight("w").grad[3] = INFINITY;
  const auto path = dump(6);
  EXPECT_EQ(path, stage_.path() / "bad_updates" / "step-7.json");
  const auto json = nlohmann::json::parse(slurp(path));
  EXPECT_EQ(json.at("step"), 7);
  EXPECT_EQ(json.at("terms").at("loss"), 2.5);
  EXPECT_EQ(json.at("grad_norm"), "inf");
  EXPECT_EQ(json.at("non_finite_gradients"),
            nlohmann::json::parse(R"([{"parameter": "w", "first_element": 2, "elements": 2}])"));
  EXPECT_EQ(json.at("tokens"), nlohmann::json::parse("[[5, 6]]"));
}

// By their numbers, not by their names: step-9 is older than step-10.
TEST_F(BadUpdate, IsKeptOfTheLastStepsOnly) {
  fs::create_directory(stage_.path() / "bad_updates");
  for (const char* foreign : {"step-1.json.bak", "step-x.json", "notes.txt"}) {
    std::ofstream(stage_.path() / "bad_updates" / foreign) << "mine";
  }
  const auto most = static_cast<std::int64_t>(kKeptBadUpdates);
  for (std::int64_t step = 0; step < most + 5; ++step) dump(step);
  std::set<std::string> expected = {"step-1.json.bak", "step-x.json", "notes.txt"};
  for (std::int64_t step = 6; step <= most + 5; ++step) expected.insert(fmt::format("step-{}.json", step));
  EXPECT_EQ(names(), expected);
  dump(most + 4);  // once more after a resume
  EXPECT_EQ(names(), expected);
}

}  // namespace
}  // namespace llmtrain
