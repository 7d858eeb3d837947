#!/usr/bin/env python3
"""Tests moesim explain as its users run it: explain.py MOESIM

Numbers are worked out by hand; messages about wrong configs are those of moesim run; what --as prints is a config file.
"""
import json
import os

import checks
from checks import check

moesim = checks.Program()


def call(*words, code=0, width=400):
    return moesim.call(*words, code=code, env={**os.environ, "COLUMNS": str(width)})


def explained(*words):
    return json.loads(call("explain", *words, "--json"))["arms"]


def topic(arm, name):
    """The sentences of a topic, those of routers inside the router included."""
    return " | ".join(" | ".join(sentences) for title, sentences in arm["topics"].items() if title.split(": ")[-1] == name)


CONFIG = """[run]
name = study
steps = 2
[data]
length = 64
validation = 8
[model]
layers = 2
width = 16
heads = 2
[moe]
experts = 8
[train]
batch = 4
[eval]
batch = 2
sequences = 2
[router.token_choice]
k = 2
[sweep]
router.name = token_choice, bias_balanced, soft
run.seed = 0, 1
"""
with open("study.ini", "w") as file:
    file.write(CONFIG)

# Every arm once, whatever the seeds. ⌈1.25 · 64 · 2 / 8⌉ = 20, ⌈2 · 64 · 2 / 8⌉ = 32, ⌈2 · 1 · 2 / 8⌉ = 1.
arms = explained("study.ini")
check([arm["arm"] for arm in arms] == ["token_choice", "bias_balanced", "soft"], "three arms")
choice = arms[0]
capacity = topic(choice, "capacity")
check("training: C = ⌈1.25 · 64 · 2 / 8⌉ = 20 rows per expert" in capacity, capacity)
check("evaluation: C = ⌈2 · 64 · 2 / 8⌉ = 32 rows per expert" in capacity, capacity)
check("C = 1 at n = 1, 32 at n = 64" in topic(choice, "evaluation"), topic(choice, "evaluation"))
check("g_e = s_e / Σ s over the token's 2 chosen" in topic(choice, "gate"), topic(choice, "gate"))
check("at balance it is 1 and adds 0.01 per MoE layer" in topic(choice, "losses"), topic(choice, "losses"))
check("token by token" in topic(choice, "drops"), topic(choice, "drops"))
check("earlier tokens of its sequence alone" in topic(choice, "sees"), topic(choice, "sees"))
check("T = 256 tokens, 4 sequences of S = 64; evaluation has 2" in topic(choice, "router"), topic(choice, "router"))
check({"option": "router.token_choice.k", "value": "2", "default": "1", "help":
       "experts per token; 0: all, the dense mixture (Jacobs et al. 1991)"} in choice["options"], "k with default and help")
# b_e += 0.001 · sign(m - n_e), m = 2 T / 8
check("0.001 · sign(m - n_e)" in topic(arms[1], "state") and "m = 2 T / 8" in topic(arms[1], "state"), topic(arms[1], "state"))
check("the router looks ahead" in topic(arms[2], "sees"), topic(arms[2], "sees"))

# The cost is that of a dry run.
for plan, arm in zip(json.loads(call("run", "study.ini", "--dry-run", "--trial", "0", "--json"))["arms"], arms):
    line = (f"the model: {plan['parameters_total']} parameters, {plan['parameters_active']:.0f} of them active for a token; "
            f"{plan['flops_per_token']:.0f} FLOPs per token")
    check(line in topic(arm, "cost"), f"{line} in {topic(arm, 'cost')}")

# Settings of the command line, one arm, text.
text = call("explain", "study.ini", "--arm", "token_choice", "router.token_choice.capacity_factor=0.5")
check("⌈0.5 · 64 · 2 / 8⌉ = 8 rows" in text and "soft" not in text.split("\n")[0], text)
check("capacity_factor = 0.5" in text and "(default: 1.25)" in text, text)

# Routers by name; keys without a dot are theirs.
for name in [router["name"] for router in json.loads(call("list", "routers", "--json"))]:
    arm = explained(name)[0]
    for part in ("router", "losses", "state", "evaluation", "sees", "cost"):
        check(topic(arm, part) != "", f"{name}: nothing about {part}")
check("k = 3 largest s + b" in topic(explained("bias_balanced", "k=3")[0], "selection"), "bias_balanced k=3")

# Values of losses, worked out by hand: ln 8 for 8 undecided codes, 6/8 of it and 8/6 for 6 experts; ln 2; a constant for k = E.
for subject, sentences in (
        (["dselect_k"], ["entropy: 0.01", "it is 2.079", "reach: none"]),
        (["dselect_k", "moe.experts=6"], ["it is 1.56 and", "reach: 0.01", "it is 1.333 and"]),
        (["mixture_of_depths"], ["sampling: 0.01", "with all z = 0 it is 0.6931 and adds 0.006931"]),
        (["mixture_of_depths", "inference=top"], ["sampling: none"]),
        (["relu"], ["it is λ · mean over tokens", "no fixed value"]),
        (["moa", "importance_weight=0.5"], ["importance: 0.5", "at balance it is 0 and adds 0"]),
        (["token_choice", "k=0"], ["with k = E = 8 every f_e is 1, so that there is no gradient: whatever the scores, it is 1"]),
        (["densemixer", "k=8"], ["with k = E = 8 every f_e is 1"]),
        (["token_choice", "k=8", "balance_counted=first"], ["at balance it is 1 and"])):
    losses = topic(explained(*subject)[0], "losses")
    check(all(sentence in losses for sentence in sentences), f"{subject}: {losses}")

# Blocks are counted from 0.
blocks = explained("bias_balanced", "moe.every=2", "hash_layers=2", "model.layers=4")[0]
check("blocks 1, 3 of 4, counted from 0" in topic(blocks, "router") and "block 1: the token id" in topic(blocks, "selection"), f"{blocks}")
said = " ".join(call("explain", "study.ini:soft", "train.batch=1", "eval.batch=1").split())
check("1 sequence of S" in said and "has 1 sequence a batch" in said, f"counts of one: {said}")
check("the last is block 1, counted from 0" in call("explain", "token_choice", "moe.first_dense=2", code=2), "first_dense")

# Symbols have their values: of the MoE layers in one place, and of adapters with the shapes of what they adapt.
for subject, text in ((["study.ini:token_choice"], "with E = 8 experts on D = 16 values; a micro-batch has T = 256 tokens, 4 sequences of S = 64;"),
                      (["study.ini:token_choice", "moe.latent=4"], "with E = 8 experts on D = 4 values;"),
                      (["study.ini", "router.name=dense"], "with E = 1 expert on D = 16 values;")):
    check(text in topic(explained(*subject)[0], "router"), f"{subject}: {topic(explained(*subject)[0], 'router')}")
for words, texts in ((["adapter.kind=lora"], ["α/r · x A B, α/r = 32/16;"]),
                     (["adapter.kind=molora", "adapter.rank=2", "adapter.experts=3"], ["α/r = 16/2;", "over n = 3 experts, R [in, n]"]),
                     (["adapter.kind=mov"], ["over n = 10 experts, R [in, n]"])):
    said = " ".join(call("explain", "study.ini:token_choice", *words, "adapter.targets=blocks.0.attention.qkv.* blocks.1.moe.experts.w1").split())
    check(all(text in said for text in texts), f"{words}: {said[:1500]}")
    check("blocks.0.attention.qkv.weight [16, 48], blocks.1.moe.experts.w1 [8, 16, 64]" in said, f"shapes of adapted matrices: {said[:1500]}")

# What init.method = adapter draws: adapters, or what experts add to networks.
adapting = ["study.ini", "init.from=runs/none", "init.method=adapter"]
networks = "the networks that experts adapt are its dense ones"
for words, drawn, shared in ((["router.name=dense", "adapter.kind=lora"], True, False), (["router.name=dense", "adapter.kind=mov"], True, False),
                             (["router.name=token_choice", "adapter.kind=molora"], True, False),
                             (["router.name=token_choice", "expert.name=lora"], False, True)):
    said = topic(explained(*adapting, *words)[0], "init")
    check(("adapters are drawn" in said) == drawn and (networks in said) == shared, f"{words}: {said}")

# A run, its file, its experiment: what the config says.
before = sorted(os.listdir("."))
call("run", "study.ini", "--arm", "token_choice", "run.seed=0")
folder = "runs/study/" + next(name for name in os.listdir("runs/study") if name.startswith("token_choice"))
for subject in (folder, folder + "/run.h5", "runs/study:token_choice"):
    check(explained(subject)[0]["topics"] == choice["topics"], f"{subject}: not what its config says")
check(sorted([*before, "runs"]) == sorted(os.listdir(".")), "explain wrote something")

# Two.
found = json.loads(call("explain", "study.ini:token_choice", folder, "--json"))
check(found["settings"] == [] and found["topics"] == [], f"a run differs from its config: {found}")
check("do not differ" in call("explain", "study.ini:token_choice", folder), "text of two equal ones")
with open("other.ini", "w") as file:
    file.write("include = study.ini\n[router.token_choice]\ncapacity_factor = 2\nfill = choice\n[sweep]\nrouter.name = token_choice\n")
found = json.loads(call("explain", "study.ini:token_choice", "other.ini", "--json"))
check([(row["option"], row["first"], row["second"]) for row in found["settings"]] ==
      [("router.token_choice.capacity_factor", "1.25", "2"), ("router.token_choice.fill", "token", "choice")], f"{found['settings']}")
topics = {row["topic"]: row for row in found["topics"]}
check("= 32 rows" in topics["capacity"]["second"][0] and "= 20 rows" in topics["capacity"]["first"][0], f"{topics['capacity']}")
check("later tokens" in topics["sees"]["second"][0], f"{topics['sees']}")

# What --as prints is part of a config file, whose settings are then in force.
libraries = "megatron deepspeed tutel megablocks fastmoe vmoe flaxformer hf-switch hf-mixtral st-moe llm-random torchtitan".split()
for library in libraries:
    text = call("explain", "study.ini", "--arm", "token_choice", "--as", library)
    check("# not reproduced:" in text and "# proven by golden files" in text, text)
    with open("as.ini", "w") as file:
        file.write("include = study.ini\n" + text + "[sweep]\nrun.seed = 0\n")
    wanted = json.loads(call("explain", "study.ini", "--arm", "token_choice", "--as", library, "--json"))["settings"]
    arm = next(arm for arm in explained("as.ini", "router.name=" + wanted["router.name"]))
    values = {option["option"]: option["value"] for option in arm["options"]}
    for key, value in wanted.items():
        same = values.get(key) == value or float(values[key]) == float(value)
        check(same, f"{library}: {key} = {values.get(key)}, not {value}")
def settings_as(name, *subject):
    return json.loads(call("explain", *subject, "--as", name, "--json"))


def in_force(*subject):
    """The options of router and MoE layer by key, and the one arm's."""
    return {option["option"]: option["value"] for option in explained(*subject)[0]["options"]}


# Pasted, the lines are the whole dialect: no option of its router keeps a value of the config, here one that is no value at all.
# And they are a fixed point: the same library has the same settings for a config that is already its dialect.
variants = [name for library in libraries for name in
            call("explain", "token_choice", "--as", library + ":x", code=2).split("choose one of ")[1].strip().split(", ")]
check(len(variants) > 20, f"{variants}")
options = json.loads(call("list", "options", "router.", "--json"))
for name in variants:
    for subject in (["token_choice", "k=2"], ["bias_balanced", "k=3"], ["token_choice", "capacity_factor=0", "noise=learned"]):
        wanted = settings_as(name, *subject)["settings"]
        section = "router." + wanted["router.name"]
        own = [option["option"] for option in options if option["option"].rsplit(".", 1)[0] == section]
        missing = [key for key in [*own, "moe.output_norm"] if key not in wanted]
        check(len(own) > 5 and not missing, f"--as {name} does not set {missing}")
        with open("odd.ini", "w") as file:
            file.write("[moe]\noutput_norm = odd\n" + f"[{section}]\n" + "".join(f"{key.rsplit('.', 1)[1]} = odd\n" for key in own))
        with open("pasted.ini", "w") as file:
            file.write("include = odd.ini\n" + call("explain", *subject, "--as", name))
        values = in_force("pasted.ini")
        check({key: values.get(key) for key in wanted} == wanted, f"{name} pasted: {values}, not {wanted}")
        again = settings_as(name.split(":")[0], "pasted.ini")
        check(name in (again["library"], again["library"] + ":" + again["variant"]), f"{name} of its own lines: {again['variant']}")
        check(again["settings"] == wanted, f"{name} of its own lines: {again['settings']}, not {wanted}")
        check(again["cannot_be_reproduced"] == [], f"{name} of its own lines: {again['cannot_be_reproduced']}")

# balance_weight is the one here, whose loss is 1 at balance: carried over as it is, else k times the library's coefficient.
for library, own in (("hf-mixtral", 0.003), ("llm-random", 0.03), ("flaxformer", 0.03), ("megablocks", 0.1)):
    key = "router.token_choice.balance_weight"
    check(settings_as(library, "token_choice", "k=3", "balance_weight=0.5")["settings"][key] == "0.5", f"{library}: a weight of the config")
    check(float(settings_as(library, "token_choice", "k=3")["settings"][key]) == own, f"{library}: {own} at k = 3")

# What a library does not have is said, and its own value is printed.
for words, sentence, key, value in (
        (["token_choice", "k=4", "--as", "deepspeed:top1"], "k = 4: this gate has 1", "k", "1"),
        (["token_choice", "k=0", "--as", "hf-switch"], "k = 8: this gate has 1", "k", "1"),
        (["token_choice", "k=0", "--as", "tutel"], "", "k", "8"),
        (["token_choice", "capacity_factor=0", "--as", "st-moe"], "capacity_factor = 0: this gate always has a capacity", "capacity_factor", "1.25"),
        (["token_choice", "capacity_factor=0", "--as", "tutel"], "", "capacity_factor", "0"),
        (["token_choice", "--as", "hf-mixtral"], "capacity_factor = 1.25: this gate has no capacity", "k", "2"),
        (["token_choice", "k=1", "--as", "hf-mixtral"], "no capacity", "k", "1"),
        (["token_choice", "z_weight=0.1", "--as", "deepspeed"], "z_weight = 0.1: this gate has no such loss", "z_weight", "0"),
        (["token_choice", "k=8", "--as", "fastmoe:noisy"], "load_weight = 0.1: the load loss needs k < moe.experts", "k", "2"),
        (["token_choice", "jitter=0.1", "--as", "megatron"], "jitter = 0.1: this gate has no such option", "k", "1"),
        (["sinkhorn", "choose=experts", "group=batch", "--as", "megatron"], "choose = experts: this gate has tokens", "choose", "tokens")):
    found = json.loads(call("explain", *words, "--json"))
    said = " | ".join(found["cannot_be_reproduced"])
    check(sentence in said and (sentence != "" or "k =" not in said), f"{words}: {said}")
    check(found["settings"][f"router.{found['settings']['router.name']}.{key}"] == value, f"{words}: {found['settings']}")
check("cannot be reproduced: k = 4: this gate has 1" in call("explain", "token_choice", "k=4", "--as", "deepspeed:top1"), "text")
check("the router gets no gradient" in call("explain", "token_choice", "k=1", "--as", "hf-mixtral"), "a dead router")
with open("variant.ini", "w") as file:
    file.write("include = study.ini\n[sweep]\nrouter.name = token_choice\n[variant.wide]\nrouter.token_choice.k = 3\n")
check("[variant.wide] what it sets of router.token_choice.*" in call("explain", "variant.ini", "--as", "tutel"), "a variant goes before them")
swept = call("explain", "study.ini", "--arm", "token_choice", "--as", "tutel")
check("# remove from the config: [sweep] router.name" in swept, f"an axis goes before the pasted lines: {swept}")

check("capacity_factor = 1.25" in call("explain", "study.ini:token_choice", "--as", "deepspeed"), "the factor is carried over")
check("deepspeed:top2" in call("explain", "study.ini:token_choice", "--as", "deepspeed"), "k = 2 is top2")
check("fill = random" in call("explain", "token_choice", "--as", "deepspeed"), "k = 1 is top1")
check("no gate like router.name = soft" in call("explain", "study.ini:soft", "--as", "deepspeed"), "soft in deepspeed")

# Mistakes: one line each, and those of a config are the messages of run.
for wrong in (["study.ini", "router.token_choice.k=99"], ["study.ini", "router.token_choice.fil=token"], ["study.ini", "--arm", "x"]):
    check(call("explain", *wrong, code=2) == call("run", *wrong, "--dry-run", "--trial", "0", code=2), f"the message of {wrong}")
check("choose one of megatron, torchtitan, deepspeed" in call("explain", "study.ini", "--as", "deepsed2000", code=2), "libraries")
check("did you mean deepspeed?" in call("explain", "study.ini", "--as", "deepsped", code=2), "a library that is nearly right")
check("megatron:softmax" in call("explain", "study.ini", "--as", "megatron:x", code=2), "variants")
check("3 arms" in call("explain", "study.ini", "--as", "tutel", code=2), "--as of several arms")
check("write SUBJECT:ARM" in call("explain", "study.ini", "other.ini", code=2), "two of several arms")
check(call("explain", "study.ini:soft:run.steps=7") == call("explain", "study.ini", "--arm", "soft:run.steps=7"), "SUBJECT:ARM:key=value")
check("no arm is named 'soft:steps=7'" in call("explain", "study.ini:soft:steps=7", code=2), "a key without its section")
check("did you mean bias_balanced?" in call("explain", "bias_balancd", code=2), "a router that is nearly right")
check("normalise = sum" in call("explain", "lory", "--as", "tutel"), "without a k of the config it is the library's")
check("no gate like" not in call("explain", "study.ini:token_choice", "--as", "deepspeed:topk_position"), "a variant by its name")
check("choose one of megatron" in call("explain", "token_choice", "--as", "", code=2), "--as without a library")
check(all(library in call("explain", "--help") for library in libraries), "libraries in --help")
check(all(library in call("reference", "man").replace("\\-", "-") for library in libraries), "libraries in the manual page")
os.mkdir("folder")
with open("notes.txt", "w") as file:
    file.write("a text, and no config\n")
with open("empty.ini", "w") as file:
    file.write("# nothing\n")
for word, message in (("folder", "a folder without a run (config.ini) or an experiment (plan.json); give a config, the folder"),
                      ("runs", "did you mean runs/study?"), ("notes.txt", "no config file: it begins with neither [section] nor"),
                      ("empty.ini", "sets no option, so that there is nothing to explain; give a config")):
    check(call("explain", word, code=2).startswith(f"moesim: {word}: ") and message in call("explain", word, code=2), f"explain {word}")

# Two arms of one name are columns of their own, and nothing is wider than the terminal.
found = json.loads(call("explain", "study.ini:token_choice", "other.ini", "--json"))
check((found["first"], found["second"]) == ("study.ini:token_choice", "other.ini"), f"two arms of one name: {found}")
for words in (["token_choice"], ["hierarchical"], ["token_choice", "expert_choice"], ["study.ini:token_choice", "other.ini"],
              ["token_choice", "--as", "megatron"]):
    lines = call("explain", *words, width=40).split("\n")
    check(max(len(line) for line in lines) <= 40, f"{words}: wider than 40 columns: {max(lines, key=len)}")
for wrong in ([], ["nowhere.ini"], ["a", "b", "c"], ["no_such_router_or_config"]):
    message = call("explain", *wrong, code=2)
    check(message.count("\n") == 1 or not wrong, f"explain {wrong}: {message}")

checks.finish()
