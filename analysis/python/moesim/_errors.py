"""Defines the error of this package, and imports that name a missing package."""
import contextlib
import importlib


class MoesimError(Exception):
    """One line: where, what, and what to do."""


def shown(text):
    """Returns the text in one line, without terminal control characters."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))


@contextlib.contextmanager
def reading(path):
    """Turns any error inside into a MoesimError that names the file as damaged or foreign."""
    try:
        yield
    except MoesimError:
        raise
    except OSError as problem:
        why = problem.strerror or shown(problem)[:200]
        raise MoesimError(f"{shown(path)}: cannot be read: {why}") from None
    except MemoryError:
        raise MoesimError(f"{shown(path)}: damaged, or larger than the memory") from None
    except Exception as problem:  # damage shows anywhere: a missing key, a type, a shape
        why = shown(problem)[:200]
        raise MoesimError(f"{shown(path)}: damaged, or no file of moesim: {type(problem).__name__}: {why}") from problem


def need(module, purpose):
    """Imports a module, or raises a MoesimError that says how to install it."""
    try:
        return importlib.import_module(module)
    except ImportError as problem:
        raise MoesimError(f"{purpose} needs the Python package {module}: pip install {module} ({problem})") from None
