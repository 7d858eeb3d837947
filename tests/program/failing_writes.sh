#!/usr/bin/env bash
# Tests failing_writes.c itself: the disk fails where it should, and only there. Usage: failing_writes.sh MODULE
set -u
module=$1
. "$(cd "$(dirname "$0")" && pwd)/support.sh"
mkdir disk other

# on AT COMMAND...: with the disk failing at this call; stderr in `error`, the number of calls in `calls`.
on() {
  local at=$1 status
  shift
  rm -rf disk/* count
  LC_ALL=C LD_PRELOAD=$module MOESIM_FAIL_UNDER=$work/disk MOESIM_FAIL_AT=$at MOESIM_FAIL_COUNT_FILE=$work/count "$@" 2>stderr
  status=$?
  error=$(cat stderr)
  calls=$(cat count)
  return $status
}

# every COUNT COMMAND...: it makes so many calls, fails at each of them, and not beyond.
every() {
  local count=$1 n
  shift
  on 0 "$@" || fail "$* fails with a sound disk: $error"
  [ "$calls" -eq "$count" ] || fail "$*: $calls calls, expected $count"
  for ((n = 1; n <= count; ++n)); do
    on $n "$@" && fail "$* survives a failure of call $n"
    [[ $error == *"No space left on device"* ]] || fail "$*: call $n: $error"
  done
  on $((count + 1)) "$@" || fail "$* fails at call $n: $error"
}

every 5 dd if=/dev/zero of=disk/file bs=1 count=3 conv=fsync status=none  # open, three of write, fsync
every 4 python3 -c '  # open and write, in each of two forked children
import os
for name in "ab":
    child = os.fork()
    if child == 0:
        os.write(os.open("disk/" + name, os.O_CREAT | os.O_WRONLY), b"x")
        os._exit(0)
    if os.waitpid(child, 0)[1] != 0: raise SystemExit(1)'
every 1 mkdir disk/folder
every 1 python3 -c 'import os; os.rename("other", "disk/other"); os.rename("disk/other", "other")'
every 0 dd if=/dev/zero of=other/file bs=1 count=3 status=none
every 0 cat "$module" >/dev/null
on 0 sh -c 'echo x > disk/file'
[ "$calls" -eq 2 ] || fail "a process that leaves by _exit: $calls calls, expected 2"

export MOESIM_FAIL_ERRNO=5
on 1 mkdir disk/folder
[[ $error == *"Input/output error"* ]] || fail "another errno: $error"
export MOESIM_FAIL_ALWAYS=1
on 2 sh -c 'echo x > disk/a; echo x > disk/b; echo x > disk/c'
[ ! -s disk/a ] && [ ! -e disk/b ] && [ ! -e disk/c ] || fail "a disk that stays full: $(ls -l disk)"

# Removing counts only where processes die.
unset MOESIM_FAIL_ERRNO MOESIM_FAIL_ALWAYS
removes='import os; os.close(os.open("disk/file", os.O_CREAT)); os.mkdir("disk/folder"); os.remove("disk/file"); os.rmdir("disk/folder")'
every 2 python3 -c "$removes"
export MOESIM_FAIL_KILL=1
on 0 python3 -c "$removes" && [ "$calls" -eq 4 ] || fail "where processes die: $calls calls, expected 4"
on 3 sh -c "python3 -c '$removes'; [ \$? -eq 137 ]" && [ -e disk/file ] || fail "a process survives its death: $(ls disk)"

finish "failing writes"
