#!/usr/bin/env bash
# Tests the report of a small sweep: complete, offline, safe with malicious names, written whole or not at all. Usage: report.sh MOESIM [PYTHON]
set -u
moesim=$1 python=${2:-python3}
here=$(cd "$(dirname "$0")" && pwd)
. "$here/support.sh"
export OMP_NUM_THREADS=1

cat > c.ini <<'INI'
[run]
name = tiny
steps = 4
[data]
length = 8
validation = 4
[model]
layers = 2
width = 8
heads = 1
[moe]
experts = 4
[train]
batch = 2
[eval]
every = 2
sequences = 2
[record]
every = 2
INI
"$moesim" run c.ini router.name=dense,hash,soft run.seed=0,1 > out 2> log || fail "run: exit $?: $(tail -1 log)"

check() { python3 "$here/check_report.py" "$@" || fail "$*"; }

"$moesim" report runs/tiny --out report.html > out 2> log || fail "report: exit $?: $(cat log)"
[ ! -s out ] || fail "a report in a file writes to standard output: $(cat out)"
ls -A | grep -q '\.tmp-' && fail "a temporary is left: $(ls -A)"
check report.html verdict routers utilization certificates configs provenance reproduction
# The file that the page gives for all arms is the sweep itself.
python3 - report.html > sweep.ini <<'PY'
import html, re, sys
page = open(sys.argv[1]).read()
begin = page.index("<pre>", page.index("sweep.ini</code>"))
print(html.unescape(re.sub("<[^>]*>", "", page[begin:page.index("</pre>", begin)])))
PY
"$moesim" run sweep.ini --dry-run --trial 0 > out 2> log && grep -q '^6 runs, 0 to do$' out || fail "the sweep of the report: $(cat out log)"
"$moesim" report runs/tiny > again.html 2> log || fail "to standard output: exit $?: $(cat log)"
cmp -s report.html again.html || fail "the same runs give another page"
code=0  # a terminal, which python lends
python3 -c 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))' "$moesim" report runs/tiny > terminal || code=$?
[ $code -eq 2 ] && grep -q -- '--out report.html' terminal || fail "to a terminal: exit $code: $(head -c 300 terminal)"
[ "$(wc -c < terminal)" -lt 300 ] || fail "to a terminal: $(wc -c < terminal) bytes"
"$moesim" report runs/tiny --arm hash,soft --baseline hash --title '<i>T</i>' --out title.html 2> log || fail "--title: exit $?: $(cat log)"
check title.html verdict routers configs
grep -q '<h1>&lt;i&gt;T&lt;/i&gt;</h1>' title.html || fail "--title is not the title"
grep -q '<summary>dense' title.html && fail "--arm hash,soft has dense"

# With gnuplot there are figures; without, the page is written all the same and says what to install.
mkdir nothing
PATH=$PWD/nothing "$moesim" report runs/tiny --out bare.html 2> log || fail "without gnuplot: exit $?: $(cat log)"
check bare.html verdict routers figures provenance
grep -q '<svg' bare.html && fail "a figure without gnuplot"
[ "$(grep -c 'gnuplot-nox' bare.html)" -eq 1 ] || fail "no word, or several, on the missing gnuplot"
if command -v gnuplot > nothing/where; then
  check report.html figures
  grep -q '<svg' report.html || fail "no figure with gnuplot"
else
  echo "skipped: figures of a report: gnuplot is not installed (gnuplot-nox)"
fi

# A routed text beside the runs, and alone: its tokens are text, whatever they are.
python3 -c 'open("words.txt", "w").write("to be or not to be <b> & </script> " * 40)'
grep -v '^validation' c.ini > words.ini
"$moesim" run words.ini run.name=words router.name=token_choice data.name=text data.path=words.txt data.tokens=bytes \
  record.trace=true > out 2> log || fail "run on a text: exit $?: $(tail -1 log)"
"$moesim" route runs/words/*/ --text '</script><img src=x onerror=alert(1)> שלום 😀' --out routed.h5 > out 2> log || fail "route: exit $?: $(cat log)"
for paths in "routed.h5" "runs/tiny routed.h5" "runs/words"; do
  "$moesim" report $paths --out routing.html > out 2> log || fail "report $paths: exit $?: $(cat log)"
  check routing.html routing
  grep -q 'class="routes" data-layer="1" hidden>[0-9]' routing.html || fail "report $paths: no routes of layer 1"
  grep -q '<img' routing.html && fail "report $paths: a token is markup"
  if command -v tidy > nothing/where; then
    tidy -qe --drop-empty-elements no routing.html > out 2>&1 || fail "report $paths: tidy: $(head -3 out)"
  fi
done
command -v tidy > nothing/where || echo "skipped: validity of a page: tidy is not installed"

# The commands that it gives run: the config of an arm, saved under the name it says.
python3 "$here/check_report.py" --config hash report.html > hash.ini || fail "no config of hash"
command=$(python3 "$here/check_report.py" --command hash report.html)
[ "$command" = "moesim run hash.ini run.seed=0,1" ] || fail "the command of hash is $command"
"$moesim" run hash.ini run.seed=0,1 --out again > out 2> log || fail "the command of hash: exit $?: $(tail -1 log)"
hashes() { python3 "$here/check_report.py" --hashes "$1"; }
"$moesim" report again/tiny --out again.html 2> log || fail "report again: exit $?: $(cat log)"
diff <(hashes again.html) <(hashes report.html | grep '^hash') || fail "the command of hash makes other runs"

# Arms of unlike seeds are no one sweep.
"$moesim" run hash.ini run.seed=5 --out unlike > out 2> log && "$moesim" report runs/tiny unlike/tiny --out unlike.html 2> log || fail "unlike seeds: $(cat log)"
grep -q 'sweep.ini' unlike.html && fail "unlike seeds in one sweep"
grep -q '<pre>moesim compare runs/tiny --all</pre>' unlike.html || fail "no word on comparing arms that were run one by one"

# Names from run files are text.
if "$python" -c 'import h5py' 2> /dev/null; then
  cp -r runs/tiny hostile
  rm -f hostile/plan.json
  "$python" - hostile/*/run.h5 <<'PY'
import sys, h5py
names = ["</script><script>alert(1)</script>", "<img src=x onerror=alert(1)>", "\x1b[31mred\x1b]0;t\x07", "\u202ertl\u2066",
         "=cmd|' /C calc'!A0", "\" onmouseover=\"alert(1)\" '"]
for path, name in zip(sys.argv[1:], names):
    with h5py.File(path, "r+") as f:
        for key in ("arm", "router", "run_id", "experiment", "device", "git", "created_utc", "sees", "plan_kind", "status"):
            if key in f.attrs: f.attrs[key] = name if key != "status" else "complete"
        f.attrs["config"] = f.attrs["config"] + f"\n[router.x]\nlabel = {name}\n</pre></details><script>alert(2)</script>\n"
PY
  "$moesim" report hostile --out hostile.html 2> log || fail "hostile names: exit $?: $(cat log)"
  check hostile.html verdict routers certificates configs provenance reproduction
else
  echo "skipped: hostile names in a report: $python has no h5py"
fi

# A file that cannot be read is left out: said once on stderr and in the page, exit 3, and the page is there.
cp -r runs/tiny damaged
echo x > "$(ls -d damaged/hash-*/ | head -1)/run.h5"
"$moesim" report damaged --out damaged.html 2> log
code=$?
[ $code -eq 3 ] && [ "$(wc -l < log)" -eq 1 ] || fail "a damaged run file: exit $code: $(cat log)"
check damaged.html verdict routers notes

# What cannot be written is exit 4, with nothing half; what is wrong on the command line exit 2.
for out in nowhere/report.html runs; do
  "$moesim" report runs/tiny --out $out > out 2> log
  code=$?
  [ $code -eq 4 ] && [ "$(wc -l < log)" -eq 1 ] || fail "--out $out: exit $code: $(cat log)"
done
if [ "$(id -u)" -ne 0 ]; then
  mkdir closed && chmod a-w closed
  "$moesim" report runs/tiny --out closed/report.html > out 2> log
  code=$?
  [ $code -eq 4 ] && [ -z "$(ls -A closed)" ] || fail "a closed folder: exit $code: $(cat log)"
fi
for words in "--baseline nobody" "--arm nobody" "--at never" ""; do
  target=runs/tiny
  [ -n "$words" ] || target=
  "$moesim" report $target $words --out none.html > out 2> log
  code=$?
  [ $code -eq 2 ] && [ ! -e none.html ] || fail "report $target $words: exit $code: $(cat log)"
done
"$moesim" report c.ini --out none.html > out 2> log
code=$?
[ $code -eq 3 ] && [ ! -e none.html ] || fail "report of a config: exit $code: $(cat log)"
finish report
