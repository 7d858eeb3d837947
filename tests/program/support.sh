# Sourced by the scripts here: they run in a temporary folder, count failures (`fail`), and end with `finish`.
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work" || exit 1
failures=0
fail() { echo "FAILED: $*"; failures=$((failures + 1)); }
# finish WHAT: the last line, and the exit code.
finish() {
  echo "$1: $failures failed"
  [ "$failures" -eq 0 ]
}
# tiny_config STEPS EXPERTS: a config of the experiment "tiny", which trains in no time.
tiny_config() {
  printf '%s\n' '[run]' 'name = tiny' "steps = $1" '[data]' 'length = 8' 'validation = 4' '[model]' 'layers = 1' 'width = 8' \
    'heads = 1' '[moe]' "experts = $2" '[train]' 'batch = 2' '[eval]' 'batches = 1'
}
