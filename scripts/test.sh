#!/usr/bin/env bash
# Builds the program and the tests, and runs them. MOESIM_ORACLES and MOESIM_DATA, where set, name folders with reference files and
# with real data; without them those cases say that they are skipped. MOESIM_PRESET names another preset than release: ci takes
# warnings for errors, and tests the CUDA backend in double as well.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh
preset=${MOESIM_PRESET:-release}
scripts/build.sh "$preset"
ctest --preset "$preset" "$@"
