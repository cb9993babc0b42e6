"""A simulated tube is asked seldom while nothing changes, and at once when something does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.engine.steady_tube import ASKED_EVERY, STEADY_AFTER, SteadyTube
from app.pytest_plugin import SimulatedBench
from drivers.errors import InstrumentError
from drivers.roles import TubeStatus
from sim_instruments.faults import Fault, FaultKind

LOOK = 0.2


class Watched:
    """A tube with its beam on, looked at five times a second."""

    def __init__(self, simulated: SimulatedBench, monkeypatch: pytest.MonkeyPatch) -> None:
        self.simulated, self.bench = simulated, simulated.bench
        self.steady = SteadyTube(self.bench)
        self.asked = 0
        watch = self.bench.tube.watch

        def counted() -> TubeStatus:
            self.asked += 1
            return watch()

        self.bench.tube.set_operating_point(30.0, 1.0)
        self.bench.tube.switch_on()
        monkeypatch.setattr(self.bench.tube, "watch", counted)

    def look_for(self, seconds: float) -> Iterator[TubeStatus]:
        """Look, and give what is seen."""
        for _ in range(round(seconds / LOOK)):
            self.bench.clock.sleep(LOOK)
            yield self.steady.watch(self.bench.tube)


@pytest.fixture
def watched(simulated_bench: SimulatedBench, monkeypatch: pytest.MonkeyPatch) -> Watched:
    return Watched(simulated_bench, monkeypatch)


def test_a_steady_tube_is_asked_seldom(watched: Watched) -> None:
    assert all(seen.beam_on for seen in watched.look_for(STEADY_AFTER))
    assert watched.asked >= STEADY_AFTER / LOOK - 1
    watched.asked = 0
    assert all(seen.beam_on for seen in watched.look_for(200.0))
    assert watched.asked <= 200.0 / ASKED_EVERY + 2


@pytest.mark.parametrize("kind", [FaultKind.ARC, FaultKind.DOOR_OPENED, FaultKind.TUBE_FAULT])
def test_what_goes_wrong_is_seen_at_the_next_look(watched: Watched, kind: FaultKind) -> None:
    for _ in watched.look_for(STEADY_AFTER + 3.0):
        pass
    begins = watched.bench.clock.now() + 5.05
    watched.simulated.faults.add(Fault(kind, at=begins))
    seen_at = next(
        watched.bench.clock.now() for seen in watched.look_for(20.0) if seen.faults or not seen.interlock_closed
    )
    assert begins <= seen_at <= begins + LOOK + 0.01


def test_a_tube_that_falls_silent_is_noticed_at_the_next_look(watched: Watched) -> None:
    for _ in watched.look_for(STEADY_AFTER + 3.0):
        pass
    begins = watched.bench.clock.now() + 5.05
    watched.simulated.faults.add(Fault(FaultKind.SILENT, "tube", at=begins, count=1))
    last = begins

    def look() -> None:
        nonlocal last
        for _ in watched.look_for(20.0):
            last = watched.bench.clock.now()

    with pytest.raises(InstrumentError):
        look()
    assert last <= begins


def test_in_real_time_every_look_asks(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    simulated = SimulatedBench(tmp_path, speed=1000)
    try:
        watched = Watched(simulated, monkeypatch)
        assert simulated.bench.tube_changes is None
        looks = sum(1 for _ in watched.look_for(STEADY_AFTER + 20.0))
        assert watched.asked == looks
    finally:
        simulated.close()
