"""The forms of every procedure and analysis that takes data from elsewhere."""

from __future__ import annotations

import math

import numpy as np

from app.imports.form import Columns, Form, Wanted
from config.mistake import UserMistake, nearest
from config.sample_file import Sample
from procedures.elsewhere.decay import Decay
from procedures.elsewhere.frames import Frames
from procedures.elsewhere.light_yield import LightYield
from procedures.elsewhere.mott_schottky import CapacitanceVoltage
from procedures.elsewhere.plqy import QuantumYield
from procedures.elsewhere.stability import Stability
from procedures.elsewhere.tabulated import SERIES, SIGNALS
from procedures.elsewhere.tabulated_light import LIGHT
from procedures.elsewhere.tauc import Tauc
from procedures.iv import CurrentVoltage
from procedures.rl_spectrum import RLSpectrum
from procedures.tof import TimeOfFlight

_DOSE_RATE = ("dose rate", "doserate", "dose", "d", "kerma rate", "air kerma rate", "dosisleistung")
_SIGNAL = ("photocurrent density", "signal current density", "current density", "signal", "net current", "photocurrent",
           "stromdichte", "j", "jph", "js", "current", "strom", "i", "iph")  # fmt: skip
_ERRORS = ("error", "uncertainty", "sigma", "std", "sd", "standard deviation", "err")
_BIAS = ("bias", "voltage", "bias voltage", "applied voltage", "v", "u", "applied bias", "spannung")
_FIELD = ("field", "electric field", "e", "f", "bias", "voltage", "v")
_TIME = ("elapsed", "time", "t", "exposure time", "irradiation time", "zeit")
_WAVELENGTH = ("wavelength", "lambda", "wl", "nm")
_RESPONSE = Wanted("response", "1", ("response", "sensitivity", "efficiency", "qe"), required=False)


def _signals(columns: Columns, sample: Sample | None) -> Columns:
    del sample
    return columns | {"tube_current": np.full(columns["signal"].size, math.nan)}


def _curve(columns: Columns, sample: Sample | None) -> Columns:
    if sample is None or sample.area_cm2 is None:
        raise UserMistake("iv needs a sample with area_cm2: give --sample NAME or FILE")
    bias, size = columns["bias"], columns["bias"].size
    if not np.isfinite(columns["direction"]).all():
        # a step of zero goes on in the direction of the one before
        steps = np.sign(np.diff(bias, append=bias[-1]))
        known = np.flatnonzero(steps)
        before = known[np.maximum(np.searchsorted(known, np.arange(size), side="right") - 1, 0)] if known.size else None
        columns["direction"] = np.ones(size) if before is None else steps[before]
    lit = columns["beam"] > 0
    return columns | {
        "density": columns["current"] / sample.area_cm2 * 1e9,
        "settled": np.full(size, math.nan),
        "waited": np.full(size, math.nan),
        "dose_rate": np.where(lit, math.nan, 0.0),
        "dose_rate_errors": np.where(lit, math.nan, 0.0),
    }


def _dose_under_a_beam(columns: Columns, sample: Sample | None) -> Columns:
    """Sum up the dose rate, by trapezia, where the dose is not in the table."""
    del sample
    rate, elapsed = columns["dose_rate"], columns["elapsed"]
    if not np.isfinite(columns["dose"]).all() and np.isfinite(rate).all():
        steps = 0.5 * (rate[1:] + rate[:-1]) * np.diff(elapsed)
        columns["dose"] = rate[0] * elapsed[0] + np.concatenate([[0.0], np.cumsum(steps)])
    return columns


def _responses(columns: Columns, sample: Sample | None) -> Columns:
    del sample
    columns = _dose_under_a_beam(columns, None)
    if not np.isfinite(columns["dose"]).all():
        raise UserMistake("operational-stability needs the dose or the dose rate: --set value.dose_rate='72.5 mGy/s'")
    if not np.isfinite(columns["response"]).all():
        if not (np.isfinite(columns["density"]).all() and np.all(columns["dose_rate"] > 0)):
            raise UserMistake(
                "operational-stability needs the response (uC/(Gy cm2)), or the signal current and the dose rate"
            )
        # nA/cm2 over Gy/s is 1e-3 uC/(Gy cm2)
        columns["response"] = np.abs(columns["density"]) / columns["dose_rate"] * 1e-3
    return columns


def _one_of_three(columns: Columns, sample: Sample | None) -> Columns:
    del sample
    names = ("absorbance", "transmittance", "reflectance")
    given = [name for name in names if np.isfinite(columns[name]).all()]
    if len(given) != 1:
        raise UserMistake(
            f"tauc needs one of {', '.join(names)}, not {' and '.join(given) or 'none'}: say which column with --set "
            f"column.absorbance=HEADING"
        )
    return columns


FORMS: dict[str, Form] = {
    "sensitivity": Form(
        "table",
        SIGNALS,
        (
            Wanted("dose_rate_errors", "Gy/s", tuple(f"dose rate {word}" for word in _ERRORS), required=False),
            Wanted("noise", "nA/cm2", ("noise", "noise current", "jn", "in", "rms noise"), required=False, per="area"),
            Wanted("dark_noise", "nA/cm2", ("dark noise", "noise dark"), required=False, per="area"),
            Wanted(
                "dark", "nA/cm2", ("dark current density", "dark current", "dark", "jd"), required=False, per="area"
            ),
            Wanted("samples", "1", ("samples", "n", "number of samples", "readings"), required=False),
            Wanted("signal_errors", "nA/cm2", _ERRORS, required=False, per="area"),
            Wanted("dose_rate", "Gy/s", _DOSE_RATE),
            Wanted("field", "V/cm", ("field", "electric field", "e", "bias", "voltage"), per="thickness"),
            Wanted("signal", "nA/cm2", _SIGNAL, per="area"),
        ),
        _signals,
    ),
    "hecht": Form(
        "table",
        SIGNALS,
        (
            Wanted("dose_rate", "Gy/s", _DOSE_RATE, required=False),
            Wanted("dose_rate_errors", "Gy/s", tuple(f"dose rate {word}" for word in _ERRORS), required=False),
            Wanted("signal_errors", "nA/cm2", _ERRORS, required=False, per="area"),
            Wanted("noise", "nA/cm2", ("noise",), required=False, per="area"),
            Wanted("dark_noise", "nA/cm2", ("dark noise",), required=False, per="area"),
            Wanted("dark", "nA/cm2", ("dark current density", "dark current", "dark"), required=False, per="area"),
            Wanted("samples", "1", ("samples", "readings"), required=False),
            Wanted("field", "V/cm", _FIELD, per="thickness"),
            Wanted("signal", "nA/cm2", _SIGNAL, per="area"),
        ),
        _signals,
    ),
    "iv": Form(
        "table",
        CurrentVoltage.curve,
        (
            Wanted("current_errors", "A", _ERRORS, required=False, otherwise=0.0, per="area"),
            Wanted("beam", "1", ("beam", "light", "illumination"), required=False, otherwise=0.0),
            Wanted("direction", "1", ("direction", "sweep"), required=False),
            Wanted("in_compliance", "1", ("compliance", "in compliance"), required=False, otherwise=0.0),
            Wanted("bias", "V", _BIAS),
            Wanted("current", "A", ("current", "i", "current density", "j", "dark current"), per="area"),
        ),
        _curve,
    ),
    "operational-stability": Form(
        "table",
        SERIES,
        (
            Wanted("elapsed", "s", _TIME),
            Wanted("dose_rate", "Gy/s", ("dose rate", "doserate", "kerma rate"), required=False),
            Wanted("dose", "Gy", ("dose", "total dose", "accumulated dose", "kerma"), required=False),
            Wanted("response", "uC/(Gy cm2)", ("response", "sensitivity"), required=False),
            Wanted("density", "nA/cm2", _SIGNAL, required=False, per="area"),
        ),
        _responses,
    ),
    "rl-stability": Form(
        "table",
        LIGHT,
        (
            Wanted("elapsed", "s", _TIME),
            Wanted("dose_rate", "Gy/s", ("dose rate", "doserate", "kerma rate", "dosisleistung"), required=False),
            Wanted("dose", "Gy", ("dose", "total dose", "accumulated dose", "kerma"), required=False),
            Wanted("light", "1", ("light", "intensity", "rl intensity", "rl", "counts", "signal", "ratio")),
        ),
        _dose_under_a_beam,
    ),
    "stability": Form(
        "table",
        Stability.series,
        (
            Wanted("elapsed", "s", _TIME),
            Wanted("monitor", "1", ("monitor", "dose rate", "reference"), required=False),
            Wanted("signal", "1", ("signal", "intensity", "rl intensity", "pl intensity", "counts", "ratio", "light")),
        ),
    ),
    "rl-spectrum": Form("spectrum", RLSpectrum.spectra),
    "tof": Form("waveform", TimeOfFlight.transients),
    "decay": Form(
        "table",
        Decay.histogram,
        (
            Wanted("bin", "s", ("time", "t", "bin", "delay")),
            Wanted("counts", "count", ("counts", "decay", "intensity")),
        ),
        roles={"response": Decay.response},
        in_order=True,
        role_wanted=(
            Wanted("bin", "s", ("time", "t", "bin", "delay")),
            Wanted("counts", "count", ("counts", "irf", "response", "intensity")),
        ),
    ),
    "tauc": Form(
        "table",
        Tauc.absorption,
        (
            Wanted("wavelength", "nm", _WAVELENGTH),
            Wanted("absorbance", "1", ("absorbance", "abs", "a", "absorption", "optical density"), required=False),
            Wanted("transmittance", "1", ("transmittance", "transmission", "t"), required=False),
            Wanted("reflectance", "1", ("reflectance", "reflection", "r"), required=False),
        ),
        _one_of_three,
    ),
    "mott-schottky": Form(
        "table",
        CapacitanceVoltage.curve,
        (Wanted("bias", "V", _BIAS), Wanted("capacitance", "F", ("capacitance", "c", "cp", "cs"), per="area")),
    ),
    "plqy": Form(
        "table",
        QuantumYield.spectra,
        (
            Wanted("wavelength", "nm", _WAVELENGTH),
            Wanted("empty", "count", ("empty", "blank", "a", "empty sphere")),
            Wanted("beside", "count", ("beside", "out of beam", "indirect", "b", "sample out")),
            Wanted("direct", "count", ("direct", "in beam", "c", "sample in")),
            _RESPONSE,
        ),
    ),
    "light-yield": Form(
        "table",
        LightYield.spectra,
        (
            Wanted("wavelength", "nm", _WAVELENGTH),
            Wanted("reference", "count", ("reference", "luag", "luag ce", "ref")),
            _RESPONSE,
            Wanted("sample", "count", ("sample", "counts", "intensity")),
        ),
    ),
    "slanted-edge": Form("frames", Frames.frames, roles={"dark": Frames.dark, "flat": Frames.flat}),
    "line-pairs": Form("frames", Frames.frames, roles={"dark": Frames.dark, "flat": Frames.flat}),
}


def form_of(kind: str) -> Form:
    """Return the form of a procedure or analysis.

    Raises
    ------
    UserMistake
        If there is none of this name.
    """
    if kind not in FORMS:
        raise UserMistake(f"--as {kind}: nothing is imported as that; {nearest(kind, FORMS)}")
    return FORMS[kind]
