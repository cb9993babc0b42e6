"""Faults of the bench do to the bytes what they say, to whom they concern, as often as they say."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sim_instruments.faults import Fault, FaultKind, Faults
from sim_instruments.wire.wire_faults import NOISE, WireFaults
from sim_instruments.world.clock import VirtualClock


@pytest.fixture
def faults() -> Iterator[Faults]:
    clock = VirtualClock()
    yield Faults(clock)
    clock.close()


def test_without_faults_replies_arrive_whole_and_at_once(faults: Faults) -> None:
    assert WireFaults(faults).on_reply("tube", b"1,2\n") == (b"1,2\n", 0.0)
    assert not WireFaults(faults).refuses("tube")


def test_a_lost_connection_concerns_its_instrument(faults: Faults) -> None:
    fault = faults.add(Fault(FaultKind.LOST_CONNECTION, "tube"))
    assert WireFaults(faults).refuses("tube")
    assert not WireFaults(faults).refuses("dosimeter")
    faults.clear(fault)
    assert not WireFaults(faults).refuses("tube")


def test_a_silence_ends_after_its_last_strike(faults: Faults) -> None:
    faults.add(Fault(FaultKind.SILENT, "tube", count=2))
    replies = [WireFaults(faults).on_reply("tube", b"1\n")[0] for _ in range(3)]
    assert replies == [None, None, b"1\n"]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\x03"])
def test_garbage_keeps_the_end_of_the_message(faults: Faults, end: bytes) -> None:
    faults.add(Fault(FaultKind.GARBAGE_REPLY, "tube", count=1))
    assert WireFaults(faults).on_reply("tube", b"+1.0E-9" + end) == (NOISE + end, 0.0)
    faults.add(Fault(FaultKind.GARBAGE_REPLY, "tube", count=1, detail="ERROR"))
    assert WireFaults(faults).on_reply("tube", b"+1.0E-9" + end) == (b"ERROR" + end, 0.0)


def test_a_truncated_reply_lacks_its_end(faults: Faults) -> None:
    faults.add(Fault(FaultKind.TRUNCATED_REPLY, "tube"))
    assert WireFaults(faults).on_reply("tube", b"12345678\n") == (b"1234", 0.0)


def test_a_slow_reply_comes_later(faults: Faults) -> None:
    faults.add(Fault(FaultKind.SLOW_REPLY, None, seconds=1.5))
    assert WireFaults(faults).on_reply("tube", b"1\n") == (b"1\n", 1.5)


def test_a_line_that_is_left_alone_suffers_nothing(faults: Faults) -> None:
    way = WireFaults(faults, ("spectrometer",))
    for kind in (FaultKind.LOST_CONNECTION, FaultKind.SILENT, FaultKind.GARBAGE_REPLY, FaultKind.SLOW_REPLY):
        faults.add(Fault(kind, None, count=1, seconds=1.0))
    assert not way.refuses("spectrometer")
    assert way.on_reply("spectrometer", b"ok\n") == (b"ok\n", 0.0)
    assert way.refuses("tube")
