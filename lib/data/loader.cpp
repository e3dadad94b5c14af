#include "lib/data/loader.h"

#include <algorithm>
#include <utility>

#include "lib/base/error.h"

namespace llmtrain {

RowOrder training_order(Mixture mixture) {
  // Blocks are dear beside draws: the last one is kept.
  return [mixture = std::move(mixture), block = std::vector<Draw>(),
          number = std::uint64_t{0}](std::uint64_t position) mutable -> RowAddress {
    if (block.empty() || position / kMixtureBlock != number) {
      number = position / kMixtureBlock;
      block = mixture.block(number);
    }
    const auto& draw = block[position % kMixtureBlock];
    return {.source = draw.source, .row = draw.row};
  };
}

RowOrder reading_order(std::vector<std::uint64_t> rows) {
  return [rows = std::move(rows)](std::uint64_t position) -> RowAddress {
    std::size_t source = 0;
    while (source < rows.size() && position >= rows[source]) position -= rows[source++];
    ENSURE(source < rows.size(), position);
    return {.source = source, .row = position};
  };
}

void append_row(RowSource& source, std::uint64_t row, bool across_documents, RowBatch& batch) {
  const std::size_t seq = source.sequence_length();
  const std::size_t inputs_before = batch.rows * seq;
  batch.seq = seq;
  batch.tokens.resize((batch.rows + 1) * (seq + 1));
  RowShape shape;
  source.read(row, std::span(batch.tokens).last(seq + 1), shape);
  if (across_documents) shape.starts.resize(1);

  batch.target_mask.resize(inputs_before + seq, 0);
  const auto mask = std::span(batch.target_mask).last(seq);
  std::fill_n(mask.begin(), shape.length - 1, std::uint8_t{1});
  for (const auto start : shape.starts) {
    if (start > 0) mask[start - 1] = 0;
  }
  const auto targets = static_cast<std::uint64_t>(std::ranges::count(mask, 1));
  ENSURE(targets > 0, row);
  batch.targets += targets;

  if (shape.length < seq) shape.starts.push_back(shape.length);  // padding is a document to itself
  if (batch.document_bounds.empty()) batch.document_bounds.push_back(0);
  batch.document_bounds.pop_back();
  for (std::size_t i = 0; i < shape.starts.size() && shape.starts[i] < seq; ++i) {
    const std::size_t next = i + 1 < shape.starts.size() ? shape.starts[i + 1] : seq;
    batch.document_bounds.push_back(static_cast<std::int32_t>(inputs_before + shape.starts[i]));
    for (std::size_t at = shape.starts[i]; at < next; ++at) {
      batch.positions.push_back(static_cast<std::int32_t>(at - shape.starts[i]));
    }
  }
  batch.document_bounds.push_back(static_cast<std::int32_t>(inputs_before + seq));
  ++batch.rows;
}

RowLoader::RowLoader(std::vector<RowSource> sources, RowOrder order, LoaderOptions options, std::uint64_t position)
    : sources_(std::move(sources)), order_(std::move(order)), options_(options), position_(position) {
  ENSURE(!sources_.empty() && options_.batch_rows > 0 && options_.prefetch > 0);
  for (const auto& source : sources_) {
    ENSURE(source.sequence_length() == sources_.front().sequence_length(), source.sequence_length());
  }
  start();
}

RowLoader::~RowLoader() { stop(); }

void RowLoader::start() {
  thread_ = std::jthread([this, from = position_](const std::stop_token& stop) { produce(stop, from); });
}

void RowLoader::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
  ready_.clear();
  failure_ = nullptr;
}

void RowLoader::seek(std::uint64_t position) {
  stop();
  position_ = position;
  start();
}

RowBatch RowLoader::make(std::uint64_t position) {
  RowBatch batch;
  batch.position = position;
  batch.seq = sources_.front().sequence_length();
  std::uint64_t rows = options_.batch_rows;
  if (options_.end) rows = std::min(rows, *options_.end - std::min(position, *options_.end));
  for (std::uint64_t i = 0; i < rows; ++i) {
    const auto [source, row] = order_(position + i);
    append_row(sources_.at(source), row, options_.across_documents, batch);
  }
  return batch;
}

void RowLoader::produce(const std::stop_token& asked_to_stop, std::uint64_t position) {
  try {
    while (true) {
      RowBatch batch = make(position);
      const bool at_end = batch.rows == 0;
      position += batch.rows;
      std::unique_lock lock(mutex_);
      if (!changed_.wait(lock, asked_to_stop, [this] { return ready_.size() < options_.prefetch; })) return;
      ready_.push_back(std::move(batch));
      changed_.notify_all();
      if (at_end) return;
    }
  } catch (...) {
    const std::scoped_lock lock(mutex_);
    failure_ = std::current_exception();
    changed_.notify_all();
  }
}

RowBatch RowLoader::next() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !ready_.empty() || failure_; });
  if (ready_.empty()) std::rethrow_exception(failure_);
  if (ready_.front().rows == 0) return ready_.front();  // the end stays, for whoever asks again
  RowBatch batch = std::move(ready_.front());
  ready_.pop_front();
  changed_.notify_all();
  position_ += batch.rows;
  return batch;
}

}  // namespace llmtrain
