#!/usr/bin/env bash
# Tests studies that ship with the program: found relative to it, included as <name>, named as a config, and begun at other runs; and
# what a user's file may include.
# Usage: studies.sh MOESIM
set -u
moesim=$1
schemes=$(cd "$(dirname "$0")/../../experiments/schemes" && pwd)
. "$(cd "$(dirname "$0")" && pwd)/support.sh"
export OMP_NUM_THREADS=1

# plans N ARGUMENTS...: a dry run of these has N runs.
plans() {
  local want=$1
  shift
  "$moesim" run "$@" --dry-run --trial 0 > out 2> log && grep -q "^$want runs*, $want to do" out || fail "run $*: $(tail -1 out) $(cat log)"
}
refused() {
  local text=$1 code
  shift
  "$moesim" run "$@" > out 2> log
  code=$?
  [ $code -eq 2 ] && [ "$(wc -l < log)" -eq 1 ] && grep -qF -- "$text" log || fail "run $*: exit $code, expected 2 and '$text': $(cat log)"
}
plans 21 quickstart
plans 21 '<quickstart>'
plans 21 '<quickstart.ini>'
printf '%s\n' 'include = <quickstart.ini>' '[run]' 'name = mine' '[sweep]' 'run.seed = 0, 1' > mine.ini
plans 14 mine.ini
printf 'include = <quickstrat>\n' > typo.ini
refused 'typo.ini:1: include = <quickstrat>: no study of this name; did you mean <quickstart>?' typo.ini
printf 'include = <../quickstart>\n' > up.ini
refused 'no study of this name' up.ini
refused '<nothing_like_it>: no such study; choose one of bench' '<nothing_like_it>'
refused 'quickstrat: no such file or study; did you mean quickstart?' quickstrat
refused 'schemes/quikstart: no such file or study; did you mean quickstart?' schemes/quikstart
refused 'schemes/adapter: no such file or study; did you mean schemes/adapters?' schemes/adapter
refused 'presets/mixtrl: no such file or study; did you mean presets/mixtral?' presets/mixtrl
refused 'schemes/nothing_like_it: cannot be read' schemes/nothing_like_it
refused 'quickstart:dense: no such file or study; choose an arm with --arm: quickstart --arm dense' quickstart:dense
refused 'mine.ini:hash: no such file or study; choose an arm with --arm: mine.ini --arm hash' mine.ini:hash
refused 'none.ini: cannot be read' none.ini

# Studies that begin at other runs are planned as soon as these are there. Models that they name stand for each other if they have as
# many experts.
tiny=(model.width=8 model.heads=1 model.layers=1 expert.hidden=8 data.length=8 data.validation=4 run.seed=0)
"$moesim" run schemes/source "${tiny[@]}" run.steps=1 > out 2> log || fail "schemes/source: $(cat log)"
for keep in 6 4 2; do
  "$moesim" transform runs/source/token_choice-s0-* prune --keep $keep --out runs/made/$keep > out 2> log || fail "prune: $(cat log)"
done
mkdir runs/made-s0
for name in $(grep -oh 'runs/made-s{seed}/[a-z0-9_]*' "$schemes"/*.ini | sed 's/{seed}/0/' | sort -u); do
  [[ $name =~ made-s0/((prune|random|fold)([0-9])|dense)? ]]
  case ${BASH_REMATCH[1]} in
    '') mkdir "$name" && cp -r runs/source/token_choice-s0-* "$name" ;;
    dense) mkdir "$name" && cp -r runs/source/dense-s0-* "$name" ;;
    *) cp -r "runs/made/${BASH_REMATCH[3]}" "$name" ;;
  esac
done
small=(model.width=8 model.heads=1 model.layers=1 expert.hidden=8 run.seed=0)
for arms in 'plain-*' 'mixture-*'; do
  "$moesim" run schemes/tasks "${small[@]}" run.steps=1 eval.sequences=8 --arm "$arms" > out 2> log || fail "schemes/tasks: $(cat log)"
done
two=("${small[@]/layers=1/layers=2}" moe.match=none)   # every second block has experts, of the width expert.hidden
for study in finetuning:source adapters:base; do
  "$moesim" run "schemes/${study%:*}" "${two[@]}" run.steps=1 eval.sequences=8 --arm "${study#*:}-*" > out 2> log ||
    fail "schemes/${study%:*}: $(cat log)"
done
for i in $(seq 60); do printf 'document %s of the corpus\nhas two lines\n\n' "$i"; done > corpus.txt
for study in "$schemes"/*.ini; do
  study=$(basename "$study" .ini)
  case $study in
    tasks | task_routing) plans '[0-9][0-9]*' "schemes/$study" "${small[@]}" ;;
    finetuning) plans 19 "schemes/$study" "${two[@]}" ;;
    adapters) plans 18 "schemes/$study" "${two[@]}" ;;
    similar) plans 8 "schemes/$study" "${small[@]}" data.path=corpus.txt data.length=8 eval.sequences=0 ;;
    *) plans '[0-9][0-9]*' "schemes/$study" "${tiny[@]}" ;;
  esac
done

# A file of that name goes before the study.
tiny_config 3 2 > quickstart
"$moesim" run quickstart --dry-run --trial 0 > out 2> log && grep -q '^1 run,' out || fail "a file of a study's name: $(cat out log)"

# Anywhere from the user's own file, not from what that includes; no devices, no loops.
mkdir -p far/base far/other own
tiny_config 3 2 > far/base/base.ini
printf 'include = %s/far/base/base.ini\n' "$work" > own/absolute.ini
printf 'include = ../far/base/base.ini\n' > own/up.ini
"$moesim" run own/absolute.ini --dry-run --trial 0 > out 2> log || fail "an absolute path: $(cat log)"
"$moesim" run own/up.ini --dry-run --trial 0 > out 2> log || fail "a path upwards: $(cat log)"
printf 'include = base.ini\n' > far/base/beside.ini
printf 'include = ../far/base/beside.ini\n' > own/chain.ini
"$moesim" run own/chain.ini --dry-run --trial 0 > out 2> log || fail "beside a file that was included: $(cat log)"
printf 'include = ../base/base.ini\n' > far/other/escapes.ini
printf 'include = ../far/other/escapes.ini\n' > own/escapes.ini
refused 'escapes.ini:1: include = ../base/base.ini: outside the folder of the config file' own/escapes.ini
printf 'include = /dev/zero\n' > own/device.ini
refused 'is not a regular file' own/device.ini
printf 'include = ../own/loop.ini\n' > own/loop.ini
refused 'includes itself' own/loop.ini

# A run's folder that somebody sent includes nothing from elsewhere.
"$moesim" run far/base/base.ini > out 2> log || fail "base: $(cat log)"
run=$(ls -d runs/tiny/*/)
printf 'include = /etc/passwd\n' > "$run/config.ini"
"$moesim" sample "$run" --prompt x > out 2> log
[ $? -ne 0 ] && grep -q 'outside the folder' log && ! grep -q root: log || fail "a config that includes another's file: $(cat log)"

# An installed program finds its own.
mkdir -p usr/bin usr/share/moesim/experiments
cp "$moesim" usr/bin/moesim
tiny_config 3 2 > usr/share/moesim/experiments/brief.ini
rm quickstart
usr/bin/moesim run brief --dry-run --trial 0 > out 2> log && grep -q '^1 run,' out || fail "an installed study: $(cat out log)"
usr/bin/moesim run quickstart > out 2> log && fail "a study that is not installed"
usr/bin/moesim bench --steps 1 > out 2> log
[ $? -eq 2 ] && grep -q '<bench.ini>: no such study; choose one of brief' log || fail "no bench.ini: $(cat log)"
finish studies
