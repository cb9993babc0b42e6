"""A served bench: every instrument of the file at an address of loopback, in one world."""

from __future__ import annotations

import contextlib
import importlib
import socket
import sys
import time
from typing import Any

import pytest
import pyvisa

from config.bench_file import BenchFile, Geometry
from config.loading import available, bench_file, check, sample_file
from config.mistake import UserMistake
from config.sample_file import Sample
from sim_instruments.faults import Fault, FaultKind
from sim_instruments.served_bench import SIMULATIONS, ServedBench
from sim_instruments.wire.server import WireInstrument

TUBE = {"driver": "spellman-xrv", "resource": "sim"}


def bench_of(**instruments: dict[str, Any]) -> BenchFile:
    return BenchFile.model_validate({"name": "some", "instruments": instruments, "simulation": {}})


def asked_for_its_model(resource: str, timeout: float = 2.0) -> bytes:
    _, host, port, _ = resource.split("::")
    with socket.create_connection((host, int(port)), timeout=timeout) as connection:
        connection.sendall(b"\x0226,\x03")
        return connection.recv(100)


@pytest.mark.parametrize("driver", SIMULATIONS)
def test_every_simulation_is_a_wire(driver: str) -> None:
    module, _, name = SIMULATIONS[driver][0].partition(":")
    assert issubclass(getattr(importlib.import_module(module), name), WireInstrument)


def test_the_shipped_bench_is_served_whole_and_quickly() -> None:
    file = bench_file("sim").content
    sample = sample_file("dong24-tio2").content
    ServedBench(file, sample).close()  # imports
    start = time.perf_counter()
    with ServedBench(file, sample) as served:
        took = time.perf_counter() - start
        assert set(served.resources) == set(file.entries)
        assert all("127.0.0.1" in resource for resource in served.resources.values())
        assert served.driver_options == {"spectrometer": {"usb_backend": "sim_instruments.wire.usb_tunnel"}}
        assert b"XRV" in asked_for_its_model(served.resources["tube"])
    assert took < 0.5


@pytest.mark.skipif(sys.platform == "darwin", reason="loopback has one address there")
def test_what_is_served_listens_on_loopback_only() -> None:
    with ServedBench(bench_of(tube=TUBE)) as served:
        port = int(served.resources["tube"].split("::")[2])
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as elsewhere:
            # another address of this machine is still free: nobody listens on all of them
            elsewhere.bind(("127.0.0.2", port))


@pytest.mark.parametrize("name", available("samples"))
def test_every_shipped_sample_has_a_truth_that_the_world_knows(name: str) -> None:
    sample = sample_file(name).content
    with ServedBench(bench_of(tube=TUBE), sample) as served:
        world = served.world
        if sample.kind == "scintillator":
            assert world.photoconductor is None
            assert world.scintillator is not None
            assert world.scintillator.truth.thickness_m == pytest.approx(sample.thickness_m)
        else:
            assert world.scintillator is None
            assert world.photoconductor is not None
            assert world.photoconductor.truth.area_m2 == pytest.approx(sample.area_m2)


@pytest.mark.parametrize(
    ("name", "sensitivity", "lod"),
    [("dong24-tio2", 13_700, 20.9), ("dong24-mixed", 6000, 44.2), ("dong24-ch3nh2", 3700, 55.8)],
)
def test_the_papers_detectors_are_true_to_the_paper(name: str, sensitivity: float, lod: float) -> None:
    with ServedBench(bench_of(tube=TUBE), sample_file(name).content) as served:
        assert served.world.truth("sensitivity", field=-100.0) == pytest.approx(sensitivity, rel=1e-6)
        assert served.world.truth("lod_interpolated", field=-100.0) == pytest.approx(lod, rel=0.01)


def test_a_sample_without_a_truth_leaves_the_holder_empty() -> None:
    sample = sample_file("dong24-tio2").content.model_copy(update={"world": {}})
    with ServedBench(bench_of(tube=TUBE), sample) as served:
        assert served.world.photoconductor is None


def test_the_geometry_reaches_the_beam() -> None:
    geometry = check(
        {
            "distance_m": 0.5,
            "filters": [
                {"material": "Al", "thickness_mm": 0.1},
                {"material": "Al", "thickness_mm": 0.3},
            ],
        },
        Geometry,
        "geometry",
    )
    with ServedBench(bench_of(tube=TUBE), geometry=geometry) as served:
        beam = served.world.beam.geometry
        assert dict(beam.filters) == pytest.approx({"Al": 0.4e-3})
        assert beam.distance_m == 0.5


def test_the_worlds_parameters_come_from_the_bench_file() -> None:
    table = {
        "name": "some",
        "instruments": {"tube": TUBE},
        "simulation": {"world": {"dosimeter": {"calibration_error": 0.03}}},
    }
    with ServedBench(BenchFile.model_validate(table)) as served:
        assert served.world.dosimeter.parameters.calibration_error == 0.03


@pytest.mark.parametrize(
    ("world", "named"),
    [
        ({"dosimetre": {}}, "dosimetre"),
        ({"dosimeter": {"calibration_eror": 0.1}}, "calibration_eror"),
        ({"dosimeter": {"calibration_error": "guess"}}, "guess"),
        ({"tube": {"ripple_time": -1.0}}, "ripple_time"),
    ],
)
def test_wrong_parameters_of_the_world_are_the_users_mistake(world: dict[str, Any], named: str) -> None:
    file = BenchFile.model_validate({"name": "some", "instruments": {"tube": TUBE}, "simulation": {"world": world}})
    with pytest.raises(UserMistake, match=rf"bench 'some': simulation\.world: .*{named}"):
        ServedBench(file)


def test_a_filter_of_an_unknown_material_is_the_users_mistake() -> None:
    geometry = check({"filters": [{"material": "Unobtainium", "thickness_mm": 0.1}]}, Geometry, "geometry")
    with pytest.raises(UserMistake, match=r"geometry\.filters: .*0\.1 mm Unobtainium"):
        ServedBench(bench_of(tube=TUBE), geometry=geometry)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"model": "crystal"}, "world"),
        ({"sensitivty": 1.0}, r"world\.sensitivty"),
        ({"sensitivity": -1.0}, r"world\.sensitivity"),
    ],
)
def test_a_wrong_truth_of_a_sample_is_the_users_mistake(change: dict[str, Any], named: str) -> None:
    shipped = sample_file("dong24-tio2").content
    sample = Sample.model_validate(shipped.model_dump() | {"world": shipped.world | change})
    with pytest.raises(UserMistake, match=f"sample 'TiO2 Q-2D perovskite': {named}"):
        ServedBench(bench_of(tube=TUBE), sample)


@pytest.mark.parametrize(
    ("instruments", "message"),
    [
        (
            {"tube": {"driver": "spelman-xrv"}},
            r"instruments\.tube\.driver: 'spelman-xrv' has no simulation; did you mean",
        ),
        ({"camera": {"driver": "my.lab:Camera"}}, r"instruments\.camera\.driver: 'my.lab:Camera' has no simulation"),
        (
            {"tube": {"driver": "spellman-xrv", "resource": "TCPIP::192.168.0.10::50001::SOCKET"}},
            "a simulated bench has no hardware, write 'sim'",
        ),
        ({"tube": {"driver": "spellman-xrv", "resource": "sim-serial"}}, "only the sr570 has a serial line"),
    ],
)
def test_what_cannot_be_simulated_is_named_and_nothing_is_served(
    instruments: dict[str, dict[str, Any]], message: str
) -> None:
    with pytest.raises(UserMistake, match=message):
        ServedBench(bench_of(**instruments))


def test_a_dose_table_has_no_wire() -> None:
    with ServedBench(bench_of(tube=TUBE, dosimeter={"driver": "dose-table", "resource": "beam.h5"})) as served:
        assert set(served.resources) == {"tube"}


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_the_preamplifier_can_be_on_a_serial_line() -> None:
    with ServedBench(bench_of(preamp={"driver": "sr570", "resource": "sim-serial"})) as served:
        assert served.resources["preamp"].startswith("ASRL/dev/")
        manager = pyvisa.ResourceManager("@py")
        line: Any = manager.open_resource(served.resources["preamp"], write_termination="\r\n")
        line.write("SENS 12")
        for _ in range(100):  # the pseudo-terminal's thread has a clock of its own
            served.clock.sleep(0.1)
            if served.world.preamp.sensitivity == pytest.approx(1e-8):
                break
        assert served.world.preamp.sensitivity == pytest.approx(1e-8)
        line.close()
        manager.close()


def test_faults_given_at_the_start_happen() -> None:
    fault = Fault(FaultKind.DOOR_OPENED, at=1.0)
    with ServedBench(bench_of(tube=TUBE), faults=(fault,)) as served:
        assert served.world.tube.interlock_closed
        served.clock.sleep(2.0)
        assert not served.world.tube.interlock_closed


def test_a_lost_connection_is_closed_and_refused_until_it_is_cleared() -> None:
    with ServedBench(bench_of(tube=TUBE)) as served:
        served.world.faults.add(Fault(FaultKind.LOST_CONNECTION, "tube"))
        with contextlib.suppress(ConnectionError):
            assert asked_for_its_model(served.resources["tube"]) == b""
        served.world.faults.clear()
        assert b"XRV" in asked_for_its_model(served.resources["tube"])


def test_a_closed_bench_listens_no_more_and_its_clock_ends_every_wait() -> None:
    served = ServedBench(bench_of(tube=TUBE))
    served.close()
    served.close()
    with pytest.raises(OSError, match="refused"):
        asked_for_its_model(served.resources["tube"], timeout=1.0)
    assert served.clock.sleep(1.0) is False


@pytest.mark.parametrize(("speed", "expected"), [("max", float("inf")), (1.0, 1.0), (20, 20)])
def test_time_runs_as_asked(speed: Any, expected: float) -> None:
    with ServedBench(bench_of(tube=TUBE), speed=speed) as served:
        assert served.clock.speed == expected


def test_the_same_seed_makes_the_same_individual() -> None:
    def offsets(seed: int) -> list[int]:
        with ServedBench(bench_of(tube=TUBE), seed=seed) as served:
            return [int(count) for count in served.world.spectrometer.expose(0.01)[:20]]

    assert offsets(7) == offsets(7) != offsets(8)
