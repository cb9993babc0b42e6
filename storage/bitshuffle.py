"""Bitshuffle and LZ4 outside of HDF5's filter pipeline, so that every core compresses its own frame.

HDF5 filters one chunk after the other, under one lock for the whole library. The same filter, called from its own
shared library, knows no such lock and makes the same chunks: `hdf5plugin`, silx, H5Web and nexusformat read them.

The form of a chunk (https://github.com/kiyo-masui/bitshuffle, `src/bshuf_h5filter.c`): size of the frame in bytes (8,
most significant first), size of a block in bytes (4), then the blocks as `bshuf_compress_lz4` packs them.
"""

import ctypes
import functools
import struct
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

FILTER = 32008
"""As registered with the HDF Group."""

_HEAD = struct.Struct(">QI")
_BLOCK_HEAD = struct.Struct(">I")
_LARGEST_BLOCK = 16 * 1024**2
_MULTIPLE = 8
"""Elements: a block is a multiple of them; what is left over at the end of a frame is not packed."""

Compress = Callable[[npt.NDArray[np.generic]], bytes]


@functools.cache
def compressor() -> Compress | None:
    """Return what makes a chunk of a contiguous array, without the interpreter's lock; from any thread.

    None where the filter's library does not offer that (Windows); HDF5 must then do it, which takes longer.
    """
    import hdf5plugin

    libraries = sorted(Path(hdf5plugin.PLUGIN_PATH).glob("*h5bshuf.*"))
    try:
        library = ctypes.CDLL(str(libraries[0]))
        pack, bound = library.bshuf_compress_lz4, library.bshuf_compress_lz4_bound
        default_block = library.bshuf_default_block_size
    except (IndexError, OSError, AttributeError):
        return None
    pack.restype, pack.argtypes = ctypes.c_int64, (ctypes.c_void_p, ctypes.c_void_p, *3 * (ctypes.c_size_t,))
    bound.restype, bound.argtypes = ctypes.c_size_t, 3 * (ctypes.c_size_t,)
    default_block.restype, default_block.argtypes = ctypes.c_size_t, (ctypes.c_size_t,)
    own = threading.local()

    def compress(frame: npt.NDArray[np.generic]) -> bytes:
        block = default_block(frame.itemsize)
        room = _HEAD.size + bound(frame.size, frame.itemsize, block)
        if getattr(own, "room", 0) < room:
            # kept by its thread: fresh memory for each frame takes as long as compressing it
            own.packed, own.room = ctypes.create_string_buffer(room), room
        _HEAD.pack_into(own.packed, 0, frame.nbytes, block * frame.itemsize)
        start = ctypes.addressof(own.packed)
        size = pack(frame.ctypes.data, start + _HEAD.size, frame.size, frame.itemsize, block)
        if size < 0:
            raise RuntimeError(f"a frame of shape {frame.shape} cannot be compressed: bitshuffle's error {size}")
        return ctypes.string_at(start, _HEAD.size + size)

    return compress


def check_chunk(chunk: bytes, elements: int, itemsize: int) -> None:
    """See that unpacking a chunk stays within it: the filter believes every length that it reads.

    Parameters
    ----------
    chunk
        As stored.
    elements, itemsize
        Of a frame; bytes of an element.

    Raises
    ------
    ValueError
        If it is no chunk of such a frame.
    """
    if len(chunk) < _HEAD.size:
        raise ValueError("a packed frame is cut short")
    size, block_bytes = _HEAD.unpack_from(chunk)
    block, odd = divmod(block_bytes, itemsize)
    if size != elements * itemsize or odd or block % _MULTIPLE or not 0 < block_bytes <= _LARGEST_BLOCK:
        raise ValueError(f"a packed frame declares {size} bytes in blocks of {block_bytes}")
    place = _HEAD.size
    # whole blocks, then one that is shorter
    blocks = elements // block + (elements % block >= _MULTIPLE)
    for _ in range(blocks):
        if place + _BLOCK_HEAD.size > len(chunk):
            raise ValueError("a packed frame is cut short")
        place += _BLOCK_HEAD.size + _BLOCK_HEAD.unpack_from(chunk, place)[0]
    if place + elements % _MULTIPLE * itemsize != len(chunk):
        raise ValueError("the blocks of a packed frame do not fill it")
