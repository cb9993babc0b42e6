"""Every procedure with settings that make it short, and the simulated bench that it is tried on."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from config.bench_file import BenchFile
from config.loading import Loaded, bench_file

TIMEOUT_S = 1.0
"""How long an answer is waited for, real s: an instrument that stays silent costs this many times over."""

WARM_UP = {"idle_days": 7.0, "start_kv": 20.0, "step_kv": 10.0, "step_s": 10.0, "current_ma": 0.2}

WORLD: Mapping[str, Mapping[str, Any]] = {"camera": {"kind": "ma21", "columns": 100, "rows": 120}}


@dataclass(frozen=True)
class Subject:
    """A procedure as it is tried."""

    procedure: str
    roles: tuple[str, ...]
    """Whose instruments it talks to."""
    settings: Mapping[str, Any]
    sample: str | None = None


_READ_OUT = {"samples": 16, "bias_settling_time": 5, "dose_time": 1}
_CURRENT = ("tube", "dosimeter", "source_meter", "preamp", "digitizer")
_LIGHT = ("tube", "dosimeter", "spectrometer")

SUBJECTS = (
    Subject(
        "dose-calibration",
        ("tube", "dosimeter"),
        {"tube_voltages": "30", "tube_currents": "0.5:2:3", "repeats": 2, "dose_time": 1, "settling_time": 0.5},
    ),
    Subject("tube-warm-up", ("tube",), {"tube_voltage": 40, "idle_days": 20}),
    Subject(
        "rl-spectrum", _LIGHT, {"tube_current": 2.0, "averages": 2, "integration_time": 0.5}, "chen24-pnc-silicone"
    ),
    Subject(
        "rl-linearity",
        _LIGHT,
        {"tube_currents": "0.5:2:4", "repeats": 1, "averages": 1, "integration_time": 0.5},
        "chen24-pnc-silicone",
    ),
    Subject("sensitivity", _CURRENT, {**_READ_OUT, "fields": "-100", "tube_currents": "0.2, 0.5, 0.8"}, "dong24-tio2"),
    Subject("hecht", _CURRENT, {**_READ_OUT, "fields": "-150, -300, -600", "tube_current": 0.8}, "dong24-tio2"),
    Subject("iv", ("source_meter",), {"voltages": "-4:4:5"}, "dong24-tio2"),
    Subject(
        "dark-current",
        ("source_meter", "preamp", "digitizer"),
        {"samples": 16, "bias_settling_time": 5, "duration": 1, "first_interval": 10, "longest_interval": 20},
        "dong24-tio2",
    ),
    Subject(
        "operational-stability",
        _CURRENT,
        {**_READ_OUT, "tube_current": 0.5, "duration": 1, "first_interval": 10, "longest_interval": 20},
        "dong24-tio2",
    ),
    Subject(
        "rl-stability",
        _LIGHT,
        {
            "tube_voltage": 60,
            "tube_current": 4,
            "duration": 1,
            "first_interval": 10,
            "longest_interval": 20,
            "averages": 1,
            "dose_time": 1,
        },
        "chen24-pnc-silicone",
    ),
    Subject(
        "imaging",
        ("tube", "dosimeter", "camera"),
        {"tube_current": 0.854, "exposure_time": 2, "frames": 2, "dose_time": 1, "noise_frequencies": "5"},
        "ma21-eu-glass-ceramic",
    ),
    Subject(
        "tof",
        ("light", "source_meter", "preamp", "digitizer"),
        {"biases": "40, 30", "averages": 4, "samples": 250, "record_length": 6, "pre_trigger": 0.6},
        "dong24-mixed",
    ),
    Subject(
        "activation-energy",
        ("temperature_stage", "source_meter"),
        {"temperatures": "300, 305", "direction": "up", "stable_for": 5},
        "dong24-tio2",
    ),
)


@functools.cache
def campaign_bench() -> Loaded[BenchFile]:
    """Return the simulated bench with short time-outs and a tube that can be warmed up."""
    shipped = bench_file("sim")
    content = shipped.content.model_dump()
    content["warm_up"] = (WARM_UP,)
    for entry in content["instruments"].values():
        entry["options"] = {**entry["options"], "timeout_s": TIMEOUT_S}
    return replace(shipped, content=BenchFile.model_validate(content))
