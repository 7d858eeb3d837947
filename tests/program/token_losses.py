"""The part of traces.py about losses: those that moesim route writes, and those that moesim regret finds with other experts."""
import csv
import json
import os
import shutil

import h5py
import numpy


T = {1: 12.706204736174694, 2: 4.302652729749462, 3: 3.1824463052837078}  # scipy.stats.t.ppf(0.975, degrees of freedom)


def compare(check, row, key, value, kinds):
    """An interval of a mean of clusters, or of the difference of two, (n, sums) each, against numpy."""
    clusters = min((n > 0).sum() for n, _ in kinds)
    if clusters < 2:
        check(row[key] is None or row[key] == [None, None], f"{row}: {key} of {clusters} sequences")
        return
    parts = [(((n > 0).sum() / ((n > 0).sum() - 1)) ** 0.5 * (sums - sums.sum() / n.sum() * n) / n.sum()) for n, sums in kinds]
    half = T[clusters - 1] * ((parts[0] - (parts[1] if len(parts) > 1 else 0)) ** 2).sum() ** 0.5
    check(numpy.allclose(row[key], [value - half, value + half], rtol=0, atol=1e-9), f"{row}: half of {key} is {half}")


def few_sequences(call, check):
    """One dropped token, and two in two of four sequences: all others are in all."""
    for dropped in ([5], [5, 30]):
        shutil.copy("losses.h5", "few.h5")
        with h5py.File("few.h5", "r+") as file:
            served, token = file["trace_served"][:], file["trace_token"][:]
            begin = file["trace_begin"][0, 0].astype(int)
            served[:] = 1
            first = numpy.arange(len(token)) < begin[-1]
            served[first & numpy.isin(token, dropped)] = 0
            file["trace_served"][...] = served
            loss = file["trace_loss"][0]
        rows = [row for row in json.loads(call("analyze", "loss", "few.h5", "--json"))["rows"] if row["layer"] == "0"]
        [row] = [row for row in rows if row["tokens_with"] == "a dropped choice"]
        own = numpy.isin(numpy.arange(96), dropped) & ~numpy.isnan(loss)
        kinds = [(numpy.array([part.sum() for part in numpy.split(kind, 4)]),
                  numpy.array([part.sum() for part in numpy.split(numpy.where(kind, loss, 0), 4)])) for kind in (own, ~own & ~numpy.isnan(loss))]
        means = [sums.sum() / n.sum() for n, sums in kinds]
        check(row["sequences"] == len(dropped) and abs(row["loss_difference"] - means[0] + means[1]) < 1e-9, f"{row}")
        compare(check, row, "loss_interval", means[0], kinds[:1])
        compare(check, row, "loss_difference_interval", means[0] - means[1], kinds)


def test(call, check, train, rows_of, folder, long):
    # 7. Losses of tokens: they add up to the evaluation, and analyze loss splits them as numpy does.
    call("route", folder, "--split", "validation", "--batches", "0", "--out", "losses.h5")
    with h5py.File("losses.h5") as file, h5py.File(long) as run:
        loss = file["trace_loss"][0]
        check(abs(numpy.nanmean(loss) - run["eval_loss"][-1]) < 1e-6, "the mean of the losses is eval_loss")
        experts = file["trace_begin"].shape[2] - 1
    for row in json.loads(call("analyze", "loss", "losses.h5", "--json"))["rows"]:
        parts = [rows_of("losses.h5", 0, layer)[0] for layer in ((0, 1) if row["layer"] == "all" else (int(row["layer"]),))]
        served = sum(numpy.bincount(part[part[:, 3] == 1, 1], minlength=96) for part in parts)
        dropped = sum(numpy.bincount(part[part[:, 3] == 0, 1], minlength=96) for part in parts)
        kind = row["tokens_with"]
        own = (dropped > 0 if kind == "a dropped choice" else dropped == 0 if kind == "no dropped choice" else
               served == int(kind.split()[0])) & ~numpy.isnan(loss)
        n, sums = (numpy.array([part.sum() for part in numpy.split(values, 4)]) for values in (own, numpy.where(own, loss, 0)))
        mean = sums.sum() / n.sum()
        check(row["tokens"] == n.sum() and abs(row["loss"] - mean) < 1e-12, f"{row}: {n.sum()} tokens with a mean of {mean}")
        some = n > 0
        # The others: of all other numbers of experts, or with, without drops. Clusters are sequences that have such tokens.
        rest = ~own & ~numpy.isnan(loss)
        n_rest, sums_rest = (numpy.array([part.sum() for part in numpy.split(values, 4)]) for values in (rest, numpy.where(rest, loss, 0)))
        compare(check, row, "loss_interval", mean, [(n, sums)])
        compare(check, row, "loss_difference_interval", mean - sums_rest.sum() / n_rest.sum() if rest.any() else None,
                [(n, sums), (n_rest, sums_rest)])
        check(row["sequences"] == some.sum(), f"{row}: {some.sum()} sequences")
    few_sequences(call, check)
    tokens = json.loads(call("analyze", "tokens", "losses.h5", "--seen", "1", "--json"))["rows"]
    check(tokens and all(row["token"].strip() == row["token_id"] for row in tokens), "texts of tokens: ids as numbers, without a tokenizer")
    # Fluctuation: the share of first choices that differ, by hand; one trace has no next.
    call("route", folder, "--split", "validation", "--batches", "0", "--out", "first.h5", "--checkpoint", "2")
    for row in json.loads(call("analyze", "fluctuation", "first.h5", "losses.h5", "--json"))["rows"]:
        firsts = []
        for path in ("first.h5", "losses.h5"):
            listed = rows_of(path, 0, int(row["layer"]))[0]
            first = listed[listed[:, 2] == 0]
            firsts.append(first[numpy.argsort(first[:, 1], kind="stable"), 0])
        check(row["tokens"] == 96 and abs(row["changed"] - (firsts[0] != firsts[1]).mean()) < 1e-12, f"{row}")
        shares = [numpy.bincount(first, minlength=experts) / 96 for first in firsts]
        check(abs(row["chance"] - 1 + (shares[0] * shares[1]).sum()) < 1e-12, f"{row}: chance")
    check("--checkpoint STEP" in call("analyze", "fluctuation", "losses.h5", code=3), "one trace does not change")
    for value in (numpy.inf, -numpy.inf):
        shutil.copy("losses.h5", "damaged.h5")
        with h5py.File("damaged.h5", "r+") as file:
            file["trace_loss"][0, 5] = value
        check("infinite" in call("analyze", "loss", "damaged.h5", code=3), f"a loss of {value}")
    # What-if by domain adds up to all layers.
    by = json.loads(call("whatif", "losses.h5", "--capacity", "0.5,1", "--by", "domain", "--json"))["rows"]
    for row in json.loads(call("whatif", "losses.h5", "--capacity", "0.5,1", "--json"))["rows"]:
        own = [part for part in by if part["capacity_factor"] == row["capacity_factor"]]
        if row["layer"] == "all":
            check(sum(part["dropped"] for part in own) == row["dropped"] > 0 and len(own) == 2, f"{row}: {own}")
    check("no losses" in call("analyze", "loss", long, code=3), "a trace of training has no losses")
    check("moesim analyze" in call("export", "losses.h5", code=3), "a routed file is no run")
    check("moesim analyze" in call("explain", "losses.h5", code=2), "a routed file has no settings to explain")
    text = list(csv.DictReader(open("text.csv", encoding="utf-8")))
    check(all(line["loss"] for line in text[:-4]) and not any(line["loss"] for line in text[-4:]), "the last token predicts nothing")

    # 8. Regret: the loss of the sampled tokens is that of the evaluation; the rows of a run are consistent.
    [single] = train("single", "router.token_choice.k=1", "router.token_choice.capacity_factor_eval=0")
    run = os.path.dirname(single)
    table = json.loads(call("regret", run, "--tokens", "1000", "--json"))["rows"]  # all tokens
    check([row["layer"] for row in table] == ["0", "1", "all"], f"layers: {table}")
    with h5py.File(single) as file:
        for row in table:
            check(abs(row["chosen"] - file["eval_loss"][-1]) < 1e-5, f"{row}: the evaluation's loss is {file['eval_loss'][-1]}")
            check(row["best"] <= row["chosen"] and row["best"] <= row["random"] and row["best"] <= row["second"], f"{row}")
            check(abs(row["regret"] - row["chosen"] + row["best"]) < 1e-9, f"{row}: regret")
            low, high = row["regret_interval"]
            check(low < row["regret"] < high, f"{row}: interval")
    check(json.loads(call("regret", run, "--tokens", "0", "--json"))["rows"] == table, "--tokens 0 takes all")
    one = call("regret", run, "--tokens", "1")
    check("95 %: n/a" in one and "nan" not in one, f"the interval of one token: {one}")
    by = json.loads(call("regret", run, "--tokens", "1000", "--by", "domain", "--json"))["rows"]
    check(sum(row["tokens"] for row in by) == table[-1]["tokens"] and len(by) == 2, f"domains: {by}")
    check(abs(sum(row["tokens"] * row["chosen"] for row in by) / table[-1]["tokens"] - table[-1]["chosen"]) < 1e-9, "sums of domains")
    call("regret", run, "--tokens", "10", "--by", "frequency", "--out", "regret.csv")
    check(open("regret.csv", encoding="utf-8").readline().startswith("run,ranks,tokens,chosen,best,regret,"), "regret as CSV")
    check(call("regret", run, "--tokens", "20", "--threads", "1") == call("regret", run, "--tokens", "20", "--threads", "2"), "threads")
    [dense] = train("dense", "router.name=dense")
    [soft] = train("soft", "router.name=soft")
    for other, why in ((dense, "one network"), (soft, "mixing")):
        check(why in call("regret", os.path.dirname(other), code=2), f"no regret: {why}")
    check("left out" in call("regret", os.path.dirname(dense), run, "--tokens", "5"), "a run without regret beside one that has it")
    for words in (("regret",), ("regret", run, "--by", "expert"), ("regret", run, "--tokens", "-1"), ("regret", run, "--out", "x.y")):
        check(call(*words, code=2).count("\n") == 1, f"{words}: one line")
    call("regret", "nowhere", code=3)
    call("regret", run, "--format", "csv", "--out", single, code=4)
