#!/usr/bin/env bash
# Runs the commands of experiments/TUTORIAL.md as written, and checks its results.
# Usage: walk.sh SOURCE_DIR BUILD_DIR. The programs and objects of BUILD_DIR are used; files go to SOURCE_DIR/build/walk, which is removed.
set -uo pipefail
source=$1 build=$2
. "$(cd "$(dirname "$0")" && pwd)/support.sh"
command -v gnuplot > /dev/null || { echo "skipped: gnuplot is not installed"; exit 77; }
mkdir -p "$source/build" 2> /dev/null && [ -w "$source/build" ] || { echo "skipped: nothing can be written to $source/build"; exit 77; }
trap 'rm -rf "$source/build/walk" "$work"' EXIT
rm -rf "$source/build/walk"
"$source/tests/program/objects.py" "$build" "$work/objects" || exit 1
export PATH=$build:$PATH OMP_NUM_THREADS=1 CMAKE_CXX_COMPILER_LAUNCHER="$source/tests/program/reuse.sh;$build;$work/objects"

awk '/^```/ {if (inside) exit; inside = /^```sh$/; next} inside' "$source/experiments/TUTORIAL.md" > walk
grep -q '^# 10\.' walk || fail "experiments/TUTORIAL.md has no walk of ten commands"
(cd "$source" && bash -eu "$work/walk") > shown 2>&1 || fail "$(tail -n 5 shown)"
cd "$source/build/walk" || exit 1
grep -q '^6 runs, 6 to do' "$work/shown" || fail "the dry run plans other runs: $(grep 'to do' "$work/shown")"
for arm in dense token_choice expert_choice mine; do
  grep -Eq "^$arm +2 +[0-9]" "$work/shown" || fail "no row of two seeds for $arm: $(tail -n 30 "$work/shown")"
done
grep -q 'toprule' utilization.tex || fail "no table for the paper"
[ "$(head -c 5 loss.pdf)" = %PDF- ] || fail "no figure"
grep -q '>mine<' report.html || fail "the page does not have the new router"
finish walk
