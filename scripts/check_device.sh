#!/usr/bin/env bash
# What a card computes and how fast, on the machine that has it: tests, sanitizers, benchmarks, several runs at once.
#
#   scripts/check_device.sh OUT [BUILD]
#
# BUILD is a build folder with CUDA, made here or on another machine (which needs no compiler then, but the shared libraries
# of scripts/setup.sh; made for the processor of another machine it may not run, so make it with -DMOESIM_NATIVE=OFF); without
# one, build/release is built first. Everything goes to the folder OUT: a log for each part, the benchmarks as JSON, and
# summary.txt. A part that fails does not stop the next; the end lists what failed. From the environment: MOESIM_ORACLES and
# MOESIM_DATA as for the tests, MOESIM_DEVICE (cuda:0), MOESIM_PYTHON with h5py and numpy, MOESIM_PART_SECONDS (1800), the
# longest that a part may take, MOESIM_PARTS, a regular expression: the parts whose names match, of all.
set -uo pipefail
[ $# -ge 1 ] || { sed -n '2,5p' "$0" | cut -c3-; exit 2; }
mkdir -p "$1" || exit 4
out=$(cd "$1" && pwd)
[ $# -lt 2 ] || build=$(cd "$2" && pwd) || exit 2
cd "$(dirname "$0")/.." || exit 1
: "${build:=$PWD/build/release}"
device=${MOESIM_DEVICE:-cuda:0} python=${MOESIM_PYTHON:-python3} limit=${MOESIM_PART_SECONDS:-1800}
export MOESIM_SOURCE_DIR=$PWD OMP_WAIT_POLICY=passive
moesim=$build/moesim
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=() parts=0
: > "$out/summary.txt"
say() { echo "$*" | tee -a "$out/summary.txt"; }

# part NAME COMMAND...: runs it with its output in OUT/NAME.log. A device that is not found is no pass.
part() {
  local name=$1 begin=$SECONDS code=0
  shift
  [[ $name =~ ${MOESIM_PARTS:-.} ]] || return 0
  parts=$((parts + 1))
  timeout -k 30 "$limit" "$@" > "$out/$name.log" 2>&1 || code=$?
  grep -q 'no CUDA device\|built without CUDA\|this build has: cpu' "$out/$name.log" && [ "$code" -eq 0 ] && code=no-device
  case $code in
    0) say "ok       $name ($((SECONDS - begin)) s)$(grep -q 'skipped: ' "$out/$name.log" && echo ', with cases skipped')" ;;
    77) say "skipped  $name: $(grep -m 1 skipped "$out/$name.log")" ;;
    *) say "FAILED   $name (exit $code, $((SECONDS - begin)) s)"; failed+=("$name") ;;
  esac
}

machine() {
  date -u
  uname -a
  lscpu | grep -E '^(Model name|CPU\(s\)|L3)'
  nvidia-smi
  "$moesim" info
}

# The rate of all runs together. throughput JOBS
throughput() {
  local steps=200 runs=4 batch=16 length=256 begin end
  begin=$(date +%s.%N)
  "$moesim" run experiments/quickstart.ini run.device="$device" router.name=token_choice run.seed=0..$((runs - 1)) \
    run.steps=$steps eval.every=0 eval.batches=1 data.length=$length train.batch=$batch data.symbols=256 model.layers=4 \
    model.width=128 moe.experts=8 expert.hidden=512 --jobs "$1" --out "$scratch/jobs-$1" || return
  end=$(date +%s.%N)
  awk -v jobs="$1" -v tokens=$((runs * steps * batch * length)) -v seconds="$(awk "BEGIN {print $end - $begin}")" \
    'BEGIN {printf "%d at once: %.1f s, %.0f tokens/s in all, from the start of the first to the end of the last\n", jobs, seconds, tokens / seconds}'
}

bench() {  # bench NAME CONFIG WORDS...
  local name=$1
  shift
  "$moesim" bench "$@" run.device="$device" --json > "$out/$name.json"
}

export -f machine throughput bench
export moesim device out scratch

[ $# -ge 2 ] || part build scripts/build.sh release
part machine bash -c machine
for real in f32 f64; do
  tests=$build/tests/moesim_tests_cuda_$real
  part "$real.cuda" "$tests" '[cuda]'
  for group in oracle routers moe train; do
    part "$real.cuda_$group" env MOESIM_TEST_DEVICE="$device" "$tests" "[$group]"
  done
done
part killed env MOESIM_DEVICE="$device" MOESIM_KILL_SECONDS=3 "$python" tests/program/killed.py "$moesim" experiments/quickstart.ini

for compute in float32 tf32 bfloat16; do
  part "bench.$compute" bash -c "bench bench.$compute experiments/bench.ini run.compute=$compute"
done
part "bench.no_graphs" bash -c "bench bench.no_graphs experiments/bench.ini run.graphs=off"
for compute in float32 tf32 bfloat16; do
  part "bench_large.$compute" bash -c \
    "bench bench_large.$compute experiments/bench_large.ini run.compute=$compute --warmup 2 --steps 5"
done
for jobs in 1 2 4; do
  part "jobs-$jobs" bash -c "throughput $jobs"
  grep -s 'at once' "$out/jobs-$jobs.log" | tee -a "$out/summary.txt"
done

sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda/bin/compute-sanitizer 2> /dev/null)
if [ -n "$sanitizer" ]; then
  # Libraries try calls that may fail, and a test asks for more memory than there is; races are looked for in our kernels, not
  # in those of cuBLAS and CUB; the process that starts a run has no use for a card.
  options() {
    case $1 in
      memcheck) echo --report-api-errors no ;;
      racecheck) echo --kernel-name kernel_substring=moesim ;;
    esac
    "$sanitizer" --help | grep -q -- --require-cuda-init && echo --require-cuda-init no
  }
  for tool in memcheck racecheck; do
    read -ra more <<< "$(options $tool | tr '\n' ' ')"
    for real in f32 f64; do
      part "$tool.$real" "$sanitizer" --tool $tool "${more[@]}" --error-exitcode 1 "$build/tests/moesim_tests_cuda_$real" '[cuda]~[slow]'
    done
    part "$tool.training" "$sanitizer" --tool $tool "${more[@]}" --error-exitcode 1 --target-processes all "$moesim" run \
      experiments/quickstart.ini run.device="$device" run.seed=0 run.steps=6 eval.every=6 eval.batches=1 --out "$scratch/$tool"
  done
else
  say "skipped  memcheck, racecheck: there is no compute-sanitizer"
fi

if [ ${#failed[@]} -gt 0 ]; then
  say "failed: ${failed[*]}"
  exit 1
fi
[ "$parts" -gt 0 ] || { say "no part matches MOESIM_PARTS=${MOESIM_PARTS:-}"; exit 2; }
say "nothing failed"
