#!/usr/bin/env bash
# Pretraining as a job of cron, at, nohup, or any scheduler that runs a shell script. Told to stop (SIGTERM, SIGINT,
# SIGUSR1, or the time of --for is over) it has the program save, and ends with 75: the same command goes on. Stopped
# by something else the program is started again, as long as each run takes steps. Any other end is the job's end, with
# the program's exit code and a line on what it means. Started when all is done, it ends with 0 at once.
#
# usage: pretrain.sh [--for TIME] [--log FILE] PIPELINE [option of llmtrain pretrain...]
#   --for TIME    have the program save and stop after this long: 45m, 8h
#   --log FILE    what is said is appended there (default: PIPELINE's name with .log, in the working directory)
#   for example, in a crontab: 0 20 * * * cd /data/run && pretrain.sh --for 10h pipeline.yaml
#
# The program is the one that $LLMTRAIN names, else the one built in this script's folder or one above it
# (build/release), else the one on the path. This file needs no other and can be copied.
set -euo pipefail

say() { printf 'pretrain.sh [%(%F %T)T] %s\n' -1 "$*"; }
# fail CODE MESSAGE: one line, as the program says it.
fail() {
  printf 'pretrain.sh: error: %s\n' "$2" >&2
  exit "$1"
}

# --- as in pretrain.sbatch

# find_program FOLDER: sets program.
find_program() {
  local folder=$1
  if [[ ${LLMTRAIN:-} ]]; then
    program=$LLMTRAIN
    [[ -x $program && ! -d $program ]] || fail 2 "LLMTRAIN: $program: not a program, expected the path of llmtrain"
    return
  fi
  while [[ ! -x $folder/build/release/llmtrain && $folder != / ]]; do folder=$(dirname "$folder"); done
  program=$folder/build/release/llmtrain
  [[ -x $program ]] || program=$(type -P llmtrain) ||
    fail 2 "llmtrain: not built in $1 or above, nor on the path; try LLMTRAIN=<its path>"
}

# What an exit code of llmtrain says.
meaning_of() {
  case $1 in
    2) echo "wrong command line or pipeline file" ;;
    3) echo "a model, tokenizer or data file cannot be used" ;;
    4) echo "updates stayed non-finite; the last checkpoint is whole" ;;
    5) echo "disk full, no rights, or a write that failed" ;;
    6) echo "a checkpoint does not fit this run, or none is whole" ;;
    7) echo "another process trains in this folder" ;;
    8) echo "out of memory" ;;
    70) echo "a bug of llmtrain" ;;
    75) echo "stopped on request; the same command goes on" ;;
    137) echo "killed by SIGKILL, as when memory runs out" ;;
    126 | 127) echo "the program cannot be started" ;;
    *) if (($1 > 128)); then echo "killed by SIG$(kill -l "$1")"; else echo "no code of llmtrain"; fi ;;
  esac
}

# run SIGNALS COMMAND...: runs it and sets code. The first of these signals goes on to it, and no other after that:
# llmtrain takes a second one as an order to leave without saving, and batch systems send one more than once.
run() {
  local signal before
  caught=0 child='' sent=0
  # shellcheck disable=SC2064 # the signal's name now
  for signal in $1; do trap "pass_on $signal" "$signal"; done
  set -m # in a process group of its own, so that what is sent to this one comes through here
  "${@:2}" </dev/null &
  set +m
  child=$!
  forward
  # wait comes back early when a trap was run.
  while :; do
    before=$caught code=0
    wait "$child" || code=$?
    ((caught == before)) && break
  done
  # Killed by what it was asked with: it had not begun to listen, and had done nothing.
  if [[ $passed ]] && ((code == 128 + $(kill -l "$passed"))); then code=75; fi
}
passed=''
# shellcheck disable=SC2317 # run by traps
pass_on() {
  caught=$((caught + 1)) passed=${passed:-$1}
  forward
}
forward() {
  # sent is looked at and counted in one command, for a trap may run between two.
  if [[ $child && $passed ]] && ((sent++ == 0)); then kill -s "$passed" "$child" 2>/dev/null || true; fi
}

# --- the job

# Where the stage's checkpoints are, by the pipeline file and what --set changes in it.
find_checkpoints() {
  local sets=() config name dir i
  for ((i = 1; i <= $#; ++i)); do
    case ${!i} in
      --set=*) sets+=("${!i}") ;;
      --set)
        ((++i))
        sets+=(--set "${!i:-}")
        ;;
    esac
  done
  config=$("$program" config show "$pipeline" "${sets[@]}") || fail $? "$pipeline: cannot be used, see above"
  name=$(sed -n '/^run:/,/^[^ ]/s/^  name: //p' <<<"$config")
  dir=$(sed -n '/^run:/,/^[^ ]/s/^  dir: //p' <<<"$config")
  checkpoints=${dir//\"/}/${name//\"/}/pretrain/checkpoints
}

# The step of the newest checkpoint, 0 without one.
newest_step() {
  local folder newest=0
  for folder in "$checkpoints"/step-*; do
    if [[ $folder =~ /step-([0-9]+)$ ]] && ((BASH_REMATCH[1] > newest)); then newest=${BASH_REMATCH[1]}; fi
  done
  echo "$newest"
}

# Signals this script after the time of --for, unless it ends before.
start_timer() {
  (
    trap 'kill "$sleeper"; exit' TERM
    sleep "$limit" &
    sleeper=$!
    wait "$sleeper" && kill -USR1 "$$"
  ) &
  timer=$!
  trap 'kill "$timer" 2>/dev/null || true' EXIT
}

# The last line, in the log and to who started the job.
end() { # CODE MESSAGE
  local line="pretrain.sh: error: $2; the log is $log"
  echo "$line"
  echo "$line" >&3 || true
  exit "$1"
}

limit='' log=''
while (($#)); do
  case $1 in
    --for)
      limit=${2:-}
      [[ $limit =~ ^[0-9]+[smhd]?$ ]] || fail 2 "--for: expected a time as 45m or 8h, got '$limit'"
      ;;
    --log)
      log=${2:-}
      [[ $log ]] || fail 2 "--log: expected a file"
      ;;
    -h | --help)
      sed -n '2,/^[^#]/{/^#/s/^# \{0,1\}//p}' "$0"
      exit 0
      ;;
    *) break ;;
  esac
  shift 2
done
pipeline=${1:-}
[[ $pipeline && $pipeline != -* ]] || fail 2 "expected a pipeline file, got '$pipeline'; try --help"
find_program "$(dirname "$(readlink -f "$0")")"
find_checkpoints "$@"
log=${log:-$(basename "$pipeline" .yaml).log}
trap '' HUP # a job outlives the terminal that started it, as the program does
exec 3>&2 >>"$log" 2>&1
if [[ $limit ]]; then start_timer; fi

code=75
while ((code == 75)); do
  step=$(newest_step)
  say "from step $step on $HOSTNAME: $program pretrain $*"
  run 'USR1 TERM INT' "$program" pretrain "$@"
  if [[ $passed ]] && ((code == 75)); then
    say "stopped on SIG$passed; the same command goes on"
    exit 75
  fi
  if ((code == 75 && $(newest_step) <= step)); then end 75 "llmtrain was stopped and took no step since its start"; fi
done
((code == 0)) || end "$code" "llmtrain ended with $code: $(meaning_of "$code")"
say "done"
