#!/usr/bin/env bash
# Tests a sweep under difficulties: an unwritable run, missing data, identical arms, a queue.
# Usage: sweep.sh MOESIM
set -u
moesim=$1
. "$(cd "$(dirname "$0")" && pwd)/support.sh"
export OMP_NUM_THREADS=1

tiny_config 3 2 > c.ini
sweep=(c.ini router.name=dense,token_choice run.seed=0,1)

# The first run cannot be written: exit 4, not 75, which would be tried again for ever.
"$moesim" run "${sweep[@]}" --dry-run --trial 0 --json > plan.json
first=$(python3 -c 'import json; print(json.load(open("plan.json"))["runs"][0]["folder"].split("/")[-1])')
mkdir -p full/tiny
touch "full/tiny/$first"
"$moesim" run "${sweep[@]}" --out full > out 2> log
code=$?
[ $code -eq 4 ] || fail "a run that cannot be written: exit $code: $(tail -1 log)"

# --only counts as progress does, from 1.
"$moesim" run "${sweep[@]}" --only 4 --out only > out 2> log || fail "--only 4: exit $?: $(tail -1 log)"
grep -q '^\[4/4\] token_choice seed 1' log && [ "$(ls -d only/tiny/*/ | wc -l)" -eq 1 ] || fail "--only 4 is not the last of four: $(cat log)"
for only in 0 5; do
  "$moesim" run "${sweep[@]}" --only $only > out 2> log
  code=$?
  [ $code -eq 2 ] && grep -q -- '--only' log || fail "--only $only of four: exit $code: $(cat log)"
done

# --force forgets nothing before it is clear that the run can be trained again.
printf 'ab%.0s' {1..2500} > text.txt
grep -v '^validation' c.ini > text.ini
"$moesim" run text.ini data.name=text data.path=text.txt --out text > /dev/null 2> log || fail "text: exit $?: $(tail -1 log)"
mv text.txt gone.txt
"$moesim" run text/tiny --force > out 2> log
code=$?
[ $code -eq 3 ] || fail "data that is gone: exit $code: $(tail -1 log)"
ls text/tiny/*/run.h5 text/tiny/*/checkpoint/step-* > /dev/null || fail "--force without data: the results are gone"

# Damage that no checksum inside the file covers is seen beside the last checkpoint's copy.
complete=$(ls -d text/tiny/*/)
"$moesim" verify "$complete" > out || fail "verify: exit $?: $(cat out)"
printf x >> "$complete/run.h5"  # readers do not mind
"$moesim" verify "$complete" > out
[ $? -eq 3 ] || fail "a damaged run file is in order: $(cat out)"

# Options of a router that an arm does not use make no other run.
"$moesim" run c.ini router.name=dense,token_choice router.token_choice.k=1,2 --dry-run --trial 0 --json > plan.json 2> log || fail "same arms: exit $?"
[ "$(python3 -c 'import json; print(len(json.load(open("plan.json"))["runs"]))')" -eq 3 ] || fail "the same run twice: $(cat plan.json)"
grep -q '1 of 4 runs is left out: what varies makes no difference to dense' log || fail "no word on it: $(cat log)"

# The plan of a sweep with an arm that diverges at once is still shown.
"$moesim" run c.ini train.optimiser=sgd train.clip=0 train.rate=0.01,100 router.name=dense --dry-run --trial 0.3 --json > plan.json 2> log ||
  fail "a dry run with an arm that diverges: exit $?: $(cat log)"
python3 -c 'import json; assert len(json.load(open("plan.json"))["arms"]) == 2' || fail "not both arms in the plan"

# A queue of its own: what is submitted can be followed before it begins, and is not submitted twice.
mkdir bin
cat > bin/sbatch <<'SH'
#!/bin/sh
echo 17
SH
cat > bin/squeue <<'SH'
#!/bin/sh
for task in 0 1 2 3; do echo "$task PENDING"; done
SH
printf '#!/bin/sh\n' > bin/scontrol
chmod +x bin/*
PATH=$PWD/bin:$PATH
"$moesim" run "${sweep[@]}" --out queue --launcher slurm > out 2> log || fail "slurm: exit $?: $(cat log)"
"$moesim" status queue/tiny > out 2> log || fail "status of a queue: exit $?: $(cat log)"
[ "$(grep -c 'job 17: PENDING' out)" -eq 4 ] || fail "status does not follow the queue: $(cat out)"
"$moesim" run "${sweep[@]}" --out queue --launcher slurm > out 2> log || fail "slurm again: exit $?: $(cat log)"
grep -q 'nothing to do' out || fail "submitted twice: $(cat out)"
finish sweep
