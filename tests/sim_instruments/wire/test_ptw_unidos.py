"""The simulated UNIDOS, line by line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sim_instruments.faults import Fault, FaultKind
from sim_instruments.wire.ptw_unidos import PtwUnidosWire
from sim_instruments.wire.server import Reply
from sim_instruments.world.clock import VirtualClock
from sim_instruments.world.world import World

Made = tuple[World, PtwUnidosWire]


@pytest.fixture
def electrometer() -> Iterator[Callable[..., Made]]:
    worlds: list[World] = []

    def make(**options: Any) -> Made:
        world = World(5, VirtualClock(), settings={"dosimeter": {"random": 0.0}})
        worlds.append(world)
        world.tube.set_voltage_kv(50)
        world.tube.set_current_ma(1)
        return world, PtwUnidosWire(world, **options)

    yield make
    for world in worlds:
        world.close()


@pytest.fixture
def one(electrometer: Callable[..., Made]) -> Made:
    return electrometer()


def ask(wire: PtwUnidosWire, message: str) -> str:
    answer = wire.handle(message.encode())
    assert isinstance(answer, bytes)
    assert answer.endswith(b"\r\n")
    return answer[:-2].decode()


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        ("PTW", "PTW;UNIDOS Tango;TM10052;1.2.4;A16"),
        ("SER", "SER;123456"),
        ("TOK;1", "TOK;1;false"),
        ("TOK", "TOK;true"),
        ("TOK;0", "TOK;0;true"),
        ("S", "S;RES"),
        ("RGE", "RGE;HIGH"),
        ("UEL", "UEL;false"),
        ("NUS", "NUS;Passed;0;82000"),
        ("ASS", "ASS;Passed;0;89000;Low; 136.6;E-12;p;C;Med; 1.500;E-09;n;C;High; 13.50;E-09;n;C"),
        ("TFI", "TFI;-"),
        ("*IDN?", "E01;"),
        ("", "E01;"),
        ("RGE;", "E18;"),
        ("RGE;LOW;HIGH", "E17;"),
        ("RGE;LOW", "E20;"),
        ("INT", "E20;"),
        ("NUL", "E20;"),
        ("TOK;7", "E08;"),
        ("RDR", "E19;"),
        ("RDR;no-such-chamber", "E21;"),
    ],
)
def test_answers_without_write_permission(one: Made, message: str, answer: str) -> None:
    assert ask(one[1], message) == answer


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        ("RGE;MEDIUM", "RGE;MEDIUM"),
        ("RGE;VERY_LOW", "E08;"),
        ("HV;-300", "HV;-300"),
        ("HV;401", "E08;"),
        ("HV;many", "E29;"),
        ("IT;600", "IT;600"),
        ("IT;0", "E08;"),
        ("ASL;LOW", "ASL;LOW"),
        ("ASE;true", "ASE;true"),
        ("UEL;true", "UEL;true"),
        ("UEL;maybe", "E08;"),
        ("STA", "STA"),
        ("HLD", "E03;"),
    ],
)
def test_answers_with_write_permission(one: Made, message: str, answer: str) -> None:
    ask(one[1], "TOK")
    assert ask(one[1], message) == answer


def test_dose_grows_with_the_measurement_and_is_held(one: Made) -> None:
    world, wire = one
    world.tube.switch_on()
    world.clock.sleep(10)
    ask(wire, "TOK")
    ask(wire, "STA")
    world.clock.sleep(20)
    fields = ask(wire, "MV").split(";")
    rate = float(world.beam.dose_rate())
    assert fields[1] == "MEAS"
    assert float(fields[2] + fields[3]) == pytest.approx(20 * rate, rel=0.01)
    assert fields[4:6] == ["m", "Gy"]
    assert float(fields[6] + fields[7]) == pytest.approx(60 * rate, rel=0.01)
    assert fields[8:11] == ["m", "Gy", "min"]
    assert fields[11:] == ["20000.0", "ms", "400.0", "V", "0x0"]
    ask(wire, "HLD")
    world.clock.sleep(20)
    assert ask(wire, "MV").split(";")[2] == fields[2]
    ask(wire, "RES")
    assert ask(wire, "MV").split(";")[1:4] == ["RES", "0", "E-12"]


def test_interval_ends_by_itself_at_its_time(one: Made) -> None:
    world, wire = one
    world.tube.switch_on()
    world.clock.sleep(10)
    for message in ("TOK", "IT;5", "INT"):
        ask(wire, message)
    assert ask(wire, "S") == "S;INT"
    world.clock.sleep(30)
    fields = ask(wire, "MV").split(";")
    assert (fields[1], fields[11]) == ("INTHLD", "5000.0")
    assert float(fields[2] + fields[3]) == pytest.approx(5 * float(world.beam.dose_rate()), rel=0.01)


def test_display_is_renewed_at_its_own_pace(electrometer: Callable[..., Made]) -> None:
    world, wire = electrometer(refresh_s=0.5)
    world.tube.switch_on()
    world.clock.sleep(1)
    first = ask(wire, "MV")
    world.tube.set_current_ma(2)
    world.clock.sleep(0.4)
    assert ask(wire, "MV").split(";")[6] == first.split(";")[6]
    world.clock.sleep(0.2)
    assert ask(wire, "MV").split(";")[6] != first.split(";")[6]


def test_overload_is_flagged(one: Made) -> None:
    world, wire = one
    world.tube.switch_on()
    world.clock.sleep(5)
    ask(wire, "TOK")
    ask(wire, "RGE;LOW")
    assert int(ask(wire, "MV").split(";")[15], 0) & 1
    ask(wire, "RGE;MEDIUM")
    assert ask(wire, "MV").split(";")[15] == "0x0"
    world.faults.add(Fault(FaultKind.DOSIMETER_OUT_OF_RANGE))
    world.clock.sleep(1)
    assert int(ask(wire, "MV").split(";")[15], 0) & 1


def test_zero_passes_without_a_beam_only(one: Made) -> None:
    world, wire = one
    ask(wire, "TOK")
    assert ask(wire, "NUL") == "NUL"
    assert ask(wire, "STA") == "E03;"
    world.clock.sleep(41)
    assert ask(wire, "NUS") == "NUS;Running;41000;82000"
    world.clock.sleep(42)
    assert ask(wire, "NUS") == "NUS;Passed;0;82000"
    world.tube.switch_on()
    ask(wire, "NUL")
    world.clock.sleep(83)
    assert ask(wire, "NUS") == "NUS;Failed;0;82000"


def test_electrical_units_are_the_chambers_charge_and_current(one: Made) -> None:
    world, wire = one
    world.tube.switch_on()
    world.clock.sleep(5)
    ask(wire, "TOK")
    ask(wire, "UEL;true")
    fields = ask(wire, "MV").split(";")
    assert (fields[5], fields[9], fields[10]) == ("C", "A", "")
    assert float(fields[6] + fields[7]) == pytest.approx(float(world.beam.dose_rate()) / 2.5e4, rel=0.01)


def test_panel_keeps_the_permission_while_somebody_works_there(electrometer: Callable[..., Made]) -> None:
    _, wire = electrometer(operated_at_panel=True)
    assert ask(wire, "TOK") == "TOK;false"
    assert ask(wire, "RGE;LOW") == "E20;"
    assert ask(wire, "TFI") == "TFI;E20"


def test_unknown_time_base_is_refused_and_a_slow_one_answers_later(electrometer: Callable[..., Made]) -> None:
    with pytest.raises(ValueError, match="time base"):
        electrometer(timebase="week")
    _, wire = electrometer(reply_time_s=0.1)
    assert wire.handle(b"SER") == Reply(b"SER;123456\r\n", 0.1)
