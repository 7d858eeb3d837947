"""Runs the Python blocks of analysis/python/README.md as written, one after the other."""
import os
import re
import unittest

from support import FOLDER, SOURCE, main, moesim, require

require("numpy", "torch", "h5py", "pandas", "xarray", "h5netcdf", otherwise="/usr/bin/python3")


class Readme(unittest.TestCase):
    def test_blocks(self):
        moesim("run", os.path.join(SOURCE, "experiments", "quickstart.ini"), "run.steps=110", "run.seed=0",
               "router.name=hash,mixture_of_tokens", "--out", os.path.join(FOLDER.name, "runs"))
        os.chdir(FOLDER.name)
        with open(os.path.join(SOURCE, "analysis", "python", "README.md"), encoding="utf-8") as file:
            blocks = re.findall(r"^```python\n(.*?)^```", file.read(), re.M | re.S)
        self.assertEqual(len(blocks), 2)
        import torch
        names = {"torch": torch, "ids": torch.zeros(2, 64, dtype=torch.long)}
        exec(blocks[0], names)
        self.assertEqual(names["model"](names["ids"]).shape, (2, 64, 64))
        moesim("predict", names["table"].run[0], "--out", os.path.join(FOLDER.name, "FILE"), "--batches", "1")
        said = []
        exec(blocks[1], {**names, "print": said.append})
        self.assertLess(said[0], 1e-5)


if __name__ == "__main__":
    try:
        main()
    finally:
        os.chdir(SOURCE)
