"""Reads the run files and checkpoints of the simulator moesim.

    runs("runs/abl")         a pandas DataFrame: one row per run; settings, axes and results are columns
    open("runs/abl/RUN")     an xarray Dataset: all variables of one run
    torch_model("runs/abl/RUN")   the trained model in PyTorch

h5py, pandas, xarray and torch are imported only by the functions that need them.
"""
from ._dataset import open_run as open  # noqa: A004 (as xarray.open_dataset, but of a run)
from ._errors import MoesimError
from ._frame import runs
from ._run import settings
from ._safetensors import read_safetensors
from ._torch import torch_model

__all__ = ["MoesimError", "open", "read_safetensors", "runs", "settings", "torch_model"]
__version__ = "0.2.0"
