"""Replies that are none: every driver is told truncated, foreign, senseless and endless answers, and must say so.

Each driver talks to its simulated instrument, of which the truth is known; on the way, replies are changed into what a
bad line, a confused instrument or a stranger at the address would send. What a call returns must be true, or it must
raise an error of ours. A digit that is another digit cannot be told on a line without checksums: that is not tried.
"""

# ruff: noqa: ARG005  (what is true of an answer may depend on the world, or not)

from __future__ import annotations

import concurrent.futures
import contextlib
import importlib
import json
import logging
import math
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from app.faults.changed_replies import ChangedReplies
from config.bench_file import Limits
from config.loading import sample_file
from config.mistake import UserMistake
from drivers.errors import InstrumentError
from drivers.registry import driver_class
from drivers.roles import DriverOptions, Role, Surroundings
from sim_instruments.served_bench import SIMULATIONS, USB_BACKEND
from sim_instruments.wire.server import LOOPBACK, WireInstrument, WireServer
from sim_instruments.world.clock import SimulationClock, VirtualClock
from sim_instruments.world.world import World

TIMEOUT_S = 0.25
"""Real s that an answer is waited for"""
MOST_TRIES = 10
HANG_S = 60.0
"""Real s after which a call counts as one that never returns"""
BIAS_V = 5.0
REOPEN_EVERY = 60
"""Calls after which the connection is opened anew, with replies that are changed"""


Truth = Callable[[Any, World], bool]


@dataclass(frozen=True)
class Call:
    """Something a driver is asked to do."""

    name: str
    do: Callable[[Any], Any]
    true: Truth = lambda result, world: True
    """Whether what it returned is so."""


@dataclass
class Tried:
    """What became of a family."""

    family: str
    replies: int = 0
    calls: int = 0
    returned: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    """Real s of one call"""
    problems: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return dict(vars(self))

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Tried:
        """Read what `as_dict` made."""
        return cls(**{**content, "errors": Counter(content["errors"]), "kinds": Counter(content["kinds"])})


def _near(value: float, truth: float, relative: float = 0.02, absolute: float = 1e-9) -> bool:
    return math.isfinite(value) and abs(value - truth) <= relative * abs(truth) + absolute


def _status_true(now: Any, world: World) -> bool:
    return (
        now.beam_on == world.tube.high_voltage_on
        and now.interlock_closed
        and not now.faults
        and _near(now.voltage_kv, world.tube.voltage_kv(), absolute=1.0)
        and _near(now.current_ma, world.tube.current_ma(), absolute=0.1)
    )


def _dose_true(rate: Any, world: World) -> bool:
    tube = world.tube
    truth = world.truth("dose_rate", voltage_kv=tube.voltage_kv(), current_ma=tube.current_ma())
    return _near(rate.value, truth, 0.1, 1e-7) and math.isfinite(rate.uncertainty)


def _current_true(amperes: Any, world: World) -> bool:
    truth = float(world.device_current())
    return all(_near(float(one), truth, 0.05, 2e-9) for one in np.atleast_1d(amperes))


def _spectrum_true(exposure: Any, world: World) -> bool:
    del world
    counts = np.asarray(exposure.counts)
    return counts.shape == (2048,) and bool(np.all(np.isfinite(counts)) and counts.min() >= 0 and counts.max() < 65536)


def _trace_true(trace: Any, world: World) -> bool:
    truth = float(np.atleast_1d(world.preamp.output_voltage())[0])
    return len(trace.volts) == 100 and all(_near(float(one), truth, 0.1, 0.1) for one in trace.volts)


def _frame_true(frame: Any, world: World) -> bool:
    del world
    return frame.pixels.shape == (120, 100) and math.isfinite(frame.exposure_time)


SOURCE_METER = (
    Call("measure", lambda s: s.measure(), lambda r, w: _near(r.voltage, BIAS_V) and _current_true(r.current, w)),
    Call("currents", lambda s: s.currents(4, 0.1), lambda r, w: len(r[1]) == 4 and _current_true(r[1], w)),
    Call("in_compliance", lambda s: s.in_compliance(), lambda r, w: r is False),
)
SAFE = Call("make_safe", lambda one: one.make_safe())

FAMILIES: Mapping[str, tuple[str, tuple[Call, ...], Mapping[str, Any]]] = {
    "spellman-xrv": (
        "tube",
        (
            Call("status", lambda t: t.status(), _status_true),
            Call("watch", lambda t: t.watch(), _status_true),
            Call("set_operating_point", lambda t: t.set_operating_point(30, 1),
                 lambda r, w: _near(w.tube.programmed_voltage_kv, 30, absolute=0.05)),
            Call("reset_faults", lambda t: t.reset_faults(), lambda r, w: r == ()),
        ),
        {},
    ),
    "ptw-unidos": ("dosimeter", (Call("dose_rate", lambda d: d.dose_rate(0.3), _dose_true),), {}),
    "keithley-2450": ("source_meter", SOURCE_METER, {}),
    "keithley-2400": ("source_meter", SOURCE_METER, {}),
    "keysight-dsox1000": (
        "digitizer",
        (
            Call("record", lambda d: d.record(0.01, 100), _trace_true),
            Call("set_range", lambda d: d.set_range(8.0)),
        ),
        {},
    ),
    "ocean-optics": ("spectrometer", (Call("spectrum", lambda s: s.spectrum(0.05), _spectrum_true),), {}),
    "keysight-33500": (
        "light",
        (
            Call("on", lambda one: one.on, lambda r, w: r is False),
            Call("rate", lambda one: one.rate, lambda r, w: _near(r, 10.0) or r > 0),
            Call("set_rate", lambda one: one.set_rate(20.0)),
            Call("set_energy_fraction", lambda one: one.set_energy_fraction(0.5)),
            Call("energy_fraction", lambda one: one.energy_fraction, lambda r, w: 0 <= r <= 1),
        ),
        {"wavelength_nm": 532.0, "pulse_duration_s": 6e-9, "highest_rate_hz": 1000.0, "energy_channel": 2},
    ),
    "lakeshore-336": (
        "temperature_stage",
        (
            Call("temperature", lambda s: s.temperature(), lambda r, w: _near(r, float(w.stage.temperature()), 0, 0.5)),
            Call("set_point", lambda s: s.set_point, lambda r, w: math.isfinite(r)),
            Call("heating", lambda s: s.heating, lambda r, w: r is False),
        ),
        {},
    ),
    "frame-stream": (
        "camera",
        (
            Call("frame", lambda c: c.frame(), _frame_true),
            Call("exposure_time", lambda c: c.exposure_time, lambda r, w: 0 < r < 100),
            Call("gain", lambda c: c.gain, lambda r, w: 0 <= r < 100),
            Call("region", lambda c: c.region, lambda r, w: True),
            Call("set_exposure", lambda c: c.set_exposure(0.1)),
        ),
        {"transfer_timeout_s": TIMEOUT_S},
    ),
}  # fmt: skip
"""By driver: its role, what it is asked, and its options. The SR570 only listens: it has no replies."""


class Family:
    """One driver at its simulated instrument, with replies that can be changed on the way.

    Parameters
    ----------
    driver
        As in a bench file.
    seed
        Of the random numbers.
    timeout_s
        Real s that an answer is waited for.
    clock
        Of the world; virtual, unless told otherwise.
    """

    def __init__(
        self, driver: str, seed: int, timeout_s: float = TIMEOUT_S, clock: SimulationClock | None = None
    ) -> None:
        self.driver = driver
        self.role, self.calls, more = FAMILIES[driver]
        self.clock = clock or VirtualClock()
        sample = sample_file("dong24-tio2").content.model_dump()
        settings = {"camera": {"kind": "ma21", "columns": 100, "rows": 120}}
        self.world = World(seed, self.clock, sample, settings=settings)
        self.changes = ChangedReplies(seed, binary=driver == "ocean-optics")
        self.server = WireServer(self.clock, self.world.lock, self.changes)
        target, options = SIMULATIONS[driver]
        module, _, name = target.partition(":")
        wire: WireInstrument = getattr(importlib.import_module(module), name)(self.world, **options)
        self.address = self.server.serve_tcp(self.role, wire)
        if driver == "ocean-optics":
            self.address = f"usb-sim://{LOOPBACK}:{self.address.split('::')[2]}"
            more = {**more, "usb_backend": USB_BACKEND}
        self._class: type[Role] = driver_class(driver, self.role)
        self._options: DriverOptions = self._class.Options.model_validate({**more, "timeout_s": timeout_s})
        limits = Limits(tube_voltage_kv=60, tube_current_ma=5, tube_power_w=300, bias_v=20, compliance_a=1e-3)
        self._surroundings = Surroundings(limits=limits, clock=self.clock)
        self.instrument: Any = self._patiently(self.opened)
        self._patiently(self._prepare)

    @staticmethod
    def _patiently(do: Callable[[], Any]) -> Any:
        """Do what has no changed replies; on a busy machine an answer may be late all the same."""
        for _ in range(MOST_TRIES - 1):
            with contextlib.suppress(InstrumentError):
                return do()
        return do()

    def opened(self) -> Role:
        """Open the driver anew."""
        return self._class(self.address, self._options, self._surroundings)

    def _prepare(self) -> None:
        """Bring the instrument into the state that it is asked about: a dosimeter in a beam, a source with a bias."""
        if self.role == "dosimeter":
            self.world.tube.set_voltage_kv(30.0)
            self.world.tube.set_current_ma(1.0)
            self.world.tube.switch_on()
            self.clock.sleep(10.0)
        if self.role == "source_meter":
            self.instrument.configure(1e-4)
            self.instrument.ramp_to(0.0)
            self.instrument.switch_on()
            self.instrument.ramp_to(BIAS_V)
            self.clock.sleep(100.0)

    def recover(self) -> None:
        """Have everything as it was, after a call that may have ended anywhere."""
        if self.role == "source_meter" and not (self.instrument.output_on and self.instrument.voltage == BIAS_V):
            self._patiently(self._prepare)

    def energised_by_mistake(self) -> str:
        """Say what is on that nobody switched on."""
        if self.role != "dosimeter" and self.world.tube.high_voltage_on:
            return "THE BEAM IS ON"
        if self.role != "source_meter" and self.world.bias_v() != 0.0:
            return "THE BIAS IS ON"
        return "THE LIGHT IS ON" if self.world.laser.firing else "THE HEATER IS ON" if self.world.stage.heated else ""

    def close(self) -> None:
        """Close everything."""
        self.instrument.close()
        self.server.close()
        self.world.close()


def try_family(driver: str, replies: int, seed: int) -> Tried:
    """Have a driver told so many changed replies."""
    tried = Tried(driver)
    family = Family(driver, seed)
    with concurrent.futures.ThreadPoolExecutor(1) as caller:
        try:
            while tried.replies < replies and len(tried.problems) < 20:
                call = family.changes.chance.choice((*family.calls, SAFE) if tried.calls % 50 == 49 else family.calls)
                if not _try_call(family, call, caller, tried):
                    break
        finally:
            family.changes.on = False
            family.close()
    tried.kinds = family.changes.kinds
    return tried


def _try_call(family: Family, call: Call, caller: concurrent.futures.ThreadPoolExecutor, tried: Tried) -> bool:
    """Make one call with changed replies; return False where it never came back."""
    changes = family.changes
    changes.last = ""
    changes.begin_call()
    changes.on = True
    tried.calls += 1
    before = changes.kinds.total()
    began = time.monotonic()
    try:
        if tried.calls % REOPEN_EVERY == 0:
            caller.submit(family.opened).result(HANG_S).close()
        result = caller.submit(call.do, family.instrument).result(HANG_S)
        changes.on = False
        tried.returned += 1
        if not call.true(result, family.world):
            tried.problems.append(f"{call.name} returned {str(result)[:120]}, which is not so; {changes.last}")
    except (InstrumentError, UserMistake) as error:
        tried.errors[type(error).__name__] += 1
        if isinstance(error, InstrumentError) and not error.instrument:
            tried.problems.append(f"{call.name}: an error that names no instrument: {error}")
    except concurrent.futures.TimeoutError:
        changes.on = False
        tried.problems.append(f"{call.name} does not come back; {changes.last}, stuck at {changes.stuck!r}")
        family.clock.close()
        return False
    except Exception as error:
        tried.problems.append(f"{call.name}: {type(error).__name__}: {error}; {changes.last}")
    changes.on = False
    tried.slowest = max(tried.slowest, time.monotonic() - began)
    tried.replies += changes.kinds.total() - before
    if on := family.energised_by_mistake():
        tried.problems.append(f"{call.name}: {on}")
    try:
        family.recover()
    except InstrumentError as error:
        # what was sent unasked before may still be on its way: the next try is on a new connection
        tried.errors[f"afterwards, {type(error).__name__}"] += 1
    return True


def main() -> int:
    """Try one family, in this process; print what became of it."""
    logging.disable(logging.CRITICAL)
    family, count, seed = sys.argv[1:]
    print(json.dumps(try_family(family, int(count), int(seed)).as_dict()), flush=True)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
