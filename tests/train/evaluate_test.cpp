#include "lib/train/evaluate.h"

#include <cmath>
#include <numbers>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "tests/data/data_fixtures.h"
#include "tests/model/plain_decoder.h"
#include "tests/model/tiny_model.h"

namespace llmtrain {
namespace {

constexpr std::uint64_t kVocab = 61;

// Documents 1 2 3 4 | 5 6 7 | 8 ... 14 in rows of four targets; the last batch of three rows has one row.
struct HeldOut {
  TempDir folder;
  std::unique_ptr<RowLoader> rows;

  HeldOut() {
    const std::vector<std::filesystem::path> shards = {
        write_shard(folder / "a.tokens", {{1, 2, 3, 4}, {5, 6, 7}, {8, 9, 10, 11, 12, 13, 14}}, kVocab)};
    const auto index = folder / "a.rows";
    write_row_index(index, {.sequence_length = 4}, shards, {{.path = "a", .identity = {}}});
    std::vector<RowSource> sources;
    sources.emplace_back(shards, index, 4, kVocab);
    const auto count = sources.front().rows();
    rows = std::make_unique<RowLoader>(std::move(sources), reading_order({count}),
                                       LoaderOptions{.batch_rows = 3, .across_documents = false, .end = count});
  }
};

// What a row holds of a document, and its targets: as the rows above are cut (tests/data/loader_test.cpp).
const std::vector<TokenIds>& pieces() {
  static const std::vector<TokenIds> all = {{1, 2, 3, 4}, {5, 6, 7}, {8, 9}, {9, 10, 11, 12, 13}, {13, 14}};
  return all;
}

double sum_by_hand(const TinyModel& model) {
  const auto plain = plain_decoder(model.shape, model.store, at::kDouble);
  double sum = 0;
  for (const auto& piece : pieces()) {
    const TokenIds inputs(piece.begin(), piece.end() - 1);
    const auto logprobs = plain.logits(input_of({inputs})).log_softmax(1);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      sum -= logprobs[static_cast<std::int64_t>(i)][piece[i + 1]].item<double>();
    }
  }
  return sum;
}

// Id i has i bytes; the targets' are 2 + 3 + 4, 6 + 7, 9, 10 + 11 + 12 + 13, 14.
std::vector<std::uint32_t> bytes_of_ids() {
  std::vector<std::uint32_t> bytes(kVocab);
  for (std::uint32_t id = 0; id < kVocab; ++id) bytes[id] = id;
  return bytes;
}

const auto kGoOn = [] { return false; };

TEST(Evaluate, IsTheMeanOverAllTrainedTargets) {
  // Dropout is of training alone.
  TinyModel model("llama-gqa", kFp64Store, [](ModelShape& shape) { shape.dropout = 0.5; });
  HeldOut held_out;
  const auto result = evaluate(model.decoder, *held_out.rows, bytes_of_ids(), kGoOn);
  const double sum = sum_by_hand(model);
  EXPECT_EQ(result.tokens, 11);
  EXPECT_EQ(result.bytes, 91);
  EXPECT_NEAR(result.loss, sum / 11, 1e-12);
  EXPECT_NEAR(result.perplexity, std::exp(sum / 11), 1e-9);
  EXPECT_NEAR(result.bits_per_byte, sum / 91 / std::numbers::ln2, 1e-12);
  for (const auto& group : model.store.groups()) EXPECT_EQ(group.grad.abs().max().item<double>(), 0);
}

TEST(Evaluate, BeginsAtTheFirstRowEachTime) {
  const TinyModel model("gpt2");
  HeldOut held_out;
  const double first = evaluate(model.decoder, *held_out.rows, bytes_of_ids(), kGoOn).loss;
  EXPECT_EQ(evaluate(model.decoder, *held_out.rows, bytes_of_ids(), kGoOn).loss, first);
  held_out.rows->next();
  EXPECT_EQ(evaluate(model.decoder, *held_out.rows, bytes_of_ids(), kGoOn).loss, first);
  EXPECT_NEAR(first, sum_by_hand(model) / 11, 1e-5);
}

TEST(Evaluate, HasNoBitsPerByteOfIdsWithoutText) {
  const TinyModel model("gpt2");
  HeldOut held_out;
  const auto result = evaluate(model.decoder, *held_out.rows, std::vector<std::uint32_t>(kVocab, 0), kGoOn);
  EXPECT_EQ(result.bytes, 0);
  EXPECT_EQ(result.bits_per_byte, 0);
}

TEST(Evaluate, EndsBetweenBatchesWhereItIsAskedTo) {
  const TinyModel model("gpt2");
  HeldOut held_out;
  int asked = 0;
  error_of(ExitCode::kRequeue,
           [&] { evaluate(model.decoder, *held_out.rows, bytes_of_ids(), [&] { return ++asked == 2; }); });
  EXPECT_EQ(asked, 2);
}

}  // namespace
}  // namespace llmtrain
