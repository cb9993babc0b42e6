"""The simulated USB2000+ answers pyusb and an unmodified seabreeze as the data sheet says."""

from __future__ import annotations

import errno
import gc
import struct
import subprocess
import sys
import time
from collections.abc import Iterator

import numpy as np
import pytest
import usb.core

from config.bench_file import BenchFile
from config.sample_file import Sample
from sim_instruments.faults import Fault, FaultKind
from sim_instruments.served_bench import ServedBench
from sim_instruments.wire import usb_tunnel

COMMANDS, ANSWERS, SPECTRA = 0x01, 0x81, 0x82

SAMPLE = Sample(
    name="green",
    kind="scintillator",
    composition="CsPbBr3",
    density_g_cm3=4.8,
    thickness_um=25,
    world={"model": "scintillator", "light_yield_per_mev": 1000, "lines": [{"peak_nm": 526, "fwhm_nm": 21}]},
)
BENCH = BenchFile.model_validate(
    {
        "name": "one-spectrometer",
        "instruments": {"spectrometer": {"driver": "ocean-optics", "resource": "sim"}},
        "simulation": {},
    }
)


@pytest.fixture
def served() -> Iterator[ServedBench]:
    with ServedBench(BENCH, SAMPLE, seed=3) as bench:
        yield bench
    gc.collect()


@pytest.fixture
def device(served: ServedBench) -> Iterator[usb.core.Device]:
    device = plugged_in(served)
    assert device is not None
    device.set_configuration()
    yield device
    usb.util.dispose_resources(device)


def plugged_in(bench: ServedBench) -> usb.core.Device | None:
    return usb.core.find(
        idVendor=0x2457, idProduct=0x101E, backend=usb_tunnel.get_backend(bench.resources["spectrometer"])
    )


def asked(device: usb.core.Device, command: bytes, length: int = 64) -> bytes:
    device.write(COMMANDS, command)
    return device.read(ANSWERS, length).tobytes()


def test_the_descriptors_are_those_of_a_usb2000_plus(device: usb.core.Device) -> None:
    interface = device.get_active_configuration()[(0, 0)]
    assert {endpoint.bEndpointAddress: endpoint.wMaxPacketSize for endpoint in interface} == {
        0x01: 512,
        0x82: 512,
        0x86: 512,
        0x81: 64,
    }
    assert all(endpoint.bmAttributes == 2 for endpoint in interface)


def test_the_eeprom_holds_serial_number_and_calibration(device: usb.core.Device, served: ServedBench) -> None:
    slots = [asked(device, bytes([0x05, slot]), 17) for slot in range(18)]
    assert all(len(answer) == 17 and answer[:2] == bytes([0x05, slot]) for slot, answer in enumerate(slots))
    texts = [answer[2:].split(b"\0")[0].decode() for answer in slots[:15]]
    world = served.world.spectrometer
    assert texts[0] == "SIM00001"
    assert [float(text) for text in texts[1:5]] == pytest.approx(world.wavelength_coefficients, rel=1e-6)
    count = len(world.nonlinearity_coefficients)
    assert [float(text) for text in texts[6 : 6 + count]] == pytest.approx(world.nonlinearity_coefficients, rel=1e-6)
    assert int(texts[14]) == count - 1
    assert struct.unpack_from("<H", slots[17], 6)[0] == 65535


def test_a_slot_that_is_written_is_read_back(device: usb.core.Device) -> None:
    device.write(COMMANDS, b"\x06\x05" + b"0.25".ljust(15, b"\0"))
    assert asked(device, b"\x05\x05", 17)[2:] == b"0.25".ljust(15, b"\0")


def test_the_status_tells_pixels_time_trigger_and_speed(device: usb.core.Device) -> None:
    device.write(COMMANDS, struct.pack("<BI", 0x02, 25_000))
    device.write(COMMANDS, struct.pack("<BH", 0x0A, 3))
    device.write(COMMANDS, struct.pack("<BH", 0x03, 1))
    status = asked(device, b"\xfe", 16)
    assert len(status) == 16
    assert struct.unpack_from("<HIBB", status) == (2048, 25_000, 1, 3)
    assert status[14] == 0x80
    device.write(COMMANDS, b"\x01")
    assert struct.unpack_from("<HIBB", asked(device, b"\xfe", 16)) == (2048, 25_000, 0, 0)


@pytest.mark.parametrize("microseconds", [0, 999, 65_535_001, 2**32 - 1])
def test_an_impossible_integration_time_is_ignored(device: usb.core.Device, microseconds: int) -> None:
    device.write(COMMANDS, struct.pack("<BI", 0x02, 10_000))
    device.write(COMMANDS, struct.pack("<BI", 0x02, microseconds))
    assert struct.unpack_from("<HI", asked(device, b"\xfe", 16))[1] == 10_000


def test_registers_hold_what_is_written_and_the_version_does_not_change(device: usb.core.Device) -> None:
    device.write(COMMANDS, struct.pack("<BBH", 0x6A, 0x08, 1234))
    assert asked(device, b"\x6b\x08", 3) == struct.pack("<BH", 0x08, 1234)
    version = asked(device, b"\x6b\x04", 3)
    device.write(COMMANDS, struct.pack("<BBH", 0x6A, 0x04, 0x3000))
    assert asked(device, b"\x6b\x04", 3) == version
    assert struct.unpack("<BH", version)[1] >> 12 < 3


@pytest.mark.parametrize("command", [b"\xee", b"\x02\x01", b"\x05", b"\x6b", b""])
def test_what_it_does_not_understand_is_not_answered(device: usb.core.Device, command: bytes) -> None:
    device.write(COMMANDS, command)
    with pytest.raises(usb.core.USBTimeoutError):
        device.read(ANSWERS, 64, timeout=50)
    assert asked(device, b"\x05\x00", 17)[2:10] == b"SIM00001"


def test_a_spectrum_is_the_exposure_that_is_going_on_and_comes_at_its_end(
    device: usb.core.Device, served: ServedBench
) -> None:
    device.write(COMMANDS, struct.pack("<BI", 0x02, 200_000))
    served.clock.sleep(1.0)  # exposures end at 0.1 s, 0.3 s, ... 0.9 s, 1.1 s
    device.write(COMMANDS, b"\x09")
    spectrum = device.read(SPECTRA, 4097, timeout=1000).tobytes()
    assert served.clock.now() == pytest.approx(1.1, abs=1e-6)
    assert len(spectrum) == 4097
    assert spectrum[-1] == 0x69
    counts = np.frombuffer(spectrum[:-1], dtype="<u2")
    assert counts.mean() == pytest.approx(1500, abs=10)


def test_packets_can_be_read_one_by_one(device: usb.core.Device) -> None:
    device.write(COMMANDS, b"\x09")
    packets = [device.read(SPECTRA, 512, timeout=1000).tobytes() for _ in range(9)]
    assert [len(packet) for packet in packets] == [512] * 8 + [1]
    assert packets[-1] == b"\x69"


def test_a_read_that_is_not_patient_enough_gets_the_spectrum_later(
    device: usb.core.Device, served: ServedBench
) -> None:
    device.write(COMMANDS, struct.pack("<BI", 0x02, 2_000_000))
    served.clock.sleep(1.0)
    device.write(COMMANDS, b"\x09")
    before = served.clock.now()
    with pytest.raises(usb.core.USBTimeoutError):
        device.read(SPECTRA, 4097, timeout=500)
    assert served.clock.now() == pytest.approx(before + 0.5, abs=1e-6)
    assert len(device.read(SPECTRA, 4097, timeout=2000)) == 4097


def test_with_a_hardware_trigger_no_spectrum_comes(device: usb.core.Device) -> None:
    device.write(COMMANDS, struct.pack("<BH", 0x0A, 3))
    device.write(COMMANDS, b"\x09")
    with pytest.raises(usb.core.USBTimeoutError):
        device.read(SPECTRA, 4097, timeout=10_000)


def test_a_halted_endpoint_and_a_truncated_packet_are_seen_as_such(
    device: usb.core.Device, served: ServedBench
) -> None:
    served.world.faults.add(Fault(FaultKind.SILENT, "spectrometer", count=1, detail="stall"))
    device.write(COMMANDS, b"\x05\x00")
    with pytest.raises(usb.core.USBError) as caught:
        device.read(ANSWERS, 17)
    assert caught.value.errno == errno.EPIPE
    served.world.faults.add(Fault(FaultKind.TRUNCATED_REPLY, "spectrometer", count=1))
    assert len(device.read(ANSWERS, 17)) == 8


def test_an_unplugged_device_is_gone_for_transfers_and_searches(device: usb.core.Device, served: ServedBench) -> None:
    served.world.faults.add(Fault(FaultKind.LOST_CONNECTION, "spectrometer"))
    with pytest.raises(usb.core.USBError) as caught:
        device.write(COMMANDS, b"\x09")
    assert caught.value.errno == errno.ENODEV
    assert plugged_in(served) is None
    served.world.faults.clear()
    assert plugged_in(served) is not None


def test_faults_of_others_leave_it_alone(device: usb.core.Device, served: ServedBench) -> None:
    served.world.faults.add(Fault(FaultKind.LOST_CONNECTION, "tube"))
    served.world.faults.add(Fault(FaultKind.GARBAGE_REPLY, "tube"))
    assert asked(device, b"\x05\x00", 17)[2:10] == b"SIM00001"


def test_a_closed_bench_is_an_unplugged_device(served: ServedBench) -> None:
    device = plugged_in(served)
    assert device is not None
    device.set_configuration()
    device.write(COMMANDS, b"\x01")
    served.close()
    with pytest.raises(usb.core.USBError) as caught:
        device.write(COMMANDS, b"\x01")
    assert caught.value.errno == errno.ENODEV
    usb.util.dispose_resources(device)


def test_another_program_looking_for_devices_does_not_lose_an_answer(
    device: usb.core.Device, served: ServedBench
) -> None:
    device.write(COMMANDS, b"\x05\x00")
    assert plugged_in(served) is not None
    assert device.read(ANSWERS, 17).tobytes()[2:10] == b"SIM00001"


@pytest.mark.parametrize("resource", ["", "usb-sim://", "usb-sim://127.0.0.1", "http://127.0.0.1:80", "USB2000PLUS"])
def test_an_address_of_another_kind_is_refused(resource: str) -> None:
    with pytest.raises(ValueError, match="no address of a simulated spectrometer"):
        usb_tunnel.get_backend(resource)


CLIENT = """
import json, sys, time
import seabreeze
from sim_instruments.wire import usb_tunnel

usb_tunnel.register(sys.argv[1], "served_elsewhere")
seabreeze.use("pyseabreeze", pyusb_backend="served_elsewhere", network_adapter="127.0.0.1")
from seabreeze.spectrometers import Spectrometer, list_devices

devices = list_devices()
spectrometer = Spectrometer(devices[0])
spectrometer.integration_time_micros(5000)
spectrometer.intensities()
times = []
for _ in range(40):
    start = time.perf_counter()
    counts = spectrometer.intensities()
    times.append(time.perf_counter() - start)
corrected = spectrometer.intensities(correct_dark_counts=True, correct_nonlinearity=True)
spectrometer.integration_time_micros(300000)
spectrometer.intensities()
print(json.dumps({
    "devices": [str(device) for device in devices],
    "serial": spectrometer.serial_number,
    "model": spectrometer.model,
    "pixels": spectrometer.pixels,
    "full": spectrometer.max_intensity,
    "wavelengths": spectrometer.wavelengths().tolist(),
    "times": times,
    "corrected": float(corrected.mean()),
    "counts": spectrometer.intensities().tolist(),
}))
spectrometer.close()
"""


def test_an_unmodified_seabreeze_in_another_process_reads_what_the_world_holds() -> None:
    import json

    with ServedBench(BENCH, SAMPLE, seed=3, speed=1.0) as bench:
        bench.world.tube.set_voltage_kv(30.0)
        bench.world.tube.set_current_ma(5.0)
        bench.world.tube.switch_on()
        client = subprocess.run(
            [sys.executable, "-W", "ignore:Received OSError", "-c", CLIENT, bench.resources["spectrometer"]],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert client.returncode == 0, client.stderr
        world = bench.world
        scintillator = world.scintillator
        assert scintillator is not None
        seen = json.loads(client.stdout.splitlines()[-1])
        light = world.spectrometer.count_rates(
            scintillator.mean_photon_rate(bench.clock.now() - 0.3, bench.clock.now()), scintillator
        )
    assert seen["devices"] == ["<SeaBreezeDevice USB2000PLUS:SIM00001>"]
    assert (seen["serial"], seen["model"], seen["pixels"], seen["full"]) == ("SIM00001", "USB2000PLUS", 2048, 65535.0)
    np.testing.assert_allclose(seen["wavelengths"], world.spectrometer.wavelengths_nm, rtol=1e-6)
    window = slice(470, 530)
    counts = np.array(seen["counts"])
    assert counts[window].mean() == pytest.approx(1500 + 0.3 * light[window].mean(), rel=0.02)
    assert abs(seen["corrected"]) < 50
    # 5 ms each; the machine may be busy with something else now and then
    assert 0.0045 < float(np.median(seen["times"])) < 0.015


def test_a_spectrum_of_5_ms_costs_less_than_10_ms_more_than_its_exposure() -> None:
    with ServedBench(BENCH, SAMPLE, speed=1.0) as bench:
        device = plugged_in(bench)
        assert device is not None
        device.set_configuration()
        device.write(COMMANDS, struct.pack("<BI", 0x02, 5000))
        bench.clock.sleep(0.15)
        times = []
        for _ in range(20):
            start = time.perf_counter()
            device.write(COMMANDS, b"\x09")
            assert len(device.read(SPECTRA, 4097)) == 4097
            times.append(time.perf_counter() - start)
        usb.util.dispose_resources(device)
    assert float(np.median(times)) < 0.015
