# shellcheck shell=bash
# Sourced by the scripts beside it: strict mode, the checkout's root as working directory, and how they speak.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
script=$(basename "$0")
started=${EPOCHREALTIME/[.,]/}

# Seconds since the script started, as 12.3.
elapsed() {
  local tenths=$(((${EPOCHREALTIME/[.,]/} - started) / 100000))
  printf '%d.%d' $((tenths / 10)) $((tenths % 10))
}

say() { printf '%s [%s s] %s\n' "$script" "$(elapsed)" "$*"; }

# fail CODE MESSAGE: one line, as the programs say it.
fail() {
  printf '%s: error: %s\n' "$script" "$2" >&2
  exit "$1"
}

# The comment at the head of a script is its help.
show_help() { sed -n '2,/^[^#]/{/^#/s/^# \{0,1\}//p}' "$0"; }

# run_logged FILE COMMAND...: quiet unless it fails, then the end of what it said.
run_logged() {
  local file=$1
  shift
  "$@" >"$file" 2>&1 && return
  local code=$?
  tail -n 30 "$file" >&2
  return $code
}

# Names the folder of real data to the tests, where there is one; in CI a test that misses it then fails.
use_real_data() {
  if [[ -z ${LLMTRAIN_TEST_DATA:-} && -d ../shared/data ]]; then
    LLMTRAIN_TEST_DATA=$(realpath ../shared/data)
    export LLMTRAIN_TEST_DATA
    say "real data: $LLMTRAIN_TEST_DATA"
  fi
  if [[ ${CI:-} == true && ${LLMTRAIN_TEST_DATA:-} ]]; then export LLMTRAIN_REQUIRE_DATA=1; fi
}

# run_tests FOLDER [ctest option...]: the tests of a build folder.
run_tests() {
  ctest --test-dir "$1" --output-on-failure --no-tests=error -j "$(nproc)" "${@:2}"
}
