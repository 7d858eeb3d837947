"""Reads safetensors files: 8 bytes with the length of a JSON header, the header, then the values."""
import json
import os

import numpy

from ._errors import MoesimError

_TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1",
          "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1", "BOOL": "?"}
_MOST_HEADER = 16 << 20


def read_safetensors(path):
    """The tensors of a file by name, as numpy arrays in the order of the file.

    Raises MoesimError if the file is damaged, or holds a type that numpy has no name for.
    """
    path = os.fspath(path)
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as problem:
        raise MoesimError(f"{path}: cannot be read: {problem.strerror}") from None
    return tensors_of(data, path)


def tensors_of(data, path):
    """The same of the bytes of a file; `path` is for messages."""
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > _MOST_HEADER or 8 + length > len(data):
        raise MoesimError(f"{path}: no safetensors file: it ends inside its header")
    try:
        header = json.loads(data[8:8 + length])
        entries = [(name, _TYPES[entry["dtype"]], tuple(entry["shape"]), entry["data_offsets"])
                   for name, entry in header.items() if name != "__metadata__"]
    except (ValueError, TypeError, AttributeError) as problem:
        raise MoesimError(f"{path}: no safetensors file: {problem}") from None
    except KeyError as problem:
        raise MoesimError(f"{path}: a tensor without, or of an unknown, {problem}") from None
    tensors, values = {}, memoryview(data)[8 + length:]
    for name, kind, shape, offsets in sorted(entries, key=lambda entry: entry[3]):
        try:
            begin, end = offsets
            array = numpy.frombuffer(values[begin:end], dtype=kind).reshape(shape)
            if array.nbytes != end - begin or begin < 0:
                raise ValueError("its bytes do not match its shape")
        except (ValueError, TypeError) as problem:
            raise MoesimError(f"{path}: {name}: {problem}") from None
        tensors[name] = array
    return tensors
