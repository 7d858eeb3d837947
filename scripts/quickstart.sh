#!/usr/bin/env bash
# From a fresh checkout to a table and a report of seven routers: packages, build, the 21 runs of experiments/quickstart.ini.
# Further words go to `moesim run`, e.g. run.steps=50.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh
scripts/build.sh release --target moesim
build/release/moesim run experiments/quickstart.ini "$@"

# The report, in the folder of the experiment.
out=runs
for ((i = 1; i <= $#; ++i)); do
  next=$((i + 1))
  case ${!i} in
    --out) out=${!next} ;;
    --out=*) out=${!i#--out=} ;;
  esac
done
if compgen -G "$out/quickstart/*/run.h5" > /dev/null; then
  build/release/moesim report "$out/quickstart" --out "$out/quickstart/report.html"
  echo "The report, for any browser: $(realpath "$out/quickstart/report.html")" >&2
fi
