#!/usr/bin/env bash
# Tests data that are probably not what the user meant: refused in one line with file, line and key, or noted beside the loss.
# Usage: data.sh MOESIM
set -u
moesim=$1
. "$(cd "$(dirname "$0")" && pwd)/support.sh"
cases=0

for i in {1..200}; do printf 'The quick brown fox number %d jumps over the lazy dog.\n' "$i"; done > text.txt
printf '%s\n' '[run]' 'name = d' 'steps = 2' '[model]' 'layers = 1' 'width = 16' 'heads = 2' '[moe]' 'experts = 2' '[expert]' \
  'hidden = 8' '[router]' 'name = dense' '[eval]' 'batches = 2' '[data]' 'name = text' 'length = 16' > base
# config LINES...: run.ini with these lines at the end; the first is line 19.
config() { { cat base; printf '%s\n' "$@"; } > run.ini; }

# refused CODE PATTERN: by run and by --dry-run, which leave nothing behind.
refused() {
  for mode in '' --dry-run; do
    cases=$((cases + 1))
    output=$("$moesim" run run.ini $mode --out out 2>&1 > /dev/null)
    status=$?
    [ $status -eq "$1" ] && [ "$(printf '%s\n' "$output" | wc -l)" -eq 1 ] && printf '%s' "$output" | grep -qE -- "$2" ||
      fail "$(tail -n +19 run.ini) $mode: expected exit $1 and $2, got exit $status: $output"
    [ ! -e out ] || { fail "$mode left something behind"; rm -rf out; }
  done
}
# accepted: trains.
accepted() {
  cases=$((cases + 1))
  "$moesim" run run.ini --out out > table 2> log || fail "$(tail -n +19 run.ini): exit $?: $(tail -1 log)"
  rm -rf out
}

gzip -c text.txt > text.gz
config 'path = text.gz'
accepted
head -c 500 text.gz > short.gz
config 'path = short.gz'
refused 3 '^moesim: run\.ini:19: data\.path = short\.gz: short\.gz: expected more compressed data, found the end of the file after 500 bytes'
bzip2 -c text.txt > text-of-another-name.txt 2> /dev/null || printf 'BZh91AY&SY' > text-of-another-name.txt
config 'path = all:text*.txt'
refused 3 'text-of-another-name\.txt: expected text, found bzip2 data: bunzip2 it first; tokens = raw'
config 'path = text.gz' 'tokens = raw'
accepted
rm text-of-another-name.txt
python3 -c "
import struct, sys
sys.stdout.buffer.write(b''.join(struct.pack('<H', i * 48271 % 50257) for i in range(5000)))" > train.bin
config 'path = train.bin'
refused 3 'run\.ini:19: .*numbers of 16 bits, perhaps token ids \(train\.bin of nanoGPT\): data\.name = tokens reads such'
# What may be meant, but most often is not: trained, and said once, before the first run and in every run file.
noted() { # noted PATTERN
  cases=$((cases + 1))
  "$moesim" run run.ini run.seed=0,1 --out out > table 2> log || fail "$(tail -n +19 run.ini): exit $?: $(tail -1 log)"
  [ "$(grep -c '^note: data: ' log)" -eq 1 ] && grep -Eq "^note: data: $1" log || fail "$(tail -n +19 run.ini): expected one note of $1: $(cat log)"
  for file in out/d/*/run.h5; do grep -aEq "data_note" "$file" || fail "no data_note in $file"; done
  rm -rf out
}
iconv -f utf-8 -t latin1 > latin1.txt <<< "$(for i in {1..200}; do printf 'Un café naïf, le numéro %d.\n' "$i"; done)"
config 'path = latin1.txt'
noted 'latin1\.txt: is no UTF-8 \(byte 6 is the first that tells\), perhaps Latin-1: .*iconv -f latin1'
config 'path = latin1.txt' 'tokens = raw'
accepted
grep -q '^note' log && fail "tokens = raw is what is meant: $(grep '^note' log)"
for i in {1..400}; do printf '%d %d ' "$((i * 48271 % 50257))" "$((i * 7 % 13))"; done > ids.txt
config 'path = ids.txt' 'tokens = bytes'
noted 'ids\.txt: looks like whole numbers from 0 to [45][0-9]{4}, perhaps token ids: .*write the text'
{ echo 'step,loss'; for i in {1..400}; do printf '%d,%d.25\n' "$i" "$((i % 7))"; done; } > table.csv
config 'path = table.csv' 'tokens = chars'
noted 'table\.csv: looks like a table of numbers: '
config 'path = text.txt'
accepted
grep -q '^note' log && fail "a note about prose: $(grep '^note' log)"
printf '{"text": "line %d"}\n' {1..100} > lines.jsonl
config 'path = lines.jsonl'
refused 3 'run\.ini:19: .*JSON lines: name the key of their text, such as data\.field = text'
config 'path = lines.jsonl' 'field = text'
accepted
config 'path = lines.jsonl' 'field = body'
refused 3 "lines\.jsonl:1: expected a text under 'body' \(data\.field\), found none; keys are text"
config 'path = text.txt ; the training text'
refused 2 "run\.ini:19: data\.path = text\.txt ; the training text: 'the training text' is not there.*' #' begins a comment"
config 'path = text.txt # the training text'
accepted
config 'path = https://example.org/text.txt'
refused 3 'run\.ini:19: .*a URL is not fetched'
config 'path = C:\texts\text.txt'
refused 3 'run\.ini:19: .*a path of Windows'
config 'path = text.txt' 'tokens = sentencepiece' 'model = missing.model'
refused 3 'run\.ini:21: data\.model = missing\.model: missing\.model: cannot be opened'
mkdir folder
config 'path = folder'
refused 3 'run\.ini:19: .*folder: expected \*\.txt in this folder, found none'
cp text.txt folder/b.txt
cp text.txt 'a, b; c:d.txt'
accepted
config 'path = a, b; c:d.txt'
accepted
cp text.txt 'news:c.txt'
config 'path = news:c.txt'
accepted
printf 'x%.0s' {1..2000} > one.txt
config 'path = one.txt' 'tokens = chars'
refused 3 'run\.ini:19: .*found the same token everywhere'

# A rate of 10 makes a model worse than guessing: said at the end of the run and under the table.
config 'path = text.txt' 'tokens = chars' '[train]' 'rate = 10' 'schedule = constant' 'clip = 0'
"$moesim" run run.ini run.steps=20 --out guess > table 2> log || fail "worse than guessing: exit $?: $(tail -1 log)"
grep -q 'warning: the validation loss .* is above .* that of guessing' log || fail "no warning: $(cat log)"
grep -q 'warning: the validation loss' guess/d/*/log.txt || fail "no warning in log.txt"
grep -q 'loss above that of guessing' table || fail "no note: $(cat table)"
config 'path = text.txt' 'tokens = chars'
"$moesim" run run.ini run.steps=60 --out learn > table 2> log || fail "learned: exit $?: $(tail -1 log)"
! grep -q guessing table log || fail "a note without reason: $(cat table log)"
finish "$((cases + 2)) cases"
