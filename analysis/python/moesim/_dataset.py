"""open: a run file as an xarray Dataset."""
from ._errors import need, reading
from ._run import open_hdf5, run_file

# Dimensions that files of earlier builds leave without labels, and the variable that has them.
_STEPS = {"record": "record_step", "eval": "eval_step"}


def open_run(run):
    """Everything that one run recorded, as an xarray.Dataset; values are read when they are used.

    run: the folder of a run, or its run file. Steps label the dimensions `step`, `eval` and `record`:
    `open(run)["load"].sel(record=100)` has the dimensions (layer, expert). Names, units and
    definitions are those of analysis/FORMAT.md; `attrs` of a variable has `long_name`, `description`
    and `units`. Names of methods of a Dataset are reached by brackets: `open(run)["load"]`.

    Raises MoesimError if it is no run file, or one of a later schema.
    """
    xarray = need("xarray", "open")
    need("h5netcdf", "open")
    path = run_file(run)
    with reading(path):
        open_hdf5(path).close()
        dataset = xarray.open_dataset(path, engine="h5netcdf")
        return dataset.assign_coords({name: (name, dataset[steps].values) for name, steps in _STEPS.items()
                                      if name not in dataset.variables and steps in dataset.variables})
