# shellcheck shell=bash
# Sourced by the tests beside it; a test is a function test_*, named on the command line.
set -euo pipefail
export LC_ALL=C
# shellcheck disable=SC2034 # for who sources this
source_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# Runs a command; sets code and output (both streams).
run() {
  code=0
  output=$("$@" 2>&1) || code=$?
}

broken() {
  printf 'broken: %s\n--- it said (code %s):\n%s\n' "$1" "${code:-}" "${output:-}" >&2
  exit 1
}

expect_code() { [[ $code == "$1" ]] || broken "exit code $code, expected $1"; }
expect_said() { [[ $output == *"$1"* ]] || broken "not said: $1"; }
expect_not_said() { [[ $output != *"$1"* ]] || broken "said: $1"; }
expect_equal() { [[ $1 == "$2" ]] || broken "'$1', expected '$2'"; }

# fake_libtorch FOLDER VERSION CUDA: what a wheel's folder looks like to who does not load it. CUDA: None or '13.0'.
fake_libtorch() {
  local major minor patch
  IFS=. read -r major minor patch <<<"$2"
  mkdir -p "$1"/{include/ATen,include/torch/headeronly,lib,share/cmake/Torch}
  touch "$1"/include/ATen/ATen.h "$1"/lib/{libtorch_cpu,libc10}.so
  printf '#define TORCH_VERSION_MAJOR %s\n#define TORCH_VERSION_MINOR %s\n#define TORCH_VERSION_PATCH %s\n' \
    "$major" "$minor" "$patch" >"$1/include/torch/headeronly/version.h"
  printf "__version__ = '%s'\ncuda: Optional[str] = %s\n" "$2" "$3" >"$1/version.py"
  echo 'message(FATAL_ERROR "the package files of LibTorch were read")' >"$1/share/cmake/Torch/TorchConfig.cmake"
}

# Last line of a test file.
run_named_test() {
  "$1"
  echo "passed: $1"
}
