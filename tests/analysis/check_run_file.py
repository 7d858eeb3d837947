#!/usr/bin/env python3
"""Reads a whole run file with xarray (h5netcdf) and with h5py, as users do.

usage: check_run_file.py RUN.h5
Exit status: 0 all is well, 1 a check failed, 77 skipped (xarray, h5netcdf or h5py is not installed).
"""

import sys

try:
    import h5netcdf  # noqa: F401  (the engine that xarray is told to use)
    import h5py
    import xarray
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

BARE_DIMENSION = b"This is a netCDF dimension but not a netCDF variable."


def require(condition, message):
    if not condition:
        sys.exit(f"check_run_file: {message}")


def check_xarray(path):
    """Every variable has named dimensions and readable values, with no arguments but the engine."""
    values = 0
    with xarray.open_dataset(path, engine="h5netcdf") as dataset:
        require("moesim_schema" in dataset.attrs, "no attribute moesim_schema")
        for name, variable in dataset.variables.items():
            require(len(variable.dims) == variable.ndim, f"{name}: a dimension without a name")
            for dim in variable.dims:
                require(not dim.startswith("phony_dim"), f"{name}: a dimension without a name")
            data = variable.load().values
            require(data.shape == variable.shape, f"{name}: cannot be read whole")
            values += data.size
        if {"demand", "assignments"} <= set(dataset.variables):
            total = dataset["demand"].sum("expert")
            require(
                bool((abs(total - dataset["assignments"]) <= 1e-4 * abs(total)).all()),
                "the sum of demand over expert is not assignments",
            )
        names = list(dataset.variables)
        sizes = dict(dataset.sizes)
    return names, sizes, values


def check_h5py(path):
    """The same from below: scales on every axis, plain types, filters, order of creation."""
    names = []
    with h5py.File(path, "r") as file:
        for name, dataset in file.items():
            if not isinstance(dataset, h5py.Dataset):
                continue
            if dataset.attrs.get("NAME", b"").startswith(BARE_DIMENSION):
                require(dataset.is_scale, f"{name}: a dimension that is no scale")
                continue
            names.append(name)
            text = h5py.check_string_dtype(dataset.dtype)
            require(text or dataset.dtype.kind in "fi", f"{name}: type {dataset.dtype}")
            if text:
                require(text.encoding == "utf-8" and text.length is None, f"{name}: {text}")
            elif dataset.ndim > 0:
                filters = (dataset.compression, dataset.shuffle, dataset.fletcher32)
                require(filters == ("gzip", True, True), f"{name}: filters {filters}")
            if not dataset.is_scale:
                for axis, dim in enumerate(dataset.dims):
                    require(len(dim) == 1, f"{name}: {len(dim)} scales on axis {axis}")
            dataset[()]
        for name, value in file.attrs.items():
            require(isinstance(value, str) or value.ndim == 0, f"attribute {name} is no scalar")
        attributes = len(file.attrs)
    return names, attributes


def main():
    require(len(sys.argv) == 2, "usage: check_run_file.py RUN.h5")
    path = sys.argv[1]
    seen, sizes, values = check_xarray(path)
    names, attributes = check_h5py(path)
    require(set(seen) == set(names), f"xarray and h5py differ: {set(seen) ^ set(names)}")
    print(f"{path}: {len(names)} variables over {sizes}, {values} values, {attributes} attributes")


if __name__ == "__main__":
    main()
