#!/usr/bin/env bash
# Makes text in many languages and scripts for the tokenizer benchmarks, from the translated manual pages and books that
# Debian packages: fetches the packages (apt-get download; installs nothing), takes markup away, mixes the documents in
# a seeded order, and cuts at the size asked for.
#
#   scripts/bench/make_mixed_text.sh FOLDER [MEGABYTES]    writes FOLDER/mixed.jsonl and FOLDER/mixed.txt
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
folder=${1:?usage: make_mixed_text.sh FOLDER [MEGABYTES]}
megabytes=${2:-100}
packages=(
  manpages manpages-dev manpages-de manpages-de-dev manpages-es manpages-es-dev manpages-fr manpages-fr-dev
  manpages-ja manpages-ja-dev manpages-pl manpages-pt-br manpages-ru manpages-ru-dev manpages-tr manpages-uk manpages-zh
  aptitude-doc-ja aptitude-doc-ru debian-faq-ja debian-faq-ko debian-faq-ru debian-faq-zh-cn debian-handbook
  debian-reference-de debian-reference-en debian-reference-fr debian-reference-ja debian-reference-zh-cn
  debian-reference-zh-tw developers-reference-ja developers-reference-ru installation-guide-amd64 kicad-doc-ja
  kicad-doc-ru kicad-doc-zh maint-guide-ja maint-guide-vi maint-guide-zh-cn perl-doc python3.11-doc
)

mkdir -p "$folder/packages" "$folder/files"
cd "$folder"
for package in "${packages[@]}"; do
  compgen -G "packages/${package}_*.deb" >/dev/null && continue
  (cd packages && apt-get download -q "$package")
done
for deb in packages/*.deb; do dpkg-deb -x "$deb" files; done
python3 "$here/mixed_text.py" files "$megabytes"
