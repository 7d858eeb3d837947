#!/usr/bin/env bash
# From a fresh checkout to a table of seven routers: packages, build, the 21 runs of experiments/quickstart.ini.
# Further words go to `moesim run`, e.g. run.steps=50.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh
scripts/build.sh release --target moesim
build/release/moesim run experiments/quickstart.ini "$@"
