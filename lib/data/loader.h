#pragma once
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

#include "lib/data/mixture.h"
#include "lib/data/row_source.h"

namespace llmtrain {

// Rows as a model takes them: inputs are tokens[:, :seq], targets tokens[:, 1:]. Row-major.
struct RowBatch {
  std::uint64_t position = 0;  // of the first row
  std::size_t rows = 0;
  std::size_t seq = 0;
  std::vector<std::int32_t> tokens;           // [rows, seq + 1]
  std::vector<std::int32_t> positions;        // [rows, seq], from 0 in each document
  std::vector<std::uint8_t> target_mask;      // [rows, seq], 1 where the target is trained: at least once a row
  std::vector<std::int32_t> document_bounds;  // where documents begin in the inputs laid end to end, then rows * seq
  std::uint64_t targets = 0;                  // ones in target_mask
};

// A row of a source.
struct RowAddress {
  std::size_t source = 0;
  std::uint64_t row = 0;
};
// Which row stands at a position.
using RowOrder = std::function<RowAddress(std::uint64_t position)>;
// The mixture's order, for ever.
RowOrder training_order(Mixture mixture);
// Every row of every source once, source by source. rows: of each.
RowOrder reading_order(std::vector<std::uint64_t> rows);

struct LoaderOptions {
  std::size_t batch_rows = 1;
  // Targets, positions and document_bounds take a row for one document; else no target crosses from one document of a
  // row into the next, and positions begin anew.
  bool across_documents = false;
  std::optional<std::uint64_t> end = std::nullopt;  // rows in all: the last batch may be smaller
  std::size_t prefetch = 2;                         // batches made ahead
};

// Puts the row's tokens, positions, mask and bounds at the end of the batch.
void append_row(RowSource& source, std::uint64_t row, bool across_documents, RowBatch& batch);

// Hands out batches in order, made ahead by a thread of its own. Its whole state is position(): a loader that is
// started there, or seeks there, goes on exactly. For one thread at a time.
class RowLoader {
 public:
  // sources: at least one, all of one sequence length.
  RowLoader(std::vector<RowSource> sources, RowOrder order, LoaderOptions options, std::uint64_t position = 0);
  RowLoader(const RowLoader&) = delete;
  RowLoader& operator=(const RowLoader&) = delete;
  ~RowLoader();

  // The batch that begins at position(); with no rows at the end. Throws what reading a row throws.
  RowBatch next();
  // Rows handed out.
  std::uint64_t position() const { return position_; }
  void seek(std::uint64_t position);

 private:
  void start();
  void stop();
  void produce(const std::stop_token& asked_to_stop, std::uint64_t position);
  RowBatch make(std::uint64_t position);

  std::vector<RowSource> sources_;
  RowOrder order_;
  LoaderOptions options_;
  std::uint64_t position_;

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<RowBatch> ready_;
  std::exception_ptr failure_;  // comes after what is ready
  std::jthread thread_;
};

}  // namespace llmtrain
