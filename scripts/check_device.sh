#!/usr/bin/env bash
# What a card computes and how fast, on the machine that has it: tests, sanitizers, benchmarks, several runs at once.
#
#   scripts/check_device.sh OUT [BUILD [STAGE...]]
#
# BUILD is a folder with a build for CUDA, or `-`: build/release is built first. It may come from another machine; this one then
# needs no compiler, but the shared libraries of scripts/setup.sh, and a build with -DMOESIM_NATIVE=OFF (scripts/pack_build.sh).
# STAGE is one or more of the following; all without it. Each has a limit of its own (MOESIM_STAGE_SECONDS replaces it):
#   works   3 minutes: the card, every kernel and every router against the CPU, in float and double
#   proves  5 minutes: oracles, training, killed runs, the same bits twice
#   guards  5 minutes: compute-sanitizer on kernels and on training
#   times   5 minutes: benchmarks in every compute mode at two sizes, several runs at once, PyTorch beside them
#   curve   5 minutes: the losses of experiments/shakespeare.ini on the card and on the CPU, and its bits twice
#
# OUT gets a log for each part, the benchmarks as JSON, and summary.txt, which grows line by line, so that it is complete up to
# the point where something hangs. A part that fails does not stop the next; the end lists what failed. Parts of `works`, `proves`
# and `guards` run beside each other; what takes longer than its stage is listed as `NO END`, with what it printed until then.
#
# From the environment: MOESIM_ORACLES and MOESIM_DATA as for the tests, MOESIM_DEVICE (cuda:0), MOESIM_PYTHON with h5py and
# numpy, MOESIM_TORCH, a Python with PyTorch for that card (python3), MOESIM_PEER, a script that times the same models in PyTorch,
# MOESIM_PARTS, a regular expression: the parts whose names match, of all.
set -uo pipefail
[ $# -ge 1 ] || { sed -n '2,12p' "$0" | cut -c3-; exit 2; }
mkdir -p "$1" || exit 4
out=$(cd "$1" && pwd)
build=${2:--}
[ "$build" = - ] || build=$(cd "$build" && pwd) || exit 2
[ $# -ge 3 ] && stages=("${@:3}") || stages=(works proves guards times curve)
cd "$(dirname "$0")/.." || exit 1
export MOESIM_SOURCE_DIR=$PWD OMP_WAIT_POLICY=passive
device=${MOESIM_DEVICE:-cuda:0} python=${MOESIM_PYTHON:-python3} torch=${MOESIM_TORCH:-python3}
scratch=$(mktemp -d)
trap 'kill $(jobs -p) 2> /dev/null; rm -rf "$scratch"' EXIT
summary=$out/summary.txt
: > "$summary"
say() { echo "$*" | tee -a "$summary"; }

deadline=0
# stage NAME SECONDS
stage() {
  deadline=$((SECONDS + ${MOESIM_STAGE_SECONDS:-$2}))
  say "-- $1"
}

# part NAME COMMAND...: runs it with its output in OUT/NAME.log, for as long as its stage has. A device that is not found is no pass.
part() {
  local name=$1 begin=$SECONDS code=0 left=$((deadline - SECONDS))
  shift
  [[ $name =~ ${MOESIM_PARTS:-.} ]] || return 0
  [ $left -gt 0 ] || { say "NOT RUN  $name: the time of this stage is over"; return 0; }
  timeout -k 10 "$left" "$@" > "$out/$name.log" 2>&1 < /dev/null || code=$?
  grep -q 'no CUDA device\|built without CUDA\|this build has: cpu' "$out/$name.log" && [ "$code" -eq 0 ] && code=no-device
  case $code in
    0) say "ok       $name ($((SECONDS - begin)) s)$(grep -q 'skipped: ' "$out/$name.log" && echo ', with cases skipped')" ;;
    77) say "skipped  $name: $(grep -m 1 skipped "$out/$name.log")" ;;
    124 | 137) say "NO END   $name (ended after $((SECONDS - begin)) s)" ;;
    *) say "FAILED   $name (exit $code, $((SECONDS - begin)) s)" ;;
  esac
}
beside() { part "$@" & }

machine() {
  date -u
  uname -a
  lscpu | grep -E '^(Model name|CPU\(s\)|L3)'
  nvidia-smi
  nvidia-smi --query-gpu=name,driver_version,clocks.sm,clocks.max.sm,clocks.mem,power.limit,temperature.gpu --format=csv
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

bench() {  # bench NAME WORDS...
  local name=$1
  shift
  "$moesim" bench "$@" run.device="$device" --json > "$out/$name.json"
}

# The same bits twice: every dataset of two runs but the wall time. twice CONFIG WORDS...
twice() {
  local base
  base=$(mktemp -d -p "$scratch")
  for copy in a b; do
    "$moesim" run "$@" run.device="$device" --out "$base/$copy" || return
  done
  "$python" - "$base/a" "$base/b" << 'P'
import pathlib, sys
try:
    import h5py, numpy
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)
def values(dataset):
    v = numpy.asarray(dataset[()])
    return v.astype("S" if v.dtype.kind == "O" else v.dtype).tobytes()
first, second = map(pathlib.Path, sys.argv[1:])
files = sorted(path.relative_to(first) for path in first.glob("**/run.h5"))
differ = 0
for path in files:
    with h5py.File(first / path) as a, h5py.File(second / path) as b:
        names = [n for n in a if isinstance(a[n], h5py.Dataset) and n != "seconds"]
        bad = [n for n in names if a[n].shape != b[n].shape or values(a[n]) != values(b[n])]
        print(path, f"{len(names)} datasets", "differ: " + " ".join(bad) if bad else "equal to the bit")
        differ += len(bad)
sys.exit(bool(differ) or not files)
P
}

# The time of every kernel, summed by name, into OUT/NAME.PID.txt. kernels NAME CONFIG WORDS...
kernels() {
  local name=$1
  shift
  CUDA_INJECTION64_PATH=$build/tests/libmoesim_kernel_times.so MOESIM_KERNEL_TIMES="$out/$name.txt" \
    "$moesim" bench "$@" run.device="$device" --warmup 4 --steps 20
}

# A line of MOESIM_PEER for each router of MOESIM_PEER_ROUTERS, in one process. peer WORDS...
peer() {
  "$torch" - "$MOESIM_PEER" "${MOESIM_PEER_ROUTERS:-dense token_choice expert_choice soft mot lory}" \
    --device "${device%%:*}" --steps 30 "$@" << 'P'
import runpy, sys, traceback
import torch
script, routers, words = sys.argv[1], sys.argv[2].split(), sys.argv[3:]
bad = 0
for router in routers:
    sys.argv = [script, "--router", router, *words]
    try:
        runpy.run_path(script, run_name="__main__")
    except Exception:
        traceback.print_exc()
        bad += 1
    torch._dynamo.reset()
    torch.cuda.empty_cache()
    sys.stdout.flush()
sys.exit(bool(bad))
P
}
large=(--d 1024 --layers 4 --heads 16 --ff 4096 --seq 1024 --batch 16 --experts 16)

export -f machine throughput bench twice kernels peer
export device out scratch python torch build

if [ "$build" = - ]; then
  build=$PWD/build/release
  stage build 3600
  part build bash -c 'cmake --preset release -DMOESIM_CUDA_DOUBLE=ON && cmake --build --preset release'
fi
moesim=$build/moesim
export moesim
tests=$build/tests/moesim_tests_cuda

works() {
  stage works 180
  part machine bash -c machine
  for real in f32 f64; do
    beside "$real.cuda" "${tests}_$real" '[cuda]~[slow]'
    for group in routers moe; do
      beside "$real.cuda_$group" env MOESIM_TEST_DEVICE="$device" "${tests}_$real" "[$group]~[train]~[oracle]"
    done
  done
  beside bench.quick bash -c "bench bench.quick experiments/bench.ini --warmup 3 --steps 4"
  wait
}

proves() {
  stage proves 300
  for real in f32 f64; do
    beside "$real.cuda_slow" "${tests}_$real" '[cuda][slow]'
    for group in oracle train; do
      beside "$real.cuda_$group" env MOESIM_TEST_DEVICE="$device" "${tests}_$real" "[$group]"
    done
  done
  beside killed env MOESIM_KILLS="${MOESIM_KILLS:-8}" MOESIM_DEVICE="$device" MOESIM_KILL_SECONDS=3 "$python" tests/program/killed.py "$moesim" experiments/quickstart.ini
  for compute in float32 bfloat16; do
    beside "twice.$compute" bash -c "twice experiments/quickstart.ini run.seed=0 run.compute=$compute"
  done
  wait
}

guards() {
  stage guards 300
  local sanitizer tool real more
  sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda/bin/compute-sanitizer 2> /dev/null)
  [ -n "$sanitizer" ] || { say "skipped  memcheck, racecheck: there is no compute-sanitizer"; return; }
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
      beside "$tool.$real" "$sanitizer" --tool $tool "${more[@]}" --error-exitcode 1 "${tests}_$real" '[cuda]~[slow]~[train]~[replay]'
    done
    beside "$tool.training" "$sanitizer" --tool $tool "${more[@]}" --error-exitcode 1 --target-processes all "$moesim" run \
      experiments/quickstart.ini run.device="$device" run.seed=0 run.steps=4 eval.every=4 eval.batches=1 --out "$scratch/$tool"
    wait
  done
}

times() {
  stage times 300
  for compute in float32 tf32 bfloat16; do
    part "bench.$compute" bash -c "bench bench.$compute experiments/bench.ini run.compute=$compute"
  done
  part "bench.no_graphs" bash -c "bench bench.no_graphs experiments/bench.ini run.graphs=off"
  for compute in bfloat16 tf32; do
    part "bench_large.$compute" bash -c \
      "bench bench_large.$compute experiments/bench_large.ini run.compute=$compute --warmup 3 --steps 8"
  done
  if [ -f "$build/tests/libmoesim_kernel_times.so" ]; then
    part kernels bash -c "kernels kernels experiments/bench.ini --arm top1_cf1.25 run.compute=bfloat16"
    part kernels_large bash -c "kernels kernels_large experiments/bench_large.ini --arm top1_cf1.25 run.compute=bfloat16"
  else
    say "skipped  kernels: this build has no CUPTI"
  fi
  if [ -n "${MOESIM_PEER:-}" ]; then
    for mode in '' ' --compile'; do
      part "torch.bfloat16${mode// --/.}" bash -c "peer --bf16$mode"
      part "torch_large.bfloat16${mode// --/.}" bash -c "peer --bf16$mode ${large[*]}"
    done
    part torch.float32.compile bash -c "peer --compile"
  fi
  for jobs in 1 2 4; do
    part "jobs-$jobs" bash -c "throughput $jobs"
    grep -s 'at once' "$out/jobs-$jobs.log" | tee -a "$summary"
  done
}

# The validation losses of all runs in a folder, as CSV. losses FOLDER
losses() {
  "$python" - "$1" << 'P'
import pathlib, sys
try:
    import h5py
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)
print("arm,seed,step,eval_loss")
for path in sorted(pathlib.Path(sys.argv[1]).glob("*/*/run.h5")):
    with h5py.File(path) as file:
        arm, seed = file.attrs["arm"], file.attrs["seed"]
        for step, loss in zip(file["eval_step"][()], file["eval_loss"][()]):
            print(f"{arm},{seed},{step},{loss:.6f}")
P
}

# The seeds' curves on both devices; a reader compares their spread.
curve() {
  stage curve 300
  local text=${MOESIM_DATA:-}/shakespeare.txt where
  [ -f "$text" ] || { say "skipped  curve: MOESIM_DATA has no shakespeare.txt"; return; }
  for where in cpu "$device"; do
    beside "curve.${where%%:*}" "$moesim" run experiments/shakespeare.ini data.path="$text" run.device="$where" --jobs 2 \
      --out "$scratch/curve-${where%%:*}"
  done
  beside curve.twice bash -c "twice experiments/shakespeare.ini data.path='$text' run.seed=0 router.name=token_choice"
  wait
  for where in cpu "${device%%:*}"; do
    losses "$scratch/curve-$where" > "$out/curve.$where.csv"
  done
}

for name in "${stages[@]}"; do
  case $name in
    works | proves | guards | times | curve) "$name" ;;
    *) echo "no stage $name: works, proves, guards, times, curve" >&2; exit 2 ;;
  esac
done

if grep -q '^FAILED' "$summary"; then
  say "failed: $(sed -n 's/^FAILED *\([^ ]*\).*/\1/p' "$summary" | tr '\n' ' ')"
  exit 1
fi
grep -q '^ok\|^skipped\|^NO' "$summary" || { say "no part matches MOESIM_PARTS=${MOESIM_PARTS:-}"; exit 2; }
grep -q '^NO' "$summary" && { say "nothing failed, but not all ended in time"; exit 1; }
say "nothing failed"
