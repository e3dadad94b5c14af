#!/usr/bin/env bash
# Peak memory and time of `llmtrain data prepare` on growing text: memory must not grow with it. The text is
# data/corpus, repeated with changed numbers. Prints one line a size for RESULTS.md; needs some 3 GB free in TMPDIR.
#
# usage: scripts/bench/data_memory.sh [MEGABYTES...]      (1 100 2000 without them)
source "$(dirname "$0")/../common.sh"
case ${1:-} in
  -h | --help)
    show_help
    exit 0
    ;;
esac
[[ -x build/release/llmtrain ]] || fail 2 "build/release/llmtrain: no such program; scripts/build.sh makes it"
(($# > 0)) || set -- 1 100 2000

folder=$(mktemp -d "${TMPDIR:-/tmp}/llmtrain-memory-XXXXXX")
trap 'rm -rf "$folder"' EXIT
python3 - "$PWD" "$folder" "$@" <<'EOF_PYTHON'
import glob
import json
import os
import random
import re
import sys
import time

root, folder, sizes = sys.argv[1], sys.argv[2], [int(size) * 1_000_000 for size in sys.argv[3:]]
os.chdir(folder)


def run(*arguments):
    """Seconds and peak resident MiB of llmtrain."""
    start = time.monotonic()
    pid = os.posix_spawn(root + "/build/release/llmtrain", ["llmtrain", *arguments], os.environ,
                         file_actions=[(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)])
    _, status, usage = os.wait4(pid, 0)
    if status != 0:
        sys.exit(f"llmtrain {' '.join(arguments)}: exit status {status}")
    return time.monotonic() - start, usage.ru_maxrss / 1024


def write_text(bytes_wanted):
    texts = [json.loads(line)["text"] for path in sorted(glob.glob(root + "/data/corpus/*.jsonl")) for line in open(path)]
    numbers = random.Random(1)
    with open("text.jsonl", "wb") as out:
        while out.tell() < bytes_wanted:
            text = re.sub(r"\d+", lambda _: str(numbers.randrange(1000)), numbers.choice(texts))
            out.write(json.dumps({"text": text}, ensure_ascii=False).encode() + b"\n")


run("tokenizer", "train", "--quiet", "--data", root + "/data/corpus", "--vocab-size", "4096", "--output", "tokenizer")
with open("pipeline.yaml", "w") as out:
    out.write("model: {preset: llama-2m}\ntokenizer: {from: tokenizer}\npretrain:\n"
              "  data: {train: [{path: text.jsonl}], validation: {fraction: 0.02}, cache: cache}\n"
              "  sequence_length: 256\n  batch_tokens: 1024\n  steps: 1\n")
print("| text | peak memory | first run | rate | second run |\n| ---: | ---: | ---: | ---: | ---: |")
for size in sizes:
    write_text(size)
    seconds, peak = run("data", "prepare", "pipeline.yaml", "--quiet")
    time.sleep(3)  # a file written a moment ago is hashed again
    run("data", "prepare", "pipeline.yaml", "--quiet")
    again, _ = run("data", "prepare", "pipeline.yaml", "--quiet")
    print(f"| {size / 1e6:,.0f} MB | {peak:.1f} MiB | {seconds:.2f} s | {size / seconds / 1e6:.1f} MB/s "
          f"| {again * 1000:.0f} ms |", flush=True)
EOF_PYTHON
