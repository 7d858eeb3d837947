#!/usr/bin/env bash
# Tests every value of `moesim compare --json` against another program that reads only the run files: arms with common and with
# different seeds, one that looks ahead, and one with a diverged seed.
# Usage: recompute.sh MOESIM PYTHON. Exit 77 (skipped) without h5py and numpy.
set -euo pipefail
moesim=$1 python=$2
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" -c 'import h5py, numpy' 2> "$work/missing" || { echo "skipped: $(tail -1 "$work/missing")"; exit 77; }
printf '%s\n' '[run]' 'name = again' 'steps = 12' '[model]' 'layers = 2' 'width = 32' 'heads = 2' '[data]' 'length = 16' \
  '[moe]' 'experts = 4' 'every = 1' '[expert]' 'hidden = 32' '[train]' 'batch = 4' '[record]' 'every = 2' \
  '[eval]' 'every = 4' 'batches = 2' > "$work/c.ini"
train() { "$moesim" run "$work/c.ini" --threads 1 --out "$work/out" "$@" > "$work/log" 2>&1 || { cat "$work/log"; exit 1; }; }
train run.seed=0..2 router.name=dense,token_choice,soft
train run.seed=7,8 router.name=lory
rm "$work/out/again/plan.json"
"$python" - "$work"/out/again/token_choice-s2-*/run.h5 <<'END'
import sys
import h5py
with h5py.File(sys.argv[1], "r+") as file:
    file.attrs["status"] = "diverged"
END
"$python" "$here/../analysis/recompute.py" "$moesim" "$work/out/again"
"$python" "$here/../analysis/printed.py" "$moesim" "$work/out/again"
