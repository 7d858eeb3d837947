#!/usr/bin/env bash
# Packs a build with CUDA for a machine that has a card but neither compilers nor moesim's libraries.
#
#   scripts/pack_build.sh BUILD FILE.tar.xz
#
# The archive has a folder `build` with the stripped programs that scripts/check_device.sh runs, and in build/lib the shared
# libraries that they load, except those of the C library and of the compiler. That machine needs a C library at least as new as
# this one's. The programs find build/lib by their run path, which patchelf writes (its package), so that other programs there do
# not load it. Configure BUILD with -DMOESIM_NATIVE=OFF -DMOESIM_CUDA_DOUBLE=ON, and with
# CUDAARCHS of that card for a short build.
set -euo pipefail
[ $# -eq 2 ] || { sed -n '2,10p' "$0" | cut -c3-; exit 2; }
build=$1 scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
to=$scratch/build
mkdir -p "$to/tests" "$to/lib"
command -v patchelf > /dev/null || { echo "pack_build.sh needs patchelf: install its package" >&2; exit 1; }
programs=(moesim tests/moesim_tests_cuda_f32 tests/moesim_tests_cuda_f64)
for program in "${programs[@]}"; do
  strip -o "$to/$program" "$build/$program"
done
[ ! -f "$build/tests/libmoesim_kernel_times.so" ] || programs+=(tests/libmoesim_kernel_times.so)
[ ${#programs[@]} -eq 3 ] || cp "$build/tests/libmoesim_kernel_times.so" "$to/tests/"
for program in "${programs[@]}"; do ldd "$build/$program"; done | awk '$3 ~ /^\// {print $3}' | sort -u |
  grep -v -E '/(libc|libm|libdl|librt|libpthread|libgcc_s|libstdc\+\+|ld-linux[^/]*)\.so' | while read -r library; do
  cp -L "$library" "$to/lib/"
done
strip --strip-unneeded "$to"/lib/*
for program in "${programs[@]}"; do  # DT_RPATH, which libraries of libraries are found by as well
  patchelf --force-rpath --set-rpath '$ORIGIN/'"$([ "$(dirname "$program")" = . ] || echo ../)lib" "$to/$program"
done
tar -C "$scratch" -c build | xz -T0 -6 > "$2"
du -h "$2" | cut -f1
