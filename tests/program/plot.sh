#!/usr/bin/env bash
# Tests moesim plot: every figure in every format, its scripts on their own, and its errors.
# Usage: plot.sh MOESIM PYTHON. Without gnuplot, or without matplotlib, the parts that need them are skipped, which is said.
set -u
moesim=$1 python=$2
here=$(cd "$(dirname "$0")" && pwd)
. "$here/support.sh"
export OMP_NUM_THREADS=1 LC_ALL=C.UTF-8 MPLCONFIGDIR=$work
unset OMP_PROC_BIND

cat > c.ini <<'INI'
[run]
name = tiny
steps = 6
[data]
length = 8
validation = 4
[model]
layers = 2
width = 8
heads = 1
[moe]
experts = 4
[router.token_choice]
capacity_factor = 0.5
[train]
batch = 2
[record]
every = 1
[eval]
every = 2
sequences = 4
INI
"$moesim" run c.ini router.name=token_choice,soft run.seed=0,1 --out out > log 2>&1 || fail "training: exit $?: $(tail -1 log)"
runs=out/tiny
figures="loss load heatmap drops entropy pareto domains curves-by-key"

# expect CODE TEXT ARGUMENTS...: the exit code, and one line on stderr that has the text.
expect() {
  local code=$1 text=$2
  shift 2
  "$moesim" plot "$@" > out.txt 2> err.txt
  local got=$?
  [ $got -eq "$code" ] || fail "plot $*: exit $got in place of $code: $(cat err.txt)"
  grep -qF -- "$text" err.txt || fail "plot $*: no '$text' in: $(cat err.txt)"
  [ "$(grep -c '^moesim: ' err.txt)" -eq 1 ] || fail "plot $*: not one line: $(cat err.txt)"
}
nothing_left() { # FOLDER: no temporary, no half of a file
  local left
  left=$(find "$1" -name '.*' -type f)
  [ -z "$left" ] || fail "left behind: $left"
}

# Without gnuplot: one line that names the package, and the script for matplotlib all the same.
mkdir -p bin nowhere
PATH_BEFORE=$PATH
PATH=$work/bin
"$moesim" plot $runs --out a.svg > out.txt 2> err.txt
code=$?
"$moesim" plot $runs --out b.svg --script matplotlib > out2.txt 2> err2.txt
code2=$?
PATH=$PATH_BEFORE
[ $code -eq 2 ] || fail "without gnuplot: exit $code"
grep -q 'gnuplot-nox' err.txt || fail "without gnuplot: no package named: $(cat err.txt)"
grep -q -- '--script' err.txt || fail "without gnuplot: no way out named: $(cat err.txt)"
[ ! -e a.svg ] || fail "without gnuplot: a.svg is there"
[ $code2 -eq 0 ] || fail "--script matplotlib without gnuplot: exit $code2: $(cat err2.txt)"
[ -s b.py ] && [ -s b.csv ] && [ ! -e b.svg ] || fail "--script matplotlib: $(ls b.*)"

# Invalid arguments.
expect 2 'no --out FILE' $runs
expect 2 'ends in none of' $runs --out a.jpg
expect 2 'did you mean heatmap?' $runs --figure heatmp --out a.svg
expect 2 'did you mean tokens?' $runs --x token --out a.svg
expect 2 'choose one of gnuplot, matplotlib' $runs --script=latex --out a.svg
expect 2 '--script matplotlibb: unknown choice; did you mean matplotlib?' $runs --script matplotlibb --out a.svg
expect 2 '--script GNUPLOT: unknown choice; did you mean gnuplot?' $runs --script GNUPLOT --out a.svg
expect 2 "--script '': unknown choice" $runs --script '' --out a.svg
"$moesim" plot --help | tr -s ' \n' ' ' > help
for quantity in eval_loss task_loss loss eval_accuracy; do
  expect 2 "$quantity" $runs --quantity wrong --out a.svg
  sed -n 's/.*loss: one of \([^;]*\);.*/\1/p' help | grep -qw "$quantity" || fail "plot --help: --quantity lacks $quantity"
done
expect 2 'did you mean page?' $runs --width pages --out a.svg
expect 2 'no arm is named' $runs --arm hash --out a.svg
expect 2 'this MoE layer; there are 0, 1' $runs --figure load --layer 7 --out a.svg
expect 2 'figure loss takes no --layer; it takes --x, --quantity, --all and --arm' $runs --figure loss --layer 0 --out a.svg
expect 2 'figure pareto takes no --baseline' $runs --figure pareto --baseline dense --out a.svg
expect 3 'holds no run.h5' nowhere --out a.svg

# A program in gnuplot's place that fails, and what it says.
printf '#!/bin/sh\necho "\\"x.gp\\" line 3: something is wrong" >&2\nexit 1\n' > bin/gnuplot
chmod +x bin/gnuplot
PATH=$work/bin:$PATH expect 1 'something is wrong' $runs --out a.svg
[ ! -e a.svg ] || fail "a failure of gnuplot left a.svg"

if ! command -v gnuplot > /dev/null; then
  echo "skipped: no gnuplot (package gnuplot-nox), so no picture is drawn"
else
  mkdir -p pictures
  for figure in $figures; do
    for suffix in svg pdf png; do
      "$moesim" plot $runs --figure $figure --out pictures/$figure.$suffix > out.txt 2> err.txt ||
        fail "$figure.$suffix: exit $?: $(cat err.txt)"
    done
    head -c 5 pictures/$figure.pdf | grep -q '%PDF-' || fail "$figure.pdf is no PDF"
    head -c 4 pictures/$figure.png | grep -q 'PNG' || fail "$figure.png is no PNG"
    python3 - pictures/$figure.svg <<'PY' || fail "$figure.svg"
import sys
import xml.etree.ElementTree as tree
root = tree.parse(sys.argv[1]).getroot()
names = [element.tag.split("}")[1] for element in root.iter()]
texts = ["".join(element.itertext()) for element in root.iter() if element.tag.endswith("}text")]
assert "image" not in names, "a picture is embedded"
assert len(texts) >= 6, texts
assert any("token_choice" in text or "layer" in text or "router" in text for text in texts), texts
PY
    # The script draws the same picture again, from wherever it is run.
    mkdir -p "again/$figure"
    "$moesim" plot $runs --figure $figure --out again/$figure/f.svg --script > out.txt 2> err.txt ||
      fail "$figure --script: exit $?: $(cat err.txt)"
    grep -q 'wrote again/.*f.csv, again/.*f.gp, again/.*f.svg' out.txt || fail "$figure --script: $(cat out.txt)"
    mv again/$figure/f.svg before.svg
    (cd nowhere && gnuplot ../again/$figure/f.gp) > out.txt 2>&1 || fail "$figure: its script: $(cat out.txt)"
    cmp -s before.svg again/$figure/f.svg || fail "$figure: its script draws another picture"
    nothing_left pictures
    nothing_left again
  done
  [ -z "$(ls nowhere)" ] || fail "a script wrote where it was run: $(ls nowhere)"

  "$moesim" plot $runs --out slides.svg --style slides --width page > out.txt 2>&1 || fail "slides: $(cat out.txt)"
  grep -q 'font-size="16.00"' slides.svg || fail "slides are not of 12 pt"
  grep -q 'font-size="10.67"' pictures/loss.svg || fail "paper is not of 8 pt"
  grep -q 'width="321"' pictures/loss.svg || fail "a column is not 8.5 cm wide"

  # Where nothing can be written.
  expect 4 'missing/a.svg' $runs --out missing/a.svg
  if [ "$(id -u)" -ne 0 ]; then
    mkdir -p locked
    chmod a-w locked
    expect 4 'locked/a.svg' $runs --out locked/a.svg
  fi

  # A run file that cannot be read is left out, and the exit code says so.
  cp -r $runs broken
  head -c 1000 "$(find broken -name run.h5 | sort | head -1)" > part
  mv part "$(find broken -name run.h5 | sort | head -1)"
  expect 3 'run.h5' broken --out broken.svg
  [ -s broken.svg ] || fail "one broken file among four: no figure"
  mv broken $'bro\nken\e[31m'
  expect 3 'bro?ken?[31m/' $'bro\nken\e[31m' --out broken.svg
  grep -qF 'moesim: bro?ken?[31m/' err.txt && ! grep -qvE '^(moesim|note): ' err.txt || fail "a name of two lines: $(cat err.txt)"
fi

# --- Python ---

if "$python" -c 'import matplotlib' 2> /dev/null; then
  for figure in $figures; do
    mkdir -p "py/$figure"
    "$moesim" plot $runs --figure $figure --out py/$figure/f.svg --script matplotlib > out.txt 2> err.txt ||
      fail "$figure --script matplotlib: exit $?: $(cat err.txt)"
  done
  # In one process, whose imports take longer than the scripts.
  (cd nowhere && MPLBACKEND=agg "$python" -W error - ../py/*/f.py <<'PY') > out.txt 2>&1 || fail "scripts for matplotlib: $(tail -3 out.txt)"
import runpy, sys
import matplotlib.pyplot
for path in sys.argv[1:]:
    matplotlib.rcdefaults()
    try:
        runpy.run_path(path, run_name="__main__")
    except BaseException as problem:
        raise AssertionError(path) from problem
    matplotlib.pyplot.close("all")
PY
  for figure in $figures; do
    grep -q '<text' py/$figure/f.svg 2> /dev/null || fail "$figure: matplotlib drew no text"
  done
else
  echo "skipped: $python has no matplotlib"
fi

# The block of analysis/figures/README.md, as written.
if "$python" -c 'import matplotlib, pandas' 2> /dev/null; then
  sed -n '/plot.sh runs this block/,/^```$/p' "$here/../../analysis/figures/README.md" | sed '/^<!--/d; /^```/d' > block.sh
  [ "$(wc -l < block.sh)" -ge 4 ] || fail "no block in analysis/figures/README.md"
  mkdir -p readme/runs programs
  cp -r $runs readme/runs/quickstart
  ln -sf "$moesim" programs/moesim
  printf '#!/bin/sh\nexec "%s" "$@"\n' "$(command -v "$python")" > programs/python3
  chmod +x programs/python3
  (cd readme && MPLBACKEND=agg PATH=$work/programs:$PATH bash -e ../block.sh) > out.txt 2>&1 ||
    fail "analysis/figures/README.md: $(tail -3 out.txt)"
  [ -s readme/loss.pdf ] && grep -q '^token_choice' out.txt || fail "analysis/figures/README.md: $(cat out.txt)"
else
  echo "skipped: $python has no matplotlib or no pandas, so the block of analysis/figures/README.md is not run"
fi

if "$python" -c 'import h5py' 2> /dev/null; then
  # Names that would be commands.
  cp -r $runs hostile
  "$python" - hostile <<'PY'
import glob, sys
import h5py
names = ["'.system('touch pwned').'`touch pwned` @x {a_b} %d #12", '"+__import__("os").system("touch pwned")+" </text><b> $x$']
for place, path in enumerate(sorted(glob.glob(sys.argv[1] + "/*/run.h5"))):
    with h5py.File(path, "r+") as file:
        file.attrs["arm"] = names[file.attrs["router"] == "soft"]
        del file.attrs["sha256_blocks"]
PY
  for figure in loss heatmap; do
    "$moesim" plot hostile --figure $figure --out evil.svg --script matplotlib > out.txt 2>&1 || fail "hostile names: $(cat out.txt)"
    if "$python" -c 'import matplotlib' 2> /dev/null; then
      MPLBACKEND=agg "$python" evil.py > out.txt 2>&1 || fail "hostile names, matplotlib: $(tail -1 out.txt)"
    fi
    if command -v gnuplot > /dev/null; then
      "$moesim" plot hostile --figure $figure --out evil.svg --script > out.txt 2>&1 || fail "hostile names, gnuplot: $(cat out.txt)"
      gnuplot evil.gp > out.txt 2>&1 || fail "hostile names, its script: $(cat out.txt)"
      python3 -c 'import xml.dom.minidom; xml.dom.minidom.parse("evil.svg")' && grep -qF '#12</text>' evil.svg || fail "hostile names: evil.svg is no XML, or lacks the name"
    fi
  done
  [ -z "$(find . -name pwned)" ] || fail "a name was run"
else
  echo "skipped: $python has no h5py, so no run file with hostile names is made"
fi

finish plot
