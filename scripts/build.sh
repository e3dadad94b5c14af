#!/usr/bin/env bash
# Sets up what is missing and builds, by default both programs and all tests in build/release.
#
# usage: scripts/build.sh [--preset release|asan|tsan] [target...]
source "$(dirname "$0")/common.sh"

preset=release
case ${1:-} in
  --preset)
    preset=${2:-}
    [[ -e CMakePresets.json && $preset =~ ^(release|asan|tsan)$ ]] ||
      fail 2 "unknown preset '$preset'; try release, asan or tsan"
    shift 2
    ;;
  -h | --help)
    show_help
    exit 0
    ;;
  -*) fail 2 "unknown option '$1'; try --preset or --help" ;;
esac

scripts/setup.sh
mkdir -p build
say "configuring build/$preset"
run_logged "build/$preset-configure.log" cmake --preset "$preset" || fail 2 "cmake --preset $preset failed, see above"
say "building ${*:-everything} in build/$preset"
ninja -C "build/$preset" "$@"
say "done: $(cd "build/$preset" && find llmtrain llmtrain-engine -printf '%p ' 2>/dev/null)in build/$preset"
