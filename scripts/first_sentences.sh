#!/usr/bin/env bash
# Prints the first sentence of every header, to be read in a row: each says what the thing is or does (CONTRIBUTING.md, English).
set -euo pipefail
cd "$(dirname "$0")/.."
git ls-files '*.hpp' '*.cuh' | while read -r header; do
  awk -v name="$header" '!/^\/\//{exit} {sub(/^\/\/ ?/, ""); text = text " " $0} END {
    if (match(text, /[.:](\)|"|”)?( |$)/)) text = substr(text, 1, RSTART); print name ":" text}' "$header"
done
