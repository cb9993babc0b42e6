"""Images of a run as TIFF of 32-bit floats, for programs that read nothing else (ImageJ, MATLAB, Pillow).

A frame a page, values as in the run file, pixels without one NaN. Where the run file knows the size of a pixel, it
stands in the resolution tags, in pixels per centimetre (TIFF 6.0, tags 282, 283 and 296), which is how those programs
get their scale bar.
"""

import os
from itertools import chain
from pathlib import Path

import numpy as np

from config.mistake import UserMistake
from storage.layout import ColumnLayout
from storage.reader import RunFile
from storage.streams import StreamData

_CENTIMETRES = {"nm": 1e-7, "um": 1e-4, "mm": 0.1, "cm": 1.0, "m": 100.0}
_CLASSIC_BYTES = 4_000_000_000
"""Beyond which a TIFF needs 64-bit offsets."""
_EXACT = 2**24
"""Integers up to which are exact as 32-bit floats."""
_EVEN = 1e-6
"""Relative difference up to which an axis's steps are one pixel size."""


def write_tiffs(run: RunFile, stem: Path) -> list[Path]:
    """Write ``STEM-STREAM-COLUMN.tif`` for each column of images that has records.

    Parameters
    ----------
    run
        An open run file.
    stem
        Path without ending that the names begin with.

    Returns
    -------
    list of Path
        What was written, as the streams come in the file.

    Raises
    ------
    UserMistake
        If a file cannot be written, or 32-bit floats do not hold the numbers.
    """
    written = []
    for name, stream in run.streams.items():
        for column in stream.layout.columns:
            if len(column.shape) == 2 and stream.rows:
                path = stem.with_name(f"{stem.name}-{name}-{column.name}.tif")
                about = f"run {run.uid}, {name}/{column.name} in {column.unit or '1'}"
                _write(path, stream, column, _pixel_size(run, column), about)
                written.append(path)
    return written


def _write(path: Path, stream: StreamData, column: ColumnLayout, pixel: tuple[float, float] | None, about: str) -> None:
    from tifffile import TiffWriter

    building = path.with_name(f".{path.name}.{os.getpid()}.new")
    big = 4 * column.shape[0] * column.shape[1] * stream.rows > _CLASSIC_BYTES
    try:
        with TiffWriter(building, bigtiff=big) as tiff:
            for frame in chain.from_iterable(stream.blocks(column.name)):
                if frame.dtype.kind in "iu" and frame.dtype.itemsize > 2 and np.abs(frame.astype("f8")).max() > _EXACT:
                    raise UserMistake(
                        f"{path.name}: values beyond {_EXACT:,} are no exact 32-bit floats; read them from the run file"
                    )
                tiff.write(
                    frame.astype(np.float32),
                    photometric="minisblack",
                    description=about.encode("ascii", "replace").decode(),
                    software="xraybench",
                    metadata=None,
                    resolution=pixel and (1 / pixel[1], 1 / pixel[0]),  # across, then down
                    resolutionunit=pixel and "CENTIMETER",
                )
        building.replace(path)
    except OSError as fault:
        raise UserMistake(f"{path} cannot be written: {fault.strerror or fault}") from fault
    finally:
        building.unlink(missing_ok=True)


def _pixel_size(run: RunFile, column: ColumnLayout) -> tuple[float, float] | None:
    """Return height and width of a pixel, cm; raw frames have those of the corrected image of their shape."""
    shape = column.shape
    own = [(stream, column) for stream in run.streams.values() if column in stream.layout.columns]
    others = [(s, c) for s in run.streams.values() for c in s.layout.columns if c.shape == shape]
    for stream, candidate in (*own, *others):
        sizes = [_step(stream, axis) for axis in candidate.axes]
        # of an axis of one pixel the size is that of the other
        known = [size for size in sizes if size is not None]
        if known and len(sizes) == 2 and all(size is not None or n == 1 for size, n in zip(sizes, shape, strict=True)):
            return sizes[0] or known[0], sizes[1] or known[0]
    return None


def _step(stream: StreamData, axis: str) -> float | None:
    values, unit = stream.axes[axis], _CENTIMETRES.get(stream.units[axis])
    steps = np.diff(values)
    if unit is None or not steps.size or not np.allclose(steps, steps[0], rtol=_EVEN, atol=0) or not steps[0]:
        return None
    return float(abs(steps.mean()) * unit)
