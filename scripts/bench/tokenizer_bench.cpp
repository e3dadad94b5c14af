// One timed run for scripts/bench/tokenizer.sh: encodes the documents of a JSON lines file with a tokenizer, or learns
// one from them. Prints seconds on the clock and of processor time of each pass, bytes, and ids.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "lib/base/error.h"
#include "lib/base/file.h"
#include "lib/tokenizer/encode_batch.h"
#include "lib/tokenizer/tokenizer.h"
#include "lib/tokenizer/tokenizer_spec.h"
#include "lib/tokenizer/tokenizer_trainer.h"

namespace llmtrain {
namespace {

std::vector<std::string> read_documents(const std::string& path) {
  const std::string text = read_file(path, std::uint64_t{16} << 30);
  std::vector<std::string> documents;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const auto line = nlohmann::json::parse(text.begin() + static_cast<std::ptrdiff_t>(begin),
                                            text.begin() + static_cast<std::ptrdiff_t>(end));
    documents.push_back(line.at("text").get<std::string>());
    begin = end + 1;
  }
  return documents;
}

class Stopwatch {
 public:
  // "0.123 0.240": seconds on the clock and of processor time, of all threads, since it was made.
  std::string text() const {
    const std::chrono::duration<double> clock = std::chrono::steady_clock::now() - start_;
    return fmt::format("{:.3f} {:.3f}", clock.count(), static_cast<double>(std::clock() - processor_) / CLOCKS_PER_SEC);
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::clock_t processor_ = std::clock();
};

std::size_t bytes_of(const std::vector<std::string>& documents) {
  std::size_t bytes = 0;
  for (const auto& document : documents) bytes += document.size();
  return bytes;
}

void encode(const std::string& tokenizer_path, const std::string& text_path, int threads) {
  const Tokenizer tokenizer = Tokenizer::load(tokenizer_path);
  const auto documents = read_documents(text_path);
  const std::vector<std::string_view> views(documents.begin(), documents.end());
  std::size_t ids = 0;
  std::string passes;
  for (int pass = 0; pass < 2; ++pass) {
    const Stopwatch stopwatch;
    const auto batch = encode_batch(tokenizer, views, threads);
    passes += stopwatch.text() + " ";
    ids = 0;
    for (const auto& document : batch) ids += document.size();
  }
  fmt::print("{}{} {}\n", passes, bytes_of(documents), ids);
}

void train(const std::string& text_path, std::int64_t vocab_size, const std::string& pattern, int threads) {
  auto documents = read_documents(text_path);
  TokenizerTrainConfig config;
  config.vocab_size = vocab_size;
  for (const auto& [value, name] : EnumTable<PretokenizerPattern>::names) {
    if (name == pattern) config.pattern = value;
  }
  std::size_t at = 0;
  const auto next = [&](std::string& document) {
    if (at == documents.size()) return false;
    document = documents[at++];
    return true;
  };
  const Stopwatch stopwatch;
  const auto trained = train_tokenizer(config, next, {.threads = threads});
  fmt::print("{} {} {}\n", stopwatch.text(), trained.bytes, trained.spec.tokens.size());
}

}  // namespace
}  // namespace llmtrain

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  try {
    if (arguments.size() == 4 && arguments[0] == "encode") {
      llmtrain::encode(arguments[1], arguments[2], std::atoi(arguments[3].c_str()));
    } else if (arguments.size() == 5 && arguments[0] == "train") {
      llmtrain::train(arguments[1], std::atoll(arguments[2].c_str()), arguments[3], std::atoi(arguments[4].c_str()));
    } else {
      std::fputs("usage: tokenizer_bench encode TOKENIZER JSONL THREADS | train JSONL VOCAB_SIZE PATTERN THREADS\n",
                 stderr);
      return 2;
    }
  } catch (const llmtrain::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 3;
  }
  return 0;
}
