#!/usr/bin/env bash
# A run file of every kind of plan opens with xarray and h5py, and h5dump has nothing to complain about.
# Usage: run_file.sh MOESIM PYTHON. Exit 77 (skipped) without these Python packages.
set -euo pipefail
moesim=$1 python=$2
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
printf '%s\n' '[run]' 'name = file' 'steps = 3' '[record]' 'every = 1' '[eval]' 'batches = 1' \
  '[sweep]' 'router.name = dense, token_choice, soft, lory' > "$work/c.ini"
"$moesim" run "$work/c.ini" --out "$work/out" >/dev/null 2>&1
for file in "$work"/out/file/*/run.h5; do
  h5dump -H "$file" > /dev/null
  "$python" "$here/../analysis/check_run_file.py" "$file"
done
