#!/usr/bin/env bash
# Times this project's tokenizer against the Python packages `tokenizers` and `tiktoken`: the same documents, the same
# threads, in turn, so that what else the machine does falls on all alike. Prints MB/s (10^6 bytes of UTF-8): median and
# spread of the runs, and how many times as fast as `tokenizers`.
#
#   scripts/bench/tokenizer.sh TEXT GPT2_FOLDER [RUNS] [THREADS]
#
# TEXT: a folder made by make_mixed_text.sh. GPT2_FOLDER: GPT-2's vocab.json and merges.txt. PYTHON names an interpreter
# that has the packages; BUILD the build folder (default build/release), configured with -D LLMTRAIN_BENCH=ON.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
text=${1:?usage: tokenizer.sh TEXT GPT2_FOLDER [RUNS] [THREADS]}
gpt2=${2:?usage: tokenizer.sh TEXT GPT2_FOLDER [RUNS] [THREADS]}
runs=${3:-5}
threads=${4:-2}
python=${PYTHON:-python3}
ours=${BUILD:-$here/../../build/release}/tokenizer_bench
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT

"$python" "$here/mixed_text.py" --chunks "$text/mixed.jsonl" 2000 20 >"$results/chunks.jsonl"
for ((run = 0; run < runs; run++)); do
  "$ours" encode "$gpt2" "$results/chunks.jsonl" "$threads" >>"$results/encode.ours"
  for peer in tokenizers tokenizers_fast tiktoken; do
    "$python" "$here/tokenizer_peers.py" encode "$peer" "$gpt2" "$results/chunks.jsonl" "$threads" \
      >>"$results/encode.$peer"
  done
done
for ((run = 0; run < (runs + 1) / 2; run++)); do
  for pattern in gpt2 llama3; do
    "$ours" train "$text/mixed.jsonl" 32000 "$pattern" "$threads" >>"$results/train_$pattern.ours"
    "$python" "$here/tokenizer_peers.py" train "$text/mixed.jsonl" 32000 "$pattern" "$threads" \
      >>"$results/train_$pattern.tokenizers"
  done
done

"$python" - "$results" <<'PYTHON'
import pathlib, statistics, sys

folder = pathlib.Path(sys.argv[1])

def rows(work, column, bytes_column):
    table = {}
    for path in sorted(folder.glob(f"{work}.*")):
        lines = [line.split() for line in path.read_text().splitlines()]
        assert len({line[-1] for line in lines}) == 1
        table[path.suffix[1:]] = ([float(line[bytes_column]) / 1e6 / float(line[column]) for line in lines],
                                  [float(line[column]) for line in lines], lines[0])
    return table

for work, column, bytes_column, what in (("encode", 0, 2, "encode, first pass"), ("encode", 1, 2, "encode, second pass"),
                                         ("train_gpt2", 0, 1, "train 32,000, gpt2"),
                                         ("train_llama3", 0, 1, "train 32,000, llama3")):
    table = rows(work, column, bytes_column)
    base = statistics.median(table["tokenizers"][0])
    ids = {name: line[-1] for name, (_, _, line) in table.items()}
    print(f"{what}: {float(table['ours'][2][bytes_column]) / 1e6:.1f} MB, ids {ids}")
    for name, (speeds, seconds, _) in table.items():
        print(f"  {name:16} {statistics.median(speeds):7.2f} MB/s [{min(speeds):.2f} - {max(speeds):.2f}]"
              f"  {statistics.median(seconds):7.2f} s  {statistics.median(speeds) / base:5.2f} x tokenizers")
PYTHON
