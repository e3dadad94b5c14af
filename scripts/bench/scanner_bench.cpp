// Bytes a second of the scanners and of the look whether text is in normal form C, on the text files given.
//
//   scanner_bench FILE... [--benchmark_filter=REGEX]
#include <filesystem>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "lib/base/file.h"
#include "lib/tokenizer/nfc.h"
#include "lib/tokenizer/scanner.h"

namespace llmtrain {
namespace {

void count_bytes(benchmark::State& state, const std::string& text) {
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}

void bench_scan(benchmark::State& state, PretokenizerPattern pattern, const std::string& text) {
  std::vector<std::uint32_t> ends;
  for (auto _ : state) {
    ends.clear();
    scan_pretokens(pattern, text, ends);
    benchmark::DoNotOptimize(ends.data());
  }
  count_bytes(state, text);
  state.counters["bytes_per_token"] = static_cast<double>(text.size()) / static_cast<double>(ends.size());
}

void bench_is_nfc(benchmark::State& state, const std::string& text) {
  for (auto _ : state) benchmark::DoNotOptimize(is_nfc(text));
  count_bytes(state, text);
}

void register_all(const std::string& name, const std::string& text) {
  for (const auto& [pattern, pattern_name] : EnumTable<PretokenizerPattern>::names) {
    benchmark::RegisterBenchmark(
        fmt::format("scan/{}/{}", pattern_name, name).c_str(),
        [&text, pattern = pattern](benchmark::State& state) { bench_scan(state, pattern, text); });
  }
  benchmark::RegisterBenchmark(fmt::format("is_nfc/{}", name).c_str(),
                               [&text](benchmark::State& state) { bench_is_nfc(state, text); });
}

}  // namespace
}  // namespace llmtrain

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  std::vector<std::string> texts;
  texts.reserve(static_cast<std::size_t>(argc));
  for (int i = 1; i < argc; ++i) {
    texts.push_back(llmtrain::read_file(argv[i]));
    llmtrain::register_all(std::filesystem::path(argv[i]).filename(), texts.back());
  }
  benchmark::RunSpecifiedBenchmarks();
}
