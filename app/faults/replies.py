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
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from config.bench_file import Limits
from config.loading import sample_file
from config.mistake import UserMistake
from drivers.errors import InstrumentError
from drivers.registry import driver_class
from drivers.roles import DriverOptions, Role, Surroundings
from sim_instruments.served_bench import SIMULATIONS, USB_BACKEND
from sim_instruments.wire.server import LOOPBACK, WireInstrument, WireServer
from sim_instruments.world.clock import VirtualClock
from sim_instruments.world.world import World

TIMEOUT_S = 0.25
"""Real s that an answer is waited for"""
MOST_TRIES = 10
HANG_S = 60.0
"""Real s after which a call counts as one that never returns"""
BIAS_V = 5.0
CHANGED = 0.3
"""Share of the replies that are changed"""
REOPEN_EVERY = 60
"""Calls after which the connection is opened anew, with replies that are changed"""

NOT_NUMBERS = (b"NAN", b"INF", b"-INF", b"9.9E37", b"+9.90000E+37", b"-9.9E37", b"9.91E37", b"1E999", b"", b"--", b"E")
FOREIGN = (
    b"KEITHLEY INSTRUMENTS,MODEL 2450,04412345,1.7.12b",
    b"LSCI,MODEL336,LSA12AB,1.5",
    b"\x0222,0,0,0,1,0,1,0\x03",
    b"\x0214,$\x03",
    b"MV;RES;1.5;E-09;n;Gy",
    b"E08;",
    b'-113,"Undefined header"',
    b"#800000004abcd",
    b"HTTP/1.1 400 Bad Request",
    b"SSH-2.0-OpenSSH_9.6",
)
"""What other instruments, and other servers, answer."""
_NUMBER = re.compile(rb"[-+]?\d+\.?\d*(?:[eE][-+]?\d+)?")
_ENDS = b"\r\n\x03"


class ChangedReplies:
    """Changes replies on their way: what `WireServer` takes for what goes wrong there.

    Parameters
    ----------
    seed
        Of the random numbers.
    binary
        Whether the reply is a USB transfer of the simulated spectrometer.
    """

    def __init__(self, seed: int, *, binary: bool = False) -> None:
        self.chance = random.Random(seed)  # noqa: S311  (nothing secret)
        self.on = False
        self.kinds: Counter[str] = Counter()
        self.last = ""
        self.stuck: bytes | None = None
        """What every question is answered with, as by an instrument that repeats itself."""
        self._before: list[bytes] = []
        self._binary = binary

    def refuses(self, instrument: str) -> bool:
        """Accept every connection."""
        del instrument
        return False

    def on_reply(self, instrument: str, reply: bytes) -> tuple[bytes | None, float]:
        """Return the reply as it arrives."""
        del instrument
        if not self.on:
            return reply, 0.0
        if self._binary:
            return self._usb(reply), 0.0
        self._before = [*self._before[-8:], reply]
        if self.stuck is not None:
            self.kinds["stuck"] += 1
            return self.stuck, 0.0
        if self.chance.random() > CHANGED:
            return reply, 0.0
        kind = self.chance.choices(list(self._CHANGES), [weight for weight, _ in self._CHANGES.values()])[0]
        self.kinds[kind] += 1
        body = reply.rstrip(_ENDS)
        changed = self._CHANGES[kind][1](self, body, reply[len(body) :])
        self.last = f"{kind}: {reply[:60]!r} as {changed[:60]!r}" if changed is not None else kind
        return changed, 0.0

    def begin_call(self) -> None:
        """Decide whether the instrument repeats itself during the call to come."""
        self.stuck = self.chance.choice(self._before) if self._before and self.chance.random() < 0.02 else None

    def _usb(self, reply: bytes) -> bytes:
        if not reply.startswith(b"data ") or self.chance.random() > CHANGED:
            return reply
        content = bytes.fromhex(reply[5:].decode())
        kind = self.chance.choice(("truncated", "garbage", "silent", "doubled", "foreign"))
        self.kinds[kind] += 1
        if kind == "silent":
            return b"error 110 Operation timed out\n"
        changed = {
            "truncated": content[: self.chance.randrange(max(1, len(content)))],
            "garbage": self.chance.randbytes(self.chance.randint(1, 64)),
            "doubled": (content + content)[: len(content) + 64],
            "foreign": self.chance.choice(FOREIGN),
        }[kind]
        self.last = f"{kind}: {content[:20]!r} as {changed[:20]!r}"
        return b"data " + changed[: max(len(content), 64)].hex().encode() + b"\n"

    def _truncated(self, body: bytes, end: bytes) -> bytes:
        return (body + end)[: self.chance.randrange(max(1, len(body)))]

    def _garbage(self, body: bytes, end: bytes) -> bytes:
        del body
        return bytes(b for b in self.chance.randbytes(self.chance.randint(1, 40)) if b not in _ENDS) + end

    def _foreign(self, body: bytes, end: bytes) -> bytes:
        del body
        return self.chance.choice(FOREIGN).rstrip(_ENDS) + end

    def _not_a_number(self, body: bytes, end: bytes) -> bytes:
        found = list(_NUMBER.finditer(body))
        if not found:
            return self.chance.choice(NOT_NUMBERS) + end
        one = self.chance.choice(found)
        return body[: one.start()] + self.chance.choice(NOT_NUMBERS) + body[one.end() :] + end

    def _interleaved(self, body: bytes, end: bytes) -> bytes:
        other = self.chance.choice(FOREIGN)
        pieces = zip(
            [body[i : i + 3] for i in range(0, len(body), 3)], [other[i : i + 3] for i in range(0, 90, 3)], strict=False
        )
        return b"".join(mine + theirs for mine, theirs in pieces).translate(None, _ENDS) + end

    def _fields(self, body: bytes, end: bytes) -> bytes:
        mark = b";" if b";" in body else b","
        parts = body.split(mark)
        if self.chance.random() < 0.5 and len(parts) > 1:
            del parts[self.chance.randrange(len(parts))]
        else:
            parts.insert(self.chance.randrange(len(parts) + 1), b"0")
        return mark.join(parts) + end

    def _endless(self, body: bytes, end: bytes) -> bytes:
        del body, end
        return self.chance.randbytes(1) * 20_000

    _CHANGES: Mapping[str, tuple[float, Callable[[ChangedReplies, bytes, bytes], bytes | None]]] = {
        "truncated": (1, _truncated),
        "silent": (1, lambda *_: None),
        "endless": (0.3, _endless),
        "garbage": (6, _garbage),
        "another instrument's": (6, _foreign),
        "not a number": (8, _not_a_number),
        "empty": (3, lambda *given: given[-1]),
        "interleaved": (4, _interleaved),
        "unasked besides": (3, lambda *given: (given[1] + given[2]) * 2),
        "fields": (4, _fields),
    }


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
    """

    def __init__(self, driver: str, seed: int, timeout_s: float = TIMEOUT_S) -> None:
        self.driver = driver
        self.role, self.calls, more = FAMILIES[driver]
        self.clock = VirtualClock()
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
