"""Spectra as Ocean Optics' programs write them: SpectraSuite and OceanView."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from config.mistake import UserMistake
from storage.imported.number_style import is_missing
from storage.imported.table import parse_table

_BEGIN = re.compile(r">+\s*Begin\s+(?:Processed\s+)?Spectral\s+Data\s*<+", re.IGNORECASE)
_END = re.compile(r">+\s*End\s+(?:Processed\s+)?Spectral\s+Data\s*<+", re.IGNORECASE)
_YES = ("yes", "true", "on", "1")


@dataclass(frozen=True)
class TextSpectrum:
    """A spectrum with what its header says.

    Attributes
    ----------
    wavelengths, counts
        (n) nm, and as the program wrote them.
    integration_time
        s; None when the header does not say.
    averages
        Exposures in the mean; 1 when the header does not say.
    dark_corrected
        Whether the program had taken off a dark spectrum or the covered pixels' level.
    nonlinearity_corrected
        Whether the program had straightened the detector.
    spectrometer
        As named in the header; empty for none.
    """

    path: Path
    wavelengths: npt.NDArray[np.float64]
    counts: npt.NDArray[np.float64]
    integration_time: float | None
    averages: int
    dark_corrected: bool
    nonlinearity_corrected: bool
    spectrometer: str


def is_ocean_optics(text: str) -> bool:
    """Say whether a text is a file of these programs."""
    return bool(_BEGIN.search(text[:20_000]))


def parse_ocean_optics(path: Path, text: str, decimal: str | None = None) -> TextSpectrum:
    """Read a file of SpectraSuite or OceanView.

    Raises
    ------
    UserMistake
        If it is cut short, its wavelengths do not rise, or as `parse_table`.
    """
    begin = _BEGIN.search(text)
    if begin is None:
        raise UserMistake(f"{path}: has no line '>>>>>Begin Spectral Data<<<<<' of SpectraSuite and OceanView")
    header = _header(text[: begin.start()])
    end = _END.search(text, begin.end())
    before = text[: begin.end()].count("\n")
    body = "\n" * before + text[begin.end() : end.start() if end else None]
    table = parse_table(path, body, decimal, names=("Wavelength (nm)", "Counts"))
    wavelengths, counts = (column.values for column in table.columns)
    for name, values in (("wavelength", wavelengths), ("counts", counts)):
        if not np.isfinite(values).all():
            line = table.lines[int(np.flatnonzero(~np.isfinite(values))[0])]
            raise UserMistake(f"{path}, line {line}: has no {name}; delete the line")
    falls = np.flatnonzero(np.diff(wavelengths) <= 0)
    if falls.size:
        raise UserMistake(f"{path}, line {table.lines[int(falls[0]) + 1]}: the wavelength does not rise; sort them")
    announced = _whole(_first(header, "Number of Pixels in"))
    if announced is not None and announced != counts.size:
        raise UserMistake(
            f"{path}: holds {counts.size} pixels where its header announces {announced}: it is cut short, "
            f"export it again"
        )
    return TextSpectrum(
        path,
        wavelengths,
        counts,
        _integration_time(path, header),
        _whole(_first(header, "Scans to average", "Spectra Averaged")) or 1,
        any(
            _says_yes(_first(header, key))
            for key in ("Electric dark correction enabled", "Correct for Electrical Dark", "Dark Spectrum Present")
        ),
        any(
            _says_yes(_first(header, key))
            for key in ("Nonlinearity correction enabled", "Correct for Detector Non-linearity")
        ),
        _first(header, "Spectrometer", "Spectrometers"),
    )


def _header(text: str) -> dict[str, str]:
    pairs = (line.partition(":") for line in text.splitlines())
    return {key.strip(): value.strip() for key, sign, value in pairs if sign}


def _first(header: dict[str, str], *keys: str) -> str:
    return next((value for key in keys for name, value in header.items() if name.startswith(key)), "")


def _says_yes(value: str) -> bool:
    return bool(value.split()) and value.split()[0].strip("(),").lower() in _YES


def _whole(value: str) -> int | None:
    # re knows no superscript digits, and nobody averages a thousand million spectra
    found = re.match(r"[0-9]{1,9}(?!\S)", value.strip())
    return int(found[0]) if found else None


def _integration_time(path: Path, header: dict[str, str]) -> float | None:
    for name, value in header.items():
        found = re.match(r"Integration Time \((sec|msec|usec|ms|us|s)\)", name, re.IGNORECASE)
        words = value.replace(",", ".").split()
        if found and words and not is_missing(words[0]):
            scale = {"s": 1.0, "m": 1e-3, "u": 1e-6}[found[1].lower()[0]]
            try:
                seconds = float(words[0]) * scale
            except ValueError:
                seconds = 0.0
            if not (math.isfinite(seconds) and seconds > 0):
                raise UserMistake(f"{path}: its integration time is {words[0]!r}, which is no time; correct the header")
            return seconds
    return None
