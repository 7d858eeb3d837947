"""The error of this package, and imports that say what is missing."""
import importlib


class MoesimError(Exception):
    """One line: where, what, and what to do."""


def need(module, purpose):
    """The module of that name, or a MoesimError that says how to get it."""
    try:
        return importlib.import_module(module)
    except ImportError as problem:
        raise MoesimError(f"{purpose} needs the Python package {module}: pip install {module} ({problem})") from None
