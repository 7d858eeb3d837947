#!/usr/bin/env bash
# Installs what moesim is built with, on Debian 12, Debian 13 or Ubuntu 24.04. Asks nothing when run as root; otherwise it prints the
# command and stops, unless everything is there already.
#
#   scripts/setup.sh [--tests]
#
# --tests: also what tests read tables with where it is there (TeX, R, tidy, PyTorch); without it they are skipped and say so.
set -euo pipefail
case ${1:-} in '' | --tests) ;; *) echo "usage: scripts/setup.sh [--tests]" >&2; exit 2 ;; esac

packages=(
  g++ cmake ninja-build ccache pkg-config git
  libeigen3-dev libboost-program-options-dev libhdf5-dev libfmt-dev nlohmann-json3-dev
  libssl-dev zlib1g-dev libzstd-dev librandom123-dev libsentencepiece-dev
  libdnnl-dev libopenblas-dev catch2 libbenchmark-dev
  hdf5-tools clang-format clang-tidy clang libclang-rt-dev libomp-dev python3 python3-venv
  gnuplot-nox fonts-dejavu-core
)
if [ "${1:-}" = --tests ]; then
  packages+=(
    texlive-latex-recommended texlive-science texlive-fonts-recommended lmodern r-base-core tidy
    python3-torch python3-numpy python3-h5py python3-h5netcdf python3-xarray python3-pandas
  )
fi

missing=()
for package in "${packages[@]}"; do
  [ "$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null)" = "install ok installed" ] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -ne 0 ]; then
  echo "These packages are missing; install them, then run this again:" >&2
  echo "  sudo apt-get update && sudo apt-get install --no-install-recommends ${missing[*]}" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
