# shellcheck shell=bash
# cmake --install of this build into a prefix that is then moved. BUILD_FOLDER: the build tree.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/support.sh"

prefix=$folder/moved
install_and_move() {
  run cmake --install "$BUILD_FOLDER" --prefix "$folder/first"
  expect_code 0
  mv "$folder/first" "$prefix"
}
installed_elf_files() { find "$prefix" -type f \( -path '*/bin/*' -o -name '*.so*' \); }

test_nothing_points_outside_the_prefix_and_the_system() {
  install_and_move
  local file paths line
  [[ $(installed_elf_files | wc -l) -ge 4 ]] || broken "$(installed_elf_files)"
  while read -r file; do
    paths=$(readelf -d "$file" | sed -n 's/.*R[UN]*PATH.*\[\(.*\)\]/\1/p' | tr ':' '\n')
    while read -r line; do
      # shellcheck disable=SC2016 # the linker's word, not the shell's
      [[ ! $line || $line == '$ORIGIN'* ]] || broken "$file looks for libraries in $line"
    done <<<"$paths"
    while read -r line; do
      [[ $line == *' => '* ]] || continue
      line=${line#* => }
      [[ $line == "$prefix"/* || $line =~ ^/(usr/)?lib(64)?/ ]] || broken "$file loads $line"
    done < <(ldd "$file")
  done < <(installed_elf_files)
}

test_brings_only_the_libraries_that_are_needed() {
  [[ ! -e $LIBTORCH_ROOT/lib/libtorch_cuda.so ]] || exit 77
  install_and_move
  local expected=(libc10.so)
  local file
  for file in "$LIBTORCH_ROOT"/lib/libgomp*; do [[ -e $file ]] && expected+=("$(basename "$file")"); done
  expected+=(libtorch_cpu.so)
  expect_equal "$(ls "$prefix/lib/llmtrain")" "$(printf '%s\n' "${expected[@]}")"
}

test_programs_run_from_anywhere() {
  install_and_move
  cd /
  # Where the test may, the build tree and LibTorch are out of sight meanwhile.
  # shellcheck disable=SC2016
  local hide='mount -t tmpfs none "$1" && mount -t tmpfs none "$2" && exec "$3" doctor --json'
  if unshare --mount true 2>/dev/null; then
    run env -i unshare --mount sh -c "$hide" sh "$BUILD_FOLDER" "$LIBTORCH_ROOT" "$prefix/bin/llmtrain"
  else
    run env -i "$prefix/bin/llmtrain" doctor --json
  fi
  expect_code 0
  expect_said "\"path\": \"$prefix/"
  expect_not_said "$BUILD_FOLDER"
  expect_not_said "$LIBTORCH_ROOT"
}

test_completion_knows_the_commands() {
  install_and_move
  # shellcheck source=/dev/null
  source "$prefix/share/bash-completion/completions/llmtrain"
  COMP_WORDS=(llmtrain doct) COMP_CWORD=1 COMPREPLY=()
  "$(complete -p llmtrain | sed 's/.*-F \(\S*\).*/\1/')"
  expect_equal "${COMPREPLY[*]}" doctor
}

run_named_test "$1"
