"""Tests the PyTorch models against the engine: logits of whole evaluations to 1e-5, and greedy continuations.

Two implementations that were written apart, over the settings of every router that has a rule in both.
"""
import glob
import json
import os
import unittest
import warnings

from support import FOLDER, main, moesim, require, write

require("numpy", "torch", otherwise="/usr/bin/python3")  # Debian has python3-torch, 1.13
import numpy  # noqa: E402
import torch  # noqa: E402

import moesim as companion  # noqa: E402

torch.set_num_threads(1)

# Small models that learned for some steps, so that no weight is a constant. Evaluated in batches of 8
# sequences, the last of 4: groups across a batch are cut there.
COMMON = """
[run]
name = NAME
steps = 12
[data]
length = 12
symbols = 20
validation = 32
[model]
width = 16
heads = 2
[expert]
hidden = 24
[moe]
experts = 4
[train]
batch = 8
rate = 2e-2
[eval]
sequences = 20
batch = 8
every = 0
"""

VARIANTS = {
    "dense": ["dense"],
    "hash": ["hash", "hash table=random seed=7"],
    "token_choice": [
        "token_choice", "token_choice k=2", "token_choice capacity_factor_eval=0",
        "token_choice capacity_factor_eval=0.5 dropped=input",
        "token_choice k=2 fill=choice capacity_factor_eval=0.6",
        "token_choice k=2 fill=priority capacity_factor_eval=0.6",
        "token_choice k=3 fill=token group=batch capacity_factor_eval=0.7 capacity_rounding=floor",
        "token_choice k=3 fill=priority group=batch capacity_factor_eval=0.55 capacity_rounding=round normalise=none",
        "token_choice k=2 softmax=after capacity_per_choice=false capacity_factor_eval=1.1 capacity_multiple=3",
        "token_choice k=2 normalise=l2 normalise_epsilon=0.1 capacity=2 dropped=input",
        "token_choice k=3 second_eval=threshold second_threshold=0.3 capacity_factor_eval=0.3 capacity_min=3",
        "token_choice k=2 softmax=after fill=priority capacity_factor_eval=0.6",
        "token_choice k=2 second_eval=none noise=learned load_weight=0.1 jitter=0.01",
    ],
    "expert_choice": [
        "expert_choice", "expert_choice group=sequence", "expert_choice group=batch softmax=tokens",
        "expert_choice capacity_factor=1.6 capacity_rounding=ceil", "expert_choice group=sequence capacity_multiple=2",
        "expert_choice group=position capacity_factor=0.4 capacity_rounding=floor",
    ],
    "soft": ["soft", "soft slots=2 normalise=false", "soft capacity_factor=0.5"],
    "mixture_of_tokens": [
        "mixture_of_tokens", "mixture_of_tokens group_size=8 emit=separate temperature=0.5",
        "mixture_of_tokens group_size=2 emit_softmax=experts", "mixture_of_tokens learned_temperature=true",
        "mixture_of_tokens evaluation=argmax", "mixture_of_tokens groups=sequence group_size=3 emit=separate",
        "mixture_of_tokens evaluation=argmax emit_softmax=experts emit=separate",
    ],
    "lory": ["lory", "lory segment=4", "lory segment=6 mode=prefix", "lory prompt=5", "lory segment=4 first=uniform",
             "lory segment=4 first=learned"],
    "smear": ["smear", "smear bias=true normalise_weight=true"],
    "bias_balanced": [  # a speed at which biases matter after 12 steps
        "bias_balanced bias_speed=0.1", "bias_balanced groups=2 group_best=1 scale=2.5 bias_speed=0.1",
        "bias_balanced scores=softmax k=1 bias_speed=0.1", "bias_balanced scores=sqrt_softplus normalise=l2 bias_update=proportional",
        "bias_balanced groups=2 top_groups=2 group_best=0 k=3 normalise=none bias_speed=0.1",
        "bias_balanced bias_update=quantile bias_on=logits scores=softmax", "bias_balanced bias_update=histogram",
        "bias_balanced identity_experts=3 scores=softmax normalise=none bias_speed=0.1",
        "bias_balanced hash_layers=1 scores=sqrt_softplus scale=1.5",
    ],
    "relu": ["relu lambda_start=0.01", "relu k=2 lambda_start=0.1 lambda_growth=2"],
}

# Models and experts around a router.
MODELS = [
    "model.norm=rms model.positions=rotary model.bias=false model.tied=true",
    "expert.name=swiglu moe.shared=1 moe.output_norm=true",
    "expert.name=affine model.layers=3 moe.every=2",
    "moe.latent=10 moe.shared=1 expert.mlp.activation=relu_squared",
    "expert.mlp.activation=relu expert.mlp.bias=first moe.shared=2 moe.match=active_flops",
    "expert.mlp.activation=silu expert.mlp.bias=none model.dropout=0.1 model.positions=rotary",
    "task.name=masked_lm",
    "model.layers=3 run.seed=5",
    "model.heads=4 model.kv_heads=2 model.head_width=6 model.positions=rotary",
    "model.heads=4 model.kv_heads=1 model.qk_norm=head model.positions=rotary moe.first_dense=1",
    "model.qk_norm=all model.heads=4 model.kv_heads=2 model.bias=false train.z_weight=0.01 train.schedule=wsd",
]


def train(name, *settings, common=COMMON):
    """Trains these settings and returns the folders of the runs."""
    config = write(f"{name}.ini", common.replace("NAME", name))
    moesim("run", config, "--out", FOLDER.name, *settings)
    return sorted(glob.glob(os.path.join(FOLDER.name, name, "*", "")))


def logits_of(model, inputs):
    """Of all sequences, in the batches of an evaluation."""
    with torch.no_grad():
        return numpy.concatenate([model(torch.from_numpy(batch.copy())).numpy() for batch in
                                  numpy.split(inputs, range(model.eval_batch, len(inputs), model.eval_batch))])


class Compared(unittest.TestCase):
    def check(self, run, sample=True):
        file = os.path.join(FOLDER.name, "predicted.safetensors")
        said = json.loads(moesim("predict", run, "--out", file, "--json"))
        predicted = companion.read_safetensors(file)
        model = companion.torch_model(run)
        inputs = predicted["ids" if "ids" in predicted else "features"]
        difference = numpy.abs(logits_of(model, inputs) - predicted["logits"])
        self.assertLess(difference.max(), 1e-5, f"{run}: {(difference.max(-1) > 1e-5).mean():.1%} of the rows differ")
        if "eval_loss" in (recorded := self.recorded(run)):
            self.assertEqual(said["loss"], recorded["eval_loss"], run)
        if sample and model.settings["task.name"] == "causal_lm":
            self.check_greedy(run, model)

    def check_greedy(self, run, model):
        prompt, count = "3 1 4 1 5", 24  # longer than the model's 12 positions
        said = json.loads(moesim("sample", run, "--prompt", prompt, "--temperature", "0", "--tokens", count, "--json"))
        ids = model.tokens.encode(prompt)
        self.assertEqual(model.generate(ids, count)[len(ids):], said["tokens"], run)

    @staticmethod
    def recorded(run):
        try:
            return companion.runs(run).iloc[0].to_dict()
        except companion.MoesimError:  # without h5py or pandas
            return {}


class Equal(Compared):
    """Cases of VARIANTS and MODELS."""


def add(kind, name, settings):
    def case(self):
        runs = train(f"{kind}_{name}", *settings)
        self.assertEqual(len(runs), 1)
        self.check(runs[0])
    setattr(Equal, f"test_{kind}_{name}", case)


for router, variants in VARIANTS.items():
    for number, variant in enumerate(variants):
        words = variant.split()
        add("router", f"{router}_{number}", [f"router.name={router}"] + [f"router.{router}.{word}" for word in words[1:]])
for number, model in enumerate(MODELS):
    for router in ("token_choice", "lory", "hash"):
        add("model", f"{router}_{number}", [f"router.name={router}", *model.split()])


class Text(Compared):
    def test_chars(self):
        text = "so ist es, daß die Wörter der Reihe nach kommen; naïve Zeilen\nund Ende. " * 60
        path = write("text.txt", text.encode())
        common = COMMON.replace("symbols = 20\nvalidation = 32", f"name = text\npath = {path}\ntokens = chars")
        runs = train("chars", "router.name=token_choice", common=common)
        model = companion.torch_model(runs[0])
        self.check(runs[0], sample=False)
        said = json.loads(moesim("sample", runs[0], "--prompt", "die Wö", "--temperature", "0", "--tokens", "30", "--json"))
        ids = model.tokens.encode("die Wö")
        self.assertEqual(model.tokens.decode(model.generate(ids, 30)), said["text"])
        with self.assertRaisesRegex(companion.MoesimError, "the vocabulary has no '€'"):
            model.tokens.encode("es €")


class Images(Compared):
    """Data without token ids: features, a class for each sequence."""

    def test_classes(self):
        random = numpy.random.default_rng(0)

        def idx(name, array):
            header = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
            return write(name, header + array.astype(numpy.uint8).tobytes())

        images, labels = idx("images", random.integers(0, 256, (120, 8, 8))), idx("labels", random.integers(0, 3, 120))
        common = COMMON.replace("length = 12\nsymbols = 20\nvalidation = 32",
                                f"name = idx\nimages = {images}\nlabels = {labels}\npatch = 2\ntest = 30")
        common += "[task]\nname = classification\n"
        for router in ("hash", "soft", "token_choice"):
            run, = train(f"images_{router}", f"router.name={router}", common=common)
            self.check(run)


class Predict(unittest.TestCase):
    """moesim predict by itself."""

    def test_batches(self):
        run, = train("batches", "router.name=mixture_of_tokens")
        file = os.path.join(FOLDER.name, "some.safetensors")
        said = json.loads(moesim("predict", run, "--out", file, "--batches", "2", "--json"))
        some = companion.read_safetensors(file)
        self.assertEqual(said["sequences"], 16)
        self.assertEqual({name: (value.dtype.str, value.shape) for name, value in some.items()},
                         {"ids": ("<i4", (16, 12)), "targets": ("<i4", (16, 12)), "logits": ("<f4", (16, 12, 20))})
        numpy.testing.assert_array_equal(some["ids"][:, 1:], some["targets"][:, :-1])
        chosen = some["logits"].astype(float)
        losses = numpy.log(numpy.exp(chosen).sum(-1)) - numpy.take_along_axis(chosen, some["targets"][..., None], -1)[..., 0]
        self.assertAlmostEqual(losses.mean(), said["loss"], places=5)
        moesim("predict", run, "--out", file)
        numpy.testing.assert_array_equal(companion.read_safetensors(file)["logits"][:16], some["logits"])

    def test_mistakes(self):
        run, = train("mistakes", "router.name=dense")
        self.assertIn("no --out FILE; name the file for the logits", moesim("predict", run, code=2))
        self.assertIn("--batches", moesim("predict", run, "--out", "x", "--batches", "-1", code=2))
        self.assertIn("choose newest, best or one of the steps 12",
                      moesim("predict", run, "--out", "x", "--checkpoint", "3", code=2))
        self.assertIn("no run", moesim("predict", FOLDER.name, "--out", "x", code=3))
        self.assertIn("/no/folder", moesim("predict", run, "--out", "/no/folder/x", code=4))


class Refused(unittest.TestCase):
    def test_random_second_choices(self):
        run, = train("random_second", "router.name=token_choice", "router.token_choice.k=2",
                     "router.token_choice.second_eval=random")
        with self.assertRaisesRegex(companion.MoesimError, "second_eval = random draws moesim's own random numbers"):
            companion.torch_model(run)

    def test_unknown_router(self):
        run, = train("unknown_router", "router.name=dense")
        config = os.path.join(run, "config.ini")
        with open(config, encoding="utf-8") as file:
            text = file.read()
        with open(config, "w", encoding="utf-8") as file:
            file.write(text.replace("[router]\nname = dense", "[router]\nname = mine"))
        with self.assertRaisesRegex(companion.MoesimError, "router.name = mine has no rule in PyTorch; .*token_choice"):
            companion.torch_model(run)

    def test_damaged(self):
        run, = train("damaged", "router.name=dense")
        weights, = glob.glob(os.path.join(run, "checkpoint", "*", "weights.safetensors"))
        with open(weights, "r+b") as file:
            file.seek(-3, os.SEEK_END)
            file.write(b"\1")
        with self.assertRaisesRegex(companion.MoesimError, "weights.safetensors: damaged"):
            companion.torch_model(run)
        with self.assertRaisesRegex(companion.MoesimError, "checkpoint 7: choose newest, best or one of the steps"):
            companion.torch_model(run, checkpoint=7)

    def test_training_mode(self):
        run, = train("mode", "router.name=dense")
        model = companion.torch_model(run, dtype=torch.float64)
        self.assertEqual(model.head.dtype, torch.float64)
        with self.assertRaisesRegex(companion.MoesimError, "rules here are those of evaluation"):
            model.train()
        with self.assertRaisesRegex(companion.MoesimError, "13 positions; the model was trained on 12"):
            model(torch.zeros(1, 13, dtype=torch.long))

    def test_bfloat16_warns(self):
        run, = train("rounded", "router.name=dense", "run.compute=bfloat16")
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            companion.torch_model(run)
        self.assertIn("run.compute = bfloat16", str(heard[0].message))


if __name__ == "__main__":
    main()
