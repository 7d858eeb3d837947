#!/usr/bin/env bash
# Tests moesim export: every table in every format, with plain and with malicious names; what it refuses; and whether pdflatex,
# tidy, pandas and R accept it, those that are installed.
# Usage: export.sh MOESIM PYTHON
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
moesim=$1 python=$2
. "$here/support.sh"
skip() { echo "skipped: $*"; }
tables='routers utilization ablation curves domains'

# expect CODE WORDS ARGUMENTS...: the exit code, and one line on stderr with these words ("": none).
expect() {
  local code=$1 words=$2 got=0
  shift 2
  "$moesim" export "$@" > stdout 2> stderr || got=$?
  [ "$got" -eq "$code" ] || fail "export $*: exit $got, expected $code: $(head -2 stderr)"
  if [ -n "$words" ]; then
    grep -qF -- "$words" stderr || fail "export $*: said '$(cat stderr)', expected '$words'"
    [ "$(wc -l < stderr)" -eq 1 ] || fail "export $*: $(wc -l < stderr) lines of errors"
  fi
}

printf '%s\n' '[run]' 'name = sweep' 'steps = 4' '[record]' 'every = 2' '[eval]' 'every = 2' 'batches = 1' \
  '[sweep]' 'router.name = dense, token_choice, soft' 'run.seed = 0, 1, 2' > c.ini
"$moesim" run c.ini --out out > /dev/null 2>&1 || fail "the sweep did not run"
sweep=out/sweep

# --- Every table in every format; the ending of --out is the format. ---
mkdir plain
for table in $tables; do
  for ending in txt csv md tex html json; do
    expect 0 "" "$sweep" --table "$table" --out "plain/$table.$ending"
    [ -s "plain/$table.$ending" ] || fail "$table.$ending is empty"
    [ ! -s stdout ] || fail "--out $table.$ending: something is on stdout too"
  done
  for format in text csv md latex html json; do
    expect 0 "" "$sweep" --table "$table" --format "$format"
    case $format in text) ending=txt ;; latex) ending=tex ;; *) ending=$format ;; esac
    cmp -s stdout "plain/$table.$ending" || fail "$table: stdout and --out differ in format $format"
  done
  "$python" -m json.tool "plain/$table.json" > /dev/null || fail "$table.json is no JSON"
done
expect 0 "" "$sweep" --table tidy --out plain/tidy.csv
[ "$(ls -A plain | wc -l)" -eq 31 ] || fail "something is left beside the tables: $(ls -A plain)"
expect 0 "" "$sweep" --columns arm,eval_loss --format csv
[ "$(head -1 stdout)" = $'arm,eval_loss_mean,eval_loss_std\r' ] || fail "--columns: $(head -1 stdout)"

# A paper has a choice of columns, which --columns all takes back; notes are below it or not.
expect 0 "" "$sweep" --format latex --columns all
grep -q 'MaxVio' stdout && ! grep -q 'MaxVio' plain/routers.tex || fail "routers.tex: no choice of columns"
expect 0 "" "$sweep" --format md --columns all
grep -q 'FLOPs/token' stdout && ! grep -q 'FLOPs/token' plain/routers.md || fail "routers.md: no choice of columns"
"$moesim" compare "$sweep" --format md > compare.md 2> stderr || fail "compare: $(cat stderr)"
[ "$(head -3 compare.md)" = "$(head -3 plain/routers.md)" ] || fail "compare and export choose other columns"
grep -q 'over n = 3 seeds' plain/routers.md || fail "nothing says what the deviation is"
expect 0 "" "$sweep" --format md --notes none
[ "$(grep -vc '^|' stdout)" -eq 0 ] || fail "--notes none: $(grep -v '^|' stdout)"
expect 0 "" "$sweep" --format csv --notes none
[ ! -s stderr ] || fail "--notes none: $(cat stderr)"
expect 0 "" "$sweep" --format md --notes short
[ "$(grep -v '^|' stdout | grep -c .)" -lt "$(grep -v '^|' plain/routers.md | grep -c .)" ] || fail "--notes short is not"
grep -q 'over n = 3 seeds' stdout || fail "--notes short: nothing says what the deviation is"

# A table that becomes tiny in its place is said to be.
expect 0 'choose --width page, or columns by --columns' "$sweep" --format latex --columns all
expect 0 "" "$sweep" --format latex --columns arm,eval_loss
[ ! -s stderr ] || fail "a small table: $(cat stderr)"

# --- What it refuses, and that nothing is half-written. ---
expect 2 'did you mean routers?' "$sweep" --table routrs
expect 2 'did you mean json?' "$sweep" --format jsn
expect 2 'unknown ending' "$sweep" --out a.doc
expect 2 '--table routers takes no --by' "$sweep" --by layer
expect 2 '--table curves takes no --target' "$sweep" --table curves --target 1
expect 2 '--table tidy is CSV' "$sweep" --table tidy --format json
expect 2 '--table tidy is CSV' "$sweep" --table tidy --out x.json
expect 2 '--caption is of the formats latex and html' "$sweep" --caption x
expect 2 '--caption-tex is of the format latex' "$sweep" --format html --caption-tex x
expect 2 'its braces do not match' "$sweep" --format latex --caption-tex 'a}{b'
expect 2 'it ends in' "$sweep" --format latex --caption-tex 'a\'
expect 2 'a table has one caption' "$sweep" --format latex --caption-tex a --caption b
expect 2 '--width is of the format latex' "$sweep" --width page
expect 2 'choose one of column, page, none' "$sweep" --format latex --width wide
expect 2 'choose one of all, short, none' "$sweep" --notes few
expect 2 '--table tidy has no notes' "$sweep" --table tidy --notes none
expect 2 'a label has letters' "$sweep" --format latex --label 'a b'
expect 2 'eval_los' "$sweep" --table tidy --columns eval_los
expect 2 "no arm is named 'nobody'" "$sweep" --arm nobody
expect 2 'export what?'
expect 3 'no-such-folder' no-such-folder
expect 4 'cannot write: No such file or directory; create the folder no-such-folder' "$sweep" --out no-such-folder/a.csv
expect 3 'it is a config file; train its runs' c.ini
expect 4 'it is a folder' "$sweep" --out plain --format csv
mkfifo pipe
cat pipe > piped &
expect 0 "" "$sweep" --out pipe --format md
wait
[ -p pipe ] && cmp -s piped plain/routers.md || fail "--out of a pipe"
mkdir full && echo before > full/t.csv
(failures=0 && ulimit -f 8 && expect 4 'cannot write' "$sweep" --table tidy --out full/t.csv; [ "$failures" -eq 0 ]) || fail "a full disk"
[ "$(cat full/t.csv)" = before ] && [ "$(ls -A full)" = t.csv ] || fail "a full disk left $(ls -A full)"
if [ -c /dev/full ]; then
  code=0
  "$moesim" export "$sweep" --table tidy > /dev/full 2> stderr || code=$?
  [ "$code" -eq 4 ] || fail "export > /dev/full: exit $code"
fi

# --- A file that is cut off is named, the others are shown. ---
cp -r out cut
victim=$(ls -d cut/sweep/soft-s0-*)
head -c 2000 "$victim/run.h5" > cut.h5 && mv cut.h5 "$victim/run.h5"
for table in $tables tidy; do
  expect 3 "$victim/run.h5" cut/sweep --table "$table"
  grep -q soft stdout || fail "$table: the other runs of a damaged one's arm are gone"
done

# --- Names from anywhere, and text of fixed length as other libraries write it. ---
names_checked=no
if "$python" -c 'import h5py' 2> /dev/null; then
  cp -r out hostile
  "$python" - hostile/sweep <<'PY' || fail "the run files could not be rewritten"
import glob, sys
import h5py, numpy
names = {"dense": "top_k & 50% #1 ~\\x", "token_choice": "=cmd|' /C calc'!A0",
         "soft": "\x1b[31m</script>\u202e[0.5em] \"q\" {$x^2$} `--` \\input{x} \u4e2d\u00e9 ?`" + "y" * 3000}
for path in glob.glob(sys.argv[1] + "/*/run.h5"):
    with h5py.File(path, "r+") as run:
        name = names[run.attrs["router"]]
        del run.attrs["config"]  # runs without a config go by their names
        if run.attrs["router"] == "dense":
            run.attrs["arm"] = numpy.bytes_(name)
            run.attrs["status"] = numpy.bytes_("complete")
        else:
            run.attrs["arm"] = name
PY
  mkdir named
  for table in $tables; do
    for ending in txt csv md tex html json; do
      expect 0 "" hostile/sweep --all --table "$table" --out "named/$table.$ending"
    done
  done
  expect 0 "" hostile/sweep --all --table tidy --out named/tidy.csv
  grep -qF 'top_k & 50% #1 ~\x' named/routers.txt || fail "text of fixed length is not read"
  if grep -lP '[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\xe2\x80\xae' named/*; then fail "controls reached these files"; fi
  if grep -l '</script>' named/*.html; then fail "a name is markup there"; fi
  if grep -l '\\input' named/*.tex; then fail "a name is a command there"; fi
  "$python" - named/*.csv <<'PY' || fail "a cell of CSV is a formula, or lines differ in length"
import csv, sys
for path in sys.argv[1:]:
    rows = list(csv.reader(open(path, newline="", encoding="utf-8")))
    assert len({len(row) for row in rows}) == 1, path
    for cell in {cell for row in rows for cell in row}:
        if cell[:1] in tuple("=+-@\t\r"): float(cell)
PY
  names_checked=yes
else
  skip "names from anywhere: no h5py for $python"
fi
folders=plain; [ $names_checked = no ] || folders="plain named"
source_of() { case $1 in plain) echo "$sweep" ;; named) echo "hostile/sweep --all" ;; esac; }

# --- LaTeX compiles, with siunitx 3 and with what stands for 2. ---
if command -v pdflatex > /dev/null && kpsewhich siunitx.sty booktabs.sty geometry.sty graphicx.sty > /dev/null; then
  export TEXMFVAR=$work/texmf
  versions=newest
  if kpsewhich siunitx-v2.sty > /dev/null; then versions="newest v2"; else skip "siunitx 2: no siunitx-v2.sty"; fi
  for folder in ${folders##* }; do  # of the harder names
    for table in $tables; do
      # shellcheck disable=SC2046
      expect 0 "" $(source_of $folder) --table "$table" --format latex --standalone --caption 'A & b: 50 %_#' --label tab:a_b --out p.tex
      for version in $versions; do
        case $version in v2) sed 's/siunitx}/}\\usepackage{siunitx}[=v2]/' p.tex > q.tex ;; *) cp p.tex q.tex ;; esac
        pdflatex -halt-on-error -interaction=nonstopmode q.tex > log 2>&1 ||
          fail "pdflatex, siunitx $version, $folder $table: $(grep -A4 '^!' log | tr '\n' ' ')"
      done
    done
  done
  # In a paper, where other text stands beside them, tables are no wider than their place.
  paper() { # paper OPTIONS TABLE...: a document of these files
    local options=$1 part
    shift
    printf '%s\n' "\\documentclass[$options]{article}\\usepackage[T1]{fontenc}\\usepackage[utf8]{inputenc}" \
      '\usepackage{booktabs,graphicx,siunitx}\begin{document}'
    for part; do printf '%s\n' 'Text.' "\\input{$part}" '\clearpage'; done
    echo '\end{document}'
  }
  mkdir papers
  for folder in ${folders##* }; do
    for table in $tables; do
      for width in column page; do
        for columns in '' all; do
          # shellcheck disable=SC2046
          expect 0 "" $(source_of $folder) --table "$table" --width $width ${columns:+--columns $columns} --caption-tex '$k$ of \emph{all}' \
            --out "papers/$folder-$table-$width$columns.tex"
        done
      done
    done
  done
  for version in $versions; do
    # The older siunitx is slow: the tables that have most columns, in the narrower place.
    case $version in newest) paper twocolumn papers/*.tex ;; v2) paper twocolumn papers/*columnall.tex | sed 's/,siunitx}/}\\usepackage{siunitx}[=v2]/' ;; esac > p.tex
    pdflatex -halt-on-error -interaction=nonstopmode p.tex > log 2>&1 || fail "pdflatex, a paper, $version: $(grep -A4 '^!' log)"
    if grep -A3 '^Overfull' log; then fail "a table is wider than its place, $version"; fi
  done
  expect 0 "" "$sweep" --columns all --width none --out wide.tex
  paper twocolumn wide.tex > p.tex
  pdflatex -halt-on-error -interaction=nonstopmode p.tex > log 2>&1
  grep -q '^Overfull' log || fail "the check of widths finds nothing"
else
  skip "LaTeX: needs pdflatex with booktabs, geometry, graphicx and siunitx (texlive-latex-recommended, texlive-science)"
fi

# --- HTML is valid. ---
if command -v tidy > /dev/null; then
  for folder in $folders; do
    for table in $tables; do
      # shellcheck disable=SC2046
      expect 0 "" $(source_of $folder) --table "$table" --format html --standalone --caption '<b> & "c"' --label a:b --out p.html
      tidy -e -q -utf8 p.html > log 2>&1 || fail "tidy, $folder $table: $(head -3 log)"
    done
  done
else
  skip "HTML: tidy is not installed"
fi

# --- CSV is read without arguments. ---
if "$python" -c 'import pandas' 2> /dev/null; then
  for folder in $folders; do
    "$python" - "$folder" "$folder/routers.json" <<'PY' || fail "pandas, $folder"
import json, sys
import pandas
folder = sys.argv[1]
for name in "routers utilization ablation curves domains".split():
    rows = json.load(open(f"{folder}/{name}.json"))["rows"]
    assert len(pandas.read_csv(f"{folder}/{name}.csv")) == len(rows), name
table, rows = pandas.read_csv(f"{folder}/routers.csv"), json.load(open(f"{folder}/routers.json"))["rows"]
assert [float(x) for x in table.eval_loss_mean] == [row["eval_loss"]["mean"] for row in rows]
tidy = pandas.read_csv(f"{folder}/tidy.csv")
assert list(tidy.columns) == "run arm seed step layer expert domain quantity value".split()
assert tidy.value.dtype == float and tidy.seed.dtype == int
last = tidy[(tidy.quantity == "eval_loss") & (tidy.step == 4)]
mean = last.groupby("arm").value.mean()
for arm, loss in zip(table.arm, table.eval_loss_mean):
    assert abs(mean[next(a for a in mean.index if a[:20] == arm[:20])] - loss) < 1e-12, arm
PY
  done
else
  skip "pandas: $python does not have it"
fi
if command -v Rscript > /dev/null; then
  for folder in $folders; do
    Rscript --vanilla -e 'folder <- commandArgs(TRUE)[1]
      read <- function(name) read.csv(paste0(folder, "/", name, ".csv"))
      for (name in c("utilization", "ablation", "curves", "domains")) stopifnot(nrow(read(name)) > 0)
      tidy <- read("tidy"); routers <- read("routers")
      stopifnot(is.numeric(tidy$value), is.integer(tidy$seed), is.numeric(routers$eval_loss_mean))
      last <- tidy[tidy$quantity == "eval_loss" & tidy$step == 4, ]
      means <- tapply(last$value, substr(last$arm, 1, 20), mean)
      stopifnot(max(abs(means[substr(routers$arm, 1, 20)] - routers$eval_loss_mean)) < 1e-12)' "$folder" > log 2>&1 ||
      fail "R, $folder: $(head -5 log)"
  done
else
  skip "R: Rscript is not installed"
fi
finish export
