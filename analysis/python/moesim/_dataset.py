"""open: a run file as an xarray Dataset."""
from ._errors import need, reading
from ._run import open_hdf5, run_file

# Dimensions without labels in files of earlier builds, and the variable with their labels.
_STEPS = {"record": "record_step", "eval": "eval_step"}


def open_run(run):
    """Returns the variables of one run as an xarray.Dataset; values are read on access.

    run: the folder of a run, or its run file. Steps label the dimensions `step`, `eval` and `record`:
    `open(run)["load"].sel(record=100)` has the dimensions (layer, expert). Names, units and
    definitions are those of analysis/FORMAT.md; `attrs` of a variable has `long_name`, `description`
    and `units`. Variables named like a method of Dataset are accessed by brackets: `open(run)["load"]`.

    Raises MoesimError if it is not a run file, or follows a later schema.
    """
    xarray = need("xarray", "open")
    need("h5netcdf", "open")
    path = run_file(run)
    with reading(path):
        open_hdf5(path).close()
        dataset = xarray.open_dataset(path, engine="h5netcdf")
        return dataset.assign_coords({name: (name, dataset[steps].values) for name, steps in _STEPS.items()
                                      if name not in dataset.variables and steps in dataset.variables})
