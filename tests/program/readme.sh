#!/usr/bin/env bash
# Compares READMEs and pages with the program: routers, studies and commands. Usage: readme.sh SOURCE_DIR MOESIM
set -euo pipefail
source=$1 moesim=$2
diff <(grep -E '^\| `[a-z_]+` \| (past|sequence|batch) ' "$source/routers/TABLE.md" | tr -d '`' | sed 's/^| //; s/ |$//; s/ | /\t/g') \
     <("$moesim" list routers --json | python3 -c 'import json, sys
for r in json.load(sys.stdin): print(r["name"], r["sees"], r["looks_ahead"], r["summary"], sep="\t")')
for study in "$source"/experiments/*.ini; do
  grep -q "$(basename "$study" .ini)" "$source/experiments/README.md" || { echo "experiments/README.md does not mention $study"; exit 1; }
done
for command in $("$moesim" --help | awk '/^  [a-z]/ {print $1}'); do
  grep -q "moesim $command" "$source/experiments/COMMANDS.md" || { echo "experiments/COMMANDS.md does not mention moesim $command"; exit 1; }
done
