# shellcheck shell=bash
# scripts/setup.sh in a checkout of its own, with the programs that would change the machine replaced.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/support.sh"

# The checkout, and a path on which everything that reaches outside is ours and writes its arguments to $folder/calls.
checkout=$folder/checkout
mkdir -p "$checkout/scripts" "$checkout/cmake" "$folder/bin" "$folder/tools"
cp "$source_root"/scripts/{setup,common}.sh "$checkout/scripts/"
cp "$source_root/cmake/LibTorchProbe.cmake" "$checkout/cmake/"
cp "$source_root/tests/scripts/support.sh" "$folder/" # for who may not look into the checkout
: >"$folder/calls"
for tool in bash env cat grep sed dirname basename cmake ninja g++ mkdir mv rm ldd xargs cut du mktemp tail sleep touch echo; do
  ln -s "$(type -P "$tool")" "$folder/tools/$tool"
done

write_program() {
  cat >"$folder/bin/$1"
  chmod +x "$folder/bin/$1"
}

write_program dpkg-query <<'P'
#!/usr/bin/env bash
for package in "${@:4}"; do
  [[ " ${FAKE_MISSING:-} " == *" $package "* ]] || echo "ii $package"
done
P
write_program apt-get <<P
#!/usr/bin/env bash
echo "apt-get \$*" >>"$folder/calls"
P
# Says where torch is, and is pip: 'download' tells what it would bring and takes its time, 'install' lays FAKE_INSTALLS.
write_program python3 <<P
#!/usr/bin/env bash
source "$folder/support.sh"
trap - EXIT
case "\$*" in
  -c*) echo "\${FAKE_PYTHON_TORCH:-}" ;;
  '-m pip --version') ;;
  '-m pip download'*)
    echo "pip download" >>"$folder/calls"
    printf '%s\n' "\${FAKE_PIP_SAYS:-}"
    [[ \${FAKE_PIP_FAILS:-} ]] && exit 1
    sleep 3
    echo "pip downloaded everything" >>"$folder/calls"
    ;;
  '-m pip install'*)
    echo "pip \${*:3}" >>"$folder/calls"
    while [[ \$1 != --target ]]; do shift; done
    fake_libtorch "\$2/torch" 2.13.0 "\${FAKE_CUDA:-None}"
    ;;
esac
P
ln -s python3 "$folder/bin/python"

# setup NAME=VALUE...: runs the script with these in its environment.
setup() {
  run env -i HOME="$folder" PATH="$folder/bin:$folder/tools" "$@" "$checkout/scripts/setup.sh"
}
chosen() { cat "$checkout/.deps/libtorch_root"; }
calls() { cat "$folder/calls"; }

cpu_wheel_file=$folder/torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl
printf '%2048s' '' >"$cpu_wheel_file"
cpu_wheel="Processing $cpu_wheel_file"
cuda_wheel='Downloading torch-2.13.0-cp311-cp311-manylinux_2_28_x86_64.whl (526.6 MB)'

test_takes_the_folder_that_libtorch_names() {
  fake_libtorch "$folder/named" 2.13.0 None
  fake_libtorch "$folder/python" 2.13.0 None
  setup LIBTORCH="$folder/named" FAKE_PYTHON_TORCH="$folder/python"
  expect_code 0
  expect_said "LibTorch 2.13.0 (CPU): $folder/named, from LIBTORCH"
  expect_equal "$(chosen)" "$folder/named"
}

test_takes_every_version_that_is_built_against() {
  local version
  for version in 2.11.0 2.12.1 2.13.0; do
    fake_libtorch "$folder/$version" $version None
    setup LIBTORCH="$folder/$version"
    expect_code 0
    expect_said "LibTorch $version"
  done
}

test_refuses_other_versions_by_name() {
  local version
  for version in 2.10.2 2.14.0 1.13.1 3.0.0; do
    fake_libtorch "$folder/$version" $version None
    setup LIBTORCH="$folder/$version"
    expect_code 2
    expect_said "setup.sh: error: LIBTORCH: $folder/$version: LibTorch $version, expected 2.11 to 2.13; try"
  done
  expect_equal "$(calls)" ''
}

test_refuses_a_named_folder_without_libtorch() {
  mkdir "$folder/empty"
  setup LIBTORCH="$folder/empty"
  expect_code 2
  expect_said "LIBTORCH: $folder/empty: no LibTorch, expected a folder with"
}

test_refuses_a_libtorch_whose_own_libraries_are_missing() {
  fake_libtorch "$folder/named" 2.13.0 "'13.0'"
  echo 'int f() { return 0; }' >"$folder/f.cpp"
  g++ -shared -fPIC -o "$folder/libabsent.so.13" -Wl,-soname,libabsent.so.13 "$folder/f.cpp"
  g++ -shared -fPIC -o "$folder/named/lib/libtorch_cpu.so" "$folder/f.cpp" -Wl,--no-as-needed "$folder/libabsent.so.13"
  rm "$folder/libabsent.so.13"
  setup LIBTORCH="$folder/named"
  expect_code 2
  expect_said 'without libraries that it needs, expected libabsent.so.13'
}

test_takes_a_share_cmake_folder_of_the_prefix_path() {
  fake_libtorch "$folder/named" 2.13.0 None
  setup CMAKE_PREFIX_PATH="/usr:$folder/named/share/cmake"
  expect_code 0
  expect_said "from CMAKE_PREFIX_PATH"
  expect_equal "$(chosen)" "$folder/named"
}

test_refuses_a_wrong_version_in_the_prefix_path() {
  fake_libtorch "$folder/named" 2.9.1 None
  setup CMAKE_PREFIX_PATH="$folder/named"
  expect_code 2
  expect_said "CMAKE_PREFIX_PATH: $folder/named: LibTorch 2.9.1"
}

test_takes_the_torch_of_a_python() {
  fake_libtorch "$folder/python" 2.12.0 "'13.0'"
  setup FAKE_PYTHON_TORCH="$folder/python"
  expect_code 0
  expect_said "LibTorch 2.12.0 (CUDA 13.0): $folder/python, from python3"
  expect_equal "$(calls)" ''
}

test_passes_over_a_wrong_torch_of_a_python_and_says_so() {
  fake_libtorch "$folder/python" 2.5.1 None
  setup FAKE_PYTHON_TORCH="$folder/python" FAKE_PIP_SAYS="$cpu_wheel"
  expect_code 0
  expect_said "passing over the torch of python3: $folder/python: LibTorch 2.5.1, expected 2.11 to 2.13"
  expect_equal "$(chosen)" "$checkout/.deps/python/torch"
}

test_says_what_pip_brings_before_it_brings_a_cpu_build() {
  setup FAKE_PIP_SAYS="$cpu_wheel"
  expect_code 0
  expect_said 'pip brings torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl: CPU build, 2.0KB'
  # The look came first and was cut off; the C++ side needs none of the packages that torch depends on.
  expect_equal "$(calls | head -n 1)" 'pip download'
  [[ $(calls | sed -n 2p) == 'pip install '*' --no-deps torch==2.13.0' ]] || broken "$(calls)"
  sleep 4
  [[ $(calls) != *everything* ]] || broken "$(calls)"
}

test_warns_of_a_cuda_build_and_brings_what_it_needs() {
  setup FAKE_PIP_SAYS="$cuda_wheel" FAKE_CUDA="'13.0'"
  expect_code 0
  expect_said 'torch-2.13.0-cp311-cp311-manylinux_2_28_x86_64.whl: CUDA build, 526.6 MB'
  expect_said 'several GB'
  expect_said 'PIP_INDEX_URL'
  expect_said 'LibTorch 2.13.0 (CUDA 13.0)'
  [[ $(calls) != *--no-deps* ]] || broken "$(calls)"
}

test_says_so_where_pip_does_not_tell_size_and_variant() {
  setup FAKE_PIP_SAYS=''
  expect_code 0
  expect_said 'size and variant not told'
}

test_fails_with_the_words_of_a_pip_that_finds_nothing() {
  setup FAKE_PIP_SAYS='ERROR: No matching distribution found for torch==2.13.0' FAKE_PIP_FAILS=1
  expect_code 5
  expect_said 'ERROR: No matching distribution found'
  expect_said 'pip finds no torch==2.13.0'
}

test_does_nothing_the_second_time() {
  setup FAKE_PIP_SAYS="$cpu_wheel"
  expect_code 0
  local before
  before=$(calls)
  touch -d 2001-01-01 "$checkout/.deps/libtorch_root"
  setup FAKE_PIP_SAYS="$cpu_wheel"
  expect_code 0
  expect_equal "$(calls)" "$before"
  # Written anew, it would make CMake configure again.
  expect_equal "$(date -r "$checkout/.deps/libtorch_root" +%Y)" 2001
}

# As a user without rights, where the test may become one.
as_user() {
  chmod -R a+rwX "$folder"
  if ((EUID == 0)); then
    # shellcheck source=/dev/null
    setup() { run setpriv --reuid=65534 --clear-groups env -i PATH="$folder/bin:$folder/tools" "$@" "$checkout/scripts/setup.sh"; }
  fi
}

test_names_the_command_where_it_may_not_install() {
  as_user
  setup FAKE_MISSING='ninja-build libzstd-dev'
  expect_code 2
  expect_said 'apt-get install --no-install-recommends ninja-build libzstd-dev'
  expect_equal "$(calls)" ''
}

test_says_that_it_uses_sudo() {
  as_user
  # shellcheck disable=SC2016
  printf '#!/usr/bin/env bash\nexec "$@"\n' | write_program sudo
  chmod a+rx "$folder/bin/sudo"
  setup FAKE_MISSING=ccache FAKE_PIP_SAYS="$cpu_wheel"
  expect_code 0
  expect_said 'using sudo'
  [[ $(calls) == *'apt-get install'*' ccache'* ]] || broken "$(calls)"
}

test_installs_only_what_is_missing() {
  if ((EUID != 0)); then exit 77; fi
  setup FAKE_MISSING='libfmt-dev libpcre2-dev' FAKE_PIP_SAYS="$cpu_wheel"
  expect_code 0
  expect_equal "$(calls | sed -n 2p)" 'apt-get install -y -q --no-install-recommends libfmt-dev libpcre2-dev'
}

test_lists_what_it_needs_on_another_system() {
  rm "$folder/bin/apt-get"
  setup FAKE_PIP_SAYS="$cpu_wheel"
  expect_code 0
  expect_said 'not a Debian or Ubuntu system'
  expect_said 'libyaml-cpp-dev'
}

test_refuses_an_old_compiler_by_name() {
  echo 'echo 11.4.0' | write_program old-g++
  setup CXX=old-g++
  expect_code 2
  expect_said 'old-g++ is version 11.4.0, expected 12 or newer'
}

run_named_test "$1"
