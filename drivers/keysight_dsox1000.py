"""Keysight DSOX1000 and EDUX1000 oscilloscopes, after the InfiniiVision 1000 X-Series programmer's guide."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import Field

from drivers.definite_block import ask_block
from drivers.dsox1000_scope import DSOX1000
from drivers.errors import BadReply, InstrumentError
from drivers.roles import Digitizer, DriverOptions, Identity, Surroundings, Trace, exclusive
from drivers.scpi import ScpiConnection

RUNNING = 8
"""Bit of the operation status condition register (guide, :OPERegister:CONDition)."""
POINTS = (100, 250, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 62_500, 100_000, 200_000, 500_000, 1_000_000)
ARMED_WITHIN_S = 5.0
LOWEST_CODE, HIGHEST_CODE = 1, 255
"""Upper bytes that clipped samples have (guide, :WAVeform:DATA)."""


class DSOX1000Options(DriverOptions):
    """What a bench file may say of the oscilloscope."""

    timeout_s: float = Field(5.0, gt=0, le=120, description="how long to wait for an answer, s")
    channel: Literal[1, 2] = Field(1, description="where the preamplifier is")
    points: int = Field(
        20_000, ge=100, le=1_000_000, description="samples to fetch of a record; more are averaged away"
    )
    trigger_level_v: float = Field(1.0, ge=-8, le=8, description="of the external trigger, V")
    trigger_slope: Literal["positive", "negative"] = Field("positive", description="of the external trigger")
    bandwidth_limit: bool = Field(True, description="the 20 MHz filter of the channel")


class Preamble(NamedTuple):
    """What ``:WAVeform:PREamble?`` answers."""

    data_format: float
    kind: float
    points: float
    averages: float
    x_increment: float
    x_origin: float
    x_reference: float
    y_increment: float
    y_origin: float
    y_reference: float


class KeysightDSOX1000Digitizer(Digitizer):
    """A DSOX1000 or EDUX1000 that reads one channel, DC coupled, with a 1:1 cable.

    Untriggered records are single acquisitions in high-resolution mode that begin where the trigger is forced.

    Parameters
    ----------
    resource
        VISA address.
    options
        See `DSOX1000Options`.
    surroundings
        Of the bench.

    Raises
    ------
    ConnectionLost
        If nobody is at the address.
    WrongInstrument
        If another instrument is.
    """

    Options: ClassVar[type[DriverOptions]] = DSOX1000Options
    options: DSOX1000Options

    def __init__(
        self, resource: str, options: DriverOptions | None = None, surroundings: Surroundings | None = None
    ) -> None:
        super().__init__(resource, options, surroundings)
        self._range, self._centre = 10.0, 0.0
        self._acquired: tuple[object, ...] = ()
        self.scpi = ScpiConnection(
            resource,
            self.name,
            "Keysight DSOX1000 or EDUX1000",
            "KEYSIGHT",
            ("DSO-X 1", "EDU-X 1", "DSOX1", "EDUX1"),
            self.options.timeout_s,
        )
        try:
            self.scope = DSOX1000(self.scpi.wire, self.name, self.options.channel)
            self._prepare()
        except BaseException:
            self.scpi.close()
            raise

    def _prepare(self) -> None:
        channel = f":CHAN{self.options.channel}"
        limit = int(self.options.bandwidth_limit)
        self.scpi.send(":STOP")
        self.scpi.send(f"{channel}:PROB 1;COUP DC;INV OFF;DISP ON;BWL {limit}")
        self.scpi.send(":TIM:MODE MAIN;REF CENT")
        self.scpi.send(":ACQ:MODE RTIM")
        self.scpi.send(":TRIG:MODE EDGE;:TRIG:EDGE:SOUR EXT")
        slope = "POS" if self.options.trigger_slope == "positive" else "NEG"
        self.scpi.send(f":TRIG:EDGE:SLOP {slope};LEV {self.options.trigger_level_v:g}")
        # unsigned words, low byte first, of all that the memory holds
        self.scpi.send(f":WAV:SOUR CHAN{self.options.channel};FORM WORD;BYT LSBF;UNS ON;POIN:MODE RAW")
        self.set_range(self._range, self._centre)
        self.scpi.check("opening")

    @property
    def identity(self) -> Identity:
        """Who answered when the connection was opened."""
        return self.scpi.identity

    @property
    def ranges(self) -> tuple[float, float]:
        """Smallest and largest full range, V."""
        return 8e-3, 40.0

    def settings(self) -> Mapping[str, float | str | bool]:
        """Return what was set last; nothing is asked for."""
        return {
            "full_range_v": self._range,
            "centre_v": self._centre,
            "channel": self.options.channel,
            "bandwidth_limit": self.options.bandwidth_limit,
        }

    def close(self) -> None:
        """Close the connection."""
        self.scpi.close()

    @exclusive
    def set_range(self, full_range: float, centre: float = 0.0) -> None:
        """Set the voltage range: from ``centre - full_range / 2`` to ``centre + full_range / 2``, V.

        Where the oscilloscope has no such offset in that range, the range becomes wider.
        """
        smallest, largest = self.ranges
        if not (math.isfinite(full_range) and smallest <= full_range <= largest):
            raise ValueError(f"range {full_range} V is not within {smallest:g} to {largest:g} V")
        if not (math.isfinite(centre) and abs(centre) <= largest / 2):
            raise ValueError(f"centre {centre} V is not within {-largest / 2:g} to {largest / 2:g} V")
        taken = full_range
        while not self._takes(taken, centre):
            # the offset is too large for this range: a wider one holds what was asked for as well
            if taken >= largest:
                raise InstrumentError(self.name, f"takes no range around {centre:g} V", ":CHAN:OFFS")
            taken = min(2.0 * taken, largest)
        self._range, self._centre = taken, centre

    def _takes(self, full_range: float, centre: float) -> bool:
        """Set range and offset; say whether the offset was taken and not silently made another."""
        channel = f":CHAN{self.options.channel}"
        self.scope.vertical_range = full_range
        self.scope.vertical_offset = centre
        found = self.scpi.number(f"{channel}:RANG?")
        if not math.isclose(found, full_range, rel_tol=0.01):
            raise InstrumentError(self.name, f"the range is {found:g} V and not {full_range:g} V as set", ":CHAN:RANG")
        return abs(self.scpi.number(f"{channel}:OFFS?") - centre) <= 0.01 * full_range

    @exclusive
    def record(self, duration: float, samples: int, *, averaging: bool = True) -> Trace:
        """Record an untriggered trace that begins now, in high-resolution mode.

        Parameters
        ----------
        duration
            s
        samples
            How many equidistant samples.
        averaging
            Whether each is the mean of what was digitized in its interval, or a moment at its beginning: the mean over
            ``duration / options.points``, which is what the high-resolution mode makes of a moment.

        Raises
        ------
        BadReply
            If the waveform is not whole.
        Inhibited
            If the bench was told to stop meanwhile.
        """
        self._check(duration, samples)
        self._set_up("high resolution", duration, 0.0, 1)
        self._arm()
        self.scpi.send(":TRIG:FORC")
        self._wait_until_stopped(duration, self.clock.now() + 2.0 * duration + 10.0, "does not finish its acquisition")
        return self._trace(duration, samples, begin=0.0, averaging=averaging)

    @exclusive
    def record_triggered(
        self, duration: float, samples: int, averages: int = 1, pre_trigger: float = 0.0, timeout: float = 10.0
    ) -> Trace:
        """Record traces that begin `pre_trigger` before the external trigger, and average them.

        Parameters
        ----------
        duration
            s
        samples
            How many equidistant samples; zero of their times is the trigger.
        averages
            How many traces.
        pre_trigger
            s
        timeout
            s until the last trace has to be there.

        Raises
        ------
        InstrumentError
            If the triggers did not come in time.
        """
        self._check(duration, samples)
        if not 1 <= averages <= 65_536:
            raise ValueError(f"{averages} averages are not within 1 to 65536")
        if not (math.isfinite(pre_trigger) and 0.0 <= pre_trigger <= duration):
            raise ValueError(f"pre-trigger {pre_trigger} s is not within the trace of {duration:g} s")
        self._set_up("average" if averages > 1 else "normal", duration, -pre_trigger, averages)
        self._arm()
        self._wait_until_stopped(
            duration * averages, self.clock.now() + timeout, f"saw no trigger, or not {averages}, within {timeout:g} s"
        )
        return self._trace(duration, samples, begin=-pre_trigger)

    def _check(self, duration: float, samples: int) -> None:
        if not (math.isfinite(duration) and 50e-9 <= duration <= 500.0):
            raise ValueError(f"duration {duration} s is not within 50 ns to 500 s")
        if not 1 <= samples <= self.options.points:
            raise ValueError(f"{samples} samples are not within 1 to {self.options.points} (options.points)")

    def _set_up(self, kind: str, duration: float, begin: float, averages: int) -> None:
        wanted = (kind, duration, begin, averages)
        if wanted == self._acquired:
            return
        self._acquired = ()
        self.scpi.send(":STOP")
        self.scope.acquisition_type = kind
        if averages > 1:
            self.scope.average_count = averages
        self.scope.time_range = duration
        # the middle of the screen: the trigger is at the left edge where begin is zero
        self.scope.time_position = begin + duration / 2.0
        self.scpi.send(":TRIG:SWE NORM")
        points = max((p for p in POINTS if p <= self.options.points), default=POINTS[0])
        self.scpi.send(f":WAV:POIN {points}")
        self.scpi.check("acquisition")
        self._acquired = wanted

    def _arm(self) -> None:
        """Start a single acquisition; a trigger that is forced before it is armed would be lost."""
        self.scpi.ask(":AER?")
        self.scpi.send(":SING")
        deadline = self.clock.now() + ARMED_WITHIN_S
        while not self.scpi.switch(":AER?"):
            if self.clock.now() >= deadline:
                raise InstrumentError(self.name, f"is not armed {ARMED_WITHIN_S:g} s after it was told to", ":SING")
            self.wait(0.002)

    def _wait_until_stopped(self, expected: float, deadline: float, complaint: str) -> None:
        try:
            # the greater part in one go, the rest by asking
            if expected > 0.05:
                self.wait(min(expected, max(0.0, deadline - self.clock.now())))
            began = self.clock.now()
            while int(self.scpi.number(":OPER:COND?")) & RUNNING:
                waited = self.clock.now() - began
                if began + waited >= deadline:
                    raise InstrumentError(self.name, complaint, ":OPER:COND?")
                # triggers come when they come: the longer it takes, the less often it is worth asking
                pace = expected if expected > 0.05 else max(expected, waited)
                self.wait(min(0.05, max(0.002, 0.05 * pace)))
        except BaseException:
            self._acquired = ()
            self.scpi.send(":STOP")
            raise

    # --- fetching

    def _trace(self, duration: float, samples: int, begin: float, averaging: bool = True) -> Trace:
        preamble = Preamble(*self.scpi.numbers(":WAV:PRE?", len(Preamble._fields)))
        codes = self._codes(int(preamble.points))
        if len(codes) < samples:
            raise InstrumentError(
                self.name,
                f"has {len(codes)} samples of {duration:g} s, fewer than the {samples} asked for",
                ":WAV:DATA?",
            )
        if not math.isclose(preamble.x_increment * preamble.points, duration, rel_tol=0.01):
            raise BadReply(
                self.name,
                f"the waveform lasts {preamble.x_increment * preamble.points:g} s and not {duration:g} s",
                ":WAV:PRE?",
            )
        clipped = bool(codes.min() < (LOWEST_CODE + 1) * 256 or codes.max() >= HIGHEST_CODE * 256)
        volts = (codes.astype(np.float64) - preamble.y_reference) * preamble.y_increment + preamble.y_origin
        edges = np.linspace(0, len(volts), samples, endpoint=False).astype(int)
        sampled = np.add.reduceat(volts, edges) / np.diff(edges, append=len(volts)) if averaging else volts[edges]
        times = np.asarray(begin + np.arange(samples) * (duration / samples), dtype=np.float64)
        # words hold eight bits and up to four more
        digits = np.unique(codes)
        step = int(np.gcd.reduce(np.diff(digits))) if len(digits) > 1 else 256
        return Trace(times, np.asarray(sampled, dtype=np.float64), clipped, step * preamble.y_increment)

    def _codes(self, points: int) -> npt.NDArray[np.uint16]:
        question = ":WAV:DATA?"
        content = ask_block(self.scpi.wire, question)
        if len(content) != 2 * points:
            raise BadReply(
                self.name, f"the block has {len(content)} bytes and the preamble promised {points} words", question
            )
        return np.frombuffer(content, dtype="<u2")
