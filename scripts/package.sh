#!/usr/bin/env bash
# Builds moesim's packages for the release of Debian that this runs on: a .deb, and a .tar.gz that runs from any folder, in
# build/package. They are for every processor of the architecture (the preset `package`: no -march=native, no CUDA).
#   scripts/package.sh [--try RELEASE [--keep]]
# --try          installs both in a bare chroot of RELEASE (bookworm, trixie), which has to be this machine's, and runs them there:
#                version, a small sweep and its table, a study that includes another, the manual page, completions; needs root
#                and debootstrap
# --keep         the chroot is kept, and taken if it is there already
# MOESIM_MIRROR and MOESIM_ELSEWHERE as in scripts/elsewhere.sh, which makes packages for another release:
#   scripts/elsewhere.sh trixie --commands "scripts/setup.sh && scripts/package.sh" --keep
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/chroot.sh

usage() { sed -n '2,11s/^# \?//p' "$0" >&2; exit 2; }
release='' keep=''
while [ $# -gt 0 ]; do
  case $1 in
    --try) [ $# -gt 1 ] || usage; release=$2; shift ;;
    --keep) keep=yes ;;
    *) usage ;;
  esac
  shift
done
command -v dpkg-shlibdeps > /dev/null || fail "dpkg-shlibdeps is missing: apt-get install dpkg-dev"

build=build/package
cmake --preset package > /dev/null
cmake --build --preset package
rm -rf $build/*.deb $build/*.tar.gz $build/INSTALL $build/_CPack_Packages
pack() { (cd $build && umask 022 && cpack -G "$1" > "cpack-$1.log" 2>&1) || { cat "$build/cpack-$1.log" >&2; fail "cpack -G $1 failed" 1; }; }
pack DEB
deb=$(ls $build/*.deb)
depends=$(dpkg-deb -f "$deb" Depends)

# The archive says what it needs; the alternatives and versions of the .deb are for dpkg.
packages=$(sed -E 's/\([^)]*\)//g; s/\|[^,]*//g; s/,/ /g; s/ +/ /g' <<< "$depends")
cat > $build/INSTALL << END
moesim $(dpkg-deb -f "$deb" Version), built on $(. /etc/os-release && echo "$PRETTY_NAME") for $(dpkg-deb -f "$deb" Architecture)

It runs from any folder: bin/moesim finds its studies in share/moesim beside bin. On the release above it needs these packages:

  apt-get install --no-install-recommends $packages

and for figures gnuplot-nox. Put bin into PATH and share/man into MANPATH; completions are in share, and
\`moesim reference bash|zsh|fish\` prints them. The package moesim_*.deb does all of this by itself.
END
pack TGZ
archive=$(ls $build/*.tar.gz)
rm $build/INSTALL
ls -l "$deb" "$archive"
[ -n "$release" ] || exit 0

new_chroot "$release" "$keep"
rm -rf "$root/try"
mkdir "$root/try"
cp "$deb" "$archive" tests/program/installed_tree.sh "$root/try/"
ok=0
try() {  # NAME COMMANDS
  local start=$SECONDS verdict=passed
  in_chroot /try "$2" || { verdict="FAILED ($?)"; ok=1; }
  echo "$release | $1 | $verdict, $((SECONDS - start)) s"
}
try '.deb' "apt-get update -qq && apt-get install -y -qq man-db bash-completion > /dev/null &&
  apt-get install -y -qq --no-install-recommends ./*.deb > /dev/null && dpkg --verify moesim && bash installed_tree.sh /usr"
# Without the package, and without what came with it alone.
try 'archive' "apt-get purge -y -qq moesim > /dev/null && apt-get autoremove --purge -y -qq > /dev/null &&
  apt-get install -y -qq --no-install-recommends $packages > /dev/null &&
  mkdir -p archive && tar -xf *.tar.gz -C archive --strip-components=1 && bash installed_tree.sh archive"
[ -n "$keep" ] || remove_chroot
exit $ok
