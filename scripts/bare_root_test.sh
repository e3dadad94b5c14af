#!/usr/bin/env bash
# Shows that the README's two commands work on a bare machine: in a fresh Debian root of debootstrap's minbase variant,
# from a clone of this checkout's last commit, scripts/test.sh and then scripts/quickstart.sh, and both once more.
# Packages come from the mirror that apt uses here, LibTorch from where pip looks here. Needs root, debootstrap, git and
# about 6 GB in FOLDER. What it mounts goes with it.
#
# usage: scripts/bare_root_test.sh [--keep] [FOLDER]
#   --keep    leaves the root in FOLDER (default: a new folder under /var/tmp), to be looked at or used again
source "$(dirname "$0")/common.sh"

keep=
root=
for argument; do
  case $argument in
    --keep) keep=1 ;;
    -h | --help)
      show_help
      exit 0
      ;;
    -*) fail 2 "unknown option '$argument'; try --keep or --help" ;;
    /*) root=$argument ;;
    *) root=$OLDPWD/$argument ;; # from where the caller stands
  esac
done
((EUID == 0)) || fail 2 "must be root, to make a root file system and mount in it"
for tool in debootstrap git unshare; do
  command -v "$tool" >/dev/null || fail 2 "$tool: not found on the path; try apt-get install $tool"
done
# Mounts are made in a namespace of their own and end with it.
if [[ ! ${BARE_ROOT_NAMESPACE:-} ]]; then
  exec env BARE_ROOT_NAMESPACE=1 unshare --mount --propagation private --pid --fork --kill-child \
    "scripts/$script" ${keep:+--keep} ${root:+"$root"}
fi
if [[ ! $root ]]; then root=$(mktemp -d /var/tmp/bare-root-XXXXXX); fi

clean_up() {
  umount --recursive --lazy "${mounts[@]}" 2>/dev/null || true
  if [[ $keep ]]; then
    say "kept: $root"
  elif grep -q " $root/" /proc/self/mounts; then
    say "not removed, for something is still mounted in it: $root"
  else
    rm -rf --one-file-system "$root"
  fi
}
mounts=()
trap clean_up EXIT

bind() { # PATH MODE: a folder or file of this machine at the same place in the root
  if [[ -d $1 ]]; then mkdir -p "$root$1"; else install -D /dev/null "$root$1"; fi
  mount --bind "$1" "$root$1"
  mount -o "remount,bind,$2" "$root$1"
  mounts+=("$root$1")
}

make_root() {
  local codename mirror
  codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
  # shellcheck disable=SC2016 # apt's own variables
  mirror=$(apt-get indextargets --format '$(CODENAME) $(REPO_URI)' 'Created-By: Packages' |
    sed -n "s/^$codename //p" | head -n 1)
  [[ $codename && $mirror ]] || fail 2 "apt names no mirror for '$codename' here; try apt-get update"
  say "debootstrap --variant=minbase $codename"
  run_logged "$root.log" debootstrap --variant=minbase "$codename" "$root" "$mirror" || fail 5 "debootstrap failed"
  # Where packages come from, and who vouches for that.
  rm -f "$root/etc/apt/sources.list"
  cp -rL /etc/apt/{sources.list,sources.list.d,apt.conf.d,trusted.gpg.d} "$root/etc/apt/" 2>/dev/null || true
  cp -rL /usr/local/share/ca-certificates "$root/usr/local/share/"
  cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
}

# pip's settings, and the folders of this machine that they name.
take_pip_settings() {
  local file word
  for file in /etc/pip.conf /etc/xdg/pip/pip.conf ~/.config/pip/pip.conf ~/.pip/pip.conf; do
    [[ ! -e $file ]] || install -D -m 644 "$file" "$root${file/#$HOME//root}"
  done
  mapfile -t pip_variables < <(env | grep '^PIP_' || true)
  for word in $(python3 -m pip config list 2>/dev/null | sed "s/^[^=]*='\(.*\)'$/\1/; s/\\\\n/ /g"); do
    word=${word#file://}
    if [[ $word == /?* && -e $word && $word != /etc/ssl/* ]]; then bind "$word" ro; fi
  done
}

inside() { # COMMAND...: in the checkout in the root, with nothing of this environment but pip's
  say "--- $*"
  chroot "$root" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin "${pip_variables[@]}" \
    sh -c 'cd /srv/llmtrain && exec "$@"' sh "$@"
}

mkdir -p "$root"
[[ -e $root/etc/debian_version ]] || make_root
rm -rf "$root/srv/llmtrain"
git clone --quiet --no-hardlinks . "$root/srv/llmtrain"
mount -t proc proc "$root/proc"
mounts+=("$root/proc")
for folder in /sys /dev; do
  mount --rbind "$folder" "$root$folder"
  mounts+=("$root$folder")
done
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mounts+=("$root/tmp")
take_pip_settings

say "$(chroot "$root" dpkg-query -W -f 'x\n' | wc -l) packages in the bare root"
inside scripts/test.sh
inside scripts/quickstart.sh
say "--- both again, with nothing to set up and nothing to build"
inside scripts/test.sh
inside scripts/quickstart.sh
say "done"
