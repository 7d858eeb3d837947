#!/usr/bin/env bash
# Builds everything and runs all tests. MOESIM_ORACLES and MOESIM_DATA, where set, name folders with reference files and
# with real data; without them those cases say that they are skipped.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh
scripts/build.sh release
ctest --preset release "$@"
