#!/usr/bin/env bash
# Tests that run files of every kind of plan open with xarray, h5py and h5dump.
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

# Saved again by xarray: the same contents are noted, other contents are no damage, but exit 3.
resave() { # resave CHANGES
  "$python" - "$work"/out/file/dense-*/run.h5 "$1" <<'PY'
import os, sys, xarray
path, changes = sys.argv[1:]
with xarray.open_dataset(path, engine="h5netcdf", decode_timedelta=False) as opened:
    data = opened.load()
exec(changes)
os.remove(path)
data.to_netcdf(path, engine="h5netcdf")
PY
}
says() { grep -Eq "$1" "$work/verify" || { echo "expected $1: $(cat "$work/verify")"; exit 1; }; }
resave pass
"$moesim" verify "$work/out/file" > "$work/verify" || { echo "saved again: exit $?: $(cat "$work/verify")"; exit 1; }
says '^note: .*/run.h5: rewritten by another program \(h5netcdf [0-9.]+\); what it says is what was recorded'
says ': all in order$'
resave 'data["loss"] = data["loss"] + 1'
code=0
"$moesim" verify "$work/out/file" > "$work/verify" || code=$?
[ "$code" -eq 3 ] || { echo "changed: exit $code: $(cat "$work/verify")"; exit 1; }
says '/run.h5: rewritten and changed by another program \(h5netcdf [0-9.]+\): its SHA-256 no longer holds'
says ': 1 changed by another program$'
"$moesim" compare "$work/out/file" > /dev/null
# As it says: removed, it comes back as it was recorded.
rm "$work"/out/file/*/run.h5  # also of runs with variables that begin late, such as auxiliary losses
"$moesim" run "$work/c.ini" --out "$work/out" > /dev/null 2>&1
"$moesim" verify "$work/out/file" > "$work/verify" || { echo "written anew: exit $?: $(cat "$work/verify")"; exit 1; }
