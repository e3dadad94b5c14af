# shellcheck shell=bash
# cmake/LibTorch.cmake: a program is configured, linked and run against LibTorch in the shapes that it comes in.
# LIBTORCH_ROOT: the LibTorch of this build.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/support.sh"

# Another LibTorch with the same files, by links, to be changed.
copy_root() {
  mkdir -p "$1/lib"
  ln -s "$LIBTORCH_ROOT/include" "$1/include"
  ln -s "$LIBTORCH_ROOT"/lib/*.so* "$1/lib/"
}

# A project with one program that starts OpenMP threads of its own and calls LibTorch.
write_project() {
  mkdir "$folder/project"
  cat >"$folder/project/CMakeLists.txt" <<P
cmake_minimum_required(VERSION 3.25)
project(probe CXX)
set(CMAKE_CXX_STANDARD 20)
add_library(llmtrain_base INTERFACE)
include($source_root/cmake/LibTorch.cmake)
add_executable(probe probe.cpp)
target_link_libraries(probe PRIVATE llmtrain::torch)
P
  cat >"$folder/project/probe.cpp" <<'P'
#include <cstdio>
#include <string>
namespace at { std::string show_config(); }
int main() {
  int threads = 0;
#pragma omp parallel num_threads(3) reduction(+ : threads)
  threads += 1;
  std::printf("threads %d\n%s\n", threads, at::show_config().c_str());
}
P
}

# configure NAME=VALUE... [-- cmake option...]: with a path on which no toolkit can be.
configure() {
  local variables=()
  while (($#)) && [[ $1 != -- ]]; do
    variables+=("$1")
    shift
  done
  run env -i PATH=/usr/bin:/bin "${variables[@]}" cmake -G Ninja -S "$folder/project" -B "$folder/build" "${@:2}"
}

build_and_run() {
  expect_code 0
  run ninja -C "$folder/build" probe
  expect_code 0
  run "$folder/build/probe"
  expect_code 0
  expect_said 'threads 3'
  expect_said 'PyTorch built with'
}

openmp_runtimes() { ldd "$folder/build/probe" | awk '/gomp|libomp|libiomp/ {print $3}'; }

test_builds_with_the_libtorch_of_the_environment() {
  write_project
  configure LIBTORCH="$LIBTORCH_ROOT"
  expect_said "$LIBTORCH_ROOT, named by LIBTORCH"
  build_and_run
}

# The package files of this CUDA build stop CMake when read, its libtorch.so and libtorch_cuda.so cannot be linked.
test_builds_with_a_cuda_libtorch_and_no_toolkit() {
  copy_root "$folder/cuda"
  mkdir -p "$folder/cuda/share/cmake/Torch"
  echo 'message(FATAL_ERROR "the package files were read")' >"$folder/cuda/share/cmake/Torch/TorchConfig.cmake"
  printf "__version__ = '2.13.0+cu130'\ncuda: Optional[str] = '13.0'\n" >"$folder/cuda/version.py"
  rm -f "$folder/cuda"/lib/libtorch{,_cuda}.so
  echo 'no library' | tee "$folder/cuda/lib/libtorch.so" >"$folder/cuda/lib/libtorch_cuda.so"
  write_project
  configure CMAKE_PREFIX_PATH="/usr:$folder/cuda/share/cmake"
  expect_said '(CUDA 13.0)'
  build_and_run
  [[ $(ldd "$folder/build/probe") == *"$folder/cuda/lib/libtorch_cpu.so"* ]] || broken "$(ldd "$folder/build/probe")"
}

test_keeps_to_the_openmp_runtime_of_libtorch() {
  ls "$LIBTORCH_ROOT"/lib/libgomp* >/dev/null 2>&1 || exit 77
  write_project
  configure LIBTORCH="$LIBTORCH_ROOT"
  build_and_run
  expect_equal "$(openmp_runtimes | xargs -n 1 dirname)" "$LIBTORCH_ROOT/lib"
}

# As in builds of LibTorch that rename the runtime they bring, so that the system's would be a second one.
test_keeps_to_a_renamed_openmp_runtime() {
  [[ -e $LIBTORCH_ROOT/lib/libgomp.so.1 ]] || exit 77
  copy_root "$folder/renamed"
  local file
  for file in libgomp.so.1 libtorch_cpu.so; do
    rm "$folder/renamed/lib/$file"
    sed 's/libgomp\.so\.1/libgomp.so.7/g' "$LIBTORCH_ROOT/lib/$file" >"$folder/renamed/lib/${file/%.so.1/.so.7}"
  done
  write_project
  configure LIBTORCH="$folder/renamed"
  build_and_run
  expect_equal "$(openmp_runtimes)" "$folder/renamed/lib/libgomp.so.7"
}

test_refuses_another_version_with_one_message() {
  fake_libtorch "$folder/old" 2.10.0 None
  write_project
  configure LIBTORCH="$folder/old"
  expect_code 1
  output=$(tr -s ' \n' ' ' <<<"$output") # CMake breaks lines
  expect_said "LIBTORCH: $folder/old: LibTorch 2.10.0, expected 2.11 to 2.13; try"
}

test_says_how_to_get_a_libtorch_where_none_is_named() {
  write_project
  configure NONE=1
  expect_code 1
  expect_said 'scripts/setup.sh'
}

test_cuda_option_needs_a_cuda_libtorch() {
  [[ ! -e $LIBTORCH_ROOT/lib/libtorch_cuda.so ]] || exit 77
  write_project
  configure LIBTORCH="$LIBTORCH_ROOT" -- -D LLMTRAIN_CUDA=ON
  expect_code 1
  output=$(tr -s ' \n' ' ' <<<"$output")
  expect_said "LLMTRAIN_CUDA: $LIBTORCH_ROOT is a CPU build"
}

run_named_test "$1"
