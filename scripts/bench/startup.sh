#!/usr/bin/env bash
# How long the front takes to answer what needs no tensors: the median of 20 runs of each command, start of the process
# included, in milliseconds. Fails if one takes longer than the limit.
#
# usage: scripts/bench/startup.sh [FOLDER]      (where llmtrain is; build/release without it)
source "$(dirname "$0")/../common.sh"
case ${1:-} in
  -h | --help)
    show_help
    exit 0
    ;;
esac

runs=20
limit_ms=50
program=${1:-build/release}/llmtrain
pipeline=configs/quickstart/pipeline.yaml
[[ -x $program ]] || fail 2 "$program: no such program; scripts/build.sh makes it"

slow=0
# measure COMMAND...: one line with its median.
measure() {
  local times=() start median i
  for ((i = 0; i < runs; i++)); do
    start=${EPOCHREALTIME/[.,]/}
    "$program" "$@" >/dev/null
    times+=($((${EPOCHREALTIME/[.,]/} - start)))
  done
  median=$(printf '%s\n' "${times[@]}" | sort -n | sed -n "$((runs / 2))p")
  printf '%-55s %3d.%02d ms\n' "llmtrain $*" $((median / 1000)) $((median % 1000 / 10))
  ((median <= limit_ms * 1000)) || slow=1
}

measure --help
measure --version
measure config check "$pipeline"
measure config show "$pipeline"
measure config explain pretrain.optim.lr
measure config schema
measure plan "$pipeline"
measure model presets
measure model inspect llama-3.1-405b
measure model inspect "$pipeline"
((slow == 0)) || fail 1 "a command took longer than $limit_ms ms"
