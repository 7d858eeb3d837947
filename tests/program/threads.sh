#!/usr/bin/env bash
# Tests that run files have the same bits with 1, 3 and 7 threads, for routers of every kind of plan. The cases [determinism] do so for
# every router, without a file. Usage: threads.sh MOESIM
set -euo pipefail
moesim=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
printf '%s\n' '[run]' 'name = threads' 'steps = 6' '[model]' 'width = 32' '[expert]' 'hidden = 300' '[eval]' 'every = 3' 'batches = 2' \
  '[record]' 'every = 2' '[sweep]' 'router.name = dense, token_choice, expert_choice, soft, lory, mixture_of_tokens' > c.ini
# Everything in a run file but what depends on the clock and on the machine. From inside the folder, because h5dump names the
# file; and without the numbers of references to data sets, which h5dump 1.14 takes from its own memory.
fingerprint() (
  cd "$1"
  for file in threads/*/run.h5; do
    # shellcheck disable=SC2046
    h5dump -y -w 0 -m '%.17g' $(h5ls "$file" | awk '$1 != "seconds" {print "-d /" $1}') "$file" | sed -E 's/(DATASET) [0-9]+ /\1 /'
  done | sha256sum
)
for threads in 1 3 7; do
  OMP_NUM_THREADS=$threads "$moesim" run c.ini --out "t$threads" >/dev/null 2>&1
  fingerprint "t$threads" | tee "$threads.sum"
  cmp 1.sum "$threads.sum"
done
