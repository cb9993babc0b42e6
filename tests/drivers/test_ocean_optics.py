"""The spectrometer's driver reads what the simulated world holds, and nothing else passes for a spectrum."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from config.bench_file import BenchFile
from config.mistake import UserMistake
from config.sample_file import Sample
from drivers.errors import BadReply, ConnectionLost, Inhibited, LimitExceeded, WrongInstrument
from drivers.ocean_optics import OceanOpticsOptions, OceanOpticsSpectrometer
from drivers.roles import Surroundings
from drivers.seabreeze_connection import Wanted
from sim_instruments.faults import Fault, FaultKind
from sim_instruments.served_bench import USB_BACKEND, ServedBench

SEED = 5

GREEN = Sample(
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
        "geometry": {"filters": [{"material": "Al", "thickness_mm": 0.4}]},
        "instruments": {"spectrometer": {"driver": "ocean-optics", "resource": "sim"}},
        "simulation": {},
    }
)


@pytest.fixture
def served() -> Iterator[ServedBench]:
    with ServedBench(BENCH, GREEN, seed=SEED) as bench:
        yield bench
    gc.collect()


@pytest.fixture
def opened(served: ServedBench) -> Iterator[OceanOpticsSpectrometer]:
    spectrometer = open_on(served)
    yield spectrometer
    spectrometer.close()


def open_on(bench: ServedBench, **options: Any) -> OceanOpticsSpectrometer:
    return OceanOpticsSpectrometer(
        bench.resources["spectrometer"],
        OceanOpticsOptions(usb_backend=USB_BACKEND, **options),
        Surroundings(clock=bench.clock),
    )


def beam_on(bench: ServedBench, current_ma: float = 2.0) -> None:
    bench.world.tube.set_voltage_kv(30.0)
    bench.world.tube.set_current_ma(current_ma)
    bench.world.tube.switch_on()


def test_it_says_who_it_is_and_what_is_stored_in_it(served: ServedBench, opened: OceanOpticsSpectrometer) -> None:
    world = served.world.spectrometer
    assert str(opened.identity) == "Ocean Optics USB2000PLUS SIM00001"
    assert opened.pixels == 2048
    assert opened.full_scale == 65535
    assert opened.integration_time_limits == (0.001, 65.0)
    np.testing.assert_allclose(opened.wavelengths_nm(), world.wavelengths_nm, rtol=1e-6)
    np.testing.assert_allclose(opened.nonlinearity_coefficients, world.nonlinearity_coefficients, rtol=1e-6)
    assert opened.calibration()["wavelength_coefficient_1"] == pytest.approx(world.wavelength_coefficients[1])
    assert opened.calibration()["nonlinearity_coefficient_0"] == pytest.approx(world.nonlinearity_coefficients[0])


def test_the_light_peaks_where_the_scintillator_emits(served: ServedBench, opened: OceanOpticsSpectrometer) -> None:
    dark = opened.spectrum(0.5, 20)
    beam_on(served)
    served.clock.sleep(3.0)
    lit = opened.spectrum(0.5, 20)
    net = lit.counts - dark.counts
    hot = np.isin(np.arange(2048), served.world.spectrometer.hot_pixels)
    assert opened.wavelengths_nm()[np.argmax(np.where(hot, 0.0, net))] == pytest.approx(526, abs=3)
    scintillator = served.world.scintillator
    assert scintillator is not None
    rate = scintillator.mean_photon_rate(served.clock.now() - 1, served.clock.now())
    expected = served.world.spectrometer.count_rates(rate, scintillator).sum() * 0.5
    # the counts are as the instrument gives them: bent by up to a percent
    assert net.sum() == pytest.approx(expected, rel=0.02)


def test_counts_are_raw_although_a_nonlinearity_correction_is_stored(
    served: ServedBench, opened: OceanOpticsSpectrometer
) -> None:
    exposure = opened.spectrum(0.01)
    assert np.array_equal(exposure.counts, np.rint(exposure.counts))
    assert exposure.counts.mean() == pytest.approx(served.world.spectrometer.parameters.offset, abs=10)
    assert opened.settings()["nonlinearity_corrected"] is False


def test_the_standard_error_is_the_scatter_over_the_root_of_the_averages(opened: OceanOpticsSpectrometer) -> None:
    exposure = opened.spectrum(0.01, 100)
    # read noise 50 counts, rounded counts
    assert np.median(exposure.standard_error) == pytest.approx(5.0, rel=0.05)
    assert exposure.averages == 100
    again = opened.spectrum(0.01, 100)
    pull = (exposure.counts - again.counts) / np.hypot(exposure.standard_error, again.standard_error)
    assert np.std(pull) == pytest.approx(1.0, abs=0.1)


def test_a_single_exposure_has_no_known_error(opened: OceanOpticsSpectrometer) -> None:
    assert np.isnan(opened.spectrum(0.01).standard_error).all()


def test_the_exposure_that_was_going_on_does_not_count(served: ServedBench, opened: OceanOpticsSpectrometer) -> None:
    opened.spectrum(2.0)
    dark = opened.spectrum(2.0).counts
    beam_on(served, 5.0)
    served.clock.sleep(1.0)
    served.world.tube.switch_off()
    served.clock.sleep(0.9)
    # the exposure of this moment began 1.9 s ago, when the beam came on
    assert np.median(opened.spectrum(2.0).counts[480:540] - dark[480:540]) < 100


def test_every_exposure_begins_after_the_call(served: ServedBench, opened: OceanOpticsSpectrometer) -> None:
    exposed: list[tuple[float, float]] = []
    expose = served.world.spectrometer.expose

    def remember(integration_time: float, t_end: float | None = None) -> Any:
        assert t_end is not None
        exposed.append((t_end - integration_time, t_end))
        return expose(integration_time, t_end)

    served.world.spectrometer.expose = remember  # type: ignore[method-assign]
    random = np.random.default_rng(11)
    for integration_time in (0.5, 0.5, 0.003, 2.0, 0.1, 0.1):
        served.clock.sleep(float(random.uniform(0, 1)))
        called = served.clock.now()
        exposed.clear()
        opened.spectrum(integration_time, 3)
        counted = exposed[1:]
        assert len(counted) == 3
        for begin, end in counted:
            assert begin >= called - 1e-6
            assert end - begin == pytest.approx(integration_time, rel=1e-6)
            assert end <= served.clock.now() + 1e-6


def test_a_long_exposure_that_goes_on_does_not_time_out_a_short_one(
    served: ServedBench, opened: OceanOpticsSpectrometer
) -> None:
    opened.spectrum(30.0)
    served.clock.sleep(0.1)
    assert opened.spectrum(0.005).integration_time == 0.005


def test_an_instrument_left_in_a_long_exposure_is_waited_for(served: ServedBench) -> None:
    first = open_on(served)
    first.spectrum(20.0)
    first.close()
    second = open_on(served)
    assert second.spectrum(0.005).integration_time == 0.005
    second.close()


def test_saturated_pixels_are_marked_and_only_they(served: ServedBench, opened: OceanOpticsSpectrometer) -> None:
    assert not opened.spectrum(0.01).saturated.any()
    beam_on(served, 5.0)
    served.clock.sleep(2.0)
    exposure = opened.spectrum(60.0, 2)
    peak = np.argmin(abs(opened.wavelengths_nm() - 526))
    assert exposure.saturated[peak]
    assert exposure.counts[peak] == 65535
    assert not exposure.saturated.all()
    assert (exposure.counts[~exposure.saturated] < 65535).all()


@pytest.mark.parametrize("integration_time", [0.0, -1.0, 0.0009, 65.1, float("nan"), float("inf")])
def test_an_impossible_integration_time_is_refused_before_a_byte_is_sent(
    served: ServedBench, opened: OceanOpticsSpectrometer, integration_time: float
) -> None:
    before = served.clock.now()
    with pytest.raises(LimitExceeded, match=r"outside the instrument's 0.001 to 65 s"):
        opened.spectrum(integration_time)
    assert served.clock.now() == before


def test_no_exposures_are_no_spectrum(opened: OceanOpticsSpectrometer) -> None:
    with pytest.raises(UserMistake, match="at least one exposure"):
        opened.spectrum(0.01, 0)


@pytest.mark.parametrize(
    ("fault", "error", "message"),
    [
        (Fault(FaultKind.SILENT, "spectrometer", count=1), ConnectionLost, "no answer in time"),
        (Fault(FaultKind.SILENT, "spectrometer", count=1, detail="stall"), ConnectionLost, "Pipe error"),
        (Fault(FaultKind.SLOW_REPLY, "spectrometer", count=1, seconds=60.0), ConnectionLost, "no answer in time"),
        (Fault(FaultKind.TRUNCATED_REPLY, "spectrometer", count=1), BadReply, "the answer is none"),
        (Fault(FaultKind.GARBAGE_REPLY, "spectrometer", count=1), BadReply, "ends in 0xa5 and not in 0x69"),
    ],
)
def test_a_broken_transfer_is_an_error_that_names_the_command_and_the_next_spectrum_is_whole(
    served: ServedBench, opened: OceanOpticsSpectrometer, fault: Fault, error: type[Exception], message: str
) -> None:
    opened.spectrum(0.01)
    served.world.faults.add(fault)
    with pytest.raises(error, match=message) as caught:
        opened.spectrum(0.01)
    assert "request spectrum (0x09)" in str(caught.value)
    assert "spectrometer at usb-sim://127.0.0.1:" in str(caught.value)
    exposure = opened.spectrum(0.02, 2)
    assert exposure.counts.mean() == pytest.approx(1500, abs=10)
    assert exposure.integration_time == 0.02


def test_unplugging_in_mid_run_is_an_error_and_plugging_in_again_mends_it(
    served: ServedBench, opened: OceanOpticsSpectrometer
) -> None:
    served.world.faults.add(Fault(FaultKind.LOST_CONNECTION, "spectrometer", at=served.clock.now() + 1.0))
    with pytest.raises(ConnectionLost, match="disconnected") as caught:
        opened.spectrum(0.1, 100)
    assert "0x09" in str(caught.value)
    assert 0.9 < served.clock.now() < 1.3
    with pytest.raises(ConnectionLost, match="SIM00001 is not on the USB"):
        opened.spectrum(0.1)
    served.world.faults.clear()
    assert opened.spectrum(0.1).counts.mean() == pytest.approx(1500, abs=10)


def test_a_bench_told_to_stop_ends_an_averaged_spectrum_after_the_exposure(served: ServedBench) -> None:
    stop = threading.Event()
    surroundings = Surroundings(clock=served.clock, stop=stop)
    spectrometer = OceanOpticsSpectrometer(
        served.resources["spectrometer"], OceanOpticsOptions(usb_backend=USB_BACKEND), surroundings
    )
    served.clock.call_at(1.0, stop.set)
    with pytest.raises(Inhibited):
        spectrometer.spectrum(0.1, 1000)
    assert served.clock.now() < 1.3
    spectrometer.close()


def test_closing_twice_and_after_unplugging_is_quiet(served: ServedBench, opened: OceanOpticsSpectrometer) -> None:
    served.world.faults.add(Fault(FaultKind.LOST_CONNECTION, "spectrometer"))
    opened.make_safe()
    opened.close()
    opened.close()
    with pytest.raises(ConnectionLost, match="is closed"):
        opened.spectrum(0.1)


def test_nobody_there_is_an_error_that_says_so(served: ServedBench) -> None:
    served.world.faults.add(Fault(FaultKind.LOST_CONNECTION, "spectrometer"))
    with pytest.raises(ConnectionLost, match="is not on the USB"):
        open_on(served)


def test_another_serial_number_is_an_error_that_names_both(
    served: ServedBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Wanted, "of", classmethod(lambda cls, resource: Wanted("USB2000PLUS", "USB2H0001")))
    with pytest.raises(WrongInstrument, match="USB2000PLUS USB2H0001 is asked for, but there is USB2000PLUS SIM00001"):
        open_on(served)


@pytest.mark.parametrize(
    ("resource", "wanted"),
    [
        ("", Wanted()),
        ("USB2000PLUS", Wanted(model="USB2000PLUS")),
        ("usb2000+", Wanted(model="USB2000PLUS")),
        ("USB2H12345", Wanted(serial="USB2H12345")),
        ("usb::USB2000+", Wanted(model="USB2000PLUS")),
        ("usb::USB2000PLUS::USB2H12345", Wanted("USB2000PLUS", "USB2H12345")),
        ("usb-sim://127.0.0.1:4000", Wanted()),
    ],
)
def test_a_resource_names_model_serial_number_or_nothing(resource: str, wanted: Wanted) -> None:
    assert Wanted.of(resource) == wanted


@pytest.mark.parametrize("resource", ["TCPIP::127.0.0.1::5025::SOCKET", "usb::", "usb::a::b::c"])
def test_another_kind_of_address_is_the_users_mistake(resource: str) -> None:
    with pytest.raises(UserMistake, match="allowed are"):
        Wanted.of(resource)


@pytest.mark.parametrize("module", ["no.such.module", "json", "sim_instruments.wire.usb_tunnel"])
def test_a_module_that_is_no_usb_backend_is_the_users_mistake(module: str) -> None:
    with pytest.raises(UserMistake, match="usb_backend"):
        OceanOpticsSpectrometer("http://localhost", OceanOpticsOptions(usb_backend=module))


def test_an_address_without_the_module_that_reaches_it_is_the_users_mistake(served: ServedBench) -> None:
    with pytest.raises(UserMistake, match=r"options\.usb_backend"):
        OceanOpticsSpectrometer(served.resources["spectrometer"])


def test_several_benches_in_one_process_do_not_see_each_others_light() -> None:
    with ServedBench(BENCH, GREEN, seed=1) as dark_bench, ServedBench(BENCH, GREEN, seed=2) as lit_bench:
        dark, lit = open_on(dark_bench), open_on(lit_bench)
        beam_on(lit_bench)
        lit_bench.clock.sleep(3.0)
        window = slice(480, 540)
        assert dark.spectrum(1.0).counts[window].mean() < lit.spectrum(1.0).counts[window].mean() - 500
        dark.close()
        lit.close()


def test_the_same_seed_gives_the_same_spectra_bit_for_bit() -> None:
    def one_run() -> Any:
        with ServedBench(BENCH, GREEN, seed=SEED) as bench:
            spectrometer = open_on(bench)
            beam_on(bench)
            first = spectrometer.spectrum(0.2, 5).counts
            bench.clock.sleep(0.0123)
            second = spectrometer.spectrum(0.05, 3).counts
            spectrometer.close()
            return np.concatenate([first, second])

    assert np.array_equal(one_run(), one_run())


def test_two_threads_get_whole_spectra(served: ServedBench, opened: OceanOpticsSpectrometer) -> None:
    times: list[float] = []

    def read(integration_time: float) -> None:
        for _ in range(5):
            times.append(opened.spectrum(integration_time).integration_time)

    threads = [threading.Thread(target=read, args=(t,)) for t in (0.01, 0.02)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20.0)
    assert sorted(times) == [0.01] * 5 + [0.02] * 5


def test_virtual_time_makes_an_hour_of_exposures_quick(served: ServedBench, opened: OceanOpticsSpectrometer) -> None:
    start = time.perf_counter()
    opened.spectrum(60.0, 60)
    assert served.clock.now() >= 3600.0
    assert time.perf_counter() - start < 10.0
