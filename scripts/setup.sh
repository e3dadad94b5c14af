#!/usr/bin/env bash
# Puts in place what the project builds with: Debian packages and LibTorch. Does nothing where all of it is there.
#
# usage: scripts/setup.sh [--check]
#   --check   also the tools that scripts/check.sh needs
#
# LibTorch, the first of: $LIBTORCH, an entry of $CMAKE_PREFIX_PATH, the torch package of a python3 or python on the
# path, and else one that pip brings into .deps/python, from the index that pip is set up for (PIP_INDEX_URL and
# PIP_EXTRA_INDEX_URL choose another). Which one it was stands in .deps/libtorch_root.
source "$(dirname "$0")/common.sh"

torch_requirement=torch==2.13.0
min_gcc=12
packages=(g++ cmake ninja-build ccache pkg-config python3 python3-pip ca-certificates
  libcli11-dev libyaml-cpp-dev libspdlog-dev libfmt-dev nlohmann-json3-dev libssl-dev
  libpcre2-dev libutf8proc-dev libzstd-dev zlib1g-dev libgtest-dev libgmock-dev libbenchmark-dev
  strace) # injects storage faults in tests
check_packages=(clang-format-14 clang-tidy-14 shellcheck git)

case ${1:-} in
  '') ;;
  --check) packages+=("${check_packages[@]}") ;;
  -h | --help)
    show_help
    exit 0
    ;;
  *) fail 2 "unknown option '$1'; try --check or --help" ;;
esac
mkdir -p .deps

# --- Debian packages ---

install_packages() {
  local missing=() sudo=()
  mapfile -t missing < <(printf '%s\n' "${packages[@]}" |
    grep -vxFf <(dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' "${packages[@]}" 2>/dev/null | sed -n 's/^ii //p'))
  ((${#missing[@]})) || return 0
  if ((EUID != 0)); then
    command -v sudo >/dev/null ||
      fail 2 "packages are missing; as root: apt-get update && apt-get install --no-install-recommends ${missing[*]}"
    sudo=(sudo)
    say "using sudo to install packages"
  fi
  say "installing ${#missing[@]} packages: ${missing[*]}"
  run_logged .deps/apt.log "${sudo[@]}" apt-get update -q || fail 5 "apt-get update failed, see above"
  run_logged .deps/apt.log "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -q --no-install-recommends "${missing[@]}" || fail 5 "apt-get install failed, see above"
  say "packages installed"
}

if command -v dpkg-query >/dev/null && command -v apt-get >/dev/null; then
  install_packages
else
  say "not a Debian or Ubuntu system; these packages, by Debian's names, must be there: ${packages[*]}"
fi

compiler=${CXX:-g++}
for tool in cmake ninja "$compiler"; do
  command -v "$tool" >/dev/null || fail 2 "$tool: not found on the path; install it"
done
if version=$("$compiler" -dumpfullversion 2>/dev/null) && ((${version%%.*} < min_gcc)); then
  fail 2 "$compiler is version $version, expected $min_gcc or newer; try installing g++-$min_gcc and CXX=g++-$min_gcc"
fi

# --- LibTorch ---

# Sets state, root, version, variant and fault for a folder; see cmake/LibTorchProbe.cmake.
probe() {
  local line unresolved
  line=$(cmake -D CANDIDATE="$1" -P cmake/LibTorchProbe.cmake)
  IFS='|' read -r state root version variant fault <<<"${line#-- }"
  if [[ $state == ok && $root != "$(cat .deps/libtorch_root 2>/dev/null)" ]]; then
    unresolved=$({ ldd "$root/lib/libtorch_cpu.so" 2>/dev/null || true; } | sed -n 's/^\s*\(\S*\) => not found.*/\1/p' | xargs)
    if [[ $unresolved ]]; then
      state=refused
      fault="LibTorch $version ($variant) without libraries that it needs, expected ${unresolved// /, } as well"
    fi
  fi
}

accept() {
  if [[ $root != "$(cat .deps/libtorch_root 2>/dev/null)" ]]; then
    printf '%s\n' "$root" >.deps/libtorch_root.new
    mv .deps/libtorch_root.new .deps/libtorch_root
  fi
  say "LibTorch $version ($variant): $root, from $1"
  exit 0
}

from_names() {
  local entry entries
  if [[ ${LIBTORCH:-} ]]; then
    probe "$LIBTORCH"
    [[ $state == ok ]] || fail 2 "LIBTORCH: $LIBTORCH: $fault; try another folder, or without LIBTORCH"
    accept LIBTORCH
  fi
  IFS=':;' read -ra entries <<<"${CMAKE_PREFIX_PATH:-}"
  for entry in "${entries[@]}"; do
    probe "$entry"
    [[ $state == refused ]] && fail 2 "CMAKE_PREFIX_PATH: $entry: $fault; try another folder, or without it"
    [[ $state == ok ]] && accept CMAKE_PREFIX_PATH
  done
  return 0
}

# Asks where the package is and does not import it, which would take seconds. From / so that no folder of ours is meant.
from_python() {
  local python folder seen=
  for python in python3 python; do
    folder=$(cd / && "$python" -c '
import importlib.util
spec = importlib.util.find_spec("torch")
if spec is not None and spec.submodule_search_locations:
    print(list(spec.submodule_search_locations)[0])' 2>/dev/null) || continue
    [[ $folder && $folder != "$seen" ]] || continue
    seen=$folder
    probe "$folder"
    [[ $state == ok ]] && accept "$python"
    say "passing over the torch of $python: $folder: $fault"
  done
  return 0
}

# What pip would bring, before it does: sets wheel and size from the line that pip prints when it begins, and ends pip
# there. Every pip prints that line; asking for a report instead makes older ones download everything first.
look_before_download() {
  local pip=$1 line lines='' code scratch
  scratch=$(mktemp -d)
  wheel='' size=''
  code=0
  exec {pip_output}< <(PYTHONUNBUFFERED=1 exec "$pip" -m pip download --no-deps --progress-bar off --dest "$scratch" \
    "$torch_requirement" 2>&1)
  local pid=$!
  while read -r line <&"$pip_output"; do
    lines+="$line"$'\n'
    if [[ $line =~ (Downloading|Using\ cached)\ .*(torch-[^/\ ]*\.whl)\ \(([^\)]*)\) ]]; then
      wheel=${BASH_REMATCH[2]} size=${BASH_REMATCH[3]}
    elif [[ $line =~ Processing\ (.*/(torch-[^/]*\.whl))$ ]]; then
      wheel=${BASH_REMATCH[2]} size=$(du -h --apparent-size "${BASH_REMATCH[1]}" | cut -f1)B
    fi
    [[ $wheel ]] && break
  done
  kill "$pid" 2>/dev/null || true
  wait "$pid" || code=$?
  exec {pip_output}<&-
  rm -rf "$scratch"
  if [[ ! $wheel ]] && ((code)); then
    printf '%s' "$lines" >&2
    fail 5 "pip finds no $torch_requirement, see above; try PIP_INDEX_URL, or LIBTORCH=<an unpacked LibTorch>"
  fi
  wheel=${wheel//%2B/+}
}

from_pip() {
  local python pip='' options=()
  probe .deps/python/torch
  [[ $state == ok ]] && accept pip
  for python in python3 python /usr/bin/python3; do
    "$python" -m pip --version >/dev/null 2>&1 && pip=$python && break
  done
  [[ $pip ]] || fail 2 "no python3 with pip on the path; try installing python3-pip, or LIBTORCH=<an unpacked LibTorch>"

  local wheel size
  look_before_download "$pip"
  if [[ ! $wheel ]]; then
    say "pip brings $torch_requirement: size and variant not told"
  elif [[ $wheel == *+cpu-* ]]; then
    say "pip brings $wheel: CPU build, $size"
    options=(--no-deps) # the C++ side needs no Python package
  elif [[ $wheel == *+* || $wheel == *x86_64* ]]; then
    say "pip brings $wheel: CUDA build, $size, and with the NVIDIA libraries that it needs several GB"
    say "for the CPU build, a tenth of that, stop here and set PIP_INDEX_URL to an index that has ${torch_requirement}+cpu"
  else
    say "pip brings $wheel: CPU or CUDA not told by its name, $size"
  fi
  rm -rf .deps/python .deps/python.new
  run_logged .deps/pip.log "$pip" -m pip install --no-compile --progress-bar off --target .deps/python.new \
    "${options[@]}" "$torch_requirement" || fail 5 "pip install failed, see above"
  mv .deps/python.new .deps/python
  probe .deps/python/torch
  [[ $state == ok ]] || fail 5 "$root: $fault, after pip installed it"
  accept pip
}

from_names
from_python
from_pip
