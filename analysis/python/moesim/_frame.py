"""runs: the runs of an experiment as a pandas DataFrame."""
import os

from ._errors import MoesimError, need, reading, shown
from ._results import results_of
from ._run import find_runs, open_hdf5, settings_of_text, text_of

_FIRST = ("experiment", "arm", "seed", "status")
# Long texts, and attributes that repeat a setting or a column.
_LEFT_OUT = ("config", "sha256", "sha256_blocks", "moesim_schema", "run_id", "config_sha256", "router")


def runs(*paths, everything=False):
    """Returns one row per run at or below the paths: run files, run folders or folders of runs.

    Columns: `run` (the folder), `experiment`, `arm`, `seed`, `status`; then the settings that differ
    between these rows; then results (`eval_loss`, `train_drops_percent`, `tokens_per_second`, ..., with the
    names and definitions of `moesim compare --columns`, of the last evaluation; `steps`, `tokens`,
    `train_seconds`, `train_flops`); then attributes of the run file; then the other settings, by their
    full keys (`router.token_choice.k`). Missing values are NaN.

    everything: also runs outside the folder's latest plan. `status` is the one in the file, where a killed
    run is still `running`; `moesim status` shows the actual one.
    Raises MoesimError for a path without runs, and for files that cannot be read.
    """
    pandas = need("pandas", "runs")
    files = list(dict.fromkeys(file for path in paths or (".",) for file in find_runs(path, everything)))
    parts = [_row(file) for file in files]
    known = {}  # every key once, in the order of first sight, by kind
    for part in parts:
        for kind, row in part.items():
            known.setdefault(kind, {}).update(dict.fromkeys(row))
    settings = list(known["settings"])
    differ = [key for key in settings
              if len({repr(part["settings"][key]) for part in parts if key in part["settings"]}) > 1]
    columns = [*known["names"], *differ, *known["results"], *known["attributes"],
               *(key for key in settings if key not in differ)]
    rows = [{key: value for row in part.values() for key, value in row.items()} for part in parts]
    return pandas.DataFrame(rows, columns=list(dict.fromkeys(columns)))


def _row(path):
    with reading(path), open_hdf5(path) as file:
        attributes = {name: _plain(value) for name, value in file.attrs.items() if not name.startswith("_")}
        values = {name: _values(data, os.path.getsize(path), path) for name, data in file.items() if _wanted(data)}
        settings = settings_of_text(attributes.get("config", ""))
        results = results_of(values, attributes)
    names = {"run": os.path.dirname(path) or ".", **{name: attributes[name] for name in _FIRST if name in attributes}}
    rest = {name: value for name, value in attributes.items()
            if name not in names and name not in _LEFT_OUT and name not in settings}
    return {"names": names, "settings": settings, "results": results,
            "attributes": {name: value for name, value in rest.items() if name not in results}}


def _values(data, size, path):
    """The values; deflate makes a thousandth of them at best, so more than that is no file's own."""
    if data.nbytes > 1100 * size:
        raise MoesimError(f"{shown(path)}: {shown(data.name)} is declared larger than the file can hold")
    return data[()]


def _wanted(data):
    """Numbers that results are made of; not those by expert, which may be large."""
    return hasattr(data, "dtype") and data.dtype.kind in "if" and data.ndim <= 2 and data.ndim > 0


def _plain(value):
    if isinstance(value, (bytes, str)):
        return text_of(value)
    return value.item() if hasattr(value, "item") and getattr(value, "size", 2) == 1 else value
