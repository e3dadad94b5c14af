// What one token's computation may depend on: tokens before it, of its own document, and nothing else of the batch.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "tests/model/tiny_model.h"

namespace llmtrain {
namespace {

class Independence : public testing::TestWithParam<std::string> {};

const std::vector<TokenIds>& worked_documents() {
  static const std::vector<TokenIds> documents = {some_ids(9, 1), some_ids(1, 2), some_ids(14, 3), some_ids(6, 4)};
  return documents;
}

TokenIds other_ids(const TokenIds& document) {
  TokenIds changed = document;
  for (auto& id : changed) id = (id + 7) % 61;
  return changed;
}

at::Tensor of_document(const at::Tensor& rows, const DecoderInput& input, std::size_t document) {
  return rows.narrow(0, input.documents[document], input.documents[document + 1] - input.documents[document]);
}

TEST_P(Independence, ATokenChangesNoBitBeforeItself) {
  const TinyModel model(GetParam());
  const auto ids = some_ids(24, 1);
  const auto before = model.decoder.hidden(input_of({ids}));
  for (const std::int64_t place : {1, 8, 23}) {
    auto changed = ids;
    changed[static_cast<std::size_t>(place)] = (changed[static_cast<std::size_t>(place)] + 1) % 61;
    const auto after = model.decoder.hidden(input_of({changed}));
    EXPECT_TRUE(at::equal(after.narrow(0, 0, place), before.narrow(0, 0, place))) << place;
    EXPECT_FALSE(at::equal(after[place], before[place])) << place;
  }
}

TEST_P(Independence, PackedDocumentsAreAsEachAlone) {
  const TinyModel model(GetParam());
  const auto input = input_of(worked_documents());
  const auto packed = model.decoder.hidden(input);
  for (std::size_t d = 0; d < worked_documents().size(); ++d) {
    const auto alone = model.decoder.hidden(input_of({worked_documents()[d]}));
    EXPECT_LE(largest_error(of_document(packed, input, d), alone), 1e-5) << d;
  }
}

TEST_P(Independence, ADocumentChangesNoBitOfOthers) {
  const TinyModel model(GetParam());
  const auto before = model.decoder.hidden(input_of(worked_documents()));
  for (std::size_t d = 0; d < worked_documents().size(); ++d) {
    auto documents = worked_documents();
    documents[d] = other_ids(documents[d]);
    const auto input = input_of(documents);
    const auto after = model.decoder.hidden(input);
    for (std::size_t other = 0; other < documents.size(); ++other) {
      EXPECT_EQ(at::equal(of_document(after, input, other), of_document(before, input, other)), other != d)
          << other << " with " << d << " changed";
    }
  }
}

// TokenIds 2 is in the batch and not trained.
TEST_P(Independence, ADocumentChangesNoBitOfTheGradientsOfOthers) {
  TinyModel model(GetParam());
  auto documents = worked_documents();
  const auto input = input_of(documents);
  const auto weights = at::full({input.tokens.size(0)}, 0.03);
  of_document(weights, input, 2).zero_();
  const auto targets = int_tensor(some_ids(static_cast<std::size_t>(input.tokens.size(0)), 9));
  const double loss = backward(model, {.input = input, .targets = targets, .weights = weights});
  const auto gradients = gradients_of(model.store);
  documents[2] = other_ids(documents[2]);
  EXPECT_EQ(backward(model, {.input = input_of(documents), .targets = targets, .weights = weights}), loss);
  EXPECT_TRUE(all_equal(gradients_of(model.store), gradients));
  documents[3] = other_ids(documents[3]);
  EXPECT_NE(backward(model, {.input = input_of(documents), .targets = targets, .weights = weights}), loss);
  EXPECT_FALSE(all_equal(gradients_of(model.store), gradients));
}

TEST_P(Independence, WhatFollowsOnTheRightChangesNothing) {
  const TinyModel model(GetParam());
  const auto ids = some_ids(10, 5);
  const auto alone = model.decoder.hidden(input_of({ids}));
  auto padded = ids;
  padded.resize(24, 0);
  EXPECT_LE(largest_error(model.decoder.hidden(input_of({padded})).narrow(0, 0, 10), alone), 1e-5);
  EXPECT_LE(largest_error(model.decoder.hidden(input_of({ids, TokenIds(14, 0)})).narrow(0, 0, 10), alone), 1e-5);
}

TEST_P(Independence, ARowIsTheSameInABatchOfEight) {
  const TinyModel model(GetParam());
  std::vector<TokenIds> rows;
  for (std::uint64_t row = 0; row < 8; ++row) rows.push_back(some_ids(24, 20 + row));
  const auto input = input_of(rows);
  const auto together = model.decoder.hidden(input);
  for (std::size_t row = 0; row < rows.size(); ++row) {
    EXPECT_LE(largest_error(of_document(together, input, row), model.decoder.hidden(input_of({rows[row]}))), 1e-5);
  }
}

TEST_P(Independence, TargetsThatAreNotTrainedChangeNoBit) {
  TinyModel model(GetParam());
  const auto input = input_of(worked_documents());
  const std::int64_t tokens = input.tokens.size(0);
  const auto trained = at::remainder(at::arange(tokens), 3).ne(0);
  const auto weights = trained.to(at::kFloat) / 20;
  const auto targets = int_tensor(some_ids(static_cast<std::size_t>(tokens), 9));
  const CrossEntropyOptions options{.label_smoothing = 0.1, .z_loss = 1e-3};
  const LossInput in{.input = input, .targets = targets, .weights = weights, .forward = {}, .options = options};
  const double loss = backward(model, in);
  const auto gradients = gradients_of(model.store);
  auto changed = in;
  changed.targets = at::where(trained, targets, at::remainder(targets + 5, 61)).to(at::kInt);
  EXPECT_EQ(backward(model, changed), loss);
  EXPECT_TRUE(all_equal(gradients_of(model.store), gradients));
  changed.targets = at::where(trained, at::remainder(targets + 5, 61), targets).to(at::kInt);
  EXPECT_NE(backward(model, changed), loss);
}

INSTANTIATE_TEST_SUITE_P(Models, Independence, testing::ValuesIn(golden_model_names()), golden_test_name);

}  // namespace
}  // namespace llmtrain
