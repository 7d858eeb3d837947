#!/usr/bin/env bash
# Tests bad input: the right exit code, one line with place, reason and remedy, and no files left behind.
# Usage: bad_input.sh MOESIM
set -u
moesim=$1
here=$(cd "$(dirname "$0")" && pwd)
. "$here/support.sh"
cases=0

# expect CODE PATTERN ARGUMENTS...: runs moesim in a folder of its own.
expect() {
  local code=$1 pattern=$2
  shift 2
  cases=$((cases + 1))
  local output status
  output=$("$moesim" "$@" --out "$work/out" 2>&1 >/dev/null)
  status=$?
  if [ $status -ne "$code" ] || [ "$(printf '%s\n' "$output" | wc -l)" -ne 1 ] || ! printf '%s' "$output" | grep -qE -- "$pattern"; then
    echo "FAILED: moesim $*"
    echo "  expected exit $code and one line matching: $pattern"
    echo "  got exit $status: $output"
    failures=$((failures + 1))
  fi
  if [ -e "$work/out" ]; then
    echo "FAILED: moesim $* left something behind"
    failures=$((failures + 1))
    rm -rf "$work/out"
  fi
}

# config FILE LINES...: writes a config of a tiny run with these lines at the end.
config() {
  printf '%s\n' '[run]' 'name = bad' 'steps = 1' "${@:2}" > "$1"
}

config typo.ini '[moe]' 'expert = 4'
expect 2 'typo\.ini:5.*moe\.expert.*moe\.experts' run typo.ini
config section.ini '[moee]' 'experts = 4'
expect 2 'section\.ini:5.*moe' run section.ini
config type.ini '[moe]' 'experts = four'
expect 2 'type\.ini:5.*moe\.experts = four' run type.ini
config range.ini '[moe]' 'experts = 0'
expect 2 'range\.ini:5.*1 \.\. 4096' run range.ini
config negative.ini '[moe]' 'experts=-1'
expect 2 'negative\.ini:5.*experts = -1' run negative.ini
config nan.ini '[train]' 'rate = nan'
expect 2 'nan\.ini:5.*train\.rate = nan' run nan.ini
config lr.ini '[train]' 'lr=nan'
expect 2 'lr\.ini:5.*train\.lr' run lr.ini
config k.ini '[moe]' 'experts = 4' '[router.token_choice]' 'k = 5'
expect 2 'k\.ini:7.*router\.token_choice\.k = 5.*0 \.\. 4' run k.ini
config heads.ini '[model]' 'width = 66' 'heads = 4'
expect 2 'heads\.ini:6.*model\.width = 66.*3' run heads.ini
config router.ini '[router]' 'name = token_choise'
expect 2 'router\.ini:5.*token_choice' run router.ini
config group.ini '[router]' 'name = mixture_of_tokens' '[moe]' 'experts = 4' '[train]' 'batch = 10' '[router.mixture_of_tokens]' 'group_size = 4'
expect 2 'group\.ini:11.*group_size.*train\.batch = 10.*2' run group.ini
config segment.ini '[router]' 'name = lory' '[router.lory]' 'segment = 24'
expect 2 'segment\.ini:7.*data\.length = 64.*16' run segment.ini
config dead.ini '[router.token_choice]' 'normalise = sum'
expect 2 'dead\.ini:5.*no gradient' run dead.ini
config dormant.ini '[router.soft]' 'slot = 4'
expect 2 'dormant\.ini:5.*router\.soft\.slot.*slots' run dormant.ini
config device.ini '[router]' 'name = dense'
expect 2 'this build has: cpu' run device.ini run.device=tpu
expect 2 'run.device = cuda:' run device.ini run.device=cuda:x
expect 2 'run.compute = tf32: cpu has no such products' run device.ini run.compute=tf32
expect 2 'missing\.ini' run missing.ini
expect 2 'command line.*moe\.expertz' run device.ini moe.expertz=4
expect 2 '--threads' run device.ini --threads=x
expect 2 'unknown option --thread' run device.ini --thread 2
config task.ini '[task]' 'name = classification'
expect 2 'task\.ini:5.*idx' run task.ini

text() { expect "$1" "$2" run device.ini data.name=text "data.path=$3" "${@:4}"; }
text 3 'no-such-file\.txt' no-such-file.txt
: > empty.txt
text 3 'empty\.txt' empty.txt
printf 'too short' > short.txt
text 3 'short\.txt' short.txt
mkdir folder
text 3 'folder' folder
printf 'a\xff\xfe%.0s' {1..400} > binary.txt
text 3 'binary\.txt.*tokens = bytes' binary.txt data.tokens=chars
printf 'a%.0s' {1..20} > tiny.txt
text 3 'tiny\.txt' tiny.txt data.length=64

idx() { expect "$1" "$2" run device.ini task.name=classification data.name=idx data.images=images data.labels=labels "${@:3}"; }
printf '\x00\x00\x08\x99\x00\x00\x00\x01\x00\x00\x00\x1c\x00\x00\x00\x1c' > images
printf '\x00\x00\x08\x01\x00\x00\x00\x01\x05' > labels
idx 3 'images.*magic'
printf '\x00\x00\x08\x03\x7f\xff\xff\xff\x00\x00\x00\x1c\x00\x00\x00\x1c' > images
idx 3 'images'

# refused PATTERN WORDS...: exit 2, without --out, and one line that has no control character.
refused() {
  local pattern=$1 output status
  shift
  cases=$((cases + 1))
  output=$("$moesim" "$@" 2>&1 >stdout)
  status=$?
  [ $status -eq 2 ] && [ ! -s stdout ] && [ "$(printf '%s\n' "$output" | wc -l)" -eq 1 ] &&
    ! printf '%s' "$output" | grep -q '[[:cntrl:]]' && printf '%s' "$output" | grep -qE -- "$pattern" ||
    fail "moesim $*: exit $status: $output"
}
# Words with control characters; UTF-8 stays.
refused "unknown command 'ru\?n\?\[31m'" $'ru\nn\e[31m'
refused 'é\?b\.ini' run $'é\rb.ini'
refused 'unknown option --x\?y' run device.ini $'--x\ny'
refused 'a\?b' analyze $'a\nb' x
refused 'none contains this; see moesim list options' list options foo
refused 'did you mean router\.token_choice\?' list options router.token_choise
refused 'did you mean token_choice\?' list routers token_choise --json
refused 'did you mean routers\?' list router
[ "$("$moesim" list options lr | grep -c 'rate =')" -eq 1 ] || fail "list options lr"
refused "--to ''" export x --to ''
refused "--format ''" export x --format ''
refused "--group ''" import-trace x --out t.h5 --group ''
refused '--fill tokn: unknown choice; did you mean token\?' whatif x --fill choice,tokn
refused '--group = .*no value' whatif x --group ''
refused '--by layr: unknown choice; did you mean layer\?' export x --table utilization --by layr
refused "--by ''" analyze specialisation x --by ''
refused '--by domain: unknown choice; choose one of layer, expert$' export . --table utilization --by domain
refused 'transform RUN PRUNE: unknown choice; did you mean prune\?' transform x PRUNE --out y
refused '--bits ternarx: .* or ternary; did you mean ternary\?' transform x quantise --bits ternarx --out y
refused '--bits 17: expected a whole number from 1 to 16, or ternary$' transform x quantise --bits 17 --out y
[ ! -e y ] && [ ! -e t.h5 ] || fail "left behind: y or t.h5"
output=$("$here/../../scripts/fuzz.sh" 10 idxx 2>&1)
[ $? -eq 2 ] && [[ $output == "fuzz.sh: idxx: no such target; choose one of: "*" idx "* ]] || fail "fuzz.sh idxx: $output"

# Where output cannot go, before training: a file in the way, and a folder that cannot be written to.
printf '[run]\nname = o\nsteps = 1\n[router]\nname = dense\n' > fine.ini
: > file
output=$("$moesim" run fine.ini --out file/below 2>&1 >/dev/null)
[ $? -eq 4 ] && [ "$(printf '%s\n' "$output" | wc -l)" -eq 1 ] || fail "out below a file: $output"
if [ "$(id -u)" -eq 0 ]; then
  echo "skipped: a read-only folder (root writes anywhere); /proc stands in for it"
  output=$("$moesim" run fine.ini --out /proc/moesim 2>&1 >/dev/null)
else
  mkdir -m 555 locked
  output=$("$moesim" run fine.ini --out locked/x 2>&1 >/dev/null)
fi
[ $? -eq 4 ] || fail "read-only folder: $output"
finish "$((cases + 2)) cases"
