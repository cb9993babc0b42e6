"""The bench: the instruments by role, one clock, one way to be safe."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from config.bench_file import BenchFile, Geometry
from config.mistake import UserMistake
from drivers.clock import Clock
from drivers.errors import ConnectionLost
from drivers.roles import (
    Camera,
    CurrentPreamp,
    Digitizer,
    Dosimeter,
    PulsedLight,
    Role,
    SourceMeter,
    Spectrometer,
    Surroundings,
    TemperatureStage,
    XrayTube,
)

log = logging.getLogger(__name__)

SomeRole = TypeVar("SomeRole", bound=Role)


@dataclass(frozen=True)
class SafeStep:
    """What one step of making the bench safe came to."""

    role: str
    error: Exception | None = None
    beam_unknown: bool = False
    """Whether the beam may still be on."""


class Bench:
    """What a procedure measures with.

    Parameters
    ----------
    file
        The bench file it was opened from.
    instruments
        By role.
    surroundings
        What its drivers were given.
    geometry
        Of the beam, where it is not the bench file's.
    when_closed
        Called after the last connection was closed.
    when_placed
        Called with a sample's name when the operator has put it in.
    when_object_placed
        Called with the name of what the operator has put before the camera; empty when it was taken away.
    tube_changes
        Counts what can have changed the tube's state, where somebody knows that: what simulates it, in virtual time.
    """

    def __init__(
        self,
        file: BenchFile,
        instruments: Mapping[str, Role],
        surroundings: Surroundings,
        geometry: Geometry | None = None,
        when_closed: Callable[[], None] = lambda: None,
        when_placed: Callable[[str], None] = lambda _: None,
        when_object_placed: Callable[[str], None] = lambda _: None,
        tube_changes: Callable[[], int | None] = lambda: None,
    ) -> None:
        self.file = file
        self.surroundings = surroundings
        self.geometry = geometry or file.geometry
        self._instruments = dict(instruments)
        self._when_closed = when_closed
        self._when_placed = when_placed
        self._when_object_placed = when_object_placed
        self._tube_changes = tube_changes
        self._left_unsafe = False

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def name(self) -> str:
        """As in the bench file."""
        return self.file.name

    @property
    def clock(self) -> Clock:
        """The bench's clock."""
        return self.surroundings.clock

    @property
    def instruments(self) -> Mapping[str, Role]:
        """The instruments by role."""
        return self._instruments

    def has(self, role: type[Role]) -> bool:
        """Say whether an instrument plays this role here."""
        return any(isinstance(instrument, role) for instrument in self._instruments.values())

    def get(self, role: type[SomeRole]) -> SomeRole:
        """Return the instrument of a role.

        Raises
        ------
        UserMistake
            If the bench has none.
        """
        for instrument in self._instruments.values():
            if isinstance(instrument, role):
                return instrument
        raise UserMistake(
            f"bench '{self.name}' has no {role.role}: add [instruments.{role.role}] to its bench file, "
            f"or choose another bench (xraybench benches)"
        )

    @property
    def tube(self) -> XrayTube:
        """The X-ray tube."""
        return self.get(XrayTube)

    @property
    def dosimeter(self) -> Dosimeter:
        """The dosimeter."""
        return self.get(Dosimeter)

    @property
    def spectrometer(self) -> Spectrometer:
        """The spectrometer."""
        return self.get(Spectrometer)

    @property
    def source_meter(self) -> SourceMeter:
        """The source meter."""
        return self.get(SourceMeter)

    @property
    def preamp(self) -> CurrentPreamp:
        """The current preamplifier."""
        return self.get(CurrentPreamp)

    @property
    def digitizer(self) -> Digitizer:
        """The digitizer."""
        return self.get(Digitizer)

    @property
    def camera(self) -> Camera:
        """The camera."""
        return self.get(Camera)

    @property
    def light(self) -> PulsedLight:
        """The pulsed light."""
        return self.get(PulsedLight)

    @property
    def temperature_stage(self) -> TemperatureStage:
        """The temperature stage."""
        return self.get(TemperatureStage)

    @property
    def tube_changes(self) -> int | None:
        """How often the tube's state may have changed; None where only the tube can say: on every real bench."""
        return self._tube_changes()

    def place_object(self, name: str) -> None:
        """Take note that an object is before the camera (edge, line-pairs, chip, pen), or none any more: ``""``.

        On a simulated bench this puts it there.
        """
        self._when_object_placed(name)

    def place(self, sample: str) -> None:
        """Take note that another sample is in the beam; on a simulated bench this puts it there."""
        self._when_placed(sample)

    def inhibit(self) -> None:
        """Let nothing be energised from now on, and end every wait."""
        self.surroundings.stop.set()
        self.clock.wake()

    def release(self) -> None:
        """Allow energising again."""
        self.surroundings.stop.clear()

    @property
    def inhibited(self) -> bool:
        """Whether nothing may be energised."""
        return self.surroundings.stop.is_set()

    def make_safe(self) -> tuple[SafeStep, ...]:
        """Beam off, high voltage down, bias ramped to zero, outputs off.

        Every step is taken, whatever happened to those before it: a failure is returned and never raised.
        """
        steps = tuple(self._safe_step(role, instrument) for role, instrument in self._in_safe_order())
        self._left_unsafe = any(step.error is not None for step in steps)
        return steps

    @property
    def left_unsafe(self) -> bool:
        """Whether something could not be made safe when that was last tried."""
        return self._left_unsafe

    def _in_safe_order(self) -> Iterator[tuple[str, Role]]:
        """Return the tube first: a beam does more harm than a bias."""
        yield from sorted(self._instruments.items(), key=lambda item: item[0] != "tube")

    def _safe_step(self, role: str, instrument: Role) -> SafeStep:
        try:
            try:
                instrument.make_safe()
            except ConnectionLost:
                # a connection that was cut is made anew by the next question
                instrument.make_safe()
        except Exception as error:
            log.critical("making %s safe failed: %s", instrument.name, error)
            unknown = isinstance(instrument, XrayTube) and not self._certainly_dark(instrument)
            if unknown:
                log.critical("BEAM STATE UNKNOWN: %s", error)
            return SafeStep(role, error, unknown)
        return SafeStep(role)

    @staticmethod
    def _certainly_dark(tube: XrayTube) -> bool:
        """Say whether the tube itself says that the beam is off, whatever else failed."""
        try:
            return not tube.status().beam_on
        except Exception:
            return False

    def close(self) -> None:
        """Make the bench safe and close every connection."""
        self.make_safe()
        for instrument in self._instruments.values():
            try:
                instrument.close()
            except Exception:
                log.exception("closing %s failed", instrument.name)
        self._when_closed()
