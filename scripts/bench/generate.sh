#!/usr/bin/env bash
# Speed of decoding beside transformers' generate(): a trained small model and GPT-2's shape with random weights, one
# text and eight at once, fp32 and ours in bf16 as well, two threads. Tokens a second without loading the model: ours as
# `llmtrain generate` says them, the prompt included on both sides. Programs take turns. transformers runs as it comes,
# and with MKL's AVX-512 kernels on AMD, an allocator that keeps blocks and huge pages. Prints a table of medians.
#
# usage: scripts/bench/generate.sh MODEL_FOLDER [--rounds N]
# PEERS_PYTHON names an interpreter with torch, transformers and tokenizers; BUILD the folder of the programs.
source "$(dirname "$0")/../common.sh"
case ${1:-} in
  "" | -h | --help)
    show_help
    exit 0
    ;;
esac
small=$(realpath "$1")
shift
rounds=3
while (($#)); do
  case $1 in
    --rounds)
      (($# > 1)) || fail 2 "$1 needs a value"
      rounds=$2
      shift 2
      ;;
    *) fail 2 "unknown option '$1'" ;;
  esac
done
python=${PEERS_PYTHON:-python3}
program=$(realpath "${BUILD:-build/release}")/llmtrain
[[ -x $program ]] || fail 2 "$program: no such program; scripts/build.sh makes it"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
peer=scripts/bench/generate_peer.py
prompt="The roofs in Sunfield are"

echo 'int mkl_serv_intel_cpu_true(void) { return 1; }' | gcc -shared -fPIC -x c - -o "$work/avx512.so"
tuned=(env "LD_PRELOAD=$work/avx512.so" MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=100000000000
  MALLOC_TOP_PAD_=268435456 THP_MEM_ALLOC_ENABLE=1)

"$python" $peer gpt2 "$work/gpt2" >"$work/log" 2>&1 || fail 1 "$(tail -1 "$work/log")"

# Tokens a second of one run of ours. The small model ends its texts by itself, so it makes many, a slot after another.
ours() {
  local folder=$1 samples=$2 tokens=$3 precision=$4 texts=$2
  [[ $folder == "$work/gpt2" ]] || texts=$((samples * 32))
  OMP_NUM_THREADS=2 "$program" generate --model "$folder" --prompt "$prompt" --num-samples "$texts" \
    --slots "$samples" --max-tokens "$tokens" --temperature 0.8 --top-k 50 --seed 1 --precision "$precision" --json \
    --progress off 2>&1 >/dev/null | sed -n 's|.*s, \(.*\) tokens/s|\1|p'
}

# "1.24K" as a number.
plain() { awk '{ k = 1; if (/K$/) k = 1000; if (/M$/) k = 1000000; printf "%.1f\n", $1 * k }'; }

before=$(cut -d' ' -f1-3 /proc/loadavg)
for ((round = 1; round <= rounds; round++)); do
  for samples in 1 8; do
    for model in small gpt2; do
      folder=$small tokens=200
      [[ $model == small ]] || folder=$work/gpt2
      for precision in fp32 bf16; do
        ours "$folder" $samples $tokens $precision | plain >>"$work/$model-$samples-ours-$precision"
      done
      OMP_NUM_THREADS=2 "$python" $peer run "$folder" "$prompt" $samples $tokens 2>/dev/null \
        >>"$work/$model-$samples-transformers"
      OMP_NUM_THREADS=2 "${tuned[@]}" "$python" $peer run "$folder" "$prompt" $samples $tokens 2>/dev/null \
        >>"$work/$model-$samples-tuned"
    done
  done
  say "round $round of $rounds"
done

cell() { sort -n "$work/$1" | awk '{ x[NR] = $1 } END { printf "%.0f", x[int((NR + 1) / 2)] }'; }
# shellcheck disable=SC2016  # the backticks are Markdown's
printf '%s,%s, 2 threads, commit %s, medians of %s rounds in turn, load average %s before and %s after; `scripts/bench/generate.sh MODEL_FOLDER`, tokens a second:\n\n' \
  "$(date +%F)" "$(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2)" "$(git rev-parse --short HEAD)" "$rounds" \
  "$before" "$(cut -d' ' -f1-3 /proc/loadavg)"
printf '| model, texts at once | ours fp32 | ours bf16 | transformers | transformers, tuned |\n| --- | ---: | ---: | ---: | ---: |\n'
for model in small gpt2; do
  for samples in 1 8; do
    printf '| %s, %s | %s | %s | %s | %s |\n' $model $samples "$(cell $model-$samples-ours-fp32)" \
      "$(cell $model-$samples-ours-bf16)" "$(cell $model-$samples-transformers)" "$(cell $model-$samples-tuned)"
  done
done
