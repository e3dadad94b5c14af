#!/usr/bin/env bash
# Times this project's tokenizer against the Python packages `tokenizers` and `tiktoken`: the same documents, the same
# threads, in turn, so that what else the machine does falls on all alike. Prints MB/s (10^6 bytes of UTF-8): median and
# spread of the runs, how many times as fast as `tokenizers`, and the same of processor time, which a busy machine changes
# less.
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

def rows(work, column):
    table = {}
    for path in sorted(folder.glob(f"{work}.*")):
        lines = [line.split() for line in path.read_text().splitlines()]
        assert len({line[-1] for line in lines}) == 1
        table[path.suffix[1:]] = ([float(line[column]) for line in lines], [float(line[column + 1]) for line in lines],
                                  float(lines[0][-2]) / 1e6, lines[0][-1])
    return table

for work, column, what in (("encode", 0, "encode, first pass"), ("encode", 2, "encode, second pass"),
                           ("train_gpt2", 0, "train 32,000, gpt2"), ("train_llama3", 0, "train 32,000, llama3")):
    table = rows(work, column)
    megabytes = table["ours"][2]
    base = [statistics.median(times) for times in table["tokenizers"][:2]]
    print(f"{what}: {megabytes:.1f} MB, ids {({name: row[-1] for name, row in table.items()})}")
    for name, (clock, processor, _, _) in table.items():
        middle = [statistics.median(clock), statistics.median(processor)]
        print(f"  {name:16} {megabytes / middle[0]:7.2f} MB/s [{megabytes / max(clock):.2f} - {megabytes / min(clock):.2f}]"
              f" {middle[0]:6.2f} s, {base[0] / middle[0]:5.2f} x tokenizers;"
              f" processor {middle[1]:6.2f} s [{min(processor):.2f} - {max(processor):.2f}], {base[1] / middle[1]:5.2f} x")
PYTHON
