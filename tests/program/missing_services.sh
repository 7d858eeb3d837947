#!/usr/bin/env bash
# Tests missing system services: one warning, and the run continues. Usage: missing_services.sh MOESIM MODULE, the module
# being failing_writes.c.
set -u
moesim=$1 module=$2
. "$(cd "$(dirname "$0")" && pwd)/support.sh"
export LC_ALL=C ASAN_OPTIONS=verify_asan_link_order=0
{ tiny_config 6 2; printf '%s\n' '[checkpoint]' 'every = 2'; } > c.ini
sweep=(c.ini router.name=dense eval.every=2 run.seed=0..2 --jobs 2 --threads 1)
checksums() { (cd "$1" && sha256sum tiny/*/checkpoint/step-000000006/*.safetensors); }
"$moesim" run "${sweep[@]}" --out whole > /dev/null 2>&1 || fail "training"

# lacking SERVICES: trains the sweep without them, in `lacks`, and its bits are those of the whole system; stderr in `err`.
lacking() {
  rm -rf lacks
  LD_PRELOAD=$module MOESIM_LACKS=$1 "$moesim" run "${sweep[@]}" --out lacks > out 2> err
  local status=$?
  [ $status -eq 0 ] || { fail "without $1: exit $status: $(tail -n 2 err)"; return; }
  [ "$(checksums lacks)" = "$(checksums whole)" ] || fail "without $1: other bits"
  "$moesim" verify lacks/tiny > out 2>&1 || fail "without $1: $(tail -n 2 out)"
  find lacks -name '.*.tmp-*' | grep . && fail "without $1: temporaries are left"
  grep -q "tiny/" out || true
}
warned() { # warned SERVICES PATTERN: lacking, and one warning that says so
  lacking "$1"
  [ "$(grep -c 'warning: ' err)" -eq 1 ] && grep -Eq "warning: .*$2" err || fail "without $1: not one warning of $2: $(grep warning err)"
}
silent() {
  lacking "$1"
  grep -q 'warning: ' err && fail "without $1: $(grep warning err)"
}

# EINVAL, ENOSYS, EOPNOTSUPP
for reason in 22 38 95; do
  warned folder_sync=$reason 'cannot be synced'
  warned file_sync=$reason 'cannot sync files'
  warned locks=$reason 'has no locks'
done
warned folder_sync=13 'cannot be synced'
warned locks=37 'has no locks' # ENOLCK
silent replace=17
silent prctl=38
silent setrlimit=1
silent gethostname=38
silent sched_getaffinity=38
silent statvfs=38
silent null=2
silent proc=2
lacking folder_sync=95,file_sync=22,locks=37
[ "$(grep -c 'warning: ' err)" -eq 3 ] || fail "three services: $(grep warning err)"

# What failed is a failure: EIO, ENOSPC, EDQUOT.
for reason in 5 28 122; do
  for service in folder_sync file_sync; do
    LD_PRELOAD=$module MOESIM_LACKS=$service=$reason "$moesim" run "${sweep[@]}" --out real > out 2> err
    status=$?
    [ $status -eq 4 ] && tail -n 1 err | grep -q 'cannot write: ' || fail "$service fails with $reason: exit $status: $(tail -n 1 err)"
    rm -rf real
  done
done
LD_PRELOAD=$module MOESIM_LACKS=locks=5 "$moesim" run "${sweep[@]}" --out real > out 2> err
[ $? -eq 4 ] && grep -q 'cannot lock: Input/output error' err || fail "a lock that fails: $(tail -n 1 err)"

# Commands that only read do without /proc, too; what they know less is said to be unknown.
for words in "status whole/tiny" "compare whole/tiny" "verify whole/tiny" "info" "check dense" "run c.ini --dry-run --threads 1"; do
  LD_PRELOAD=$module MOESIM_LACKS=proc=2,null=2,sched_getaffinity=38 "$moesim" $words > out 2> err || fail "moesim $words without /proc: $(tail -n 1 err)"
done
grep -q '(unknown available)' out || fail "memory without /proc: $(tail -n 1 out)"

# A clock before 1970, and one beyond every calendar.
for clock in -100 -9223372036854775808 9223372036854775807; do
  rm -rf clock
  LD_PRELOAD=$module MOESIM_TIME=$clock "$moesim" run "${sweep[@]}" --out clock > out 2> err || fail "a clock that shows $clock: $(tail -n 1 err)"
  "$moesim" compare clock/tiny > out 2>&1 || fail "compare, after a clock that shows $clock: $(tail -n 1 out)"
done

finish "missing services"
