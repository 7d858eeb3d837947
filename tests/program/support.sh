# Sourced by the scripts here: they run in a folder of their own, count what is wrong, and end with `finish`.
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
