# A bare chroot of a release of Debian: functions for scripts/elsewhere.sh and scripts/package.sh, which source this.
#   new_chroot RELEASE [keep]   makes $root, or with keep takes the one that is there; locked while the caller runs
#   in_chroot FOLDER COMMANDS   runs bash commands in it
#   remove_chroot
# MOESIM_MIRROR is the mirror of packages, where it is not the one that apt has here; MOESIM_ELSEWHERE the folder of chroots.
fail() { echo "${0##*/}: $1" >&2; exit "${2:-2}"; }

new_chroot() {
  local release=$1 keep=${2:-} mirror
  [ "$(id -u)" -eq 0 ] || fail "a chroot needs root: sudo $0"
  command -v debootstrap > /dev/null || fail "debootstrap is missing: apt-get install debootstrap"
  [ -e "/usr/share/debootstrap/scripts/$release" ] || fail "$release is no release that debootstrap knows"
  unshare --mount true 2> /dev/null || fail "this machine lets nobody mount (a container without privileges?): run it where mounting is allowed"
  mirror=${MOESIM_MIRROR:-$(apt-get indextargets --format '$(ORIGIN) $(LABEL) $(REPO_URI)' 'Created-By: Packages' | awk '$1 " " $2 == "Debian Debian" {print $3; exit}')}
  [ -n "$mirror" ] || fail "apt has no mirror of Debian here: name one, MOESIM_MIRROR=URL $0"

  root=${MOESIM_ELSEWHERE:-/var/tmp/moesim-elsewhere}/$release
  mkdir -p "$(dirname "$root")"
  exec 9> "$root.lock"
  flock -n 9 || fail "another process works in $root"
  if [ ! -e "$root/.complete" ] || [ -z "$keep" ]; then
    rm -rf --one-file-system "$root"
    debootstrap --variant=minbase "$release" "$root" "$mirror" > "$root.log" 2>&1 || fail "debootstrap failed: $root.log" 1
    touch "$root/.complete"
  fi
  cp /etc/resolv.conf /etc/hosts "$root/etc/"
}

# In a mount namespace of its own: what is mounted goes with it, and no removal can reach it.
in_chroot() {
  env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
    ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} \
    ${CMAKE_BUILD_PARALLEL_LEVEL:+CMAKE_BUILD_PARALLEL_LEVEL="$CMAKE_BUILD_PARALLEL_LEVEL"} \
    ${CTEST_PARALLEL_LEVEL:+CTEST_PARALLEL_LEVEL="$CTEST_PARALLEL_LEVEL"} \
    unshare --mount bash -c 'mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && chroot "$0" bash -c "cd $1 && $2"' \
    "$root" "$1" "$2"
}

remove_chroot() { rm -rf --one-file-system "$root" "$root.log" "$root.lock"; }
