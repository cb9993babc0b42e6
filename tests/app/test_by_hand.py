"""What is switched on by hand is watched as a run is, and does not stay on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.engine.by_hand import ByHand
from app.engine.events import Noted
from config.bench_file import WarmUp
from config.mistake import UserMistake
from drivers.errors import Inhibited, InterlockOpen
from drivers.tube_use import TubeUse
from sim_instruments.faults import Fault, FaultKind


class Hand:
    """A hand at a simulated bench, whose stop makes the bench safe in a thread of its own."""

    def __init__(self, simulated: Any) -> None:
        self.bench, self.world, self.faults = simulated.bench, simulated.world, simulated.faults
        self.reasons: list[str] = []
        self.notes: list[Noted] = []
        self._threads: list[threading.Thread] = []
        self.hand = ByHand(self.bench, self._stop, self.notes.append)

    def _stop(self, reason: str) -> None:
        self.reasons.append(reason)
        self.bench.inhibit()
        self._threads.append(threading.Thread(target=self.bench.make_safe))
        self._threads[-1].start()

    def pass_time(self, seconds: float) -> None:
        self.bench.clock.sleep(seconds)
        for thread in self._threads:
            thread.join(10)


@pytest.fixture
def held(simulated_bench: Any) -> Iterator[Hand]:
    hand = Hand(simulated_bench)
    yield hand
    hand.hand.end()


def on(held: Hand) -> bool:
    return bool(held.world.tube.high_voltage_on)


def test_a_beam_by_hand_goes_off_when_its_time_is_over(held: Hand) -> None:
    held.hand.beam_on(30, 1, 5.0)
    held.pass_time(4.0)
    assert on(held)
    assert 0 < held.hand.news.left["tube"] < 1.5
    held.pass_time(2.0)
    assert not on(held)
    assert held.reasons == ["tube: the time set by hand is over"]
    assert not held.hand.active


@pytest.mark.parametrize(
    ("fault", "reason"),
    [(FaultKind.DOOR_OPENED, "interlock"), (FaultKind.LOST_CONNECTION, "cannot be read")],
)
def test_the_safety_monitor_watches_a_beam_by_hand(held: Hand, fault: FaultKind, reason: str) -> None:
    held.hand.beam_on(30, 1, 60.0)
    added = held.faults.add(Fault(fault, "tube") if fault is FaultKind.LOST_CONNECTION else Fault(fault))
    held.pass_time(5.0)
    assert len(held.reasons) == 1
    assert reason in held.reasons[0]
    assert held.bench.inhibited
    held.faults.clear(added)


def test_the_dose_budget_counts_by_hand_until_it_is_counted_anew(held: Hand) -> None:
    budget = held.bench.file.limits.dose_per_run_gy
    held.hand.beam_on(30, 1, 3600.0)
    held.hand.take_dose_rate(budget / 10)
    held.pass_time(5.0)
    assert on(held)
    assert held.hand.news.dose == pytest.approx(budget / 2, rel=0.3)
    held.pass_time(10.0)
    assert not on(held)
    assert "dose budget" in held.reasons[0]
    held.bench.release()
    with pytest.raises(UserMistake, match="count anew"):
        held.hand.beam_on(30, 1, 10.0)
    held.hand.count_anew()
    held.hand.beam_on(30, 1, 10.0)
    assert on(held)
    with pytest.raises(UserMistake, match="switch it off first"):
        held.hand.count_anew()
    held.hand.off("tube")
    assert not on(held)


def test_off_overtakes_what_was_asked_for_before(held: Hand) -> None:
    asked = held.hand.offs("tube")
    held.hand.off("tube")
    with pytest.raises(Inhibited):
        held.hand.beam_on(30, 1, 10.0, asked)
    assert not on(held)


def test_off_ends_a_bias_ramp_on_its_way(held: Hand) -> None:
    source = held.bench.source_meter
    seen: list[float] = []
    ended: list[BaseException] = []

    def ramp() -> None:
        try:
            held.hand.bias_on(40.0, 1e-4, 60.0)
        except Inhibited as error:
            ended.append(error)

    def switch_off_halfway() -> None:
        if source.voltage > 10 and not seen:
            seen.append(source.voltage)
            threading.Thread(target=lambda: held.hand.off("source_meter")).start()

    timer = held.bench.clock.every(0.1, switch_off_halfway)
    thread = threading.Thread(target=ramp)
    thread.start()
    thread.join(20)
    timer.cancel()
    assert ended
    assert seen[0] < 40
    held.hand.off("source_meter")
    assert not source.output_on
    assert source.voltage == 0


def test_a_bias_by_hand_is_ramped_and_does_not_stay(held: Hand) -> None:
    source = held.bench.source_meter
    began = held.bench.clock.now()
    held.hand.bias_on(-20.0, 1e-4, 30.0)
    assert held.bench.clock.now() - began >= 0.9 * 20.0 / held.bench.file.limits.bias_ramp_v_per_s
    assert source.measure().voltage == pytest.approx(-20.0)
    held.pass_time(31.0)
    assert not source.output_on
    assert source.voltage == 0


@pytest.mark.parametrize(
    ("wrong", "limit"),
    [
        (lambda hand: hand.beam_on(70, 1, 10), "tube_voltage_kv"),
        (lambda hand: hand.beam_on(30, 1, 1e6), "3600 s"),
        (lambda hand: hand.bias_on(1000, 1e-4, 10), "bias_v"),
        (lambda hand: hand.bias_on(1, 1.0, 10), "compliance_a"),
        (lambda hand: hand.preamp_bias_on(60, 10), "bias_v"),
    ],
)
def test_what_is_not_allowed_switches_nothing_on(held: Hand, wrong: Callable[[ByHand], None], limit: str) -> None:
    with pytest.raises(UserMistake, match=limit):
        wrong(held.hand)
    assert not on(held)
    assert not held.bench.source_meter.output_on
    assert not held.hand.active


def test_an_open_door_refuses_the_beam(held: Hand) -> None:
    held.faults.add(Fault(FaultKind.DOOR_OPENED))
    with pytest.raises(InterlockOpen):
        held.hand.beam_on(30, 1, 10)
    assert not on(held)
    assert not held.hand.active


def test_a_tube_that_must_rest_or_be_warmed_up_is_not_switched_on(
    held: Hand, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tube = held.bench.tube
    with monkeypatch.context() as patch:
        patch.setattr(type(tube), "duty_left", property(lambda _: 0.0))
        with pytest.raises(UserMistake, match="let the tube rest"):
            held.hand.beam_on(30, 1, 10)
    row = WarmUp.model_validate({"idle_days": 7.0})
    held.bench.file = held.bench.file.model_copy(update={"warm_up": (row,)})
    tube.use = TubeUse("a tube that was never used", tmp_path / "use.json")
    with pytest.raises(UserMistake, match="tube-warm-up"):
        held.hand.beam_on(30, 1, 10)
    assert not on(held)


@pytest.mark.parametrize(("policy", "stops"), [("note", 0), ("pause", 1), ("abort", 1)])
def test_the_bench_file_says_whether_a_bias_by_hand_may_be_in_compliance(
    held: Hand, monkeypatch: pytest.MonkeyPatch, policy: str, stops: int
) -> None:
    policies = held.bench.file.policies.model_copy(update={"compliance": policy})
    held.bench.file = held.bench.file.model_copy(update={"policies": policies})
    monkeypatch.setattr(held.bench.source_meter, "in_compliance", lambda: True)
    held.hand.bias_on(1.0, 1e-4, 100)
    held.pass_time(2)
    assert len(held.reasons) == stops
    assert held.bench.source_meter.output_on is (not stops)
    assert sum("compliance at" in note.message for note in held.notes) == 1


def test_the_end_of_manual_control_leaves_nothing_on(held: Hand) -> None:
    held.hand.beam_on(30, 1, 100)
    held.hand.preamp_bias_on(-2.0, 100)
    held.hand.end()
    assert not on(held)
    assert held.bench.preamp.bias == 0
    assert [note.message for note in held.notes][-2:] == ["tube off", "preamp off"]
