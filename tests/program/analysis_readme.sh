#!/usr/bin/env bash
# Runs the shell blocks of analysis/TIDY.md as written, on a small sweep of the same name.
# Usage: analysis_readme.sh SOURCE_DIR MOESIM PYTHON
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source=$1 moesim=$2 python=$3
. "$here/support.sh"
mkdir bin
for program in "moesim $moesim" "python3 $python"; do
  printf '#!/bin/sh\nexec "%s" "$@"\n' "$(command -v "${program#* }")" > "bin/${program%% *}"
done
chmod +x bin/*
PATH=$work/bin:$PATH

printf '%s\n' '[run]' 'name = quickstart' 'steps = 4' '[record]' 'every = 2' '[eval]' 'every = 2' 'batches = 1' \
  '[sweep]' 'router.name = dense, token_choice' 'run.seed = 0, 1' > c.ini
moesim run c.ini --out runs > /dev/null 2>&1 || fail "the sweep did not run"

awk '/^```sh$/ {inside = 1; file = sprintf("block%02d", ++count); next} /^```/ {inside = 0} inside {print > file}' \
  "$source/analysis/TIDY.md"
ran=0
for block in block*; do
  lacks=
  for module in $(sed -n 's/^import \(.*\)/\1/p' "$block" | tr ',' ' '); do
    python3 -c "import $module" 2> /dev/null || lacks="$python has no $module"
  done
  if grep -q engine=.h5netcdf "$block"; then python3 -c 'import h5netcdf' 2> /dev/null || lacks="$python has no h5netcdf"; fi
  for program in Rscript gnuplot; do
    if grep -q "^$program" "$block"; then command -v $program > /dev/null || lacks="$program is not installed"; fi
  done
  if [ -n "$lacks" ]; then
    echo "skipped: $(tail -1 "$block"): $lacks"
    continue
  fi
  ran=$((ran + 1))
  bash -eu "$block" > shown 2>&1 || fail "$(cat "$block"): $(tail -2 shown)"
  [ -s shown ] || fail "$(cat "$block"): shows nothing"
done
[ -e block03 ] || fail "analysis/TIDY.md has fewer blocks of shell than it had"
if [ "$ran" -eq 0 ]; then
  echo "skipped: nothing that the blocks need is installed"
  exit 77
fi
finish analysis_readme
