#!/usr/bin/env bash
# Training speed beside PyTorch: GPT-2 124M and nanoGPT's two models for tinyshakespeare, fp32 and bf16, two threads.
# Ours through `llmtrain pretrain` itself (tokens/s by the clock of metrics.jsonl, data, clipping, schedule and logging
# included), PyTorch by a plain training loop on one batch that is already in memory. Programs take turns, so that what
# else the machine does falls on all alike. Prints a table; appends it to RESULTS.md with --append.
#
#   plain     PyTorch as it comes: fused attention, AdamW's default
#   tuned     fused AdamW, MKL's AVX-512 kernels on AMD too, an allocator that keeps blocks, huge pages
#   compiled  tuned, and torch.compile
#
# usage: scripts/bench/train_speed.sh TEXT [--rounds N] [--append] [--variants "plain tuned"] [--models "NAME..."]
# PEERS_PYTHON names an interpreter with torch; BUILD the folder of the programs.
source "$(dirname "$0")/../common.sh"
case ${1:-} in
  "" | -h | --help)
    show_help
    exit 0
    ;;
esac
text=$(realpath "$1")
shift
rounds=3
append=no
variants="plain tuned"
models="gpt2-124m nanogpt-10m nanogpt-cpu"
while (($#)); do
  case $1 in
    --rounds | --variants | --models)
      (($# > 1)) || fail 2 "$1 needs a value"
      declare "${1#--}=$2"
      shift 2
      ;;
    --append)
      append=yes
      shift
      ;;
    *) fail 2 "unknown option '$1'" ;;
  esac
done
python=${PEERS_PYTHON:-python3}
program=$(realpath "${BUILD:-build/release}")/llmtrain
[[ -x $program ]] || fail 2 "$program: no such program; scripts/build.sh makes it"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
runner=scripts/bench/train_speed.py

# MKL asks this function which kernels to take.
echo 'int mkl_serv_intel_cpu_true(void) { return 1; }' | gcc -shared -fPIC -x c - -o "$work/avx512.so"
tuned=(env "LD_PRELOAD=$work/avx512.so" MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=100000000000
  MALLOC_TOP_PAD_=268435456 THP_MEM_ALLOC_ENABLE=1)

before=$(cut -d' ' -f1-3 /proc/loadavg)
for ((round = 1; round <= rounds; round++)); do
  for model in $models; do
    for precision in fp32 bf16; do
      "$python" $runner ours "$program" "$model" $precision "$text" "$work" >>"$work/results"
      for variant in $variants; do
        how=()
        [[ $variant == plain ]] || how=("${tuned[@]}")
        OMP_NUM_THREADS=2 "${how[@]}" "$python" $runner peer "$model" $precision "$variant" >>"$work/results"
      done
      rm -rf "$work/$model-$precision" "$work/$model-$precision".old-*
    done
    say "round $round of $rounds: $model"
  done
done

{
  # shellcheck disable=SC2016  # the backticks are Markdown's
  printf '%s,%s, 2 threads, commit %s, medians [lowest, highest] of %s rounds in turn, load average %s before and %s after; `scripts/bench/train_speed.sh TEXT` with tinyshakespeare:\n\n' \
    "$(date +%F)" "$(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2)" "$(git rev-parse --short HEAD)" "$rounds" \
    "$before" "$(cut -d' ' -f1-3 /proc/loadavg)"
  "$python" $runner table "$work/results"
} >"$work/table"
cat "$work/table"
if [[ $append == yes ]]; then
  { printf '\n## Training\n\n' && cat "$work/table"; } >>scripts/bench/RESULTS.md
fi
