"""Writes arrays as other programs do, byte by byte: .npy, .npz, .safetensors. Used by import_trace.py."""
import json
import struct
import zipfile

CODES = {"i1": "b", "i2": "h", "i4": "i", "i8": "q", "u1": "B", "u2": "H", "u4": "I", "u8": "Q", "f2": "e", "f4": "f", "f8": "d"}


def flat(values):
    return [x for value in values for x in flat(value)] if isinstance(values, list) else [values]


def shape(values):
    return [len(values), *shape(values[0])] if isinstance(values, list) else []


def npy(values, kind, descr=None, fortran=False, size=None):
    text = f"{{'descr': '{descr or '<' + kind}', 'fortran_order': {fortran}, 'shape': {tuple(size or shape(values))}, }}"
    text = text.ljust(-(-(len(text) + 11) // 64) * 64 + 53) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + b"".join(struct.pack("<" + CODES[kind], x) for x in flat(values))


def npz(path, packed=False, **arrays):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED) as file:
        for name, content in arrays.items():
            with file.open(name + ".npy", "w", force_zip64=True) as member:  # as numpy.savez
                member.write(content)
    return path


def safetensors(path, **arrays):
    names = {"i8": "I64", "i4": "I32", "f4": "F32", "f2": "F16", "f8": "F64", "bf16": "BF16", "i1": "BOOL"}
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, (values, kind) in arrays.items():
        part = b"".join(struct.pack("<f", x)[2:] if kind == "bf16" else struct.pack("<" + CODES[kind], x) for x in flat(values))
        header[name] = {"dtype": names[kind], "shape": shape(values), "data_offsets": [len(data), len(data) + len(part)]}
        data += part
    text = json.dumps(header).encode()
    return save(path, struct.pack("<Q", len(text)) + text + data)


def save(path, content):
    with open(path, "wb") as file:
        file.write(content)
    return path
