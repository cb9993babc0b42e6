"""The tube's driver against the simulated supply on its wire."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from pymeasure.instruments.spellmanhv import SpellmanXRV
from pymeasure.instruments.spellmanhv.spellmanXRV import ErrorCode
from pymeasure.test import expected_protocol

from config.bench_file import Limits
from config.mistake import UserMistake
from drivers.errors import (
    BadReply,
    BeamStateUnknown,
    ConnectionLost,
    Inhibited,
    InterlockOpen,
    LimitExceeded,
    TubeFault,
    WrongInstrument,
)
from drivers.roles import Surroundings
from drivers.spellman_options import SpellmanOptions
from drivers.spellman_supply import STX, Refused, XRVSupply
from drivers.spellman_xrv import SpellmanTube
from sim_instruments.faults import Faults
from sim_instruments.wire.server import WireInstrument, WireServer
from sim_instruments.wire.spellman_xrv import SpellmanXRVWire
from sim_instruments.world.clock import VirtualClock
from sim_instruments.world.tube import TubePhysics


class OnTheWay:
    """Faults of the bytes, as the served bench applies them."""

    def __init__(self) -> None:
        self.replace: Callable[[bytes], bytes | None] | None = None
        self.cut = False

    def on_reply(self, instrument: str, reply: bytes) -> tuple[bytes | None, float]:
        return (reply if self.replace is None else self.replace(reply)), 0.0

    def refuses(self, instrument: str) -> bool:
        return self.cut


@dataclass
class Bench:
    """One supply, served."""

    world: Any
    wire: SpellmanXRVWire
    resource: str
    server: WireServer
    surroundings: Surroundings
    way: OnTheWay

    def tube(self, **options: Any) -> SpellmanTube:
        given = {"timeout_s": 0.3, "filament_warm_up_s": 1.0} | options
        return SpellmanTube(self.resource, SpellmanOptions(**given), self.surroundings)


@pytest.fixture
def served() -> Iterator[Callable[..., Bench]]:
    opened: list[Bench] = []

    def serve(**options: Any) -> Bench:
        clock = VirtualClock()
        lock = threading.RLock()
        tube = TubePhysics(clock, np.random.default_rng(7), lock)
        world = SimpleNamespace(clock=clock, lock=lock, tube=tube, faults=Faults(clock))
        way = OnTheWay()
        server = WireServer(clock, lock, way)
        wire = SpellmanXRVWire(world, **options)
        limits = Limits(tube_voltage_kv=60, tube_current_ma=3, tube_power_w=180)
        surroundings = Surroundings(limits=limits, clock=clock)
        opened.append(Bench(world, wire, server.serve_tcp("tube", wire), server, surroundings, way))
        return opened[-1]

    yield serve
    for bench in opened:
        bench.server.close()
        bench.world.clock.close()


@pytest.fixture
def bench(served: Callable[..., Bench]) -> Bench:
    return served()


@pytest.fixture
def tube(bench: Bench) -> Iterator[SpellmanTube]:
    tube = bench.tube()
    yield tube
    tube.close()


def test_connecting_identifies_the_supply_and_sets_nothing(bench: Bench, tube: SpellmanTube) -> None:
    assert (tube.identity.maker, tube.identity.model) == ("Spellman", "XRV160N800")
    assert tube.full_scale == (160.0, 5.0)
    assert {int(message[1:3]) for message in bench.wire.received} <= {14, 15, 23, 26, 28}


def test_beam_reaches_its_operating_point_and_is_off_after_the_block(bench: Bench, tube: SpellmanTube) -> None:
    with tube.beam(kilovolts=50, milliamps=0.02) as status:
        assert status.voltage_kv == pytest.approx(50, rel=0.02)
        assert status.current_ma == pytest.approx(0.02, rel=0.15)
        tube.wait(1.0)
        assert bench.world.tube.current_ma() == pytest.approx(0.02, rel=0.03)
        assert bench.world.tube.high_voltage_on
        assert bench.world.tube.programmed_current_ma == pytest.approx(0.02, rel=0.03)
    assert not bench.world.tube.high_voltage_on
    assert bench.world.tube.voltage_kv() < 3.3
    assert not tube.status().beam_on


def test_one_count_of_noise_at_a_small_current_is_no_departure_and_three_are(bench: Bench, tube: SpellmanTube) -> None:
    # 0.03 mA are 24.6 of the set point's counts, so 25 are set; one of the monitor's counts is 1.47 uA
    with tube.beam(50, 0.03) as status:
        set_ma = 25 * 5.0 / 4095
        count = 1.2 * 5.0 / 4095
        seen = {round(off / count): tube.at_operating_point(replace(status, voltage_kv=50.0, current_ma=set_ma + off))
                for off in (-3 * count, -1.9 * count, 0.0, 1.9 * count, 3 * count)}  # fmt: skip
        assert seen == {-3: False, -2: True, 0: True, 2: True, 3: False}
        half = replace(status, current_ma=0.015)
        assert not tube.at_operating_point(half)


def test_beam_is_off_after_an_exception_in_the_block(bench: Bench, tube: SpellmanTube) -> None:
    with pytest.raises(ZeroDivisionError), tube.beam(50, 1):
        raise ZeroDivisionError
    assert not bench.world.tube.high_voltage_on


def test_limits_are_checked_before_a_byte_is_sent(bench: Bench, tube: SpellmanTube) -> None:
    before = len(bench.wire.received)
    for kilovolts, milliamps in ((60.1, 1), (50, 3.1), (60, 3.0001), (50, 200)):
        with pytest.raises(LimitExceeded), tube.beam(kilovolts, milliamps):
            pass
    for kilovolts, milliamps in ((float("nan"), 1), (50, float("inf")), (-1, 1)):
        with pytest.raises(ValueError, match="no value"), tube.beam(kilovolts, milliamps):
            pass
    assert len(bench.wire.received) == before


def test_a_current_between_two_steps_of_the_supply_is_refused_before_a_byte_is_sent(
    bench: Bench, tube: SpellmanTube
) -> None:
    before = len(bench.wire.received)
    with pytest.raises(UserMistake, match=r"step is 0\.00122 mA"):
        tube.set_operating_point(50, 0.0005)
    assert len(bench.wire.received) == before


def test_supply_out_of_its_own_range_names_it(served: Callable[..., Bench]) -> None:
    tube = served(full_scale_kv=40.0).tube()
    with pytest.raises(LimitExceeded, match="its own range"):
        tube.set_operating_point(50, 1)
    tube.close()


def test_open_interlock_lets_nothing_be_switched_on(bench: Bench, tube: SpellmanTube) -> None:
    bench.world.tube.open_interlock()
    with pytest.raises(InterlockOpen, match="close the door"), tube.beam(50, 1):
        pass
    assert not any(message.startswith(b"\x0298,1") for message in bench.wire.received)


def test_interlock_that_opens_in_mid_beam_is_seen_and_the_beam_can_come_again(bench: Bench, tube: SpellmanTube) -> None:
    with pytest.raises(InterlockOpen, match="the interlock opened"), tube.beam(50, 1):  # noqa: PT012
        bench.world.tube.open_interlock()
        status = tube.status()
        assert not status.interlock_closed
        assert not bench.world.tube.high_voltage_on
    bench.world.tube.close_interlock()
    with tube.beam(50, 1) as status:
        assert status.beam_on


def test_arc_is_latched_by_name_until_it_is_reset(bench: Bench, tube: SpellmanTube) -> None:
    with pytest.raises(TubeFault, match="anode arc"), tube.beam(50, 1):  # noqa: PT012
        bench.world.tube.arc()
        assert tube.status().faults == ("anode arc",)
        assert not tube.status().beam_on
    with pytest.raises(TubeFault, match="anode arc"), tube.beam(50, 1):
        pass
    assert tube.reset_faults() == ()
    with tube.beam(50, 1) as status:
        assert status.beam_on


@pytest.mark.parametrize("fault", ["overvoltage", "over current", "cathode arc", "board over temperature"])
def test_the_fault_that_trips_the_supply_is_named(bench: Bench, tube: SpellmanTube, fault: str) -> None:
    bench.world.tube.trip(fault)
    (named,) = tube.status().faults
    assert named.replace(" ", "") == fault.replace(" ", "")


def test_stuck_high_voltage_is_an_unknown_beam_and_make_safe_says_so_too(bench: Bench, tube: SpellmanTube) -> None:
    tube.set_operating_point(50, 1)
    tube.switch_on()
    bench.world.tube.hold_on(True)
    for switch_off in (tube.switch_off, tube.make_safe):
        with pytest.raises(BeamStateUnknown, match="still reports high voltage"):
            switch_off()
    bench.world.tube.hold_on(False)
    tube.make_safe()
    assert not bench.world.tube.high_voltage_on


def test_make_safe_any_number_of_times_leaves_everything_at_zero(bench: Bench, tube: SpellmanTube) -> None:
    tube.make_safe()
    tube.set_operating_point(50, 1)
    tube.switch_on()
    tube.make_safe()
    tube.make_safe()
    assert bench.world.tube.programmed_voltage_kv == bench.world.tube.programmed_current_ma == 0
    assert not bench.world.tube.high_voltage_on
    assert not bench.wire.state.filament_enabled


def test_guardian_switches_off_beside_the_main_program(bench: Bench, tube: SpellmanTube) -> None:
    tube.set_operating_point(50, 1)
    tube.switch_on()
    guardian = bench.tube()
    guardian.make_safe()
    guardian.close()
    assert not tube.status().beam_on


def test_lost_connection_names_instrument_and_command_and_the_guarding_block_still_tries(
    bench: Bench, tube: SpellmanTube
) -> None:
    def read_on_a_cut_line() -> None:
        with tube.beam(50, 1):
            bench.way.cut = True
            with pytest.raises(ConnectionLost, match=r"tube at TCPIP.*command '\\x02"):
                tube.status()

    with pytest.raises(BeamStateUnknown):
        read_on_a_cut_line()
    bench.way.cut = False
    tube.make_safe()
    assert not bench.world.tube.high_voltage_on


@pytest.mark.parametrize(
    ("garbled", "error"),
    [
        (b"\x02\xff\xfe\x80\x03", BadReply),
        (b"garbage\x03", BadReply),
        (b"\x0214,1280,\x03", BadReply),
        (b"\x0222,1,1,1,\x03", BadReply),
        (b"\x0222,1,1,1,1,0,0,1,0,0,0,1,0,0,0,0,x,1,\x03", BadReply),
        (b"\x0222,1,1", ConnectionLost),
        (b"\x0222,!,2,\x03", Refused),
    ],
)
def test_garbage_is_an_error_and_the_next_answer_is_right(
    bench: Bench, tube: SpellmanTube, garbled: bytes, error: type[Exception]
) -> None:
    answers = iter([garbled])
    bench.way.replace = lambda reply: next(answers, reply)
    with pytest.raises(error):
        tube.status()
    assert tube.status().interlock_closed


def test_an_answer_to_another_question_is_no_answer(bench: Bench, tube: SpellmanTube) -> None:
    bench.way.replace = lambda reply: b"\x0215,819,\x03"
    with pytest.raises(BadReply, match="answer is to command '15'"):
        _ = tube.supply.unscaled.voltage_setpoint


def test_an_interlock_that_cannot_be_read_is_open(bench: Bench, tube: SpellmanTube) -> None:
    tube.set_operating_point(50, 1)
    bench.way.replace = lambda reply: b"\x0222,,,\x03"
    with pytest.raises(BadReply):
        tube.switch_on()
    assert not bench.world.tube.high_voltage_on


def test_a_set_point_that_reads_back_otherwise_is_a_fault(bench: Bench, tube: SpellmanTube) -> None:
    bench.way.replace = lambda reply: b"\x0214,99,\x03" if reply.startswith(b"\x0214") else reply
    with pytest.raises(TubeFault, match="reads back 99"):
        tube.set_operating_point(50, 1)


def test_stop_of_the_bench_keeps_the_beam_off(bench: Bench, tube: SpellmanTube) -> None:
    bench.surroundings.stop.set()
    with pytest.raises(Inhibited), tube.beam(50, 1):
        pass
    assert not bench.world.tube.high_voltage_on


def test_local_mode_is_named_and_taken_over_only_where_the_bench_file_says_so(bench: Bench) -> None:
    bench.wire.local = True
    tube = bench.tube()
    with pytest.raises(TubeFault, match=r"in local mode.*options\.take_remote"):
        tube.set_operating_point(50, 1)
    tube.make_safe()
    tube.close()
    bold = bench.tube(take_remote=True)
    with bold.beam(50, 1) as status:
        assert status.voltage_kv == pytest.approx(50, rel=0.02)
    bold.close()


def test_cold_filament_is_waited_for(served: Callable[..., Bench]) -> None:
    bench = served(filament_warm_up_s=30.0)
    tube = bench.tube(filament_warm_up_s=30.0)
    with tube.beam(50, 1):
        assert bench.world.clock.now() >= 30
    assert bench.wire.state.filament_enabled  # standby between two beams
    tube.close()


def test_high_voltage_on_a_cold_filament_trips(served: Callable[..., Bench]) -> None:
    bench = served(filament_warm_up_s=60.0)
    tube = bench.tube(filament_warm_up_s=0.0)
    with pytest.raises(TubeFault, match="undercurrent"), tube.beam(50, 1):
        pass
    tube.close()


def test_ramp_raises_the_voltage_no_faster_than_it_is_told(bench: Bench) -> None:
    tube = bench.tube(voltage_ramp_kv_per_s=5.0, current_ramp_ma_per_s=0.5)
    steepest: list[float] = []
    bench.world.tube.on_change(lambda _: steepest.append(bench.world.tube.programmed_voltage_kv))
    before = bench.world.clock.now()
    with tube.beam(50, 1):
        assert bench.world.clock.now() - before >= 10 + 2
        assert np.max(np.diff(steepest)) == pytest.approx(0.5, abs=0.06)
        tube.set_operating_point(50, 2)
        assert bench.world.tube.programmed_current_ma == pytest.approx(2, rel=1e-3)
    assert not bench.world.tube.high_voltage_on
    tube.close()


def test_a_ramp_that_was_stopped_reaches_its_end_the_next_time(bench: Bench) -> None:
    tube = bench.tube(voltage_ramp_kv_per_s=5.0)
    tube.set_operating_point(50, 1)
    bench.world.clock.call_at(5.0, bench.surroundings.stop.set)
    with pytest.raises(Inhibited):
        tube.switch_on()
    assert not bench.world.tube.high_voltage_on
    assert 0 < bench.world.tube.programmed_voltage_kv < 40
    bench.surroundings.stop.clear()
    assert tube.switch_on().voltage_kv == pytest.approx(50, rel=0.02)
    tube.make_safe()
    tube.close()


def test_a_fault_in_the_ramp_ends_it(bench: Bench) -> None:
    tube = bench.tube(voltage_ramp_kv_per_s=5.0)
    tube.set_operating_point(50, 1)
    bench.world.clock.call_at(5.0, bench.world.tube.arc)
    with pytest.raises(TubeFault, match="fault in the ramp: anode arc"):
        tube.switch_on()
    tube.close()


def test_what_goes_down_goes_first_so_that_power_never_exceeds_both_ends(bench: Bench, tube: SpellmanTube) -> None:
    tube.set_operating_point(60, 0.5)
    powers: list[float] = []
    physics = bench.world.tube
    physics.on_change(lambda _: powers.append(physics.programmed_voltage_kv * physics.programmed_current_ma))
    bench.wire.state.enable_filament(True)
    bench.world.clock.sleep(1.5)
    tube.set_operating_point(20, 1.5)
    tube.set_operating_point(60, 0.5)
    assert max(powers) <= 30.1


def test_watchdog_is_fed_while_the_program_lives_and_trips_when_it_does_not(served: Callable[..., Bench]) -> None:
    bench = served(watchdog_s=5.0)
    tube = bench.tube()
    assert tube.arm_watchdog(10.0)
    tube.set_operating_point(50, 1)
    tube.switch_on()
    bench.world.clock.sleep(60)
    assert bench.world.tube.high_voltage_on
    assert not bench.world.clock.failures
    tube.close()
    bench.world.clock.sleep(3)
    assert bench.world.tube.high_voltage_on
    bench.world.clock.sleep(5)
    assert not bench.world.tube.high_voltage_on
    later = bench.tube()
    assert later.status().faults == ("watchdog",)
    later.close()


def test_a_supply_that_does_not_go_off_is_not_kept_alive(served: Callable[..., Bench]) -> None:
    bench = served(watchdog_s=5.0)
    tube = bench.tube()
    assert tube.arm_watchdog(10.0)
    tube.set_operating_point(30, 1)
    tube.switch_on()
    bench.way.cut = True
    with pytest.raises(BeamStateUnknown):
        tube.switch_off()
    bench.way.cut = False
    assert bench.world.tube.high_voltage_on
    bench.world.clock.sleep(10.0)
    assert not bench.world.tube.high_voltage_on
    # and the next beam is watched again
    tube.reset_faults()
    tube.switch_on()
    bench.world.clock.sleep(20.0)
    assert bench.world.tube.high_voltage_on


def test_supply_without_a_watchdog_says_so(tube: SpellmanTube) -> None:
    assert tube.arm_watchdog(10.0) is False


def test_another_spellman_at_the_address_is_refused_by_name(served: Callable[..., Bench]) -> None:
    with pytest.raises(WrongInstrument, match="'SLM50P300' and no 'XRV'"):
        served(model="SLM50P300").tube()


@pytest.mark.parametrize("answer", [b"3261", b"SWM00199-001", b"SWM00199-001,3261,1", b""])
def test_an_identity_with_a_field_too_few_or_too_many_is_no_answer(bench: Bench, answer: bytes) -> None:
    bench.way.replace = lambda reply: b"\x0223," + answer + b",\x03" if reply.startswith(b"\x0223") else reply
    with pytest.raises(WrongInstrument, match="is no Spellman XRV") as refused:
        bench.tube()
    assert "part number and version" in str(refused.value.__cause__)


def test_another_instrument_at_the_address_is_named(bench: Bench) -> None:
    class SourceMeter(WireInstrument):
        def handle(self, message: bytes) -> bytes | None:
            return b"KEITHLEY INSTRUMENTS,MODEL 2450,04096331,1.7.12b\n" if message.endswith(b"*IDN?") else None

    resource = bench.server.serve_tcp("source_meter", SourceMeter())
    with pytest.raises(WrongInstrument, match=r"tube at TCPIP.*no Spellman XRV but 'KEITHLEY INSTRUMENTS,MODEL 2450"):
        SpellmanTube(resource, SpellmanOptions(timeout_s=0.2), bench.surroundings)


def test_nobody_at_the_address_is_a_lost_connection_at_once() -> None:
    with pytest.raises(ConnectionLost, match=r"nobody answers at TCPIP::127\.0\.0\.1::1::SOCKET"):
        SpellmanTube("TCPIP::127.0.0.1::1::SOCKET", SpellmanOptions(timeout_s=5))


def test_two_threads_on_one_tube_never_get_each_others_answers(bench: Bench, tube: SpellmanTube) -> None:
    tube.set_operating_point(50, 1)
    wrong: list[object] = []

    def ask_set_points() -> None:
        for _ in range(2000):
            with tube.lock:
                voltage = tube.supply.unscaled.voltage_setpoint
            if voltage != 1280:
                wrong.append(voltage)

    def ask_currents() -> None:
        for _ in range(2000):
            with tube.lock:
                current = tube.supply.unscaled.current_setpoint
            if current != 819:
                wrong.append(current)

    threads = [threading.Thread(target=target) for target in (ask_set_points, ask_currents)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_pymeasures_own_driver_reads_what_the_world_holds(bench: Bench) -> None:
    theirs = SpellmanXRV(bench.resource, query_delay=0)
    theirs.filament.enabled = True
    bench.world.clock.sleep(2)
    theirs.voltage_setpoint = 50e3
    theirs.current_setpoint = 1e-3
    theirs.output_enabled = True
    bench.world.clock.sleep(5)
    assert theirs.voltage_setpoint == pytest.approx(50e3, abs=20)
    assert theirs.voltage == pytest.approx(bench.world.tube.voltage_kv() * 1e3, rel=0.003)
    assert theirs.analog_monitor["current"] == pytest.approx(bench.world.tube.current_ma() * 1e-3, rel=0.005)
    assert theirs.errors == ErrorCode.NO_ERROR
    assert theirs.output_enabled
    assert theirs.power_limits == [800, 800]
    bench.world.tube.arc()
    assert theirs.errors == ErrorCode.ANODE_ARC
    theirs.reset_errors()
    assert theirs.errors == ErrorCode.NO_ERROR
    theirs.adapter.close()


def test_pymeasures_own_driver_can_ask_and_set_everything_it_knows(bench: Bench) -> None:
    theirs = SpellmanXRV(bench.resource, query_delay=0)
    assert theirs.scaling == {"voltage": 160_000, "current": 5e-3, "polarity": 0}
    assert theirs.hv_on_timer == 0
    assert theirs.dsp == ["SWM00199-001", 3261]
    assert theirs.fpga == ["SWM00200-001", 3261]
    assert theirs.configuration["watchdog_timer"] == 0
    assert theirs.configuration["max_kV"] == 160
    assert 20 < theirs.temperature < 40
    assert theirs.system_voltages["lvps_neg"] == pytest.approx(15, abs=0.1)
    assert theirs.unscaled.system_voltages["reserved"] == 0
    assert theirs.unscaled.lvps_monitor == 2601
    assert theirs.unscaled.voltage < 10
    theirs.filament.limit = 2000
    theirs.filament.preheat = 900
    assert (theirs.filament.limit, theirs.filament.preheat) == (2000, 900)
    theirs.filament.large_size_enabled = True
    theirs.power_limits = (300, 100)
    assert theirs.power_limits == [300, 100]
    theirs.baudrate = 9600
    theirs.reset_hv_on_timer()
    with pytest.raises(ValueError, match=r"not in range"):
        theirs.voltage_setpoint = 161e3
    theirs.adapter.close()


# Exchanges of PyMeasure's tests/instruments/spellmanhv/test_spellmanXRV.py, with checksums as on a serial line.
SCALE_ASKED = (f"{STX}28,j", f"{STX}28,160,30,0,|")


def test_our_supply_on_pymeasures_exchanges() -> None:
    exchanges = [
        SCALE_ASKED,
        (f"{STX}10,1280,|", f"{STX}10,$,c"),
        (f"{STX}14,o", f"{STX}14,1280,x"),
        (f"{STX}19,j", f"{STX}19,1234,2977,3783,512,768,6,7,899,~"),
        (f"{STX}68,f", f"{STX}68,0,0,0,0,0,0,0,0,0,0,0,1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,q"),
        (f"{STX}60,n", f"{STX}60,4095,p"),
        (f"{STX}31,p", f"{STX}31,$,`"),
    ]
    with expected_protocol(XRVSupply, exchanges) as supply:
        supply.voltage_setpoint = 50e3
        assert supply.voltage_setpoint == pytest.approx(1280 / 4095 * 160e3, rel=1e-12)  # PyMeasure rounds it
        assert supply.analog_monitor["voltage"] == pytest.approx(1.2 * 160e3 * 1234 / 4095)
        assert supply.errors == ErrorCode.ANODE_ARC
        assert supply.voltage == pytest.approx(1.2 * 160e3)
        supply.reset_errors()


def test_wrong_checksum_on_a_serial_line_is_a_bad_reply() -> None:
    with (
        expected_protocol(XRVSupply, [SCALE_ASKED, (f"{STX}60,n", f"{STX}60,4095,q")]) as supply,
        pytest.raises(BadReply, match="damaged"),
    ):
        _ = supply.voltage


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals on Windows")
def test_on_a_serial_line_every_message_has_its_checksum(served: Callable[..., Bench]) -> None:
    bench = served(checksum=True)
    resource = bench.server.serve_serial("tube", bench.wire)
    tube = SpellmanTube(resource, SpellmanOptions(timeout_s=0.5, filament_warm_up_s=1.0), bench.surroundings)
    with tube.beam(50, 1) as status:
        assert status.voltage_kv == pytest.approx(50, rel=0.02)
    assert b"\x0298,1,F" in bench.wire.received
    bench.way.replace = lambda reply: reply.replace(b"22,0", b"22,1")
    with pytest.raises(BadReply, match="damaged"):
        tube.status()
    bench.way.replace = None
    assert not tube.status().beam_on
    tube.close()


def test_shutdown_of_the_supply_switches_off(bench: Bench, tube: SpellmanTube) -> None:
    tube.set_operating_point(50, 1)
    tube.switch_on()
    tube.supply.shutdown()
    assert not bench.world.tube.high_voltage_on
