"""Images: TIFF (also with several frames), PNG, BMP; one grey level a pixel."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from config.mistake import UserMistake

SUFFIXES = (".tif", ".tiff", ".png", ".bmp")
CHANNELS = ("luminance", "red", "green", "blue")
LUMINANCE = (0.2125, 0.7154, 0.0721)
"""Weights of the channels (ISO 12233, ITU-R BT.709)."""

_GREY = {"L": 8, "I;16": 16, "I;16L": 16, "I;16B": 16, "I": 32, "F": 32, "1": 1}


@dataclass(frozen=True)
class Frames:
    """Frames of one file.

    Attributes
    ----------
    pixels
        (frames, rows, columns) as stored.
    saturation
        Level at which a pixel of this depth is saturated; None where the format does not say.
    remark
        What was done to the file's pixels; empty for nothing.
    """

    path: Path
    pixels: npt.NDArray[np.generic]
    saturation: float | None
    remark: str = ""


def parse_frames(path: Path, content: bytes, channel: str = "") -> Frames:
    """Read an image file.

    Parameters
    ----------
    path, content
        Of the file.
    channel
        One of `CHANNELS`, for a colour image. One whose channels are equal is a grey image and needs none; of others
        no channel is chosen silently.

    Raises
    ------
    UserMistake
        If it cannot be read, is a JPEG (its compression alters the response), or has colours or a palette of colours.
    """
    from PIL import Image, ImageSequence, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(content)) as image:
            if image.format in ("JPEG", "GIF", "WEBP"):
                raise UserMistake(
                    f"{path}: is a {image.format}, whose compression or palette alters the image; save TIFF, PNG or BMP"
                )
            found = [_grey(path, frame, channel) for frame in ImageSequence.Iterator(image)]
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as fault:
        raise UserMistake(f"{path}: cannot be read as an image: {fault}") from fault
    shapes = {pixels.shape for pixels, _, _ in found}
    if len(shapes) > 1:
        raise UserMistake(f"{path}: its frames are of different sizes; save frames of one size")
    _, saturation, remark = found[0]
    return Frames(path, np.stack([pixels for pixels, _, _ in found]), saturation, remark)


def _grey(path: Path, image: object, channel: str) -> tuple[npt.NDArray[np.generic], float | None, str]:
    from PIL import Image

    assert isinstance(image, Image.Image)  # noqa: S101  (Pillow's iterator has no type)
    mode = image.mode
    if mode in _GREY:
        pixels = np.array(image)
        bits = 16 if mode.startswith("I;16") else _GREY[mode]
        return pixels, {8: 255.0, 16: 65535.0}.get(bits), ""
    if mode not in ("RGB", "RGBA", "P", "LA"):
        raise UserMistake(f"{path}: has pixels of kind {mode}; save it with one grey level a pixel")
    colours = np.array(image.convert("RGB"))
    if (colours[..., 0] == colours[..., 1]).all() and (colours[..., 0] == colours[..., 2]).all():
        return colours[..., 0].copy(), 255.0, "colour channels are equal: taken as grey"
    if not channel:
        raise UserMistake(
            f"{path}: is a colour image; say with --set channel= which of {', '.join(CHANNELS)} is to be taken"
        )
    if channel == "luminance":
        # a sum of three saturated pixels is no certain sign: a pixel is lost when any of its channels is
        luminance = np.where((colours == 255).any(axis=2), 255.0, colours @ np.array(LUMINANCE))
        return luminance.astype("f4"), 255.0, "luminance of a colour image: 0.2125 R + 0.7154 G + 0.0721 B"
    return colours[..., CHANNELS.index(channel) - 1].copy(), 255.0, f"{channel} channel of a colour image"
