"""Reads safetensors files: 8 bytes with the length of a JSON header, the header, then the values."""
import json
import math
import os
import stat

import numpy

from ._errors import MoesimError, reading, shown

_TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1",
          "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1", "BOOL": "?"}
_MOST_HEADER = 16 << 20


def read_safetensors(path):
    """Returns the tensors of a file by name, as numpy arrays in the order of the file.

    Raises MoesimError if the file is damaged, or has a type unknown to numpy.
    """
    path = os.fspath(path)
    with reading(path):
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise MoesimError(f"{shown(path)}: no regular file")
        with open(path, "rb") as file:
            begin = file.read(8)
            length = int.from_bytes(begin, "little")
            header = file.read(length) if length <= _MOST_HEADER else b""
            entries = _entries(begin, header, os.fstat(file.fileno()).st_size, path)
            return _tensors(entries, file.read(), path)


def tensors_of(data, path):
    """Returns the tensors in the bytes of a file; `path` is for messages."""
    with reading(path):
        length = int.from_bytes(data[:8], "little")
        header = data[8:8 + length] if length <= _MOST_HEADER else b""
        return _tensors(_entries(data[:8], header, len(data), path), memoryview(data)[8 + len(header):], path)


def _entries(begin, header, size, path):
    """(name, type, shape, begin, end) of each tensor, in the order of the values, which they fill without a gap."""
    length = int.from_bytes(begin, "little")
    if len(begin) < 8 or len(header) != length or 8 + length > size:
        raise MoesimError(f"{shown(path)}: no safetensors file: it ends inside its header")
    found = json.loads(header, object_pairs_hook=_once)
    entries = []
    for name, entry in found.items():
        if name == "__metadata__":
            continue
        kind, shape, (first, end) = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
        if kind not in _TYPES:
            raise MoesimError(f"{shown(path)}: {shown(name)}: a tensor of unknown type {shown(kind)}")
        if any(type(number) is not int or number < 0 for number in (*shape, first, end)):
            raise MoesimError(f"{shown(path)}: {shown(name)}: its shape or its place is no whole number")
        if math.prod(shape) * numpy.dtype(_TYPES[kind]).itemsize != end - first:
            raise MoesimError(f"{shown(path)}: {shown(name)}: its bytes do not match its shape")
        entries.append((name, _TYPES[kind], shape, first, end))
    entries.sort(key=lambda entry: entry[3:])
    at = 0
    for name, _, _, first, end in entries:
        if first != at:
            raise MoesimError(f"{shown(path)}: {shown(name)}: its values do not follow those of the tensor before")
        at = end
    if 8 + length + at != size:
        raise MoesimError(f"{shown(path)}: {size} bytes, where its header says {8 + length + at}")
    return entries


def _once(pairs):
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name that stands twice")
    return found


def _tensors(entries, values, path):
    return {name: numpy.frombuffer(values[first:end], dtype=kind).reshape(shape)
            for name, kind, shape, first, end in entries}
