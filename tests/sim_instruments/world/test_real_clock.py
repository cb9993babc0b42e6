"""Real and scaled time."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator

import pytest

from sim_instruments.world.clock import Interrupt, RealClock


@pytest.fixture
def clock() -> Iterator[RealClock]:
    clock = RealClock(speed=20.0)
    yield clock
    clock.close()


def test_a_scaled_clock_runs_faster_by_its_speed(clock: RealClock) -> None:
    wall, bench = time.perf_counter(), clock.now()
    assert clock.sleep(1.0)
    wall, bench = time.perf_counter() - wall, clock.now() - bench
    assert bench >= 1.0
    assert bench / wall == pytest.approx(20.0, rel=0.1)


@pytest.mark.parametrize("interrupt", [Interrupt(), threading.Event()])
def test_an_interrupt_wakes_at_once(clock: RealClock, interrupt: Interrupt) -> None:
    results: list[tuple[bool, float]] = []

    def sleep() -> None:
        ended = clock.sleep(1e6, interrupt)
        results.append((ended, time.perf_counter()))

    thread = threading.Thread(target=sleep)
    thread.start()
    set_at = time.perf_counter()
    interrupt.set()
    thread.join(5.0)
    ((ended, woke_at),) = results
    assert not ended
    assert woke_at - set_at < 0.5


def test_calls_come_in_order_and_periods_do_not_drift(clock: RealClock) -> None:
    seen: list[str] = []
    ticks: list[float] = []
    done = threading.Event()
    start = clock.now()
    clock.call_at(start + 8.0, lambda: seen.append("later"))
    clock.call_at(start + 6.0, lambda: seen.append("sooner"))
    clock.call_at(start + 7.0, lambda: seen.append("never")).cancel()

    def tick() -> None:
        ticks.append(clock.now())
        if len(ticks) == 10:
            done.set()

    handle = clock.every(1.0, tick)
    assert done.wait(10.0)
    handle.cancel()
    assert seen == ["sooner", "later"]
    assert ticks[-1] - ticks[0] >= 9 * 1.0 - 0.9
    assert all(later > sooner for sooner, later in itertools.pairwise(ticks))


def test_a_raising_call_is_collected_and_the_others_go_on(clock: RealClock) -> None:
    heard: list[str] = []
    done = threading.Event()
    clock.on_failure(lambda failure: heard.append(str(failure.error)))

    def broken() -> None:
        msg = "broken"
        raise RuntimeError(msg)

    clock.call_at(0.0, broken)
    clock.call_at(0.1, done.set)
    assert done.wait(5.0)
    assert heard == ["broken"]


def test_closing_wakes_everybody(clock: RealClock) -> None:
    results: list[bool] = []
    threads = [threading.Thread(target=lambda: results.append(clock.sleep(1e6))) for _ in range(3)]
    for thread in threads:
        thread.start()
    clock.close()
    for thread in threads:
        thread.join(5.0)
    assert results == [False] * 3


def test_a_speed_that_is_none_is_refused() -> None:
    for speed in (0.0, -1.0, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="speed"):
            RealClock(speed)
