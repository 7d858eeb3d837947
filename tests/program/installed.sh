#!/usr/bin/env bash
# Tests cmake --install: every file is in its place, with --prefix and with DESTDIR, with the same bytes, and works there
# (installed_tree.sh). Usage: installed.sh BUILD VERSION
set -u
build=$1 version=$2 here=$(cd "$(dirname "$0")" && pwd)
fail() { echo "installed: $*" >&2; exit 1; }
trees=$(mktemp -d)
trap 'rm -rf "$trees"' EXIT

cmake --install "$build" --prefix "$trees/a place" > "$trees/log" 2>&1 || fail "cmake --install --prefix: $(tail -3 "$trees/log")"
DESTDIR=$trees/stage cmake --install "$build" > "$trees/log" 2>&1 || fail "DESTDIR= cmake --install: $(tail -3 "$trees/log")"
staged=$(dirname "$(dirname "$(find "$trees/stage" -path '*/bin/moesim')")")
diff -r "$trees/a place" "$staged" > "$trees/log" || fail "the two installations differ: $(cat "$trees/log")"
cd "$trees/a place" || exit 2
for file in bin/moesim share/man/man1/moesim.1 share/bash-completion/completions/moesim share/fish/vendor_completions.d/moesim.fish \
  share/moesim/experiments/{quickstart,bench,shakespeare,presets/mixtral}.ini share/doc/moesim/{copyright,CHANGELOG.md,FORMAT.md}; do
  [ -s "$file" ] || fail "$file is missing"
done
[ -s share/zsh/site-functions/_moesim ] || [ -s share/zsh/vendor-completions/_moesim ] || fail "the completions of zsh are missing"
[ -z "$(find . -type f -path './share/*' -perm /111)" ] || fail "data are executable"
bash "$here/installed_tree.sh" "$trees/a place" "$version"
