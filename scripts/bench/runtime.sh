#!/usr/bin/env bash
# What each choice of the runtime gives alone: matrix kernels, the caching allocator, huge pages, denormals flushed to
# zero. Least time of many, in milliseconds, a process for each combination.
#
# usage: scripts/bench/runtime.sh FOLDER      (where runtime_bench is: a build with -D LLMTRAIN_BENCH=ON)
source "$(dirname "$0")/../common.sh"
[[ ${1:-} == -h || ${1:-} == --help ]] && show_help && exit 0
program=${1:-build/bench}/runtime_bench
[[ -x $program ]] || fail 2 "$program: no such program; build it with -D LLMTRAIN_BENCH=ON"

results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
LLMTRAIN_MKL_AVX512=0 "$program" plain >"$results/1"
"$program" plain >"$results/2"
LLMTRAIN_HUGE_PAGES=0 "$program" >"$results/3"
"$program" >"$results/4"

echo "load average: $(cut -d' ' -f1-3 /proc/loadavg); $(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2)"
printf '%-44s %10s %10s %10s %10s\n' "" "as it comes" "+ kernels" "+ allocator" "+ huge pages"
paste "$results"/{1,2,3,4} | awk -F'\t' '{
  name = substr($1, 1, 44); line = name
  for (i = 1; i <= 4; i++) { split(substr($i, 45), part, " "); line = line sprintf(" %10.2f", part[1]) }
  print line }'

echo
# One thread: what is compared is arithmetic, and other work on the machine disturbs one thread least.
OMP_NUM_THREADS=1 "$program" denormals | awk '{
  time = $(NF - 1); name = $0; sub(/, (kept|flushed) .*/, "", name)
  if (!(name in kept)) { kept[name] = time; next }
  if (!header++) printf "%-44s %10s %10s\n", "", "kept", "flushed"
  printf "%-44s %10.4f %10.4f\n", name, kept[name], time }'
