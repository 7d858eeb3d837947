#!/usr/bin/env python3
"""Tests the data set "tasks" and moesim score: tasks.py MOESIM

The answers of generated tasks, exact match and chrF against their computation here; a stopped run resumes to the same bits;
bad settings and files end with exit 2 or 3 and one line.
"""
import collections
import csv
import glob
import json
import os
import re
import signal
import statistics
import struct
import subprocess

import checks
from checks import check

moesim = checks.Program()
call = moesim.run
NAMES = "copy reverse sort add lookup brackets rise fall".split()
SYMBOLS, MODULUS = 5, 50
with open("c.ini", "w") as file:
    file.write(f"""[run]
name = all
steps = 60
[data]
name = tasks
tasks = {' '.join(NAMES)}
symbols = {SYMBOLS}
modulus = {MODULUS}
source_length = 5
length = 24
validation_pairs = 20
[model]
layers = 2
width = 32
heads = 2
[router]
name = token_choice
[moe]
experts = 4
[expert]
hidden = 32
[train]
batch = 16
rate = 1e-2
[eval]
every = 30
sequences = 0
[checkpoint]
every = 20
""")


def train(name, *words):
    call("run", "c.ini", f"run.name={name}", *words)
    return glob.glob(f"runs/{name}/*/")[0]


def tensors(path):
    """The tensors of whole numbers in a safetensors file, as lists of rows."""
    with open(path, "rb") as file:
        contents = file.read()
    size, = struct.unpack_from("<Q", contents)
    found = {}
    for name, entry in json.loads(contents[8:8 + size]).items():
        if name == "__metadata__" or entry["dtype"] != "I32":
            continue
        begin, end = (8 + size + at for at in entry["data_offsets"])
        numbers = struct.unpack(f"<{(end - begin) // 4}i", contents[begin:end])
        rows, length = entry["shape"]
        found[name] = [numbers[i * length:(i + 1) * length] for i in range(rows)]
    return found


def answer(task, source):
    if task in ("rise", "fall"):
        by = 1 if task == "rise" else -1
        return "".join(chr(97 + (ord(c) - 97 + by) % SYMBOLS) for c in source)
    if task == "add":
        return str(sum(map(int, source.split("+"))) % MODULUS)
    if task == "lookup":
        k, letters = source.split(":")
        return letters[int(k) - 1]
    if task == "brackets":
        while re.search(r"\(\)|\[\]|{}|<>", source):  # what is left are brackets that are open
            source = re.sub(r"\(\)|\[\]|{}|<>", "", source)
        return source[::-1].translate(str.maketrans("([{<", ")]}>"))
    return {"copy": source, "reverse": source[::-1], "sort": "".join(sorted(source))}[task]


def chrf(pairs):
    """100 F2 of character n-grams up to 6 (Popović 2015), over pairs of output and reference."""
    precisions, recalls = [], []
    for n in range(1, 7):
        counts = [[collections.Counter(text[i:i + n] for i in range(len(text) - n + 1)) for text in pair] for pair in pairs]
        common = sum(sum((ours & theirs).values()) for ours, theirs in counts)
        ours, theirs = (sum(sum(each[i].values()) for each in counts) for i in (0, 1))
        if ours and theirs:
            precisions.append(common / ours)
            recalls.append(common / theirs)
    p, r = (sum(x) / len(x) if x else 0 for x in (precisions, recalls))
    return 100 * 5 * p * r / (4 * p + r) if p + r else 0


# Ids: bytes, then [sep], [eos] and the labels.
SEP, EOS = 256, 257
run = train("all")
call("predict", run, "--out", "all.safetensors")
data = tensors("all.safetensors")
by_task = collections.defaultdict(list)
for ids, targets in zip(data["ids"], data["targets"]):
    task, sep = NAMES[ids[0] - 258], ids.index(SEP)
    source = bytes(ids[1:sep]).decode()
    counted = [t for t in targets if t >= 0]
    target = bytes(counted[:-1]).decode()
    check(counted[-1] == EOS and answer(task, source) == target, f"{task} {source!r}: {target!r}")
    check(targets[:sep] == (-1,) * sep and list(targets[sep:sep + len(counted)]) == counted, f"{task} {source!r}: where targets are")
    by_task[task].append((source, target))
check(sorted(by_task) == sorted(NAMES) and all(len(each) == 20 for each in by_task.values()), "twenty validation pairs of each task")

# Scores of a few answers, against those of moesim sample.
rows = json.loads(call("score", run, "--answers", "4", "--json").stdout)["rows"]
check([row["domain"] for row in rows] == NAMES + ["mean"], f"rows of score: {rows}")
for row in rows[:-1]:
    if row["domain"] not in ("copy", "lookup", "brackets"):
        continue
    pairs, exact = [], 0
    for source, target in by_task[row["domain"]][:4]:
        prompt = f"[{row['domain']}]{source}[sep]"
        room = 25 - (2 + len(source))
        said = json.loads(call("sample", run, "--prompt", prompt, "--temperature", "0", "--tokens", str(room), "--json").stdout)
        tokens = said["tokens"]
        output = tokens[:tokens.index(EOS)] if EOS in tokens else tokens
        text = "".join(chr(t) if t < 256 else f"[{(['sep', 'eos'] + NAMES)[t - 256]}]" for t in output)
        pairs.append((text, target))
        exact += EOS in tokens and text == target
    check(abs(row["chrf"] - chrf(pairs)) < 1e-9, f"{row['domain']}: chrF {row['chrf']}, {chrf(pairs)} here, of {pairs}")
    check(row["exact_percent"] == 25 * exact, f"{row['domain']}: exact {row['exact_percent']}, {25 * exact} here")
for key in ("loss", "exact_percent", "chrf"):
    mean = sum(row[key] for row in rows[:-1]) / len(NAMES)
    check(abs(rows[-1][key] - mean) < 1e-9, f"mean of {key}: {rows[-1][key]}, {mean} here")

# Without capacity, loss and answers are those of the same weights in a run whose evaluation drops nothing.
tight = train("tight", "router.token_choice.capacity_factor_eval=0.25")
free = train("free", "router.token_choice.capacity_factor_eval=0", f"init.from={tight}", "init.method=same", "train.rate=0", "run.steps=1")


def scored(run, *words):
    """-> losses by task, and answers"""
    said = call("score", run, "--answers", "4", "--answers-out", "scored.csv", "--json", *words).stdout
    with open("scored.csv", newline="") as file:
        return [[row["loss"] for row in json.loads(said)["rows"]], [row["answer"] for row in csv.DictReader(file)]]


own, dropless = scored(tight), scored(tight, "--dropless")
check(dropless == scored(free) and own[0] != dropless[0] and own[1] != dropless[1], f"--dropless: {own} and {dropless}")

# An answer that does not end has all of the room: with label, source and [sep] 25 tokens, of which the model reads 24. A model
# without training ends few. A byte that is no UTF-8 is U+FFFD in the table.
call("score", train("untrained", "train.rate=0", "run.steps=1"), "--answers", "4", "--answers-out", "untrained.csv")
with open("untrained.csv", newline="") as file:
    rooms = [row for row in csv.DictReader(file) if row["ended"] == "no"]
check(len(rooms) > 8, f"{len(rooms)} answers that do not end")
for row in rooms:
    tokens = [len(re.sub(r"\[(" + "|".join(["sep", *NAMES]) + r")\]", "x", row[key].replace("\ufffd", "x")).encode()) for key in ("source", "answer")]
    check(sum(tokens) + 1 == 25, f"{row['source']} and its answer have {tokens} tokens: {row['answer']!r}")

# The mean is over the tasks that are evaluated.
two = json.loads(call("score", train("two", "run.steps=2", "data.evaluated=copy sort"), "--answers", "1", "--json").stdout)["rows"]
check([row["domain"] for row in two] == ["copy", "sort", "mean"] and abs(two[2]["loss"] - (two[0]["loss"] + two[1]["loss"]) / 2) < 1e-9,
      f"mean of two tasks: {two}")

# By arm: mean and sample standard deviation over seeds, of the rows by run.
few = ["run.steps=2", "run.seed=0..2", "data.tasks=copy sort"]
call("run", "c.ini", "run.name=seeds", *few, "train.rate=1e-3,1e-2")
rows = json.loads(call("score", "runs/seeds", "--answers", "2", "--json").stdout)["rows"]
arms = json.loads(call("score", "runs/seeds", "--answers", "2", "--json", "--by", "arm").stdout)["rows"]
check(len(rows) == 18 and [(row["domain"], row["seeds"]) for row in arms] == 2 * [("copy", 3), ("sort", 3), ("mean", 3)], f"by arm: {arms}")
for row in arms:
    own = [each for each in rows if each["run"].startswith(row["arm"].replace("=", "-") + "-s") and each["domain"] == row["domain"]]
    check(len(own) == 3, f"runs of the arm {row['arm']}: {own}")
    for key in ("loss", "exact_percent", "chrf"):
        values = [each[key] for each in own]
        check(abs(row[key]["mean"] - statistics.mean(values)) < 1e-9 and abs(row[key]["std"] - statistics.stdev(values)) < 1e-9,
              f"{key} of {row['arm']}: {row[key]}, {values}")
check(call("score", "runs/seeds", "--answers", "2").stdout.count("± ") == 1 + 18, "score prints no table by arm")
check("choose one of run, arm" in call("score", run, "--by", "seed", code=2).stderr, "--by seed")

# A stopped run goes on to the same bits.
long = ["run.steps=400", "data.packed=true", "data.temperature=3", "data.held_out=sort"]
straight = train("straight", *long)
process = subprocess.Popen([moesim, "run", "c.ini", "run.name=stopped", *long], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
while process.poll() is None and not glob.glob("runs/stopped/*/checkpoint/step-*/manifest.json"):
    os.sched_yield()
process.send_signal(signal.SIGTERM)
check(process.wait() in (0, 75), f"stopped with {process.returncode}")
stopped = train("stopped", *long)


def weights(of):
    newest = max(glob.glob(f"{of}/checkpoint/step-*"), key=lambda path: int(path.rsplit("-", 1)[1]))
    with open(glob.glob(f"{newest}/*.safetensors")[0], "rb") as file:
        return os.path.basename(newest), file.read()


check(weights(straight) == weights(stopped), "a resumed run has other weights")
check("data.held_out = sort" in call("score", straight, "--answers", "1").stdout, "score does not name held-out tasks")

# Bad settings and files.
with open("half.jsonl", "w") as file:
    file.write('{"source": "a"}\n')
open("empty.jsonl", "w").close()
for code, words in ((2, ["data.tasks=nosuch"]), (2, ["data.tasks="]), (2, ["data.cap=0"]), (2, ["data.temperature=0"]),
                    (2, ["data.held_out=nosuch"]), (2, ["data.input=words"]), (2, ["task.name=classification"]), (2, ["task.name=masked_lm"]),
                    (3, ["data.path=half.jsonl"]), (3, ["data.path=empty.jsonl"]), (3, ["data.path=nosuch.jsonl"])):
    done = call("run", "c.ini", "run.name=bad", *words, code=code)
    check(done.stderr.count("\n") == 1 and not os.path.exists("runs/bad"), f"{words}: {done.stderr}")
with open("d.ini", "w") as file:
    file.write("[run]\nname = other\nsteps = 1\n[data]\nname = synthetic\nlength = 8\n[model]\nwidth = 8\nheads = 1\nlayers = 1\n")
call("run", "d.ini")
said = call("score", run, "--answers", "4", "--answers-out", "answers.csv", "--dropless", "--json").stdout
with open("answers.csv", newline="") as file:
    answers = list(csv.DictReader(file))
check(len(answers) == 4 * len(NAMES) and all(row["target"] == "".join(sorted(row["source"].split("]")[-1]))
                                             for row in answers if row["domain"] == "sort"), f"answers of score: {answers[:3]}")
for row in json.loads(said)["rows"][:-1]:
    share = [answer["exact"] for answer in answers if answer["domain"] == row["domain"]]
    check(row["exact_percent"] == 100 * share.count("yes") / len(share), f"--answers-out and the table differ: {row}")
check("unknown ending" in call("score", run, "--answers-out", "answers.x", code=2).stderr, "an unknown ending of --answers-out")
for words, text in ((["--answers-out", "f.csv", "--out", "f.csv"], "same file"), (["--answers-out", "./f.csv", "--out", "f.csv"], "same file"),
                    (["--answers-out", ""], "no file is named")):
    said = call("score", run, *words, code=2).stderr
    check(text in said and not os.path.exists("f.csv"), f"{words}: {said}")
check("choose another --answers-out" in call("score", run, "--answers-out", "nodir/x.csv", code=4).stderr, "a folder that is not there")
os.symlink("/dev/full", "full.csv")
said = call("score", run, "--answers", "1", "--answers-out", "full.csv", code=4).stderr
check("full.csv" in said and "free space or choose another --answers-out" in said, f"a full disk: {said}")
check("data.name = tasks" in call("score", "runs/other", code=2).stderr, "score of other data")
call("score", code=2)
call("score", "nosuch", code=3)
call("score", run, "--answers", "-1", code=2)

checks.finish()
