#!/usr/bin/env bash
# Tests limits of the system (file size, CPU time, memory, open files, processes, threads): each ends in order; and a reader
# that closes its pipe. Usage: limits.sh MOESIM MODULE, the module being failing_writes.c.
set -u
moesim=$1 module=$2
. "$(cd "$(dirname "$0")" && pwd)/support.sh"
export LC_ALL=C ASAN_OPTIONS=verify_asan_link_order=0
tiny_config 3 2 > c.ini
one=(c.ini router.name=token_choice --threads 1)

# ends WHAT EXIT PATTERN COMMAND...: with this exit code, and stderr, of which the last line matches the extended expression.
ends() {
  local what=$1 code=$2 pattern=$3 status
  shift 3
  "$@" > out 2> err
  status=$?
  [ "$status" -eq "$code" ] || fail "$what: exit $status, expected $code: $(tail -n 3 err)"
  tail -n 1 err | grep -Eq -- "$pattern" || fail "$what: the last line is no /$pattern/: $(tail -n 3 err)"
}
limited() { # limited OPTION VALUE COMMAND...
  local option=$1 value=$2
  shift 2
  # Without the files that whoever runs the test left open.
  (exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- && ulimit "$option" "$value" && exec "$@")
}

# File sizes. A kilobyte holds neither plan; 16 hold the plan and not the run file.
ends "no room for the plan" 4 'plan.json: cannot write: File too large; raise the limit of file sizes' \
  limited -f 1 "$moesim" run "${one[@]}" run.name=b --out small
[ -z "$(ls -A small/b)" ] || fail "left behind: $(ls -A small/b)"
ends "no room for the run file" 4 'cannot write: File too large; raise the limit of file sizes' \
  limited -f 16 "$moesim" run "${one[@]}" run.name=b --out small
find small -name '.*.tmp-*' | grep . && fail "temporaries are left"
ends "afterwards" 0 . "$moesim" run "${one[@]}" run.name=b --out small
"$moesim" verify small/b > out || fail "afterwards: $(cat out)"
(ulimit -f 1; "$moesim" list options > options 2> err; [ $? -eq 4 ]) || fail "list into a file that may not grow: exit $?"
grep -q 'standard output: cannot write all of the result: File too large' err || fail "list into a limited file: $(cat err)"

# A reader that left before anything was written is no error; a full disk is one.
"$moesim" run c.ini router.name=token_choice,dense --threads 1 --out runs > /dev/null 2>&1 || fail "training"
run=$(echo runs/tiny/*token_choice*)
for words in "list options" "list routers --json" "info" "--help" "run --help" "--version" "status runs/tiny" "verify runs/tiny" \
  "compare runs/tiny" "compare runs/tiny --format json" "sample $run --prompt 1 --tokens 20 --threads 1" \
  "run c.ini router.name=token_choice,dense --dry-run --trial 0" "run c.ini router.name=token_choice,dense --out runs --threads 1" \
  "bench c.ini --threads 1 --steps 1 --warmup 0" "check dense"; do
  mkfifo pipe
  sleep 60 < pipe & reader=$!
  exec 7> pipe
  kill $reader; wait $reader 2> /dev/null
  "$moesim" $words >&7 2> err
  status=$?
  exec 7>&-
  rm pipe
  [ $status -eq 0 ] || fail "moesim $words, and nobody reads: exit $status: $(tail -n 1 err)"
  grep -q 'standard output' err && fail "moesim $words, and nobody reads: $(tail -n 1 err)"
  "$moesim" $words > /dev/full 2> err
  status=$?
  [ $status -eq 4 ] && grep -q 'standard output: .*No space left' err || fail "moesim $words > /dev/full: exit $status: $(tail -n 1 err)"
  "$moesim" $words >&- 2> err
  status=$?
  [ $status -eq 4 ] && grep -q 'standard output: .*Bad file' err || fail "moesim $words >&-: exit $status: $(tail -n 1 err)"
done

# Processor time: the soft limit, and a hard one, below which the program keeps time for a checkpoint.
long=(c.ini router.name=dense run.steps=100000000 eval.every=0 record.every=1000000 checkpoint.seconds=1000 --threads 1)
ends "soft limit of processor time" 75 'stopped with 0 of 1 runs done' limited -St 2 "$moesim" run "${long[@]}" --out time
ends "hard limit of processor time" 75 'stopped with 0 of 1 runs done' limited -t 3 "$moesim" run "${long[@]}" --out time
[ -n "$(find time -name manifest.json)" ] || fail "limits of time leave no checkpoint"
"$moesim" status time/tiny | grep -q interrupted || fail "status after a limit of time: $("$moesim" status time/tiny)"

# Open files and processes: what cannot begin now waits.
many=(c.ini router.name=dense run.seed=0..11 --jobs 12 --threads 1)
ends "few open files" 0 . limited -n 14 "$moesim" run "${many[@]}" --out files
grep -q 'warning: no more than [0-9]* runs at once: Too many open files' err || fail "few open files: $(cat err)"
[ "$(grep -c 'warning: no more than' err)" -eq 1 ] || fail "one warning of few open files: $(grep warning err)"
ends "too few open files" 1 'cannot start a process: Too many open files' limited -n 4 "$moesim" run "${many[@]}" --out files3
# What only reads says so in one line, and calls nothing damaged, interrupted or failed.
for words in "status runs/tiny" "verify runs/tiny" "compare runs/tiny" "status $run" "check dense" "check dense k=1"; do
  ends "too few open files, moesim $words" 1 '^moesim: cannot start a process[a-z ]*: Too many open files; raise the limit of open files .ulimit -n.$' \
    limited -n 4 "$moesim" $words
  [ "$(grep -c . err)" -eq 1 ] && ! grep -Eq 'damaged|interrupted|FAIL' out || fail "too few open files, moesim $words: $(cat out err)"
done
ends "a soft limit" 0 . limited -Sn 4 "$moesim" run "${one[@]}" run.name=soft --out soft
ends "forks that fail" 0 . env LD_PRELOAD="$module" MOESIM_LACKS=fork=11 MOESIM_FORKS=5 "$moesim" run "${many[@]}" --out forks
grep -q 'warning: no more than 3 runs at once: Resource temporarily unavailable' err || fail "forks that fail: $(cat err)"
ends "no forks" 1 'cannot start a process: Resource temporarily unavailable' \
  env LD_PRELOAD="$module" MOESIM_LACKS=fork=11 MOESIM_FORKS=1 "$moesim" run "${many[@]}" --out forks0

# The environment is held to the limits of the options.
for value in 1000000 1025 0 -3 abc 2x ,4; do
  ends "OMP_NUM_THREADS=$value" 2 "OMP_NUM_THREADS=$value: expected a whole number from 1 to 1024" \
    env OMP_NUM_THREADS="$value" "$moesim" run c.ini --out env
done
[ ! -e env ] || fail "a mistake in the environment creates files"
for command in "sample $run --prompt 1" "bench c.ini" "check dense" "run c.ini --dry-run"; do
  ends "OMP_NUM_THREADS=1000000 moesim $command" 2 'OMP_NUM_THREADS=1000000: expected' env OMP_NUM_THREADS=1000000 "$moesim" $command
done
for value in '' ' 2 ' 4,2 1; do
  ends "OMP_NUM_THREADS='$value'" 0 . env OMP_NUM_THREADS="$value" "$moesim" run c.ini --force --out env
done
ends "--threads beside OMP_NUM_THREADS=0" 0 . env OMP_NUM_THREADS=0 "$moesim" run c.ini --threads 1 --out env
ends "OMP_THREAD_LIMIT" 0 . env OMP_THREAD_LIMIT=1 "$moesim" run c.ini run.seed=1 --threads 4 --out env
grep -q 'warning: OMP_THREAD_LIMIT=1: threads are 1, not 4' err || fail "OMP_THREAD_LIMIT below --threads: $(cat err)"
ends "certificates of one thread" 2 'OMP_THREAD_LIMIT=1: certificates compare up to 7 threads' env OMP_THREAD_LIMIT=1 "$moesim" check dense
for value in 100G 1000000G 17179869184G; do # stacks that no thread can have; the last leaves 64 bits
  ends "OMP_STACKSIZE=$value" 2 "^moesim: OMP_STACKSIZE=$value: (cannot start 2 threads with stacks of|expected a size)" \
    env OMP_STACKSIZE=$value "$moesim" run c.ini --threads 2 --out stack
  [ "$(grep -c . err)" -eq 1 ] || [ $value != 100G ] || fail "OMP_STACKSIZE=100G: $(cat err)"
done
for variable in OMP_STACKSIZE GOMP_STACKSIZE KMP_STACKSIZE; do
  for value in garbage 1 16K -4 4T 1.5M K; do
    ends "$variable=$value" 2 "^moesim: $variable=$value: expected a size of 128K or more" env $variable=$value "$moesim" run c.ini --threads 1 --out stack
  done
done
for variable in OMP_THREAD_LIMIT KMP_DEVICE_THREAD_LIMIT KMP_ALL_THREADS; do
  for value in 0 -1 x 1.5; do
    ends "$variable=$value" 2 "^moesim: $variable=$value: expected a whole number from 1 on" env $variable=$value "$moesim" run c.ini --out stack
  done
done
[ ! -e stack ] || fail "a mistake in the environment creates files"
for value in 512 '16 M' 2m '' ' 1G '; do
  ends "OMP_STACKSIZE='$value'" 0 . env OMP_STACKSIZE="$value" "$moesim" run c.ini --threads 2 --force --out env
done

# Memory: whatever the limit, the ending is 0, or one line that says that memory is why. Below `least` megabytes the loader or the
# start of a library ends the program before it begins; from there on for some 60 MB libraries fail wherever they happen to be.
printf '%s\n' '[run]' 'name = larger' 'steps = 1' '[model]' 'width = 128' '[eval]' 'batches = 1' > larger.ini
"$moesim" run larger.ini router.name=dense --threads 1 --out larger > /dev/null 2>&1 || fail "training larger"
tried=0 refused=0
if ! limited -v 2000000 "$moesim" --version > /dev/null 2>&1; then
  echo "skipped: this program needs more than 2 GB of address space, as with the address sanitizer; no trials with little memory"
  refused=20
fi
least=40
while [ $refused -eq 0 ] && ! limited -v $((1024 * least)) "$moesim" --version > /dev/null 2>&1; do least=$((least + 2)); done
[ $refused -gt 0 ] || for words in "run larger.ini --threads 1 --force --out memory" "run larger.ini --dry-run --trial 0.1 --threads 1" \
  "bench larger.ini --threads 1 --steps 1 --warmup 0" "check dense" "compare larger/larger" "status larger/larger" \
  "verify larger/larger" "sample $(echo larger/larger/*/) --prompt 1 --tokens 2 --threads 1" "run larger.ini --threads 7 --force --out memory"; do
  for more in 2 4 6 8 10 14 18 24 32 40 48 56 70 330; do
    megabytes=$((least + more))
    limited -v $((1024 * megabytes)) "$moesim" $words > out 2> err
    status=$?
    tried=$((tried + 1))
    [ $status -eq 0 ] && continue
    refused=$((refused + 1))
    line=$(tail -n 1 err)
    [[ $status =~ ^[12]$ && ($line == *"memory"* || $line == *"needs at least"*) && $line != *"internal error"* ]] || fail "$megabytes MB, moesim $words: exit $status: $(cat err)"
  done
done
echo "$tried trials with little memory, $refused refused"
[ $refused -ge 20 ] || fail "hardly anything was refused"

# A run that is killed: the reason that is most likely, and what it needs, in the exit line, in the status and in its folder.
"$moesim" run "${long[@]}" --out killed > out 2> err &
process=$!
until [ -s killed/tiny/dense-*/config.ini ]; do kill -0 $process || break; done 2> /dev/null
kill -KILL $(cat /proc/$process/task/$process/children)
wait $process
[ $? -eq 1 ] || fail "a worker that is killed"
words='was killed: Killed; memory may be the reason: it needs at least [0-9.]+ [kMG]?B, [0-9.]+ [kMGT]B available now'
for text in "$(tail -n 1 err)" "$(cat killed/tiny/dense-*/failure.txt)" "$("$moesim" status killed/tiny)"; do
  [[ $text =~ $words ]] || fail "killed: $text"
done

finish limits
