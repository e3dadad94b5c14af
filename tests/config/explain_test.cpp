#include "lib/config/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "lib/config/pipeline.h"
#include "lib/config/reference.h"
#include "lib/config/schema.h"
#include "lib/config/suggest.h"
#include "tests/config/sample_config.h"
#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

using testing::HasSubstr;

TEST(KeySpec, DescribesEveryKindOfValue) {
  const KeySpec spec = describe<Car>();
  EXPECT_EQ(spec.children.size(), 14U);
  const KeySpec& doors = *spec.child("doors");
  EXPECT_EQ(doors.kind, ValueKind::kInteger);
  EXPECT_EQ(doors.default_text, "4");
  EXPECT_EQ(doors.constraint.minimum, 1.0);
  EXPECT_EQ(spec.child("seats")->kind, ValueKind::kAutoCount);
  EXPECT_EQ(spec.child("seats")->default_text, "auto");
  EXPECT_EQ(spec.child("price")->default_text, "0.0003");
  EXPECT_EQ(spec.child("labels")->default_text, "[new]");
  EXPECT_EQ(spec.child("colour")->choices, (std::vector<std::string>{"red", "green", "blue"}));
  EXPECT_TRUE(spec.child("motor")->optional);
  EXPECT_EQ(spec.child("motor")->kind, ValueKind::kSection);
  EXPECT_EQ(spec.child("motor")->child("torque")->path, "motor.torque");
  EXPECT_EQ(spec.child("wheels")->item().child("spokes")->path, "wheels[].spokes");
  EXPECT_FALSE(spec.child("wheels")->item().child("name")->default_text);
}

TEST(KeySpec, FindsPathsWithAndWithoutIndices) {
  const KeySpec spec = describe<Car>();
  for (const char* path : {"wheels[2].weight", "wheels[].weight", "wheels.weight"}) {
    ASSERT_NE(find_spec(spec, path), nullptr) << path;
    EXPECT_EQ(find_spec(spec, path)->name, "weight");
  }
  for (const char* path : {"wheels[2", "doors[0]", "doors.x", "wheels[0].x", "x", "wheels[0][0]", "labels[0].x"}) {
    EXPECT_EQ(find_spec(spec, path), nullptr) << path;
  }
}

TEST(Explain, SaysWhatAKeyTakes) {
  EXPECT_EQ(explain_key(describe<Car>(), "doors"),
            "doors\n"
            "  Number of doors.\n\n"
            "  value    an integer of at least 1\n"
            "  default  4\n");
  EXPECT_EQ(explain_key(describe<Car>(), "wheels[0].name"),
            "wheels[].name\n"
            "  Name of the wheel.\n\n"
            "  value    text, not empty\n"
            "  default  required\n");
}

TEST(Explain, SaysWhatMayBeLeftToTheProgram) {
  EXPECT_EQ(explain_key(describe<Car>(), "seats"),
            "seats\n"
            "  Number of seats.\n\n"
            "  value    auto, or an integer from 1 to 9\n"
            "  default  auto\n");
  KeySpec unbounded;
  unbounded.kind = ValueKind::kAutoCount;
  EXPECT_EQ(expected_text(unbounded), "auto, or an integer of at least 1");
}

TEST(Explain, SaysWhatMayDifferOnResuming) {
  constexpr const char* kMayDiffer = "\n  resume   may differ from the run that is resumed\n";
  EXPECT_THAT(explain_key(pipeline_spec(), "pretrain.log_every_steps"), HasSubstr(kMayDiffer));
  EXPECT_THAT(explain_key(pipeline_spec(), "pretrain.guard.max_outliers"), HasSubstr(kMayDiffer));
  EXPECT_THAT(explain_key(pipeline_spec(), "pretrain.optim.lr"), testing::Not(HasSubstr("resume")));
}

TEST(Explain, ListsTheKeysOfASection) {
  EXPECT_EQ(explain_key(describe<Car>(), "motor"),
            "motor\n"
            "  What drives it.\n\n"
            "  value     a section of keys\n"
            "  default   not given\n"
            "  keys\n"
            "    power   Power of the motor. [100]\n"
            "    torque  Torque of the motor. [not given]\n");
  EXPECT_EQ(explain_key(describe<Car>(), "wheels[1]"), explain_key(describe<Car>(), "wheels"));
}

TEST(Explain, NamesTheNearestKnownKey) {
  EXPECT_EQ(error_of(ExitCode::kUsage, [] { explain_key(describe<Car>(), "motor.powr"); }),
            "unknown key 'motor.powr'; did you mean 'motor.power'?");
  EXPECT_EQ(error_of(ExitCode::kUsage, [] { explain_key(pipeline_spec(), "optim.lr"); }),
            "unknown key 'optim.lr'; did you mean 'pretrain.optim.lr'?");
  EXPECT_THAT(error_of(ExitCode::kUsage, [] { explain_key(describe<Car>(), "motor.zzz.yyy"); }),
              HasSubstr("unknown key 'motor.zzz.yyy'; the keys here are power, torque"));
}

TEST(Explain, ShowsTheWholeTree) {
  const std::string tree = explain_tree(describe<Car>());
  EXPECT_THAT(tree, HasSubstr("\nmotor     What drives it.\n  power   Power of the motor.\n"));
  EXPECT_THAT(tree, HasSubstr("\nwheels[]  What it stands on.\n  name    Name of the wheel.\n"));
}

void expect_described(const KeySpec& spec) {
  for (const auto& child : spec.children) {
    if (!child.name.empty()) {
      EXPECT_THAT(child.description, testing::MatchesRegex(".*[^ ]\\.")) << child.path;
    }
    expect_described(child);
  }
}

TEST(Pipeline, DescribesEveryKeyInASentence) { expect_described(pipeline_spec()); }

TEST(Suggest, FindsCaseHyphensAndTypos) {
  const KeySpec spec = pipeline_spec();
  EXPECT_EQ(suggest_key(spec, "pretrain", "Batch-Tokens"), "pretrain.batch_tokens");
  EXPECT_EQ(suggest_key(spec, "pretrain.optim", "weightDecay"), "pretrain.optim.weight_decay");
  EXPECT_EQ(suggest_key(spec, "pretrain.optim", "wieght_decay"), "pretrain.optim.weight_decay");
  EXPECT_EQ(suggest_key(spec, "pretrain", "lr"), "pretrain.optim.lr");
  EXPECT_EQ(suggest_key(spec, "", "pretraining"), "pretrain");
  EXPECT_EQ(suggest_key(spec, "pretrain.data.train[3]", "wheight"), "pretrain.data.train[3].weight");
  EXPECT_EQ(suggest_key(spec, "", "zzzzzz"), std::nullopt);
  EXPECT_EQ(suggest_key(spec, "", std::string(100'000, 'a')), std::nullopt);
}

TEST(Suggest, PrefersTheRightKeyElsewhereToANearOneHere) {
  const KeySpec spec = pipeline_spec();
  EXPECT_EQ(suggest_key(spec, "run", "lr"), "pretrain.optim.lr");           // not run.dir
  EXPECT_EQ(suggest_key(spec, "pretrain", "name"), "pretrain.optim.name");  // not run.name
}

TEST(Suggest, FindsAbbreviationsAndWords) {
  const KeySpec spec = pipeline_spec();
  EXPECT_EQ(suggest_key(spec, "pretrain", "seq_len"), "pretrain.sequence_length");
  EXPECT_EQ(suggest_key(spec, "pretrain", "max_steps"), "pretrain.steps");
  EXPECT_EQ(suggest_key(spec, "pretrain", "warmup"), "pretrain.optim.schedule.warmup_steps");
  EXPECT_EQ(suggest_key(spec, "model", "num_layers"), "model.layers");
  EXPECT_EQ(suggest_key(spec, "pretrain", "gradient_clipping"), "pretrain.optim.grad_clip");
}

TEST(Suggest, FindsAKeyByWhatItMeans) {
  const KeySpec spec = pipeline_spec();
  EXPECT_EQ(suggest_key(spec, "pretrain.optim", "learning_rate"), "pretrain.optim.lr");
  EXPECT_EQ(suggest_key(spec, "", "learning-rate"), "pretrain.optim.lr");
  EXPECT_EQ(suggest_key(spec, "", "learning"), std::nullopt);
}

TEST(Schema, SaysWhatTheReaderTakes) {
  const auto schema = nlohmann::json::parse(json_schema(describe<Car>()));
  EXPECT_EQ(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
  EXPECT_EQ(schema["additionalProperties"], false);
  const auto& doors = schema["properties"]["doors"];
  EXPECT_EQ(doors["description"], "Number of doors.");
  EXPECT_EQ(doors["default"], 4);
  EXPECT_EQ(doors["anyOf"][0], nlohmann::json::parse(R"({"type": "integer", "minimum": 1})"));
  EXPECT_EQ(schema["properties"]["price"]["default"], 3e-4);
  EXPECT_EQ(schema["properties"]["seats"]["default"], "auto");
  EXPECT_EQ(schema["properties"]["seats"]["anyOf"][0], nlohmann::json::parse(R"({"const": "auto"})"));
  EXPECT_EQ(schema["properties"]["seats"]["anyOf"][1],
            nlohmann::json::parse(R"({"type": "integer", "minimum": 1, "maximum": 9})"));
  EXPECT_EQ(schema["properties"]["labels"]["default"], nlohmann::json::parse(R"(["new"])"));
  EXPECT_EQ(schema["properties"]["colour"]["anyOf"][0]["enum"], nlohmann::json::parse(R"(["red", "green", "blue"])"));
  EXPECT_EQ(schema["properties"]["wheels"]["items"]["required"], nlohmann::json::parse(R"(["name"])"));
  EXPECT_EQ(schema["properties"]["wheels"]["items"]["additionalProperties"], false);
  EXPECT_EQ(schema["properties"]["owner"]["anyOf"][1]["type"], "null");
  EXPECT_FALSE(schema.contains("required"));
}

TEST(Schema, RequiresSectionsThatHoldRequiredKeys) {
  const auto schema = nlohmann::json::parse(json_schema(pipeline_spec()));
  const auto& pretrain = schema["properties"]["pretrain"]["anyOf"][0];
  EXPECT_EQ(pretrain["required"], nlohmann::json::parse(R"(["data"])"));
  EXPECT_FALSE(schema.contains("required"));
}

TEST(Reference, IsUpToDate) {
  EXPECT_TRUE(slurp(LLMTRAIN_SOURCE_DIR "/configs/README.md") == key_reference(pipeline_spec()))
      << "run: llmtrain config reference > configs/README.md";
}

TEST(Reference, ShowsEachKeyOnce) {
  const std::string page = key_reference(describe<Car>());
  EXPECT_THAT(page, HasSubstr("| `doors` | an integer of at least 1 | `4` | Number of doors. |\n"));
  EXPECT_THAT(page, HasSubstr("| `seats` | auto, or an integer from 1 to 9 | `auto` | Number of seats. |\n"));
  EXPECT_THAT(page, HasSubstr("## `wheels[]`\n\nWhat it stands on.\n"));
  EXPECT_THAT(page, HasSubstr("| `torque` | a number above 0 | not given | Torque of the motor. |\n"));
}

// Sources stand at several places with the same keys; one table serves.
TEST(Reference, PrintsTheSameTableOnce) {
  const std::string page = key_reference(pipeline_spec());
  EXPECT_THAT(page,
              HasSubstr("## `pretrain.data.train[]`\n\nSources, mixed by their weights.\n\nKeys, values and defaults "
                        "of `tokenizer.train.data[]`.\n"));
}

}  // namespace
}  // namespace llmtrain
