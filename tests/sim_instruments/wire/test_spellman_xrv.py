"""The simulated XRV supply, byte by byte."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sim_instruments.faults import Fault, FaultKind
from sim_instruments.wire.server import Reply
from sim_instruments.wire.spellman_xrv import SpellmanXRVWire
from sim_instruments.world.clock import VirtualClock
from sim_instruments.world.world import World


@pytest.fixture
def supply() -> Iterator[Callable[..., tuple[World, SpellmanXRVWire]]]:
    worlds: list[World] = []

    def make(**options: Any) -> tuple[World, SpellmanXRVWire]:
        worlds.append(World(5, VirtualClock()))
        return worlds[-1], SpellmanXRVWire(worlds[-1], **options)

    yield make
    for world in worlds:
        world.close()


@pytest.fixture
def one(supply: Callable[..., tuple[World, SpellmanXRVWire]]) -> tuple[World, SpellmanXRVWire]:
    return supply()


def ask(wire: SpellmanXRVWire, message: str) -> str:
    answer = wire.handle(b"\x02" + message.encode())
    assert isinstance(answer, bytes)
    assert answer[:1] == b"\x02"
    assert answer[-1:] == b"\x03"
    return answer[1:-1].decode()


def warm(world: World, wire: SpellmanXRVWire, voltage: int = 1280, current: int = 819) -> None:
    for message in ("70,1,", f"10,{voltage},", f"11,{current},"):
        assert ask(wire, message).endswith(",$,")
    world.clock.sleep(2)


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        ("28,", "28,160,5,0,"),
        ("10,4095,", "10,$,"),
        ("10,4096,", "10,3,"),
        ("10,-1,", "10,3,"),
        ("10,1.5,", "10,3,"),
        ("10,", "10,3,"),
        ("10,1,2,", "10,3,"),
        ("14,", "14,0,"),
        ("89,", "89,2,"),
        ("xx,", "xx,2,"),
        ("98,2,", "98,3,"),
        ("07,3,", "07,$,"),
        ("07,9,", "07,3,"),
        ("97,900,10,", "97,3,"),
        ("97,300,100,", "97,$,"),
        ("38,", "38,800,800,800,800,0,0,"),
    ],
)
def test_what_it_takes_and_what_it_refuses(one: tuple[World, SpellmanXRVWire], message: str, answer: str) -> None:
    assert ask(one[1], message) == answer


def test_bytes_without_a_beginning_are_no_message(one: tuple[World, SpellmanXRVWire]) -> None:
    assert one[1].handle(b"22,") is None
    assert one[1].handle(b"\x0222") is None
    assert one[1].handle(b"rest of something\x0214,") == b"\x0214,0,\x03"


def test_serial_line_wants_a_checksum_and_gives_one(
    supply: Callable[..., tuple[World, SpellmanXRVWire]],
) -> None:
    # as in PyMeasure's tests/instruments/spellmanhv/test_spellmanXRV.py
    _, wire = supply(checksum=True, full_scale_ma=30.0)
    assert wire.handle(b"\x0228,j") == b"\x0228,160,30,0,|\x03"
    assert wire.handle(b"\x0210,1280,|") == b"\x0210,$,c\x03"
    assert wire.handle(b"\x0228,k") is None
    assert wire.handle(b"\x0228,") is None


def test_beam_needs_the_door_closed_and_follows_what_was_set(one: tuple[World, SpellmanXRVWire]) -> None:
    world, wire = one
    warm(world, wire)
    world.tube.open_interlock()
    assert ask(wire, "98,1,") == "98,3,"
    world.tube.close_interlock()
    assert ask(wire, "98,1,") == "98,$,"
    world.clock.sleep(5)
    assert world.tube.voltage_kv() == pytest.approx(1280 / 4095 * 160, rel=1e-6)
    assert world.tube.current_ma() == pytest.approx(819 / 4095 * 5, rel=1e-6)
    assert int(ask(wire, "60,").split(",")[1]) == pytest.approx(1280 / 1.2, abs=4)


def test_door_that_opens_takes_the_beam_away_and_closing_it_does_not_bring_it_back(
    one: tuple[World, SpellmanXRVWire],
) -> None:
    world, wire = one
    warm(world, wire)
    ask(wire, "98,1,")
    world.faults.add(Fault(FaultKind.DOOR_OPENED, duration=5.0))
    assert ask(wire, "22,").startswith("22,0,0,0,")
    world.clock.sleep(6)
    assert ask(wire, "22,").startswith("22,0,1,1,")
    assert ask(wire, "98,1,") == "98,$,"


def test_arc_stays_latched_until_it_is_reset(one: tuple[World, SpellmanXRVWire]) -> None:
    world, wire = one
    warm(world, wire)
    ask(wire, "98,1,")
    world.faults.add(Fault(FaultKind.ARC))
    assert ask(wire, "68,").split(",")[1:-1].index("1") == 11
    assert ask(wire, "98,1,") == "98,3,"
    assert ask(wire, "31,") == "31,$,"
    assert ask(wire, "98,1,") == "98,$,"


def test_stuck_high_voltage_is_told_to_go_and_stays(one: tuple[World, SpellmanXRVWire]) -> None:
    world, wire = one
    warm(world, wire)
    ask(wire, "98,1,")
    world.faults.add(Fault(FaultKind.STUCK_BEAM))
    assert ask(wire, "98,0,") == "98,$,"
    assert ask(wire, "22,").startswith("22,1,")


def test_local_mode_answers_questions_and_takes_nothing(one: tuple[World, SpellmanXRVWire]) -> None:
    _, wire = one
    assert ask(wire, "99,0,") == "99,$,"
    for message in ("10,5,", "11,5,", "12,5,", "13,5,", "32,1,", "70,1,", "97,100,100,", "98,1,", "98,0,"):
        assert ask(wire, message).endswith(",3,")
    assert ask(wire, "22,").split(",")[6] == "1"
    assert ask(wire, "99,1,") == "99,$,"
    assert ask(wire, "10,5,") == "10,$,"


def test_no_emission_before_the_filament_is_hot(one: tuple[World, SpellmanXRVWire]) -> None:
    world, wire = one
    ask(wire, "10,1280,")
    ask(wire, "11,819,")
    ask(wire, "70,1,")
    assert world.tube.programmed_current_ma == 0
    world.clock.sleep(1.01)
    assert world.tube.programmed_current_ma == pytest.approx(1.0)


def test_high_voltage_without_emission_trips(one: tuple[World, SpellmanXRVWire]) -> None:
    world, wire = one
    ask(wire, "10,1280,")
    ask(wire, "11,819,")
    ask(wire, "98,1,")
    world.clock.sleep(2.9)
    assert world.tube.high_voltage_on
    world.clock.sleep(0.2)
    assert world.tube.faults == {"undercurrent"}


def test_emission_is_waited_for_anew_after_each_switching_on(one: tuple[World, SpellmanXRVWire]) -> None:
    world, wire = one
    warm(world, wire)
    assert ask(wire, "98,1,") == "98,$,"
    world.clock.sleep(1.0)
    for message in ("98,0,", "70,0,"):
        ask(wire, message)
    world.clock.sleep(1.8)
    # somebody else begins with a cold filament: the three seconds are not those of the first
    ask(wire, "98,1,")
    world.clock.sleep(1.0)
    assert world.tube.high_voltage_on
    assert not world.tube.faults


def test_power_above_the_limit_trips(supply: Callable[..., tuple[World, SpellmanXRVWire]]) -> None:
    world, wire = supply(power_limit_w=100.0)
    warm(world, wire, voltage=2000)
    assert ask(wire, "98,1,") == "98,$,"
    ask(wire, "11,1500,")
    assert ask(wire, "68,").split(",")[1:-1].index("1") == 23


def test_each_filament_has_its_own_power_limit(one: tuple[World, SpellmanXRVWire]) -> None:
    world, wire = one
    warm(world, wire)
    assert ask(wire, "98,1,") == "98,$,"
    assert ask(wire, "97,20,300,") == "97,$,"  # the small one is selected
    assert world.tube.high_voltage_on
    assert ask(wire, "97,300,20,") == "97,$,"
    assert world.tube.faults == {"overpower"}


def test_x_ray_lamp_warns_before_the_high_voltage_comes(
    supply: Callable[..., tuple[World, SpellmanXRVWire]],
) -> None:
    world, wire = supply(pre_warning_s=3.0)
    warm(world, wire)
    assert ask(wire, "98,1,") == "98,$,"
    assert ask(wire, "22,").split(",")[9] == "1"
    assert not world.tube.high_voltage_on
    world.clock.sleep(3.1)
    assert world.tube.high_voltage_on
    ask(wire, "98,0,")
    ask(wire, "98,1,")
    ask(wire, "98,0,")
    world.clock.sleep(10)
    assert not world.tube.high_voltage_on


def test_silence_trips_the_watchdog_only_with_high_voltage(
    supply: Callable[..., tuple[World, SpellmanXRVWire]],
) -> None:
    world, wire = supply(watchdog_s=10.0)
    assert ask(wire, "27,").split(",")[12] == "10"
    warm(world, wire)
    world.clock.sleep(60)
    ask(wire, "98,1,")
    for _ in range(5):
        world.clock.sleep(9)
        ask(wire, "22,")
    assert world.tube.high_voltage_on
    world.clock.sleep(10.1)
    assert not world.tube.high_voltage_on
    assert ask(wire, "68,").split(",")[1:-1].index("1") == 21


def test_hours_with_high_voltage_are_counted(one: tuple[World, SpellmanXRVWire]) -> None:
    world, wire = one
    warm(world, wire)
    ask(wire, "98,1,")
    world.clock.sleep(1800)
    ask(wire, "98,0,")
    world.clock.sleep(1800)
    assert float(ask(wire, "21,").split(",")[1]) == pytest.approx(0.5, rel=1e-3)
    ask(wire, "30,")
    assert float(ask(wire, "21,").split(",")[1]) == 0


def test_slow_supply_answers_later(supply: Callable[..., tuple[World, SpellmanXRVWire]]) -> None:
    _, wire = supply(reply_time_s=0.05)
    assert wire.handle(b"\x0214,") == Reply(b"\x0214,0,\x03", 0.05)


@pytest.mark.parametrize("name", ["overvoltage", "over voltage", "OVERVOLTAGE fault", "over-voltage"])
def test_a_fault_is_known_however_it_is_spelled(one: tuple[World, SpellmanXRVWire], name: str) -> None:
    world, wire = one
    world.faults.add(Fault(FaultKind.TUBE_FAULT, detail=name))
    assert ask(wire, "68,").split(",")[1:-1].index("1") == 2
