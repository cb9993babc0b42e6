"""The dosimeter's driver against the simulated electrometer on its wire."""

from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from pymeasure.instruments.ptw.ptwUNIDOS import ptwUNIDOS
from pymeasure.test import expected_protocol

from drivers.errors import BadReply, ConnectionLost, InstrumentError, Overloaded, WrongInstrument
from drivers.ptw_unidos import PtwUnidos, UnidosOptions
from drivers.roles import Surroundings
from drivers.unidos_electrometer import Flag, Quantity, Unidos
from sim_instruments.faults import Fault, FaultKind
from sim_instruments.wire.ptw_unidos import PtwUnidosWire
from sim_instruments.wire.server import WireServer
from sim_instruments.wire.spellman_xrv import SpellmanXRVWire
from sim_instruments.world.clock import VirtualClock
from sim_instruments.world.world import World


class OnTheWay:
    """Faults of the bytes."""

    replace: Callable[[bytes], bytes | None] | None = None
    cut = False

    def on_reply(self, instrument: str, reply: bytes) -> tuple[bytes | None, float]:
        return (reply if self.replace is None else self.replace(reply)), 0.0

    def refuses(self, instrument: str) -> bool:
        return self.cut


@dataclass
class Bench:
    """One electrometer, served."""

    world: World
    wire: PtwUnidosWire
    resource: str
    server: WireServer
    way: OnTheWay

    def dosimeter(self, **options: Any) -> PtwUnidos:
        chosen = UnidosOptions(**({"timeout_s": 0.3} | options))
        return PtwUnidos(self.resource, chosen, Surroundings(clock=self.world.clock))

    def beam(self, kilovolts: float, milliamps: float) -> None:
        self.world.tube.set_voltage_kv(kilovolts)
        self.world.tube.set_current_ma(milliamps)
        assert self.world.tube.switch_on()
        self.world.clock.sleep(10)

    @property
    def truth(self) -> float:
        return float(self.world.beam.dose_rate())


@pytest.fixture
def served() -> Iterator[Callable[..., Bench]]:
    opened: list[Bench] = []

    def serve(random: float = 0.015, seed: int = 11, **options: Any) -> Bench:
        world = World(seed, VirtualClock(), settings={"dosimeter": {"random": random}})
        way = OnTheWay()
        server = WireServer(world.clock, world.lock, way)
        wire = PtwUnidosWire(world, **options)
        opened.append(Bench(world, wire, server.serve_tcp("dosimeter", wire), server, way))
        return opened[-1]

    yield serve
    for bench in opened:
        bench.server.close()
        bench.world.close()


@pytest.fixture
def bench(served: Callable[..., Bench]) -> Bench:
    return served()


@pytest.fixture
def dosimeter(bench: Bench) -> Iterator[PtwUnidos]:
    dosimeter = bench.dosimeter()
    yield dosimeter
    dosimeter.close()


def test_connecting_says_who_is_there_and_which_chamber(bench: Bench, dosimeter: PtwUnidos) -> None:
    assert str(dosimeter.identity) == "PTW UNIDOS Tango TM10052 123456 1.2.4"
    assert dosimeter.calibration()["chamber_typeNumber"] == "TM32002"
    assert dosimeter.calibration()["relative_uncertainty"] == 0.05
    assert not bench.wire.permitted
    assert not {b"TOK", b"NUL", b"STA"} & set(bench.wire.received)


@pytest.mark.parametrize("timebase", ["s", "min", "h"])
def test_dose_rate_is_in_gray_per_second_whatever_is_displayed(served: Callable[..., Bench], timebase: str) -> None:
    bench = served(random=0.0, timebase=timebase)
    dosimeter = bench.dosimeter()
    for kilovolts, milliamps in ((30, 0.02), (50, 1.0), (60, 3.0)):
        bench.beam(kilovolts, milliamps)
        assert dosimeter.dose_rate(1.0).value == pytest.approx(bench.truth, rel=0.01)
    dosimeter.close()


def test_its_uncertainty_is_the_scatter_of_its_own_mean(served: Callable[..., Bench]) -> None:
    bench = served(random=0.015)
    dosimeter = bench.dosimeter()
    bench.beam(50, 1)
    rates = [dosimeter.dose_rate(2.0) for _ in range(60)]
    pulls = np.array([(rate.value - bench.truth) / rate.uncertainty for rate in rates])
    assert np.std([rate.value / bench.truth for rate in rates]) == pytest.approx(0.015 / math.sqrt(10), rel=0.3)
    assert 0.6 < pulls.std() < 1.15
    assert (np.abs(pulls) < 2).mean() > 0.9
    dosimeter.close()


def test_two_readings_are_too_few_to_tell_their_scatter(served: Callable[..., Bench]) -> None:
    bench = served()
    dosimeter = bench.dosimeter(reading_uncertainty=0.02)
    bench.beam(50, 1)
    rate = dosimeter.dose_rate(0.4)
    assert rate.uncertainty == pytest.approx(0.02 * rate.value / math.sqrt(2), rel=0.01)
    dosimeter.close()


def test_it_takes_the_time_it_is_told(bench: Bench, dosimeter: PtwUnidos) -> None:
    bench.beam(50, 1)
    dosimeter.dose_rate(1.0)
    before = bench.world.clock.now()
    assert dosimeter.dose_rate(5.0).duration == 5.0
    assert bench.world.clock.now() - before == pytest.approx(5.0, abs=0.5)


def test_interval_measurement_gives_dose_over_time(served: Callable[..., Bench]) -> None:
    bench = served(random=0.0)
    dosimeter = bench.dosimeter(method="interval", reading_uncertainty=0.01)
    bench.beam(50, 1)
    rate = dosimeter.dose_rate(9.5)
    assert rate.duration == pytest.approx(10)
    assert rate.value == pytest.approx(bench.truth, rel=0.005)
    assert rate.uncertainty == pytest.approx(0.01 * rate.value, rel=0.1)
    assert not bench.wire.permitted
    dosimeter.close()


def test_range_follows_the_beam_up_and_down(bench: Bench, dosimeter: PtwUnidos) -> None:
    bench.beam(50, 0.01)
    dosimeter.dose_rate(1.0)
    assert bench.wire.range == "LOW"
    bench.world.tube.set_current_ma(5)
    bench.world.tube.set_voltage_kv(60)
    bench.world.clock.sleep(5)
    assert dosimeter.dose_rate(1.0).value == pytest.approx(bench.truth, rel=0.05)
    assert bench.wire.range == "HIGH"
    assert not bench.wire.permitted


def test_a_fixed_range_that_overloads_is_an_error_and_no_number(served: Callable[..., Bench]) -> None:
    bench = served()
    dosimeter = bench.dosimeter(range="LOW")
    bench.beam(50, 1)
    with pytest.raises(Overloaded, match=r"dosimeter at TCPIP.*overload in range LOW"):
        dosimeter.dose_rate(1.0)
    dosimeter.close()


def test_overload_of_the_highest_range_is_an_error(bench: Bench, dosimeter: PtwUnidos) -> None:
    bench.beam(50, 1)
    bench.world.faults.add(Fault(FaultKind.DOSIMETER_OUT_OF_RANGE))
    with pytest.raises(Overloaded):
        dosimeter.dose_rate(1.0)
    bench.world.faults.clear()
    assert dosimeter.dose_rate(1.0).value == pytest.approx(bench.truth, rel=0.05)


@pytest.mark.parametrize(
    ("given", "said"), [({"voltage_v": 0}, "voltage is missing"), ({"calibrated": False}, "no calibration")]
)
def test_chamber_without_voltage_or_calibration_gives_no_dose_rate(
    served: Callable[..., Bench], given: dict[str, Any], said: str
) -> None:
    bench = served(**given)
    dosimeter = bench.dosimeter()
    with pytest.raises(Overloaded, match=said):
        dosimeter.dose_rate(1.0)
    dosimeter.close()


def test_electrical_units_are_no_dose_rate(bench: Bench, dosimeter: PtwUnidos) -> None:
    bench.wire.permitted = True
    dosimeter.electrometer.electrical_units_enabled = True
    bench.wire.permitted = False
    with pytest.raises(Overloaded, match="reads in A and not in Gy"):
        dosimeter.dose_rate(1.0)


def test_no_beam_reads_nothing_within_its_uncertainty(bench: Bench, dosimeter: PtwUnidos) -> None:
    rate = dosimeter.dose_rate(5.0)
    assert abs(rate.value) < 4 * rate.uncertainty
    assert rate.value < 1e-9


def test_zero_takes_its_time_and_needs_the_beam_off(bench: Bench, dosimeter: PtwUnidos) -> None:
    before = bench.world.clock.now()
    dosimeter.zero()
    assert bench.world.clock.now() - before == pytest.approx(82, abs=6)
    assert not bench.wire.permitted
    bench.beam(50, 1)
    with pytest.raises(InstrumentError, match=r"'Failed'.*beam off"):
        dosimeter.zero()


def test_somebody_at_the_panel_keeps_the_write_permission(served: Callable[..., Bench]) -> None:
    bench = served(operated_at_panel=True)
    dosimeter = bench.dosimeter()
    with pytest.raises(InstrumentError, match="viewer mode"):
        dosimeter.zero()
    dosimeter.close()


def test_setting_without_permission_is_refused_by_name(bench: Bench, dosimeter: PtwUnidos) -> None:
    with pytest.raises(InstrumentError, match="E20: no write permission"):
        dosimeter.electrometer.range = "LOW"
    assert bench.wire.range == "HIGH"


@pytest.mark.parametrize(
    ("garbled", "error"),
    [
        (b"\xff\xfe\xfd\r\n", BadReply),
        (b"E01;\r\n", InstrumentError),
        (b"RGE;LOW\r\n", BadReply),
        (b"MV;RES;2.6;E-3;m;Gy;5.6;E-09;n;Gy;min;3000.0;ms;300.0;V\r\n", BadReply),
        (b"MV;RES;2.6;E-3;m;Gy;5.6;E-09;m;Gy;min;3000.0;ms;300.0;V;0x0\r\n", BadReply),
        (b"MV;RES;2.6;E-3;m;Gy;5.6;E-09;n;Gy;week;3000.0;ms;300.0;V;0x0\r\n", BadReply),
        (b"MV;RES;2.6;E-3;m;Gy;nan;E-09;n;Gy;min;3000.0;ms;300.0;V;0x0\r\n", BadReply),
        (b"MV;RES;2.6;E-3;m;Gy;9.9;E37;;Gy;min;3000.0;ms;300.0;V;0x0\r\n", BadReply),
        (b"MV;RES;2.6;E", ConnectionLost),
    ],
)
def test_garbage_is_an_error_and_the_next_reading_is_right(
    bench: Bench, dosimeter: PtwUnidos, garbled: bytes, error: type[Exception]
) -> None:
    bench.beam(50, 1)
    answers = itertools.chain([garbled])
    bench.way.replace = lambda reply: next(answers, reply)
    with pytest.raises(error):
        _ = dosimeter.electrometer.measurement
    assert dosimeter.dose_rate(1.0).value == pytest.approx(bench.truth, rel=0.05)


def test_another_instrument_at_the_address_is_named(bench: Bench) -> None:
    supply = bench.server.serve_tcp("tube", SpellmanXRVWire(bench.world))
    with pytest.raises(WrongInstrument, match=r"dosimeter at TCPIP.*no PTW UNIDOS but '23,SWM00199-001,3261,'"):
        PtwUnidos(supply, UnidosOptions(timeout_s=0.2))


def test_lost_connection_names_instrument_and_command(bench: Bench, dosimeter: PtwUnidos) -> None:
    bench.way.cut = True
    with pytest.raises(ConnectionLost, match=r"dosimeter at TCPIP.*command 'RGE'"):
        dosimeter.dose_rate(1.0)


def test_two_threads_on_one_dosimeter_never_get_each_others_answers(bench: Bench, dosimeter: PtwUnidos) -> None:
    wrong: list[object] = []

    def ask(question: str, expected: str) -> None:
        for _ in range(2000):
            with dosimeter.lock:
                answer = dosimeter.electrometer.ask(question)
            if answer != expected:
                wrong.append(answer)

    threads = [threading.Thread(target=ask, args=pair) for pair in (("SER", "123456"), ("IT", "60"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_pymeasures_own_driver_reads_what_the_world_holds(served: Callable[..., Bench]) -> None:
    bench = served(random=0.0)
    bench.beam(50, 1)
    theirs = ptwUNIDOS(bench.resource)
    assert theirs.id == ["UNIDOS Tango", "TM10052", "1.2.4", "A16"]
    result = theirs.measurement_result
    assert result["timebase"] == "min"
    assert result["doserate"] / 60 == pytest.approx(bench.truth, rel=0.01)
    theirs.write_enabled = True
    assert theirs.write_enabled
    theirs.range = "MEDIUM"
    assert theirs.range_max["doserate"] / 60 == pytest.approx(bench.world.dosimeter.full_scale("medium"), rel=1e-4)
    theirs.interval_measurement(5)
    bench.world.clock.sleep(6)
    assert theirs.status == "INTHLD"
    assert theirs.measurement_result["dose"] / 5 == pytest.approx(bench.truth, rel=0.01)
    theirs.write_enabled = False
    assert theirs.read_detector()[0]["typeNumber"] == "TM32002"
    theirs.adapter.close()


def test_pymeasures_own_driver_can_ask_everything_it_knows(bench: Bench) -> None:
    theirs = ptwUNIDOS(bench.resource)
    assert (theirs.serial_number, theirs.tfi, theirs.status) == (123456, "-", "RES")
    assert theirs.mac_address.count("-") == 5
    assert theirs.range_res["timebase"] == "min"
    assert theirs.selftest_result["high"] == pytest.approx(1.35e-8)
    assert theirs.zero_status["status"] == "Passed"
    assert theirs.lan_config["ipv4"] == "127.0.0.1"
    assert theirs.wlan_config["enabled"] is False
    assert theirs.measurement_history == []
    assert theirs.measurement_parameters["range"] == "HIGH"
    assert theirs.system_info["typeNumber"] == "TM10052"
    assert theirs.system_settings["locale"] == "en"
    assert (theirs.voltage, theirs.integration_time, theirs.autostart_level) == (400, 60, "MEDIUM")
    assert [theirs.autostart_enabled, theirs.autoreset_enabled, theirs.electrical_units_enabled] == [False] * 3
    theirs.write_enabled = True
    theirs.zero()
    bench.world.clock.sleep(83)
    assert theirs.zero_status["time_remaining"] == 0
    theirs.selftest()
    theirs.measure()
    theirs.hold()
    theirs.clear()
    theirs.reset()
    theirs.adapter.close()


def test_our_electrometer_on_pymeasures_exchanges_keeps_the_units() -> None:
    exchanges = [
        ("MV", "MV;RES;0.0;E-12;p;C;0.0;E-12;p;A;;0.0;ms;200;V;0x0"),
        ("MV", "MV;RES;2.6;E-3;m;Gy;5.6;E-09;n;Gy;min;3000.0;ms;300.0;V;0x0"),
        ("MVM", "MVM;MEDIUM;1.65;E-06;µ;Gy;min"),
        ("MVR", "MVR;MEDIUM;0.5;E-12;p;Gy;0.003;E-09;n;Gy;min"),
        ("TOK;1", "TOK;1;true"),
        ("SER", "SER;123456"),
    ]
    with expected_protocol(Unidos, exchanges) as electrometer:
        assert electrometer.measurement.rate == Quantity(0.0, "A")
        measured = electrometer.measurement
        assert measured.rate.value == pytest.approx(5.6e-9 / 60)
        assert (measured.rate.unit, measured.dose) == ("Gy/s", Quantity(2.6e-3, "Gy"))
        assert (measured.time, measured.voltage, measured.flags) == (3.0, 300.0, Flag(0))
        assert electrometer.largest_rate.value == pytest.approx(1.65e-6 / 60)
        assert electrometer.rate_resolution.value == pytest.approx(0.003e-9 / 60)
        assert electrometer.write_enabled is True
        assert electrometer.serial_number == 123456
