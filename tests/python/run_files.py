"""Tests run files in the Python package against h5py and numpy: labels, settings, totals and tables."""
import glob
import json
import os
import shutil
import subprocess
import unittest

from support import FOLDER, PROGRAM, main, moesim, require, write

require("numpy", "h5py", "pandas", "xarray", "h5netcdf")
import h5py  # noqa: E402
import numpy  # noqa: E402

import moesim as companion  # noqa: E402

CONFIG = """
[run]
name = abl
steps = 40
[data]
length = 16
validation = 32
[model]
width = 16
heads = 2
[expert]
hidden = 16
[moe]
experts = 4
[train]
batch = 8
[record]
every = 4
[eval]
every = 10
sequences = 16
batch = 8
[router.token_choice]
capacity_factor = 0.5
[sweep]
router.token_choice.k = 1, 2
run.seed = 0..1
[variant.moe]
router.name = token_choice
[variant.dense]
router.name = dense
"""


def setUpModule():
    moesim("run", write("abl.ini", CONFIG), "--out", FOLDER.name)


def folders():
    return sorted(glob.glob(os.path.join(FOLDER.name, "abl", "*", "")))


def k_of_2(seed=0):
    table = companion.runs(os.path.join(FOLDER.name, "abl"))
    chosen = table[(table["router.token_choice.k"] == 2) & (table.seed == seed) & (table["router.name"] == "token_choice")]
    return chosen.iloc[0]


class Labels(unittest.TestCase):
    def test_steps_label_records_and_evaluations(self):
        run = companion.open(k_of_2().run)
        self.assertEqual(run.record.values.tolist(), list(range(0, 40, 4)))
        self.assertEqual(run["eval"].values.tolist(), [0, 10, 20, 30, 40])
        numpy.testing.assert_array_equal(run["load"].sel(record=36), run["load"][9])
        numpy.testing.assert_array_equal(run["eval_load"].sel(eval=40), run["eval_load"][4])
        self.assertEqual(run["load"].sel(record=36).dims, ("layer", "expert"))

    def test_plain_xarray_sees_them(self):
        import xarray
        with xarray.open_dataset(os.path.join(k_of_2().run, "run.h5"), engine="h5netcdf") as run:
            self.assertEqual(set(run.coords), {"step", "eval", "record", "layer", "expert", "domain", "aux"})
            self.assertEqual(run.load_cv.sel(record=8).record.item(), 8)

    def test_files_without_labels_get_them(self):
        path = os.path.join(FOLDER.name, "old.h5")
        with h5py.File(os.path.join(k_of_2().run, "run.h5")) as new, h5py.File(path, "w", track_order=True) as old:
            old.attrs["moesim_schema"] = 1
            for name in ("record", "eval"):
                old.create_dataset(name, new[name].shape, ">f4").make_scale(
                    f"This is a netCDF dimension but not a netCDF variable. {len(new[name]):10}")
                steps = old.create_dataset(name + "_step", data=new[name + "_step"][()])
                steps.dims[0].attach_scale(old[name])
        run = companion.open(path)
        self.assertEqual(run.record_step.sel(record=36).item(), 36)
        self.assertEqual(run.eval_step.sel(eval=30).item(), 30)

    def test_words(self):
        run = companion.open(k_of_2().run)
        for name, variable in run.variables.items():
            self.assertIn("long_name", variable.attrs, name)
            self.assertLess(len(variable.attrs["long_name"]), 40, name)
        self.assertEqual(run.eval_loss.attrs["long_name"], "validation loss")
        self.assertIn("mean cross-entropy", run.eval_loss.attrs["description"])

    def test_format_says_which_names_are_methods(self):
        import xarray
        run = companion.open(k_of_2().run)
        hidden = {name for name in run.variables if hasattr(xarray.Dataset, name)}
        self.assertLessEqual(hidden, {"load", "eval"})  # what FORMAT.md says


class Attributes(unittest.TestCase):
    def test_every_setting_is_typed(self):
        run = k_of_2().run
        with h5py.File(os.path.join(run, "run.h5")) as file:
            attributes = dict(file.attrs)
        settings = companion.settings(run)
        self.assertEqual({name for name in attributes if "." in name}, set(settings) - {"data.root"})
        for key, value in settings.items():
            if key != "data.root":
                self.assertEqual(attributes[key], value, key)
        for key, kind in {"router.token_choice.k": numpy.int64, "train.rate": numpy.float64, "router.name": str,
                          "moe.output_norm": numpy.int64, "train.clip": numpy.float64}.items():
            self.assertIs(type(attributes[key]), kind, key)

    def test_swept(self):
        for run in folders():
            with h5py.File(os.path.join(run, "run.h5")) as file:
                self.assertEqual(file.attrs["swept"], "router.name,router.token_choice.k,run.seed")

    def test_totals(self):
        for run in folders():
            with h5py.File(os.path.join(run, "run.h5")) as file:
                attributes = file.attrs
                self.assertAlmostEqual(attributes["train_seconds"], file["seconds"][()].sum(), places=9)
                self.assertGreater(attributes["wall_seconds"], attributes["train_seconds"])
                self.assertEqual(attributes["train_flops"], attributes["flops_per_token"] * 40 * 8 * 16)
                # 40 steps: one record (36) in the last tenth, so the last ten of the last half: 20, 24, ..., 36
                dropped, asked = file["dropped"][5:10].sum(1), file["assignments"][5:10].sum(1)
                self.assertAlmostEqual(attributes["train_drops_percent"], (100 * dropped / asked).mean(), places=9)
                if attributes["router"] == "token_choice":
                    self.assertGreater(attributes["train_drops_percent"], 10)

    def test_verify_compares_settings_with_the_config(self):
        run = os.path.join(FOLDER.name, "edited", os.path.basename(os.path.normpath(k_of_2().run)))
        shutil.copytree(k_of_2().run, run, ignore=shutil.ignore_patterns("checkpoint"))  # whose manifest has every byte
        path = os.path.join(run, "run.h5")
        moesim("verify", run)
        with h5py.File(path, "r+") as file:
            file.attrs.modify("router.token_choice.k", numpy.int64(3))
        self.assertIn("a setting among its attributes is not what its config says", self.verified(run, code=3))
        with h5py.File(path, "r+") as file:
            file.attrs.modify("router.token_choice.k", numpy.int64(2))
            file.attrs["note.of.mine"] = "kept"
        moesim("verify", run)

    @staticmethod
    def verified(run, code):
        """The report of `verify` about damage goes to stdout."""
        done = subprocess.run([PROGRAM, "verify", run], capture_output=True, text=True, check=False)
        assert done.returncode == code, done
        return done.stdout + done.stderr


class Tables(unittest.TestCase):
    def test_same_numbers_as_the_program(self):
        """Means over seeds that two programs compute from the same files agree."""
        experiment = os.path.join(FOLDER.name, "abl")
        rows = json.loads(moesim("export", experiment, "--table", "routers", "--format", "json"))["rows"]
        table = companion.runs(experiment)
        compared = 0
        for row in rows:
            mine = table[table.arm == row["arm"]]
            for key in ("eval_loss", "drops_percent", "train_drops_percent", "load_cv", "max_violation", "dead_experts",
                        "normalised_entropy", "regret", "parameters_total", "flops_per_token"):
                said = row.get(key)
                said = said.get("mean") if isinstance(said, dict) else said
                if said is not None:
                    self.assertAlmostEqual(mine[key].mean(), said, places=9, msg=f"{row['arm']}: {key}")
                    compared += 1
        self.assertGreater(compared, 20)

    def test_columns(self):
        table = companion.runs(os.path.join(FOLDER.name, "abl"))
        self.assertEqual(len(table), len(folders()))
        self.assertEqual(table.columns[0], "run")
        self.assertEqual(set(table["router.token_choice.k"].dropna()), {1, 2})
        self.assertEqual(set(table["train.rate"]), {0.003})
        self.assertEqual(len(table.columns), len(set(table.columns)))
        self.assertEqual(table.steps.tolist(), [40] * len(table))
        self.assertLess(list(table.columns).index("router.token_choice.k"), list(table.columns).index("eval_loss"))
        self.assertLess(list(table.columns).index("eval_loss"), list(table.columns).index("train.rate"))

    def test_by_hand(self):
        """One layer, two experts; three steps of 10 tokens, evaluated after them."""
        from moesim._results import results_of
        array = numpy.array
        values = {"step": array([0, 1, 2]), "tokens": array([10, 20, 30]), "seconds": array([1.0, 2.0, 5.0]),
                  "eval_step": array([0, 3]), "eval_loss": array([3.0, 2.0]), "expert": array([0, 1]),
                  "eval_dropped": array([[0.0], [3.0]]), "eval_assignments": array([[6.0], [12.0]]),
                  "eval_router_entropy": array([[0.0], [numpy.log(2) / 2]]), "record_step": array([0, 2]),
                  "dropped": array([[5.0], [1.0]]), "assignments": array([[10.0], [10.0]])}
        found = results_of(values, {"bytes_per_token": 4.0, "flops_per_token": 7.0, "bayes_loss": 1.5})
        expected = {"steps": 3, "tokens": 30, "train_seconds": 8.0, "train_flops": 210.0, "tokens_per_second": 5.0,
                    "eval_loss": 2.0, "eval_step": 3, "regret": 0.5, "bits_per_byte": 2 / (4 * numpy.log(2)),
                    "normalised_entropy": 0.5, "drops_percent": 25.0, "train_drops_percent": 10.0}
        self.assertEqual(set(found), set(expected))
        for name, value in expected.items():
            self.assertAlmostEqual(found[name], value, places=12, msg=name)

    def test_only_the_latest_plan(self):
        experiment = os.path.join(FOLDER.name, "abl")
        plan = os.path.join(experiment, "plan.json")
        with open(plan, encoding="utf-8") as file:
            text = file.read()
        content = json.loads(text)
        content["runs"] = content["runs"][:2]
        try:
            write(plan, json.dumps(content))
            self.assertEqual(len(companion.runs(experiment)), 2)
            self.assertEqual(len(companion.runs(experiment, everything=True)), len(folders()))
        finally:
            write(plan, text)


class Mistakes(unittest.TestCase):
    def test_one_line_each(self):
        none, text = os.path.join(FOLDER.name, "none"), write("text.h5", "no HDF5")
        os.makedirs(none, exist_ok=True)
        for call, path, words in ((companion.runs, none, "holds no run.h5"), (companion.runs, none + "/x", "no such file"),
                                  (companion.open, none, "it has no run.h5"), (companion.open, text, "cannot be read"),
                                  (companion.torch_model, none, "no run|torch|no checkpoint")):
            with self.assertRaisesRegex(companion.MoesimError, words) as caught:
                call(path)
            self.assertNotIn("\n", str(caught.exception))
        other = os.path.join(FOLDER.name, "other.h5")
        with h5py.File(other, "w") as file:
            file.attrs["moesim_schema"] = 2
        with self.assertRaisesRegex(companion.MoesimError, "follows schema 2, known is 1"):
            companion.open(other)

    def test_safetensors(self):
        header = json.dumps({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
        whole = len(header).to_bytes(8, "little") + header + numpy.float32([1.5, -2]).tobytes()
        self.assertEqual(companion.read_safetensors(write("good", whole))["a"].tolist(), [1.5, -2])
        for name, damaged, words in (("cut", whole[:-1], "bytes, where its header says"), ("short", whole[:5], "ends inside its header"),
                                     ("huge", (1 << 60).to_bytes(8, "little") + whole, "ends inside its header"),
                                     ("type", whole.replace(b"F32", b"F31"), "F31"),
                                     ("shape", whole.replace(b"[2]", b"[3]"), "a: "),
                                     ("deep", (1 << 20).to_bytes(8, "little") + b"[" * (1 << 20), "damaged"),
                                     ("mixed", whole.replace(b"[0, 8]", b"[[],8]"), "no whole number"),
                                     ("gap", whole.replace(b"[0, 8]", b"[4,12]"), "do not follow"),
                                     ("json", whole.replace(b'{"a"', b'["a"'), "damaged")):
            with self.assertRaisesRegex(companion.MoesimError, words) as caught:
                companion.read_safetensors(write(name, damaged))
            self.assertNotIn("\n", str(caught.exception))
        pipe = os.path.join(FOLDER.name, "pipe")
        os.mkfifo(pipe)
        with self.assertRaisesRegex(companion.MoesimError, "no regular file"):
            companion.read_safetensors(pipe)

    def test_damaged_run_files(self):
        good = os.path.join(FOLDER.name, "attacked.h5")
        with h5py.File(good, "w") as file:
            file.attrs["moesim_schema"], file.attrs["config"] = 1, "[run]\nseed = 1\n"
            for name in ("step", "tokens", "seconds"):
                file[name] = numpy.arange(4.0)
        companion.runs(good)
        for name, value in (("tokens", 1.0), ("tokens", numpy.arange(2.0)), ("tokens", None)):
            bad = write("bad.h5", open(good, "rb").read())
            with h5py.File(bad, "r+") as file:
                del file[name]
                if value is not None:
                    file[name] = value
            with self.assertRaises(companion.MoesimError):
                companion.runs(bad)
        bad = write("bad.h5", open(good, "rb").read())
        with h5py.File(bad, "r+") as file:
            file.create_dataset("loss", shape=(1 << 40,), dtype="f4", chunks=(1 << 20,))
        with self.assertRaisesRegex(companion.MoesimError, "larger than the file can hold"):
            companion.runs(bad)


if __name__ == "__main__":
    main()
