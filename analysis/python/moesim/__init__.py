"""moesim reads what the simulator moesim records.

    runs("runs/abl")         a pandas DataFrame: one row per run; settings, axes and results are columns
    open("runs/abl/RUN")     an xarray Dataset: everything that one run recorded
    torch_model("runs/abl/RUN")   the trained model in PyTorch

h5py, pandas, xarray and torch are imported by the function that needs them.
"""
from ._dataset import open_run as open  # noqa: A004 (as xarray.open_dataset, but of a run)
from ._errors import MoesimError
from ._frame import runs
from ._run import settings
from ._safetensors import read_safetensors
from ._torch import torch_model

__all__ = ["MoesimError", "open", "read_safetensors", "runs", "settings", "torch_model"]
__version__ = "0.2.0"
