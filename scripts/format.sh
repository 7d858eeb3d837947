#!/usr/bin/env bash
# Formats the C++ sources with clang-format (version 14, .clang-format).
#   scripts/format.sh            every source of the repository
#   scripts/format.sh --check    changes nothing; exit 1 if a source would be changed
#   scripts/format.sh --hook     installs a git hook that checks what is committed
set -euo pipefail
cd "$(dirname "$0")/.."

formatter=$(command -v clang-format-14 || command -v clang-format) ||
  { echo "format.sh: clang-format is missing: apt-get install clang-format" >&2; exit 2; }
case ${1:-} in
  --hook)
    hook=$(git rev-parse --git-path hooks)/pre-commit
    mkdir -p "$(dirname "$hook")"
    [ -e "$hook" ] && { echo "format.sh: $hook is there already" >&2; exit 1; }
    printf '#!/bin/sh\n# Installed by scripts/format.sh --hook.\nexec scripts/format.sh --check\n' > "$hook"
    chmod +x "$hook" ;;
  --check) git ls-files -z '*.cpp' '*.hpp' | xargs -0 "$formatter" --dry-run --Werror ;;
  '') git ls-files -z '*.cpp' '*.hpp' | xargs -0 "$formatter" -i ;;
  *) sed -n '2,6s/^# \?//p' "$0" >&2; exit 2 ;;
esac
