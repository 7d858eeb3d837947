"""Finds runs, and reads their settings."""
import json
import os

from ._errors import MoesimError, need, reading

RUN_FILE = "run.h5"
SCHEMA = 1
_LEVELS = 3  # of folders below a path, as the program looks


def run_folder(path):
    """Returns the folder of a run, given the folder or a file in it."""
    path = os.fspath(path)
    folder = path if os.path.isdir(path) else os.path.dirname(path) or "."
    if not os.path.exists(path):
        raise MoesimError(f"{path}: no such file or folder; name the folder of a run")
    return folder


def run_file(path):
    """Returns the run file, given the file or the folder of its run."""
    path = os.fspath(path)
    file = os.path.join(path, RUN_FILE) if os.path.isdir(path) else path
    if not os.path.exists(file):
        raise MoesimError(f"{path}: no run: it has no {RUN_FILE}; runs(FOLDER) lists those below a folder")
    return file


def find_runs(path, everything=False):
    """Returns the sorted run files at or below a path; in a folder with a plan.json, those of the latest plan."""
    path = os.fspath(path)
    if not os.path.exists(path):
        raise MoesimError(f"{path}: no such file or folder")
    if not os.path.isdir(path):
        return [path]
    found = sorted(_below(path, _LEVELS, everything))
    if not found:
        raise MoesimError(f"{path}: holds no {RUN_FILE}, nor do the folders below it ({_LEVELS} levels)")
    return found


def _below(folder, levels, everything):
    file = os.path.join(folder, RUN_FILE)
    if os.path.exists(file):
        return [file]
    if levels == 0:
        return []
    planned = None if everything else _planned(folder)
    found = []
    for entry in os.scandir(folder):
        if entry.is_dir() and not entry.name.startswith(".") and (planned is None or entry.name in planned):
            found += _below(entry.path, levels - 1, everything)
    return found


def _planned(folder):
    try:
        with open(os.path.join(folder, "plan.json"), encoding="utf-8") as file:
            return {run["folder"] for run in json.load(file)["runs"]}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as problem:
        raise MoesimError(f"{folder}/plan.json: cannot be read ({problem}); everything=True does without it") from None


def open_hdf5(path):
    """Returns an open h5py.File after checking that it is a run file with a known schema."""
    h5py = need("h5py", "reading run files")
    try:
        file = h5py.File(path, "r")
    except OSError as problem:
        raise MoesimError(f"{path}: cannot be read: {problem}") from None
    with reading(path):
        schema = file.attrs.get("moesim_schema")
        known = schema is not None and getattr(schema, "size", 1) == 1 and int(schema) == SCHEMA
    if not known:
        file.close()
        reason = "not a run file of moesim" if schema is None else f"follows schema {schema}, known is {SCHEMA}"
        raise MoesimError(f"{path}: {reason}")
    return file


def value_of(text):
    """Parses a setting of a config text: a bool, an int, a float, or text."""
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text


def settings_of_text(text):
    """Returns the settings of a resolved config: {"router.token_choice.k": 2, ...}."""
    found, section = {}, ""
    for line in text.splitlines():
        line = line.strip()
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
        elif "=" in line and not line.startswith(("#", ";")):
            key, _, value = line.partition("=")
            found[f"{section}.{key.strip()}"] = value_of(value.strip())
    return found


def settings(run):
    """Returns every setting of a run by its full key, typed: {"router.name": "soft", "model.width": 64, ...}.

    `run` is the folder of a run or its run file.
    """
    folder = run_folder(run)
    config = os.path.join(folder, "config.ini")
    if os.path.isdir(os.fspath(run)) and os.path.exists(config):
        with reading(config), open(config, encoding="utf-8") as file:
            return settings_of_text(file.read())
    path = run_file(run)
    with reading(path), open_hdf5(path) as file:
        return settings_of_text(text_of(file.attrs.get("config", "")))


def text_of(value):
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
