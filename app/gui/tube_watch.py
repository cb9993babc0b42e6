"""Hears what the tube says of itself, whoever asked; so the window shows the beam without asking once more."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from drivers.bench import Bench
from drivers.errors import InstrumentError
from drivers.roles import CurrentPreamp, SourceMeter, TubeStatus, XrayTube


@dataclass(frozen=True)
class BeamNews:
    """What is known of beam and bias at a moment."""

    status: TubeStatus | None
    """None where the tube did not answer, or answered what no tube says."""
    problem: str = ""
    on_for: float = 0.0
    """s on the bench's clock since the beam was switched on"""
    bias: float | None = None
    """V across the sample, None on a bench that gives none; 0 with every output off"""
    heard: float = field(default_factory=time.monotonic)
    """s, real time"""


class TubeWatch:
    """Listens at the tube of a bench.

    Every answer to `XrayTube.status` and `XrayTube.watch` passes here: those to the safety monitor, to a rising beam,
    to a beam that is switched off and confirmed. No question is added.

    Parameters
    ----------
    bench
        Open.
    heard
        Called from whatever thread asked; it must return at once.
    """

    def __init__(self, bench: Bench, heard: Callable[[BeamNews], None]) -> None:
        self._bench = bench
        self._heard = heard
        if bench.has(XrayTube):
            tube = self._tube = bench.tube
            tube.status = self._listening(tube.status)  # type: ignore[method-assign]
            if type(tube).watch is not XrayTube.watch:  # which asks for the status
                tube.watch = self._listening(tube.watch)  # type: ignore[method-assign]

    def _listening(self, ask: Callable[[], TubeStatus]) -> Callable[[], TubeStatus]:
        def heard() -> TubeStatus:
            try:
                now = ask()
            except InstrumentError as error:
                self._heard(BeamNews(None, str(error), bias=self.bias()))
                raise
            on_for = self._bench.clock.now() - self._tube.switched_on_at if now.beam_on else 0.0
            self._heard(BeamNews(now, on_for=on_for, bias=self.bias()))
            return now

        return heard

    def bias(self) -> float | None:
        """Return the bias as last set, V, without asking an instrument; None where nothing gives one."""
        given: list[float] = []
        if self._bench.has(SourceMeter):
            source = self._bench.source_meter
            given.append(source.voltage if source.output_on else 0.0)
        if self._bench.has(CurrentPreamp):
            given.append(self._bench.preamp.bias)
        return max(given, key=abs, default=None)
