"""Frames on their way into a run file: a chunk each, past HDF5's filter pipeline, with every core at work.

What is done under HDF5's one lock is then writing alone; digests and compression run beside it, in threads that hold
no interpreter's lock.
"""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import h5py

from storage.bitshuffle import compressor
from storage.checksum import Digest
from storage.encoding import Array

_WORTH_A_THREAD = 256 * 1024
"""Bytes of a frame; a smaller one is done before a thread has begun."""

_Made = TypeVar("_Made")


class FrameAppender:
    """Appends frames to image columns; used by one thread. Close it."""

    def __init__(self) -> None:
        self._workers = os.cpu_count() or 1
        self._pool: ThreadPoolExecutor | None = None

    def append(self, column: h5py.Dataset, start: int, frames: Sequence[Array], digest: Digest, packed: bool) -> None:
        """Write frames from a row on.

        Parameters
        ----------
        column
            Shape (rows, height, width), a chunk a frame.
        start
            Row of the first one: the rows so far.
        frames
            Not empty; C-contiguous and of the column's type.
        digest
            Of the column; sees every frame.
        packed
            Whether the column is compressed with bitshuffle and LZ4.
        """
        beside = frames[0].nbytes >= _WORTH_A_THREAD
        seen = self._begun(partial(_digest, digest, frames), beside)
        compress = compressor() if packed else None
        if packed and compress is None:
            for row, frame in enumerate(frames, start):
                column.resize(row + 1, axis=0)
                column[row] = frame
        else:
            pieces = frames if compress is None else self._made(compress, frames, beside)
            for row, piece in enumerate(pieces, start):
                column.id.set_extent((row + 1, *column.shape[1:]))
                column.id.write_direct_chunk((row, 0, 0), piece)
        seen()

    def close(self) -> None:
        """End the threads; harmless when closed."""
        if self._pool is not None:
            self._pool.shutdown()

    def _made(self, make: Callable[[Array], _Made], frames: Sequence[Array], beside: bool) -> Iterator[_Made]:
        # in order, and only a few ahead of the writing: what was made takes memory
        ahead: deque[Callable[[], _Made]] = deque()
        for frame in frames:
            ahead.append(self._begun(partial(make, frame), beside))
            if len(ahead) > self._workers:
                yield ahead.popleft()()
        while ahead:
            yield ahead.popleft()()

    def _begun(self, work: Callable[[], _Made], beside: bool) -> Callable[[], _Made]:
        if beside:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self._workers, thread_name_prefix="frames")
            try:
                return self._pool.submit(work).result
            except RuntimeError:  # the interpreter is ending and begins no more threads; what waits is written still
                pass
        made = work()
        return lambda: made


def _digest(digest: Digest, frames: Sequence[Array]) -> None:
    for frame in frames:
        digest.update(frame)
