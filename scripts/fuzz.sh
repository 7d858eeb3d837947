#!/usr/bin/env bash
# Builds the fuzz targets of tests/fuzz with Clang's sanitizers and runs each for SECONDS (default 10) from its seeds; more
# words name targets, of the list in tests/fuzz/CMakeLists.txt. One line per target; exit 1 if one found something, whose input
# is then in build/fuzz/artefacts; exit 2 for an unknown target; exit 0, skipped, if clang++ is missing. Without
# names the unit tests of the same library run, too, under the same sanitizers.
#
#   scripts/fuzz.sh [SECONDS|fixed [TARGET...]]
#
# What is found along the way stays in build/fuzz/corpus, so a later call goes on from there. With "fixed" every call tries the
# same inputs, however fast the machine is: so many of each target, from the seeds alone.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-10}
[[ $seconds =~ ^([1-9][0-9]*|fixed)$ ]] || { echo "usage: scripts/fuzz.sh [SECONDS|fixed [TARGET...]]" >&2; exit 2; }
targets=("${@:2}")
names=$(sed -n 's/^set(targets \(.*\))$/\1/p' tests/fuzz/CMakeLists.txt)
for target in "${targets[@]}"; do
  [[ " $names " == *" $target "* && $target == "${target//[^a-z_]/}" ]] ||
    { printf 'fuzz.sh: %q: no such target; choose one of: %s\n' "$target" "$names" >&2; exit 2; }
done
build=$PWD/build/fuzz
command -v clang++ >/dev/null || { echo "fuzz.sh: skipped: clang++ is missing: scripts/setup.sh installs it"; exit 0; }

cmake --preset fuzz >/dev/null
cmake --build --preset fuzz >"$build/build.log" || { cat "$build/build.log" >&2; exit 1; }
rm -rf "$build/seeds"
"$build/tests/fuzz/fuzz_write_seeds" "$build/seeds"
cp -r tests/fuzz/corpus/. "$build/seeds"
mkdir -p "$build/artefacts"
export TMPDIR
TMPDIR=$(mktemp -d)
trap 'rm -rf "$TMPDIR"' EXIT
unit=""
[ ${#targets[@]} -gt 0 ] || unit="$build/unit.log"
[ ${#targets[@]} -gt 0 ] || for folder in "$build"/seeds/*/; do targets+=("$(basename "$folder")"); done

# Of a slow target few: each takes 5 to 15 s on one core.
declare -A fixed_inputs=([config_reader]=2000 [foreign_files]=1000 [idx]=20000 [list_grammar]=30000 [packed]=100000 [run_file]=200 [pairs]=300 [safetensors]=15000 [text_data]=1500)
limits() {  # TARGET
  if [ "$seconds" = fixed ]; then echo "-seed=1 -runs=${fixed_inputs[$1]:-1000}"; else echo "-max_total_time=$seconds"; fi
}

# fuzz TARGET: runs it; its output is TARGET.log, its result (fine or FOUND) TARGET.result.
fuzz() {
  local target=$1 corpus=$build/corpus/$1 result=fine
  if [ "$seconds" = fixed ]; then corpus=$TMPDIR/corpus/$target; fi
  mkdir -p "$corpus"
  # shellcheck disable=SC2046
  ASAN_OPTIONS=allocator_may_return_null=1 "$build/tests/fuzz/fuzz_$target" $(limits "$target") -timeout=10 \
    -rss_limit_mb=2048 -malloc_limit_mb=8192 -len_control=0 -max_len=50000 -print_final_stats=1 \
    -artifact_prefix="$build/artefacts/$target-" "$corpus" "$build/seeds/$target" >"$build/$target.log" 2>&1 || result=FOUND
  echo "$result" >"$build/$target.result"
}

# Two at once, the unit tests among them. Long cases, tagged [long], are left out: other cases run the same code.
if [ -n "$unit" ]; then
  { ASAN_OPTIONS=allocator_may_return_null=1 "$build/tests/fuzz/moesim_tests_base" "~[long]~[.]" >"$unit" 2>&1 && echo fine || echo FOUND; } >"$build/unit.result" &
fi
for target in "${targets[@]}"; do
  while [ "$(jobs -rp | wc -l)" -ge 2 ]; do wait -n; done
  fuzz "$target" &
done
wait

printf '%-14s %11s %9s %9s  %s\n' target executions per_sec coverage result
found=0
if [ -n "$unit" ]; then
  if [ "$(cat "$build/unit.result")" = fine ]; then
    echo "unit tests: $(grep -m 1 "All tests passed" "$unit")"
  else
    grep -m 5 -E "ERROR: AddressSanitizer|runtime error|FAILED:| #[0-9]+ .*/tests/" "$unit" >&2 || tail -n 5 "$unit" >&2
    echo "fuzz.sh: unit tests failed: $unit" >&2
    found=1
  fi
fi
for target in "${targets[@]}"; do
  log=$build/$target.log
  result=$(cat "$build/$target.result")
  stat() { sed -n "s/^stat::$1: *//p" "$log"; }
  printf '%-14s %11s %9s %9s  %s\n' "$target" "$(stat number_of_executed_units)" "$(stat average_exec_per_sec)" \
    "$(grep -o 'cov: [0-9]*' "$log" | tail -1 | cut -c6-)" "$result"
  if [ $result != fine ]; then
    found=1
    grep -m 3 -E "expectation broken|ERROR:|runtime error|what\(\)" "$log" | sed 's/^/  /' || true
    grep -E 'Test unit written' "$log" | sed 's/^/  /' || true
    echo "  all of it: $log"
  fi
done
exit $found
