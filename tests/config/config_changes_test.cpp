#include "lib/config/config_changes.h"

#include <algorithm>
#include <set>

#include <gmock/gmock.h>

#include "lib/config/pipeline.h"
#include "lib/config/value_ref.h"
#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Keys = std::set<std::string>;

// Every key of a pipeline file stands in one of these two lists: who adds one says here what it is to a resumed run.
const Keys& may_change_keys() {
  static const Keys kKeys = {"run.name",
                             "run.device",
                             "run.dir",
                             "run.threads",
                             "pretrain.data.cache",
                             "pretrain.micro_batch",
                             "pretrain.recompute",
                             "pretrain.max_time",
                             "pretrain.guard.max_non_finite",
                             "pretrain.guard.outlier_factor",
                             "pretrain.guard.outlier_window",
                             "pretrain.guard.max_outliers",
                             "pretrain.evaluation.every_steps",
                             "pretrain.evaluation.max_rows",
                             "pretrain.evaluation.patience",
                             "pretrain.evaluation.min_improvement",
                             "pretrain.checkpoint.every_steps",
                             "pretrain.checkpoint.every",
                             "pretrain.checkpoint.keep",
                             "pretrain.checkpoint.keep_best",
                             "pretrain.checkpoint.on_error",
                             "pretrain.samples.every_steps",
                             "pretrain.samples.prompts[]",
                             "pretrain.samples.max_tokens",
                             "pretrain.samples.temperature",
                             "pretrain.samples.top_k",
                             "pretrain.samples.top_p",
                             "pretrain.log_every_steps",
                             "pretrain.result",
                             "eval.held_out",
                             "eval.perplexity[].name",
                             "eval.perplexity[].path",
                             "eval.perplexity[].field",
                             "eval.perplexity[].document_separator",
                             "eval.perplexity[].context",
                             "eval.perplexity[].stride",
                             "eval.multiple_choice[].name",
                             "eval.multiple_choice[].path",
                             "eval.multiple_choice[].prompt_field",
                             "eval.multiple_choice[].choices_field",
                             "eval.multiple_choice[].answer_field",
                             "eval.multiple_choice[].separator",
                             "eval.exact_match[].name",
                             "eval.exact_match[].path",
                             "eval.exact_match[].prompt_field",
                             "eval.exact_match[].answer_field",
                             "eval.exact_match[].max_tokens",
                             "eval.exact_match[].stop[]",
                             "eval.exact_match[].pattern",
                             "eval.exact_match[].take",
                             "eval.exact_match[].ignore_case",
                             "eval.exact_match[].remove[]",
                             "eval.batch_tokens"};
  return kKeys;
}

Keys source_keys(const std::string& list) {
  Keys keys;
  for (const char* key : {"path", "weight", "format", "field", "id_field", "extra_fields", "document_separator",
                          "token_width", "document_token"}) {
    keys.insert(list + "[]." + key);
  }
  return keys;
}

Keys essential_keys() {
  Keys keys = {"run.seed",
               "run.precision",
               "model.preset",
               "model.layers",
               "model.embed",
               "model.heads",
               "model.kv_heads",
               "model.head_dim",
               "model.ffn",
               "model.vocab",
               "model.context",
               "model.norm",
               "model.norm_eps",
               "model.positions",
               "model.rope_theta",
               "model.rope_scaling.factor",
               "model.rope_scaling.low_freq_factor",
               "model.rope_scaling.high_freq_factor",
               "model.rope_scaling.original_context",
               "model.activation",
               "model.qkv_bias",
               "model.bias",
               "model.qk_norm",
               "model.tied",
               "model.sliding_window",
               "model.dropout",
               "model.init_std",
               "tokenizer.from",
               "tokenizer.train.kind",
               "tokenizer.train.vocab_size",
               "tokenizer.train.pattern",
               "tokenizer.train.special_tokens[]",
               "tokenizer.train.min_frequency",
               "tokenizer.train.max_bytes",
               "pretrain.data.validation.fraction",
               "pretrain.data.validation.hold_out",
               "pretrain.data.packing",
               "pretrain.data.long_documents",
               "pretrain.data.across_documents",
               "pretrain.data.on_bad_line",
               "pretrain.data.max_bad_lines",
               "pretrain.data.max_line",
               "pretrain.data.max_depth",
               "pretrain.data.max_ratio",
               "pretrain.sequence_length",
               "pretrain.batch_tokens",
               "pretrain.steps",
               "pretrain.tokens",
               "pretrain.epochs",
               "pretrain.label_smoothing",
               "pretrain.z_loss",
               "pretrain.optim.name",
               "pretrain.optim.lr",
               "pretrain.optim.beta1",
               "pretrain.optim.beta2",
               "pretrain.optim.eps",
               "pretrain.optim.weight_decay",
               "pretrain.optim.grad_clip",
               "pretrain.optim.muon.lr",
               "pretrain.optim.muon.momentum",
               "pretrain.optim.muon.nesterov",
               "pretrain.optim.muon.newton_schulz_steps",
               "pretrain.optim.schedule.name",
               "pretrain.optim.schedule.warmup_steps",
               "pretrain.optim.schedule.final_ratio",
               "pretrain.optim.schedule.decay_fraction"};
  for (const char* list : {"tokenizer.train.data", "pretrain.data.train", "pretrain.data.validation.data"}) {
    keys.merge(source_keys(list));
  }
  return keys;
}

void collect_values(const KeySpec& spec, Keys& keys) {
  if (spec.is_leaf()) keys.insert(spec.path);
  for (const auto& child : spec.children) collect_values(child, keys);
}

// Gives every optional and puts an item into every list, so that each key has a value.
void fill(const ValueRef& value) {
  if (const auto* optional = std::get_if<OptionalRef>(&value.to)) {
    fill(optional->given(optional->value) ? optional->get(optional->value) : optional->emplace(optional->value));
  } else if (const auto* list = std::get_if<ListRef>(&value.to)) {
    fill(list->size(list->value) > 0 ? list->at(list->value, 0) : list->append(list->value));
  } else if (const auto* section = std::get_if<SectionRef>(&value.to)) {
    section->visit(section->value, [](const FieldRef& field) { fill(field.value); });
  }
}

struct Change {
  void operator()(bool* to) const { *to = !*to; }
  void operator()(std::int64_t* to) const { *to += 1; }
  void operator()(double* to) const { *to += 0.25; }
  void operator()(std::string* to) const { *to += "x"; }
  void operator()(Bytes* to) const { to->value += 1; }
  void operator()(Duration* to) const { to->seconds += 1; }
  void operator()(AutoCount* to) const { to->value += 1; }
  void operator()(const EnumRef& to) const { to.assign(to.value, (to.index(to.value) + 1) % to.names.size()); }
  void operator()(const OptionalRef& to) const { std::visit(*this, to.get(to.value).to); }
  void operator()(const ListRef& to) const { std::visit(*this, to.at(to.value, 0).to); }
  void operator()(const SectionRef&) const { FAIL() << "a section has no value of its own"; }
};

// Changes the value at a path such as "pretrain.data.train[].weight".
void change(const ValueRef& value, std::string_view path) {
  if (const auto* optional = std::get_if<OptionalRef>(&value.to)) return change(optional->get(optional->value), path);
  if (const auto* list = std::get_if<ListRef>(&value.to)) return change(list->at(list->value, 0), path);
  const auto* section = std::get_if<SectionRef>(&value.to);
  if (section == nullptr) return std::visit(Change{}, value.to);
  const auto name = path.substr(0, path.find_first_of(".["));
  const auto dot = path.find('.');
  section->visit(section->value, [&](const FieldRef& field) {
    if (field.name == name) change(field.value, dot == std::string_view::npos ? "" : path.substr(dot + 1));
  });
}

PipelineConfig filled() {
  PipelineConfig config;
  fill(value_ref(config));
  return config;
}

// The keys that come out when this one is changed, "!" before an essential one.
std::vector<std::string> changed_by(const std::string& key) {
  const PipelineConfig before = filled();
  PipelineConfig now = before;
  change(value_ref(now), key);
  std::vector<std::string> keys;
  for (const auto& found : config_changes(before, now, key.starts_with("eval.") ? "eval" : "pretrain")) {
    EXPECT_NE(found.before, found.now) << key;
    keys.push_back((found.essential ? "!" : "") + without_indices(found.key));
  }
  return keys;
}

TEST(ConfigChanges, KnowsOfEveryKeyWhetherItMayChange) {
  Keys all;
  collect_values(pipeline_spec(), all);
  Keys known = essential_keys();
  for (const auto& key : may_change_keys()) EXPECT_TRUE(known.insert(key).second) << key << " is in both lists";
  EXPECT_EQ(all, known);
}

TEST(ConfigChanges, FindsEachKeyThatMayChange) {
  for (const auto& key : may_change_keys()) EXPECT_THAT(changed_by(key), ElementsAre(key));
}

TEST(ConfigChanges, FindsEachKeyThatIsEssential) {
  for (const auto& key : essential_keys()) EXPECT_THAT(changed_by(key), ElementsAre("!" + key));
}

PipelineConfig read(const std::vector<std::string>& overrides) {
  return load_pipeline(LLMTRAIN_SOURCE_DIR "/configs/quickstart/pipeline.yaml", overrides).config;
}

std::vector<std::string> lines(const std::vector<std::string>& before, const std::vector<std::string>& now,
                               std::string_view stage = "pretrain") {
  std::vector<std::string> texts;
  for (const auto& found : config_changes(read(before), read(now), stage)) {
    texts.push_back(fmt::format("{}: {} -> {}{}", found.key, found.before, found.now, found.essential ? "!" : ""));
  }
  return texts;
}

TEST(ConfigChanges, SaysNothingOfSectionsThatTheStageDoesNotRead) {
  EXPECT_THAT(lines({}, {"eval={held_out: false}"}), IsEmpty());
}

TEST(ConfigChanges, SaysBothValuesInTheOrderOfTheFile) {
  EXPECT_THAT(lines({}, {}), IsEmpty());
  EXPECT_THAT(
      lines({}, {"pretrain.max_time=30m", "pretrain.optim.lr=1e-3", "run.threads=2"}),
      ElementsAre("run.threads: auto -> 2", "pretrain.max_time: null -> 30m", "pretrain.optim.lr: 0.003 -> 0.001!"));
}

TEST(ConfigChanges, ShowsAListOfAnotherLengthWhole) {
  EXPECT_THAT(lines({"pretrain.samples={}"}, {"pretrain.samples={every_steps: 5, prompts: [a, b]}"}),
              ElementsAre("pretrain.samples.every_steps: null -> 5", "pretrain.samples.prompts: [] -> [a, b]"));
  EXPECT_THAT(lines({"tokenizer.train.special_tokens=[\"<a>\"]"}, {"tokenizer.train.special_tokens=[\"<b>\"]"}),
              ElementsAre("tokenizer.train.special_tokens[0]: \"<a>\" -> \"<b>\"!"));
}

TEST(ConfigChanges, ShowsASectionThatOneLacksWhole) {
  const auto changes = config_changes(read({}), read({"tokenizer.train=null", "tokenizer.from=x"}), "pretrain");
  ASSERT_EQ(changes.size(), 2U);
  EXPECT_EQ(changes[0].key, "tokenizer.from");
  EXPECT_EQ(changes[1].key, "tokenizer.train");
  EXPECT_EQ(changes[1].now, "null");
  EXPECT_TRUE(changes[1].essential);
}

// Another stage's keys are nothing to this one.
TEST(ConfigChanges, LookOnlyAtWhatTheStageUses) {
  EXPECT_THAT(lines({}, {"pretrain.optim.lr=1"}, "sft"), IsEmpty());
  EXPECT_THAT(lines({}, {"run.seed=1"}, "sft"), ElementsAre("run.seed: 1234 -> 1!"));
}

}  // namespace
}  // namespace llmtrain
