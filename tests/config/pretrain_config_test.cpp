#include <gmock/gmock.h>

#include "lib/config/pipeline.h"
#include "tests/support/test_support.h"

// What the keys of training say of each other.
namespace llmtrain {
namespace {

using testing::HasSubstr;

Pipeline load(const std::vector<std::string>& overrides) {
  return load_pipeline(LLMTRAIN_SOURCE_DIR "/configs/quickstart/pipeline.yaml", overrides);
}

std::string fault_of(const std::vector<std::string>& overrides) {
  return error_of(ExitCode::kUsage, [&] { load(overrides); });
}

// The quickstart has 4096 / 256 = 16 rows a step.
TEST(PretrainConfig, RefusesAMicroBatchLargerThanTheBatch) {
  EXPECT_EQ(load({"pretrain.micro_batch=16"}).config.pretrain->micro_batch, AutoCount{16});
  EXPECT_EQ(load({"pretrain.micro_batch=5"}).config.pretrain->micro_batch, AutoCount{5});
  EXPECT_EQ(fault_of({"pretrain.micro_batch=17"}),
            "--set: 'pretrain.micro_batch': larger than the batch: got 17 of 16 rows (batch_tokens / sequence_length)");
}

TEST(PretrainConfig, TakesTheBestWeightsOnlyWhereTheyAreMeasuredAndKept) {
  EXPECT_EQ(load({"pretrain.result=best"}).config.pretrain->result, ResultKind::kBest);
  EXPECT_THAT(fault_of({"pretrain.result=best", "pretrain.data.validation=null"}), HasSubstr("validation"));
  for (const char* none : {"pretrain.data.validation.fraction=0", "pretrain.data.validation.fraction=null"}) {
    EXPECT_EQ(fault_of({"pretrain.result=best", none}),
              "--set: 'pretrain.result': nothing is held out; add 'data.validation'");
  }
  EXPECT_NO_THROW(load({"pretrain.result=best", "pretrain.data.validation={data: [{path: x}]}"}));
  EXPECT_EQ(fault_of({"pretrain.result=best", "pretrain.checkpoint.keep_best=false"}),
            "--set: 'pretrain.result': best is not kept; set 'checkpoint.keep_best' to true");
}

TEST(PretrainConfig, StopsEarlyOnlyWhereSomethingIsHeldOut) {
  EXPECT_EQ(load({"pretrain.evaluation.patience=3"}).config.pretrain->evaluation.patience, 3);
  EXPECT_THAT(fault_of({"pretrain.evaluation.patience=3", "pretrain.data.validation.fraction=0"}),
              HasSubstr("'pretrain.evaluation.patience': nothing is held out; add 'data.validation'"));
}

TEST(PretrainConfig, NeedsALengthForAScheduleThatHasOne) {
  EXPECT_THAT(fault_of({"pretrain.steps=null", "pretrain.max_time=1h"}),
              HasSubstr("'pretrain.optim.schedule.name': 'cosine' needs to know the number of steps"));
  EXPECT_NO_THROW(load({"pretrain.steps=null", "pretrain.max_time=1h", "pretrain.optim.schedule.name=constant"}));
}

TEST(PretrainConfig, TakesMuonsKeysOnlyWithMuon) {
  EXPECT_EQ(load({"pretrain.optim.name=muon", "pretrain.optim.muon.lr=0.05"}).config.pretrain->optim.muon.lr, 0.05);
  EXPECT_NO_THROW(load({"pretrain.optim.muon.lr=0.02"}));  // as `config show` prints it
  EXPECT_EQ(fault_of({"pretrain.optim.muon.lr=0.05"}),
            "--set: 'pretrain.optim.muon': 'muon' is for name muon, not adamw");
}

// Each key with a value that is not its default, in a file where nothing would read it.
TEST(PretrainConfig, RefusesKeysThatNothingWouldRead) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"pretrain.data.train=[{path: a, format: jsonl, token_width: u32}]"}, "'token_width' is for format tokens"},
      {{"pretrain.data.train=[{path: a, format: text, field: body}]"}, "'field' is for format jsonl, not text"},
      {{"pretrain.data.train=[{path: a, format: tokens, extra_fields: refuse}]"}, "'extra_fields' is for format jsonl"},
      {{"pretrain.data.validation={hold_out: tail}"}, "'hold_out' is for a fraction"},
      {{"pretrain.data.validation={data: [{path: a}, {path: b, weight: 2}]}"},
       "'pretrain.data.validation.data[1].weight': 'weight' is for mixtures"},
      {{"tokenizer.train.data=[{path: a, weight: 2}]"}, "'tokenizer.train.data[0].weight': 'weight' is for mixtures"},
      {{"pretrain.data.max_bad_lines=5"}, "'max_bad_lines' is for on_bad_line skip, not error"},
      {{"pretrain.optim.schedule={name: constant, final_ratio: 0.2}"},
       "'final_ratio' has no meaning for schedule constant"},
      {{"pretrain.optim.schedule={name: cosine, decay_fraction: 0.3}"},
       "'decay_fraction' has no meaning for schedule cosine"},
      {{"pretrain.guard.outlier_window=64"}, "'outlier_window' needs outlier_factor"},
      {{"pretrain.guard.max_outliers=3"}, "'max_outliers' needs outlier_factor"},
      {{"tokenizer.train={kind: char, vocab_size: 512}"}, "'vocab_size' is for kind byte_bpe, not char"},
      {{"tokenizer.train={kind: char, pattern: gpt2}"}, "'pattern' is for kind byte_bpe, not char"},
      {{"tokenizer.train={kind: char, min_frequency: 3}"}, "'min_frequency' is for kind byte_bpe, not char"},
  };
  for (const auto& [overrides, message] : cases) EXPECT_THAT(fault_of(overrides), HasSubstr(message));
  EXPECT_NO_THROW(load({"pretrain.data.train=[{path: a, weight: 2, token_width: u32, field: body}]",
                        "pretrain.optim.schedule={name: wsd, decay_fraction: 0.3, final_ratio: 0}",
                        "pretrain.guard={outlier_factor: 5, outlier_window: 64, max_outliers: 3}",
                        "pretrain.data.on_bad_line=skip", "pretrain.data.max_bad_lines=5"}));
}

TEST(PretrainConfig, TakesPromptsOnlyWhereSamplesAreAskedFor) {
  EXPECT_NO_THROW(load({"pretrain.samples={every_steps: 10, prompts: [a]}"}));
  EXPECT_EQ(fault_of({"pretrain.samples={prompts: [a]}"}),
            "--set: 'pretrain.samples.prompts': nothing is generated; add 'every_steps'");
}

TEST(PretrainConfig, BoundsItsNumbers) {
  for (const char* bad : {"checkpoint.every_steps=0",
                          "checkpoint.every=0s",
                          "checkpoint.keep=1",
                          "checkpoint.on_error=go",
                          "evaluation.every_steps=0",
                          "evaluation.max_rows=0",
                          "evaluation.patience=0",
                          "evaluation.min_improvement=-1",
                          "samples.every_steps=0",
                          "samples.max_tokens=0",
                          "samples.temperature=-0.1",
                          "samples.top_k=0",
                          "samples.top_p=0",
                          "samples.top_p=1.1",
                          "guard.max_non_finite=-1",
                          "guard.outlier_factor=1",
                          "guard.outlier_window=1",
                          "guard.max_outliers=-1",
                          "label_smoothing=1",
                          "z_loss=-1",
                          "log_every_steps=0",
                          "optim.muon.momentum=1",
                          "optim.muon.newton_schulz_steps=0"}) {
    EXPECT_THAT(fault_of({std::string("pretrain.") + bad}), HasSubstr("expected")) << bad;
  }
  for (const char* good : {"checkpoint.every=5m", "checkpoint.on_error=warn", "samples.temperature=0",
                           "samples.top_p=1", "guard.outlier_factor=1.5", "label_smoothing=0.1", "z_loss=1e-4"}) {
    EXPECT_NO_THROW(load({std::string("pretrain.") + good})) << good;
  }
}

}  // namespace
}  // namespace llmtrain
