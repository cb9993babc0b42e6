"""A camera over a socket, and the simulated one behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from config.mistake import UserMistake
from drivers.errors import BadReply, ConnectionLost, Inhibited, InstrumentError, WrongInstrument
from drivers.frame_stream import FrameStreamCamera, FrameStreamOptions
from drivers.roles import Region, Surroundings
from sim_instruments.faults import Fault, FaultKind
from sim_instruments.wire.frame_camera import FrameCameraWire
from sim_instruments.wire.server import WireServer
from sim_instruments.wire.wire_faults import WireFaults
from sim_instruments.world.clock import VirtualClock
from sim_instruments.world.world import World


@dataclass
class Bench:
    world: World
    wire: FrameCameraWire
    surroundings: Surroundings
    resource: str
    opened: list[FrameStreamCamera]

    def open(self, **options: Any) -> FrameStreamCamera:
        camera = FrameStreamCamera(
            self.resource, FrameStreamOptions(**({"timeout_s": 1.0} | options)), self.surroundings
        )
        self.opened.append(camera)
        return camera

    def beam(self, kv: float = 60.0, ma: float = 2.0) -> None:
        self.world.tube.set_voltage_kv(kv)
        self.world.tube.set_current_ma(ma)
        assert self.world.tube.switch_on()
        self.world.clock.sleep(5.0)


@pytest.fixture
def serve() -> Iterator[Callable[..., Bench]]:
    closing: list[Callable[[], None]] = []

    def start(**camera: Any) -> Bench:
        world = World(11, VirtualClock(), settings={"camera": camera})
        wire = FrameCameraWire(world)
        server = WireServer(world.clock, world.lock, WireFaults(world.faults))
        bench = Bench(world, wire, Surroundings(clock=world.clock), server.serve_tcp("camera", wire), [])
        closing.append(lambda: ([camera.close() for camera in bench.opened], world.close(), server.close()))
        return bench

    yield start
    for close in closing:
        close()


def test_a_camera_says_what_it_is_and_can(serve):
    camera = serve().open(magnification=4.0)
    assert camera.identity.model == "DMK21BUxx (simulated)"
    assert camera.sensor_shape == (480, 640)
    assert camera.pixel_size == pytest.approx(1.4e-6)
    assert camera.pixel_formats == ("Mono8",)
    assert camera.exposure_limits == (1e-4, 60.0)
    assert camera.settings()["trigger"] == "internal"


def test_a_frame_is_exposed_after_it_was_asked_for_and_for_as_long_as_was_set(serve):
    bench = serve()
    camera = bench.open()
    camera.set_exposure(5.0)
    before = bench.world.clock.now()
    frame = camera.frame()
    assert 5.0 <= bench.world.clock.now() - before < 5.3
    assert frame.exposure_time == 5.0
    assert frame.pixels.shape == (480, 640)
    assert frame.full_scale == 255


def test_the_beam_is_seen_only_while_it_is_on(serve):
    bench = serve()
    camera = bench.open()
    camera.set_exposure(20.0)
    dark = camera.frame().pixels.mean()
    bench.beam()
    bright = camera.frame().pixels.mean()
    bench.world.tube.switch_off()
    bench.world.clock.sleep(10.0)
    assert bright > dark + 20
    assert camera.frame().pixels.mean() == pytest.approx(dark, abs=1.0)


def test_a_region_is_the_same_part_of_the_image(serve):
    bench = serve(prnu=0.2, bits=12, full_well=2e6, hits_per_gray_m2=0.0, kind="ma21", dead_fraction=0.0)
    camera = bench.open()
    bench.beam()
    camera.set_exposure(10.0)
    whole = camera.frame().pixels.astype(float)
    camera.set_region(Region(100, 40, 96, 64))
    part = camera.frame().pixels.astype(float)
    assert part.shape == (64, 96)
    assert np.corrcoef(part.ravel(), whole[40:104, 100:196].ravel())[0, 1] > 0.9
    with pytest.raises(UserMistake, match="is not on the sensor"):
        camera.set_region(Region(1000, 0, 96, 64))


@pytest.mark.parametrize("name", ["Mono8", "Mono10", "Mono10p", "Mono12", "Mono12p", "Mono12Packed"])
def test_every_pixel_format_carries_the_same_image(serve, name):
    bench = serve(bits=12, columns=101, rows=33, prnu=0.2, read_noise=0.0, dark_rate=0.0, offset=0.3, hit_electrons=0.0)
    camera = bench.open(pixel_format=name)
    frame = camera.frame()
    dark = 0.3 * 4095 / 4095 * frame.full_scale
    assert frame.pixels.shape == (33, 101)
    assert np.median(frame.pixels) == pytest.approx(dark, abs=1.5)


def test_frames_come_at_the_cameras_own_pace_and_none_is_lost(serve):
    bench = serve(columns=64, rows=48)
    camera = bench.open()
    camera.set_exposure(0.02)
    before = bench.world.clock.now()
    frames = list(camera.frames(50))
    took = bench.world.clock.now() - before
    assert [frame.number for frame in frames] == list(range(frames[0].number, frames[0].number + 50))
    assert took == pytest.approx(50 * 0.02, rel=0.1)
    assert (camera.lost_frames, camera.incomplete_frames) == (0, 0)


def test_frames_that_nobody_fetched_in_time_are_counted_as_lost(serve):
    bench = serve(columns=64, rows=48)
    camera = bench.open()
    camera.set_exposure(0.02)
    taken = camera.frames(3)
    first = next(taken)
    bench.world.clock.sleep(2.0)  # a hundred frames; the camera holds sixteen
    second, third = list(taken)
    assert camera.lost_frames == second.number - first.number - 1
    assert 75 <= camera.lost_frames <= 90
    assert third.number == second.number + 1


def test_an_incomplete_frame_is_counted_and_never_returned(serve):
    bench = serve(columns=64, rows=48)
    camera = bench.open()
    bench.world.faults.add(Fault(FaultKind.INCOMPLETE_FRAME, "camera", count=2))
    frames = list(camera.frames(3))
    assert camera.incomplete_frames == 2
    assert len(frames) == 3
    bench.world.faults.add(Fault(FaultKind.INCOMPLETE_FRAME, "camera"))
    with pytest.raises(InstrumentError, match="20 buffers in a row were incomplete"):
        camera.frame()


def test_a_software_trigger_takes_each_frame_when_it_is_asked_for(serve):
    bench = serve(columns=64, rows=48)
    camera = bench.open()
    camera.set_trigger("software")
    numbers = []
    for frame in camera.frames(4):
        numbers.append(frame.number)
        bench.world.clock.sleep(3.0)
    assert np.all(np.diff(numbers) == 1)
    assert camera.lost_frames == 0


def test_a_trigger_that_never_comes_is_a_lost_frame(serve):
    camera = serve(columns=64, rows=48).open()
    camera.set_trigger("external")
    with pytest.raises(ConnectionLost, match=r"no frame within 3 s \(external trigger\); command 'FRAM:READ\?'"):
        camera.frame(timeout=3.0)


def test_a_bench_that_is_told_to_stop_ends_a_long_exposure(serve):
    bench = serve(columns=64, rows=48)
    camera = bench.open()
    camera.set_exposure(60.0)
    bench.world.clock.call_at(bench.world.clock.now() + 2.0, bench.surroundings.stop.set)
    with pytest.raises(Inhibited):
        camera.frame()
    assert bench.world.clock.now() < 10.0


def test_what_a_camera_lacks_is_named(serve):
    camera = serve(kind="dong24").open()
    assert camera.sensor_shape == (64, 64)
    assert camera.pixel_size == pytest.approx(200e-6)
    with pytest.raises(UserMistake, match=r"no gain that can be set \(GAIN:LIM\? is missing\)"):
        camera.set_gain(3.0)
    with pytest.raises(UserMistake, match="no trigger"):
        camera.set_trigger("software")
    with pytest.raises(UserMistake, match="exposure 1000 s is not within"):
        camera.set_exposure(1000.0)
    with pytest.raises(UserMistake, match="no pixel format 'Mono14'"):
        camera.set_pixel_format("Mono14")


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (FaultKind.GARBAGE_REPLY, BadReply),
        (FaultKind.TRUNCATED_REPLY, ConnectionLost),
        (FaultKind.SILENT, ConnectionLost),
        (FaultKind.LOST_CONNECTION, ConnectionLost),
    ],
)
def test_a_disturbed_line_gives_an_error_and_then_frames_again(serve, fault, error):
    bench = serve(columns=64, rows=48)
    camera = bench.open(timeout_s=0.2)
    bench.world.faults.add(Fault(fault, "camera", count=1))
    if fault is FaultKind.LOST_CONNECTION:
        bench.world.faults.add(Fault(fault, "camera", duration=0.01))
    with pytest.raises(error):
        _ = camera.gain
    bench.world.faults.clear()
    assert camera.gain == 0.0
    assert camera.frame().pixels.shape == (48, 64)


def test_a_frame_that_is_cut_short_on_its_way_is_no_frame(serve):
    bench = serve(columns=64, rows=48)
    camera = bench.open(timeout_s=0.2, transfer_timeout_s=0.2)
    taken = camera.frames(5)
    next(taken)
    bench.world.clock.sleep(1.0)
    bench.world.faults.add(Fault(FaultKind.TRUNCATED_REPLY, "camera", count=1))
    with pytest.raises(ConnectionLost, match="FRAM:READ"):
        next(taken)


def test_another_instrument_at_the_address_is_named():
    from sim_instruments.wire.keithley_2450 import Keithley2450Wire

    world = World(11, VirtualClock())
    server = WireServer(world.clock, world.lock)
    address = server.serve_tcp("camera", Keithley2450Wire(world))
    with pytest.raises(WrongInstrument, match="MODEL 2450"):
        FrameStreamCamera(address, FrameStreamOptions(timeout_s=0.3), Surroundings(clock=world.clock))
    world.close()
    server.close()


def test_an_address_that_is_none_is_the_users_mistake():
    with pytest.raises(UserMistake, match="is no address of the form TCPIP"):
        FrameStreamCamera("COM3")
    with pytest.raises(ConnectionLost, match="nobody answers"):
        FrameStreamCamera("TCPIP::127.0.0.1::1::SOCKET", FrameStreamOptions(timeout_s=0.3))
