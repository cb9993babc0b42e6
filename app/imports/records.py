"""From files to the records of a procedure's streams."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from app.imports.columns import collect
from app.imports.form import Form, Wanted
from app.imports.settings import ImportSettings, quantity
from config.mistake import UserMistake
from config.sample_file import Sample
from procedures.elsewhere.tabulated import SERIES, SIGNALS
from procedures.streams import Stream
from storage.imported.frames import SUFFIXES, parse_frames
from storage.imported.oscilloscope import parse_oscilloscope
from storage.imported.source import Source
from storage.imported.spectrum_text import TextSpectrum, is_ocean_optics, parse_ocean_optics
from storage.imported.table import TextColumn, parse_table
from storage.imported.units import UnknownUnitError, conversion

FULL_SCALE = 65535
PLATEAU = 1000
"""Counts: below, equal numbers in three pixels are no wonder."""

Values = Mapping[str, float | npt.NDArray[np.generic]]


@dataclass(frozen=True)
class Records:
    """What goes into a run file.

    Attributes
    ----------
    streams
        With their records, in order.
    axes
        Of their arrays.
    notes
        What was taken for what, for the journal.
    settings
        Of instruments, by role, as far as the files or the user say.
    """

    streams: Mapping[Stream, Sequence[Values]]
    axes: Mapping[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    notes: Sequence[str] = ()
    settings: Mapping[str, Mapping[str, object]] = field(default_factory=dict)


def records_of(
    form: Form,
    sources: Sequence[Source],
    roles: Mapping[str, Source],
    settings: ImportSettings,
    sample: Sample | None,
) -> Records:
    """Turn files into records.

    Raises
    ------
    UserMistake
        One line that says what is wrong with a file, where, and the remedy.
    """
    for role in roles:
        if role not in (*form.roles, *(("dark",) if form.kind == "spectrum" else ())):
            allowed = ", ".join([*form.roles, *(["dark"] if form.kind == "spectrum" else [])]) or "none"
            raise UserMistake(f"{role}=FILE: no such further file; allowed: {allowed}")
    for source in sources:
        if (source.path.suffix.lower() in SUFFIXES) != (form.kind == "frames"):
            what = "images (TIFF, PNG, BMP)" if form.kind == "frames" else "text"
            raise UserMistake(f"{source.path}: this is imported from {what}")
    maker = {"table": _table, "spectrum": _spectra, "waveform": _waveforms, "frames": _frames}[form.kind]
    return maker(form, sources, roles, settings, sample)


def _table(
    form: Form, sources: Sequence[Source], roles: Mapping[str, Source], settings: ImportSettings, sample: Sample | None
) -> Records:
    if len(sources) > 1:
        raise UserMistake(f"{sources[1].path}: a table makes a run of its own; import one at a time")
    rows, notes = _rows(form.stream, form.wanted, sources[0], settings, sample, form)
    if form.stream in (SIGNALS, SERIES):
        notes.append("the currents count as signals: what flows in the dark must have been taken off")
    streams: dict[Stream, Sequence[Values]] = {form.stream: rows}
    for role, source in roles.items():
        plain = ImportSettings(decimal=settings.decimal, units=settings.units, drop_missing=settings.drop_missing)
        streams[form.roles[role]], more = _rows(
            form.roles[role], form.role_wanted, source, plain, sample, form, further=True
        )
        notes += [f"{role}: {note}" for note in more]
    return Records(streams, notes=notes)


def _rows(
    stream: Stream,
    wanted: Sequence[Wanted],
    source: Source,
    settings: ImportSettings,
    sample: Sample | None,
    form: Form,
    *,
    further: bool = False,
) -> tuple[list[Values], list[str]]:
    text = source.text()
    if is_ocean_optics(text):
        raise UserMistake(f"{source.path}: is a single spectrum; put the spectra side by side into one table")
    columns, notes = collect(
        wanted, parse_table(source.path, text, settings.decimal), settings, sample, in_order=form.in_order
    )
    if form.complete is not None and not further:
        columns = form.complete(columns, sample)
    names = list(stream.scalars)
    return [
        {name: float(columns[name][row]) for name in names} for row in range(len(next(iter(columns.values()))))
    ], notes


def _spectra(
    form: Form, sources: Sequence[Source], roles: Mapping[str, Source], settings: ImportSettings, sample: Sample | None
) -> Records:
    del sample
    spectra = [_spectrum(source, settings) for source in sources]
    dark = _spectrum(roles["dark"], settings) if "dark" in roles else None
    axis = spectra[0].wavelengths
    notes = []
    for one in [*spectra[1:], *([] if dark is None else [dark])]:
        if one.wavelengths.shape != axis.shape or not np.allclose(one.wavelengths, axis, atol=0.02):
            raise UserMistake(f"{one.path}: has other wavelengths than {spectra[0].path}; import it by itself")
    rate = (
        quantity("value.dose_rate", settings.values["dose_rate"], "Gy/s")
        if "dose_rate" in settings.values
        else math.nan
    )
    rows: list[Values] = []
    for number, one in enumerate(spectra):
        exposure = one.integration_time
        if "integration_time" in settings.values:
            exposure = quantity("value.integration_time", settings.values["integration_time"], "s")
        if exposure is None:
            raise UserMistake(f"{one.path}: says no integration time: give --set value.integration_time='0.1 s'")
        if dark is None and not one.dark_corrected:
            notes.append(f"{one.path.name}: no dark spectrum was taken off, and none came along as dark=FILE")
        if dark is not None and dark.integration_time not in (None, one.integration_time):
            raise UserMistake(
                f"{dark.path}: was exposed for {dark.integration_time:g} s, {one.path} for {exposure:g} s: take a "
                f"dark spectrum of the same time"
            )
        background = np.zeros_like(one.counts) if dark is None else dark.counts
        rows.append(
            {
                "net": (one.counts - background) / exposure,
                "counts": one.counts,
                "dark": background,
                "integration_time": exposure,
                "saturated": float(_looks_clipped(one.counts)),
                "dose_rate": rate,
                "dose_rate_errors": 0.0 if math.isfinite(rate) else math.nan,
                "tube_current": math.nan,
                "is_reference": float(number > 0),
            }
        )
        notes.append(
            f"{one.path.name}: {'reference' if number else 'sample'}, {exposure:g} s, {one.averages} exposures, "
            f"spectrometer {one.spectrometer or 'not named'}"
        )
    if len(spectra) > 2:
        raise UserMistake("rl-spectrum takes the sample's spectrum and, second, that of a reference")
    return Records({form.stream: rows}, {"wavelength": axis}, notes)


def _looks_clipped(counts: npt.NDArray[np.float64]) -> bool:
    """Say whether a spectrum reaches the limit of 16 bits, or stands on a flat top: not every detector has 16."""
    top = float(counts.max())
    return top >= FULL_SCALE or (top > PLATEAU and int(np.sum(counts == top)) >= 3)


def _spectrum(source: Source, settings: ImportSettings) -> TextSpectrum:
    text = source.text()
    if is_ocean_optics(text):
        return parse_ocean_optics(source.path, text, settings.decimal)
    table = parse_table(source.path, text, settings.decimal)
    wanted = (
        Wanted("wavelength", "nm", ("wavelength", "lambda", "wl")),
        Wanted("counts", "count", ("counts", "intensity")),
    )
    plain = ImportSettings(settings.columns, settings.units)
    columns, _ = collect(wanted, table, plain, None)
    order = np.argsort(columns["wavelength"])
    return TextSpectrum(source.path, columns["wavelength"][order], columns["counts"][order], None, 1, False, False, "")


def _waveforms(
    form: Form, sources: Sequence[Source], roles: Mapping[str, Source], settings: ImportSettings, sample: Sample | None
) -> Records:
    del roles
    if sample is None:
        raise UserMistake("tof needs a sample, whose thickness the carriers cross: give --sample NAME or FILE")
    known = ("bias", "bandwidth", "transimpedance", "pulse_duration")
    for name in settings.values:
        if name not in known:
            raise UserMistake(f"--set value.{name}: there is no such value of tof; allowed: {', '.join(known)}")
    biases = _list(settings, "bias", "V", len(sources), "'40 V', or a value a file with commas between")
    bandwidth = _list(settings, "bandwidth", "Hz", 1, "'1 MHz', of amplifier and oscilloscope")[0]
    rows: list[Values] = []
    notes = []
    axis: npt.NDArray[np.float64] | None = None
    for source, bias in zip(sources, biases, strict=True):
        table = parse_oscilloscope(source.path, source.text(), settings.decimal)
        times = _in_unit(source.path, table.columns[0], "s")
        column = _channel(source.path, table.columns[1:], settings)
        current = _current(source.path, column, settings)
        for name, values in (("time", times), ("current", current)):
            if not np.isfinite(values).all():
                line = table.lines[int(np.flatnonzero(~np.isfinite(values))[0])]
                raise UserMistake(f"{source.path}, line {line}: has no {name}; delete the line")
        delays = times - times[0]
        if axis is None:
            axis = delays
        if delays.shape != axis.shape or np.max(np.abs(delays - axis)) > 0.05 * (axis[1] - axis[0]):
            raise UserMistake(f"{source.path}: has other times than {sources[0].path}; record all with one time base")
        rows.append(
            {
                "bias": bias,
                "field": bias / (100.0 * sample.thickness_m),
                "light": 1.0,
                "dark_current": 0.0,
                "in_compliance": 0.0,
                "averages": math.nan,
                # the oscilloscope's zero is its trigger
                "trigger": -float(times[0]),
                "range": math.nan,
                "bandwidth": bandwidth,
                "current": current,
            }
        )
        notes.append(f"{source.path.name}: {bias:g} V, column {column.number} '{column.heading.text}'")
    assert axis is not None  # noqa: S101  (there is at least one file)
    light = {}
    if "pulse_duration" in settings.values:
        light = {"pulse_duration_s": quantity("value.pulse_duration", settings.values["pulse_duration"], "s")}
    notes.append("dark current and compliance are not known: taken as none")
    return Records({form.stream: rows}, {"delay": axis}, notes, {"light": light})


def _list(settings: ImportSettings, name: str, unit: str, count: int, example: str) -> list[float]:
    if name not in settings.values:
        raise UserMistake(f"tof needs the {name}: --set value.{name}={example}")
    found = [quantity(f"value.{name}", one, unit) for one in settings.values[name].split(",")]
    if len(found) != count:
        raise UserMistake(f"--set value.{name}={settings.values[name]}: {len(found)} values for {count} files")
    return found


def _channel(path: Path, columns: Sequence[TextColumn], settings: ImportSettings) -> TextColumn:
    wanted = settings.columns.get("current")
    for column in columns:
        if wanted in (column.heading.text, column.heading.quantity, str(column.number)):
            return column
    if wanted is not None or len(columns) > 1:
        names = ", ".join(f"'{column.heading.quantity}'" for column in columns)
        raise UserMistake(f"{path}: has the channels {names}: say which with --set column.current=NAME")
    return columns[0]


def _in_unit(path: Path, column: TextColumn, unit: str) -> npt.NDArray[np.float64]:
    try:
        factor, offset = conversion(column.heading.unit or unit, unit)
    except UnknownUnitError as fault:
        raise UserMistake(f"{path}, column {column.number} ({column.heading.text}): {fault}") from None
    return column.values * factor + offset


def _current(path: Path, column: TextColumn, settings: ImportSettings) -> npt.NDArray[np.float64]:
    """Return the current, from volts through what turned it into them."""
    unit = settings.units.get("current", column.heading.unit or "")
    if not unit:
        raise UserMistake(f"{path}: channel '{column.heading.text}' has no unit: --set unit.current=V, or A")
    try:
        factor, _ = conversion(unit, "A")
    except UnknownUnitError:
        pass
    else:
        return column.values * factor
    if "transimpedance" not in settings.values:
        raise UserMistake(
            f"{path}: the channel is in {unit}: say what turned the current into it, "
            f"--set value.transimpedance='1e5 V/A' or '50 ohm'"
        )
    try:
        factor, _ = conversion(unit, "V")
    except UnknownUnitError as fault:
        raise UserMistake(f"{path}: {fault}") from None
    gain = quantity("value.transimpedance", settings.values["transimpedance"], "V/A")
    if gain == 0:
        raise UserMistake("value.transimpedance: cannot be 0")
    return column.values * factor / gain


def _frames(
    form: Form, sources: Sequence[Source], roles: Mapping[str, Source], settings: ImportSettings, sample: Sample | None
) -> Records:
    del sample
    if len(roles) == 1:
        raise UserMistake(f"{next(iter(roles))}=FILE: a correction needs both, dark=FILE and flat=FILE")
    streams: dict[Stream, list[Values]] = {form.stream: []}
    notes: list[str] = []
    shape: tuple[int, ...] | None = None
    named = [(form.stream, source) for source in sources] + [(form.roles[role], one) for role, one in roles.items()]
    for stream, source in named:
        found = parse_frames(source.path, source.content, settings.channel)
        shape = shape or found.pixels.shape[1:]
        if found.pixels.shape[1:] != shape:
            raise UserMistake(
                f"{source.path}: has {found.pixels.shape[2]} x {found.pixels.shape[1]} pixels, the first image "
                f"{shape[1]} x {shape[0]}"
            )
        for frame in found.pixels:
            values: dict[str, float | npt.NDArray[np.generic]] = {"image": frame.astype("f4")}
            if "saturation" in stream.columns:
                values["saturation"] = math.nan if found.saturation is None else found.saturation
            streams.setdefault(stream, []).append(values)
        notes.append(f"{source.path.name}: {len(found.pixels)} frames into {stream.name}; {found.remark}".rstrip("; "))
    assert shape is not None  # noqa: S101  (there is at least one file)
    return Records(streams, {"y": np.arange(shape[0], dtype="f8"), "x": np.arange(shape[1], dtype="f8")}, notes)
