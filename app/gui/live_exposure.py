"""Takes what an instrument shows while somebody adjusts it: a spectrum, a frame."""

from __future__ import annotations

from dataclasses import dataclass

from app.gui.orders import Live
from drivers.bench import Bench


@dataclass(frozen=True)
class Exposing:
    """How an instrument is exposed while it is watched live."""

    seconds: float
    averages: int = 1
    gain: float | None = None
    once: bool = False
    """Whether one exposure was asked for, and no more."""


def exposed(bench: Bench, role: str, how: Exposing) -> Live:
    """Expose once; spectrometer or camera.

    Raises
    ------
    InstrumentError, UserMistake
        The instrument's own.
    """
    if role == "spectrometer":
        spectrometer = bench.spectrometer
        taken = spectrometer.spectrum(how.seconds, how.averages)
        saturated = int(taken.saturated.sum())
        return Live(role, taken.counts, spectrometer.wavelengths_nm(), saturated, spectrometer.full_scale)
    camera = bench.camera
    if camera.exposure_time != how.seconds:
        camera.set_exposure(how.seconds)
    if how.gain is not None and camera.gain != how.gain:
        camera.set_gain(how.gain)
    frame = camera.frame()
    return Live(role, frame.pixels, None, int(frame.saturated.sum()), frame.full_scale)
