#!/usr/bin/env bash
# Tries what README promises on another release of Debian, from bare: a clean clone of HEAD goes into a new chroot of that
# release, README's commands are run there, and its table is compared. Needs root and debootstrap; run by hand before a release.
#   scripts/elsewhere.sh RELEASE [--compiler NAME]... [--commands "COMMANDS"] [--keep]
# RELEASE        bookworm, trixie
# --compiler     instead of README's commands: everything is built with it, warnings as errors, and the unit tests run;
#                g++, g++-12, clang++-19 and so on, as far as the release has them
# --commands     what is run instead, in the clone
# --keep         the chroot is kept, and taken if it is there already
# MOESIM_MIRROR  the mirror of packages, where it is not the one that apt has here; MOESIM_ELSEWHERE: the folder of chroots
# CMAKE_BUILD_PARALLEL_LEVEL and CTEST_PARALLEL_LEVEL are passed on. The last lines say what ran and how it ended, for README.
set -euo pipefail
source=$(cd "$(dirname "$0")/.." && pwd)

usage() { sed -n '2,11s/^# \?//p' "$0" >&2; exit 2; }
release='' keep='' commands='' compilers=()
while [ $# -gt 0 ]; do
  case $1 in
    --compiler) [ $# -gt 1 ] || usage; compilers+=("$2"); shift ;;
    --commands) [ $# -gt 1 ] || usage; commands=$2; shift ;;
    --keep) keep=yes ;;
    -*) usage ;;
    *) [ -z "$release" ] || usage; release=$1 ;;
  esac
  shift
done
[ -n "$release" ] || usage
. "$source/scripts/chroot.sh"
new_chroot "$release" "$keep"
rm -rf "$root/moesim"
git clone -q --no-hardlinks "$source" "$root/moesim"
[ -z "$(git -C "$source" status --porcelain)" ] || echo "elsewhere.sh: what is not committed is not tried" >&2

inside() { in_chroot /moesim "$1"; }

results=()
try() {  # NAME COMMANDS
  local start=$SECONDS verdict=passed
  echo "== $release: $1"
  inside "$2" || verdict="FAILED ($?)"
  results+=("$release | $1 | $verdict, $((SECONDS - start)) s")
  [ "$verdict" = passed ]
}

ok=0
if [ -n "$commands" ]; then
  try "$commands" "$commands" || ok=1
elif [ ${#compilers[@]} -eq 0 ]; then
  try './scripts/quickstart.sh' './scripts/quickstart.sh' || ok=1
  try "README's table" 'python3 scripts/readme_table.py build/release/moesim runs/quickstart' || ok=1
  try './scripts/test.sh' 'MOESIM_PRESET=ci ./scripts/test.sh' || ok=1
else
  inside scripts/setup.sh
  for compiler in "${compilers[@]}"; do
    version=${compiler##*[+]} packages=$compiler c=${compiler/g++/gcc}
    [[ $compiler == clang* ]] && packages="clang$version libomp$version-dev" c=clang$version
    try "$compiler" "apt-get install -y -qq --no-install-recommends $packages > /dev/null &&
      cmake --preset ci -B build/$compiler -DCMAKE_CXX_COMPILER=$compiler -DCMAKE_C_COMPILER=$c > /dev/null &&
      cmake --build build/$compiler && ctest --test-dir build/$compiler --output-on-failure -R '^f(32|64)'" || ok=1
  done
fi
echo
inside "dpkg-query -W -f '\${Package} \${Version}, ' g++ clang cmake libdnnl-dev libhdf5-dev catch2 libfmt-dev nlohmann-json3-dev libboost-program-options-dev libeigen3-dev 2> /dev/null; echo"
printf '%s\n' "${results[@]}"
[ -n "$keep" ] || remove_chroot
exit $ok
