#!/usr/bin/env bash
# A compiler launcher that copies an object from another build folder of the same sources, where that has the same: made by the
# same command, but for the folder's name and -Werror, from the same source. Everything else is compiled, so that a test that builds the
# project once more compiles only what it adds. BUILD is up to date; objects.py has written OBJECTS from it. What was compiled
# is appended to the file MOESIM_REUSED, where that is set.
# Usage: reuse.sh BUILD OBJECTS COMPILER ARGUMENTS... (CMAKE_CXX_COMPILER_LAUNCHER="reuse.sh;BUILD;OBJECTS")
build=$1 objects=$2
shift 2
words='' target='' source='' dependencies='' option=''
for word in "$@"; do
  case $option in
    -MT) option=''; continue ;;
    -MF) dependencies=$word option=''; continue ;;
    -o) target=$word ;;
    -c) source=$word ;;
  esac
  option=$word
  case $word in -MD | -MT | -MF | -Werror) continue ;; esac
  words+=${word//"$PWD"/@}$'\n'
done
# Sources that CMake wrote, groups of sources and precompiled headers, are compared as well.
same_source() {
  [[ $source != "$PWD"/* ]] && return
  local before=$build${source#"$PWD"}
  [ -f "$before" ] && [ "$(< "$before")" = "$(sed "s|$PWD|$build|g" "$source")" ]
}
before=$objects/${target//\//%}
if [ -n "$target" ] && [ -f "$before" ] && [ "$(< "$before")"$'\n' = "$words" ] && same_source; then
  cp "$build/$target" "$target"
  [ -z "$dependencies" ] || echo "$target: $source" > "$dependencies"
  exit
fi
[ -z "$source" ] || [ -z "${MOESIM_REUSED:-}" ] || echo "$source" >> "$MOESIM_REUSED"
exec "$@"
