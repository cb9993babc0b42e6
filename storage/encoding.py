"""Plain Python values as HDF5 datasets, and back, exactly.

A number, a truth value, text, or a list of numbers becomes a plain dataset that every program reads. Everything else
(None, mixed or nested lists, mappings, integers beyond 64 bits, text with NUL) becomes JSON text and is marked
``encoding = "json"``. Tuples and arrays come back as lists.
"""

import json
import os
import re
from collections.abc import Mapping
from datetime import date
from functools import lru_cache

import h5py
import numpy as np
import numpy.typing as npt

JSON = "json"
_INT64 = range(-(2**63), 2**63)
_AWKWARD = re.compile("[%/\x00-\x1f\ud800-\udfff]")
_ESCAPE = re.compile(r"%\{([0-9a-f]+)\}")

Array = npt.NDArray[np.generic]


@lru_cache(maxsize=256)
def text_dtype(length: int) -> np.dtype[np.generic]:
    """UTF-8 text of a fixed length in bytes: no variable-length data in a file that is read while written."""
    dtype: np.dtype[np.generic] = h5py.string_dtype("utf-8", max(1, length))
    return dtype


def text_array(text: str, length: int | None = None) -> Array:
    """Text as a scalar array, padded to `length` bytes."""
    data = text.encode()
    if length is not None and len(data) > length:
        raise ValueError(f"{text!r} is longer than {length} bytes")
    return np.array(data, dtype=text_dtype(len(data) if length is None else length))


def plain(value: object, where: str) -> object:
    """Value made of None, bool, int, float, str, list and dict alone.

    Raises
    ------
    TypeError
        If it is something else; `where` is named in the message.
    """
    if value is None or isinstance(value, bool | str):
        return str(value) if isinstance(value, str) else value
    if isinstance(value, np.generic | np.ndarray) and value.dtype.kind in "biufUO" and value.dtype.char != "g":
        return plain(value.tolist(), where)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"{where}: the key {key!r} is no text")
        return {str(key): plain(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, f"{where}[{i}]") for i, item in enumerate(value)]
    if isinstance(value, os.PathLike):
        return os.fsdecode(os.fspath(value))
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{where}: a {type(value).__name__} cannot be kept in a run file")


def encode(value: object, where: str = "value") -> tuple[Array, str | None]:
    """Array to store, and "json" when it holds JSON text."""
    value = plain(value, where)
    if isinstance(value, bool | float) or (isinstance(value, int) and value in _INT64):
        return np.asarray(value), None
    if isinstance(value, str) and "\0" not in value:
        try:
            return text_array(value), None
        except UnicodeEncodeError:  # a lone surrogate, as in a file name that is not UTF-8
            pass
    if isinstance(value, list) and value:
        if all(type(item) is float for item in value):
            return np.array(value, dtype="f8"), None
        if all(type(item) is int and item in _INT64 for item in value):
            return np.array(value, dtype="i8"), None
    return text_array(json.dumps(value)), JSON


def decode(stored: object, encoding: str | None) -> object:
    """Value that `encode` was given, from what h5py read.

    Raises
    ------
    ValueError
        If it is not what `encode` writes.
    """
    if isinstance(stored, bytes):
        text = stored.decode()
        return json.loads(text) if encoding == JSON else text
    if isinstance(stored, str):
        return json.loads(stored) if encoding == JSON else stored
    if isinstance(stored, np.generic | np.ndarray) and stored.dtype.kind in "biuf":
        return stored.tolist()
    raise ValueError(f"{type(stored).__name__} is no value of a run file")


def encode_name(key: str) -> str:
    """Key as the name of an HDF5 object: what HDF5 cannot have in a name is escaped as ``%{hex}``."""
    if key in ("", "."):
        return "%{}" if not key else "%{2e}"
    return _AWKWARD.sub(lambda m: f"%{{{ord(m[0]):x}}}", key)


def decode_name(name: str) -> str:
    """Key that `encode_name` was given."""
    return "" if name == "%{}" else _ESCAPE.sub(lambda m: chr(int(m[1], 16)), name)
