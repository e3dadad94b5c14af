#!/usr/bin/env bash
# Sets up what is missing, builds, and runs every test. Tests of real data read the folder named by LLMTRAIN_TEST_DATA;
# where it is not set and ../shared/data is there, that one. Without either they are skipped, and say so.
#
# usage: scripts/test.sh [ctest option...], for example: scripts/test.sh -L tokenizer
source "$(dirname "$0")/common.sh"
if [[ ${1:-} == -h || ${1:-} == --help ]]; then
  show_help
  exit 0
fi

use_real_data
scripts/build.sh
say "testing"
run_tests build/release "$@"
say "done"
