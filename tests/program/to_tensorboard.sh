#!/usr/bin/env bash
# Tests `moesim export --to tensorboard`: refusals, output, exit codes. Usage: to_tensorboard.sh MOESIM
moesim=$1
source "$(dirname "$0")/support.sh"

# expect CODE PATTERN WORDS...: the exit code, and one line on stderr with the pattern.
expect() {
  local code=$1 pattern=$2
  shift 2
  "$moesim" export "$@" > out 2> err
  local got=$?
  [ "$got" -eq "$code" ] || fail "$*: exit code $got, not $code: $(cat err)"
  [ -z "$pattern" ] || grep -q -- "$pattern" err || fail "$*: stderr lacks '$pattern': $(cat err)"
  [ "$code" -eq 0 ] || [ "$(wc -l < err)" -eq 1 ] || fail "$*: more than one line: $(cat err)"
}

printf '%s\n' '[run]' 'name = board' 'steps = 2' '[eval]' 'batches = 1' '[sweep]' 'router.name = dense, soft' > c.ini
"$moesim" run c.ini --out runs > /dev/null 2>&1 || fail "run"

expect 2 'choose tensorboard' runs/board --to csv
expect 2 '--follow goes with --to tensorboard' runs/board --follow
expect 2 '--interval goes with --to tensorboard' runs/board --interval 2
for option in '--table domains' '--format csv' '--at best' '--baseline dense' '--caption a' '--standalone' '--window 3'; do
  # shellcheck disable=SC2086
  expect 2 "takes no ${option%% *}" runs/board --to tensorboard $option
done
expect 2 'interval' runs/board --to tensorboard --follow --interval 0
expect 2 "no run has the arm 'sofa'" runs/board --to tensorboard --arm sofa --out none
[ ! -e none ] || fail "an arm that is not there left a folder"
expect 3 'missing' missing --to tensorboard
"$moesim" export missing --to tensorboard --follow 2> err
[ $? -eq 3 ] || fail "a follower of a path that is not there: $(cat err)"
touch file
expect 4 'file' runs/board --to tensorboard --out file

expect 0 '' runs/board --to tensorboard
grep -q '^2 runs with [0-9]* new events; see them with: tensorboard --logdir tensorboard$' out || fail "stdout: $(cat out)"
[ "$(find tensorboard -type f | wc -l)" -eq 2 ] || fail "files: $(find tensorboard -type f)"
ls tensorboard/board/soft/'seed 0'/events.out.tfevents.*.moesim.000 > /dev/null || fail "no event file of soft"

# All runs have ended, so a follower ends, too, and adds nothing.
find tensorboard -type f -exec sha256sum {} + > before
expect 0 'Ctrl-C ends it' runs/board --to tensorboard --follow --arm soft
grep -q '^1 run with 0 new events' out || fail "stdout: $(cat out)"
sha256sum --quiet -c before || fail "a second export changed files"

# A damaged run file is left out, and said.
echo nothing > runs/board/"$(ls runs/board | grep soft)"/run.h5
expect 3 'not a readable run file' runs/board --to tensorboard --out others
[ "$(find others -type f | wc -l)" -eq 1 ] || fail "the other run is missing"
finish to_tensorboard
