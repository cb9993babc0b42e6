"""What the window has to know of an open bench."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from app.gui.orders import BenchFacts
from config.mistake import UserMistake
from drivers.bench import Bench
from drivers.errors import InstrumentError
from drivers.roles import Camera, CurrentPreamp, PulsedLight, SourceMeter, Spectrometer, TemperatureStage, XrayTube

Range = tuple[float, float]


def facts_of(bench: Bench) -> BenchFacts:
    """Describe an open bench; instruments are asked for their ranges at most, and nothing is changed."""
    return BenchFacts(
        bench.file,
        {role: str(one.identity) for role, one in bench.instruments.items()},
        {role: one.resource for role, one in bench.instruments.items()},
        bench.tube.full_scale if bench.has(XrayTube) else None,
        _ranges(bench),
        bench.preamp.sensitivities if bench.has(CurrentPreamp) else (),
    )


def _ranges(bench: Bench) -> dict[str, Range]:
    found: dict[str, Range] = {}

    def take(name: str, ask: Callable[[], Range]) -> None:
        # one that cannot be set, or does not say, is not offered
        with contextlib.suppress(InstrumentError, UserMistake):
            found[name] = ask()

    most = bench.file.limits.bias_v
    if bench.has(SourceMeter):
        volts = min(most, bench.source_meter.largest_voltage)
        found["source_meter"] = (-volts, volts)
    if bench.has(CurrentPreamp):
        volts = min(most, bench.preamp.largest_bias)
        found["preamp"] = (-volts, volts)
    if bench.has(Spectrometer):
        take("spectrometer", lambda: bench.spectrometer.integration_time_limits)
    if bench.has(Camera):
        take("camera", lambda: bench.camera.exposure_limits)
        take("camera gain", lambda: bench.camera.gain_limits)
    if bench.has(PulsedLight):
        take("light", lambda: bench.light.rate_limits)
    if bench.has(TemperatureStage):
        options = bench.temperature_stage.options
        found["temperature_stage"] = (options.lowest_k, options.highest_k)
    return found
