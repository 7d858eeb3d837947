#!/usr/bin/env bash
# Counts the instructions of a short fixed training per router under callgrind and compares them with the stored counts: a
# check for regressions that a noisy machine can run, since instructions do not depend on the clock.
#
#   scripts/instructions.sh            compare; exit 1 if a router takes over 2 % more than stored, or over 20 % less: then
#                                      something is not counted, or it is time to store
#   scripts/instructions.sh --update   store the counts of this checkout
#
# Takes three minutes. Counts hold for one compiler, so the first line of the stored file names it; another one compares nothing. Products come
# from Eigen and code is for x86-64-v3, because valgrind does not know AVX-512 and a provider's generated code would hide ours.
set -euo pipefail
cd "$(dirname "$0")/.."

margin=1.02
stored=tests/bench/instructions.txt
build=build/instructions
command -v valgrind >/dev/null || { echo "instructions.sh: valgrind is missing: apt-get install valgrind" >&2; exit 2; }

cmake -S . -B $build -G Ninja -DCMAKE_BUILD_TYPE=Release -DMOESIM_NATIVE=OFF -DMOESIM_GEMM=eigen -DMOESIM_TESTS=OFF \
  -DCMAKE_CXX_FLAGS=-march=x86-64-v3 >/dev/null
cmake --build $build --target moesim >/dev/null
compiler="$(c++ --version | head -1)"

count() {  # router -> instructions of three steps; of nothing else, because when a run publishes depends on the clock
  local out total
  out="$(mktemp -d)"
  # The pattern ends in const&): collecting would end where a lambda of train_step begins. GOMP_SPINCOUNT keeps the program
  # from starting itself anew. Every process has a file of its own: a child trains.
  GOMP_SPINCOUNT=0 valgrind --tool=callgrind --callgrind-out-file="$out/callgrind.%p" \
    --toggle-collect='moesim::Trainer::train_step(*const&)' $build/moesim run \
    experiments/quickstart.ini router.name="$1" run.seed=0 run.steps=3 eval.every=0 eval.batches=1 train.batch=8 \
    data.length=32 data.validation=8 model.width=32 expert.hidden=128 --threads 1 --out "$out/runs" \
    >"$out/log" 2>&1 || { cat "$out/log" >&2; exit 1; }
  total="$(awk '/^totals: / { sum += $2 } END { printf "%d", sum }' "$out"/callgrind.*)"
  rm -rf "$out"
  echo "$total"
}

routers="dense hash token_choice expert_choice soft mixture_of_tokens lory smear bias_balanced relu hierarchical"
if [ "${1:-}" = --update ]; then
  { echo "# $compiler"; for router in $routers; do now="$(count "$router")"; echo "$router $now"; done; } | tee $stored.new
  mv $stored.new $stored
  exit 0
fi
[ "$(head -1 $stored)" = "# $compiler" ] || { echo "instructions.sh: skipped: counts are stored for $(head -1 $stored), this is $compiler"; exit 0; }
worse=0
for router in $routers; do
  now="$(count "$router")"
  before="$(sed -n "s/^$router //p" $stored)"
  [ -n "$before" ] || { echo "instructions.sh: no count of $router is stored: run it with --update" >&2; exit 2; }
  awk -v r="$router" -v n="$now" -v b="$before" -v m=$margin 'BEGIN {
    more = (n > m * b); less = (n < 0.8 * b)
    printf "%-18s %12d  stored %12d  %+.2f %%%s\n", r, n, b, 100 * (n / b - 1), more ? "  MORE" : less ? "  LESS" : ""
    exit more || less }' || worse=1
done
exit $worse
