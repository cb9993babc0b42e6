"""Faults begin and end on the bench's clock."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sim_instruments.faults import Fault, FaultKind, Faults
from sim_instruments.world.clock import VirtualClock


@pytest.fixture
def clock() -> Iterator[VirtualClock]:
    clock = VirtualClock()
    yield clock
    clock.close()


def test_a_fault_is_active_from_its_moment_for_its_duration(clock: VirtualClock) -> None:
    faults = Faults(clock)
    changes: list[tuple[float, bool]] = []
    faults.on_change(lambda fault, began: changes.append((clock.now(), began)))
    faults.add(Fault(FaultKind.SILENT, "dosimeter", at=2.0, duration=3.0))
    assert faults.active(FaultKind.SILENT, "dosimeter") is None
    clock.sleep(2.5)
    assert faults.active("silent", "dosimeter") is not None
    assert faults.active("silent", "tube") is None
    assert faults.active("arc", "dosimeter") is None
    clock.sleep(3.0)
    assert faults.active("silent", "dosimeter") is None
    assert changes == [(2.0, True), (5.0, False)]


def test_a_fault_without_instrument_concerns_all(clock: VirtualClock) -> None:
    faults = Faults(clock)
    faults.add(Fault(FaultKind.SLOW_REPLY, seconds=0.5))
    for name in ("tube", "dosimeter", None):
        found = faults.active(FaultKind.SLOW_REPLY, name)
        assert found is not None
        assert found.seconds == 0.5


def test_a_counted_fault_is_over_after_its_strikes(clock: VirtualClock) -> None:
    faults = Faults(clock)
    faults.add(Fault(FaultKind.GARBAGE_REPLY, "tube", count=2))
    assert faults.active("garbage-reply", "tube")
    assert [faults.strike("garbage-reply", "tube") is not None for _ in range(3)] == [True, True, False]
    assert faults.all_active() == []


def test_equal_faults_are_two(clock: VirtualClock) -> None:
    faults = Faults(clock)
    first = faults.add(Fault(FaultKind.SILENT))
    faults.add(Fault(FaultKind.SILENT))
    faults.clear(first)
    assert len(faults.all_active()) == 1


def test_clearing_ends_what_is_active_and_what_is_to_come(clock: VirtualClock) -> None:
    faults = Faults(clock)
    faults.add(Fault(FaultKind.SILENT))
    faults.add(Fault(FaultKind.SILENT, at=1.0))
    faults.add(Fault(FaultKind.ARC, at=1.0))
    faults.clear(FaultKind.SILENT)
    clock.sleep(2.0)
    assert [fault.kind for fault in faults.all_active()] == [FaultKind.ARC]
    faults.clear()
    assert faults.all_active() == []


@pytest.mark.parametrize("wrong", [{"duration": -1.0}, {"seconds": float("nan")}, {"count": 0}, {"kind": "earthquake"}])
def test_what_is_no_fault_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  (each says something else)
        Fault(**{"kind": FaultKind.ARC, **wrong})
