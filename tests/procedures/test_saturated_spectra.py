"""A saturated spectrum is left out or refused, and the reason is said: it is never a value."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.engine.events import State
from app.pytest_plugin import SimulatedBench
from procedures.rl_linearity import RLLinearity
from procedures.rl_spectrum import RLSpectrum
from storage.reader import open_run

LINEARITY = {"tube_currents": "0.3:2.4:6", "repeats": 2, "averages": 1, "dose_time": 0.5, "automatic_exposure": False}


@pytest.fixture
def chen24(tmp_path: Path) -> Iterator[SimulatedBench]:
    """Chen24's film in the simulated bench's beam."""
    opened = SimulatedBench(tmp_path, sample="chen24-pnc-silicone")
    try:
        yield opened
    finally:
        opened.close()


def test_saturated_points_of_a_linearity_run_are_left_out_and_counted(chen24: SimulatedBench) -> None:
    outcome = chen24.run(RLLinearity(), **LINEARITY, integration_time=1.15)
    assert outcome.state is State.COMPLETED, outcome.reason
    assert outcome.run_file is not None
    with open_run(outcome.run_file) as file:
        sweep = file.streams["sweep"]
        saturated = sweep["saturated"] > 0
        bright = sweep["counts"].max(axis=1) >= 65_535
        assert list(saturated) == list(bright)
        assert 0 < saturated.sum() < len(saturated)
        # the brightest are those
        assert sweep["tube_current"][saturated].min() > sweep["tube_current"][~saturated].max()
    slope = next(figure for figure in outcome.figures if figure.name == "slope")
    assert any(f"{saturated.sum()} of {len(saturated)} spectra are saturated" in text for text in slope.warnings)
    truth = chen24.world.truth("slope_nm", voltage_kv=30.0)
    assert slope.interval is not None
    assert slope.interval[0] <= truth <= slope.interval[1]


def test_a_linearity_run_with_nothing_but_saturated_points_has_no_slope(chen24: SimulatedBench) -> None:
    outcome = chen24.run(RLLinearity(), **LINEARITY, integration_time=20)
    (slope,) = outcome.figures
    assert slope.value is None
    assert slope.interval is None
    assert any("saturated" in text for text in slope.warnings)
    assert any("a line needs 3" in text for text in slope.warnings)


def test_a_saturated_spectrum_has_no_peak_width_or_intensity(chen24: SimulatedBench) -> None:
    outcome = chen24.run(RLSpectrum(), tube_current=2.0, averages=2, automatic_exposure=False, integration_time=10)
    assert outcome.state is State.COMPLETED, outcome.reason
    found = {figure.name: figure for figure in outcome.figures}
    for name in ("peak_wavelength", "fwhm", "centroid", "intensity_per_dose"):
        assert found[name].value is None, name
        assert any("saturat" in text for text in found[name].warnings), name


def test_automatic_exposure_keeps_clear_of_saturation(chen24: SimulatedBench) -> None:
    outcome = chen24.run(RLSpectrum(), tube_current=2.0, averages=2, integration_time=10)
    found = {figure.name: figure for figure in outcome.figures}
    assert found["peak_wavelength"].value == pytest.approx(526, abs=0.5)
    assert outcome.run_file is not None
    with open_run(outcome.run_file) as file:
        spectra = file.streams["spectra"]
        assert list(spectra["saturated"]) == [0.0]
        assert 0.4 * 65_535 < spectra["counts"].max() < 65_535
