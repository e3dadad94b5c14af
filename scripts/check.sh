#!/usr/bin/env bash
# What every change must pass beside its tests: format, the rules of the house, shellcheck, and clang-tidy on what is
# without LibTorch. A file that tidy passed is not looked at again until it, or a header that it reads, changes.
#
# usage: scripts/check.sh [--fix]
#   --fix   formats the files instead
source "$(dirname "$0")/common.sh"

fix=
case ${1:-} in
  '') ;;
  --fix) fix=1 ;;
  -h | --help)
    show_help
    exit 0
    ;;
  *) fail 2 "unknown option '$1'; try --fix or --help" ;;
esac
scripts/setup.sh --check

# Known to git, or new and not ignored; not those removed.
sources() {
  local file
  while IFS= read -r -d '' file; do
    [[ -f $file ]] && printf '%s\0' "$file"
  done < <(git ls-files -z --cached --others --exclude-standard "$@")
}
format() { sources '*.cpp' '*.h' | xargs -0 --no-run-if-empty clang-format-14 "$@"; }

if [[ $fix ]]; then
  format -i
  say "formatted"
  exit 0
fi

faults=()
# check NAME COMMAND...: goes on after a failure, so that one run shows all of them.
check() {
  local name=$1
  shift
  if "$@"; then
    say "$name: good"
  else
    say "$name: FAILED"
    faults+=("$name")
  fi
}

check_shell() { sources 'scripts/*.sh' 'scripts/*.sbatch' 'tests/*.sh' .ci/run | xargs -0 shellcheck -x --source-path=SCRIPTDIR; }
check_house() { run_tests build/release -L house; }

check format format --dry-run -Werror
check shell check_shell
scripts/build.sh house_test
check house check_house
check tidy python3 scripts/tidy.py build/release
((${#faults[@]} == 0)) || fail 1 "failed: ${faults[*]}"
say "done"
