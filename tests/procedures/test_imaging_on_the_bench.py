"""Imaging, end to end on the simulated bench: cameras with few pixels, so that it costs little."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.engine.engine import Engine, Request
from app.engine.events import State
from app.engine.operator import Nobody
from app.engine.reading import analyse_path
from app.pytest_plugin import SimulatedBench
from app.report.picture import drawings_of, save_pictures
from app.scoring import true_value
from config.loading import sample_file
from config.mistake import UserMistake
from procedures.imaging import Imaging
from sim_instruments.faults import Fault, FaultKind
from storage.reader import open_run

pytestmark = pytest.mark.usefixtures("untraced")

FAR = {"distance_m": 1.0, "filters": [{"material": "Al", "thickness_mm": 0.4}]}
NEAR = {"distance_m": 0.262, "filters": [{"material": "Al", "thickness_mm": 0.4}]}
PANEL_BEAM = {
    "distance_m": 0.4,
    "output_factor": 0.580997,
    "filters": [{"material": "Be", "thickness_mm": 0.127}, {"material": "SiO2", "thickness_mm": 26.0}],
}
SMALL = {"camera": {"kind": "ma21", "columns": 160, "rows": 200, "dead_fraction": 1e-3}}
FEW_PAIRS = {
    "camera": {"columns": 320, "rows": 240, "sensor_pixel_m": 11.2e-6, "pixel_m": 2.8e-6, "full_well": 6e4},
    "phantom": {"line_pairs_per_mm": [10.0, 20.0]},
}
SHORT: dict[str, Any] = {
    "tube_current": 0.854, "exposure_time": 2, "frames": 4, "dose_time": 1, "settling_time": 0.5,
    "noise_frequencies": "5",
}  # fmt: skip

small = pytest.mark.simulated_bench(sample="ma21-eu-glass-ceramic", geometry=FAR, world=SMALL, seed=2)
panel = pytest.mark.simulated_bench(sample="dong24-tio2", geometry=PANEL_BEAM, world={"camera": {"kind": "dong24"}})


def figure(outcome: Any, name: str) -> Any:
    return next(one for one in outcome.figures if one.name == name)


def holds_the_truth(bench: SimulatedBench, outcome: Any, *names: str) -> None:
    for one in (one for one in outcome.figures if one.name in names):
        truth = true_value(bench.world, "imaging", one, outcome.parameters)
        assert truth is not None, one.name
        assert one.interval is not None, (one.name, one.warnings)
        assert one.interval[0] <= truth <= one.interval[1], (one.name, str(one), truth)


@small
def test_the_edge_of_a_corrected_image_has_the_worlds_resolution(simulated_bench: SimulatedBench) -> None:
    outcome = simulated_bench.run(Imaging(), **SHORT)
    assert outcome.state is State.COMPLETED, outcome.reason
    holds_the_truth(simulated_bench, outcome, "mtf50", "mtf20", "dqe", "normalized_noise_power")
    assert figure(outcome, "mtf20").value == pytest.approx(15.0, rel=0.05)
    assert figure(outcome, "mtf20").unit == "lp/mm"
    assert not simulated_bench.world.tube.high_voltage_on
    with open_run(outcome.run_file) as file:
        assert {name: stream.rows for name, stream in file.streams.items()} == {
            "radiograph": 1, "dark": 4, "flat": 4, "object": 4,
        }  # fmt: skip
        image = file.streams["radiograph"]["transmission"][0]
        raw = {name: file.streams[name]["image"].astype(float) for name in ("dark", "flat", "object")}
        step = np.diff(file.axes["radiograph"]["horizontal"])
    assert image.dtype == np.float32
    assert step == pytest.approx(9.0), "pixels are 9 um in the object's plane"
    open_beam, behind = image[:, 5:40], image[:, -40:-5]
    assert np.nanmean(open_beam) == pytest.approx(1.0, abs=0.01)
    assert np.nanmean(behind) == pytest.approx(0.0, abs=0.005)
    dark, flat, seen = (raw[name].mean(axis=0) for name in ("dark", "flat", "object"))
    with np.errstate(divide="ignore", invalid="ignore"):
        by_hand = (seen - dark) / (flat - dark)
    same = np.isclose(image, by_hand, atol=1e-5)
    assert same[np.isfinite(image)].mean() > 0.97, "all but the direct hits"
    assert 0 < np.isnan(image).sum() < 0.01 * image.size, "dead and hot pixels are masked"
    assert outcome.run_file is not None
    again = analyse_path(outcome.run_file)
    assert [json.dumps(one.as_dict()) for one in again] == [json.dumps(one.as_dict()) for one in outcome.figures]


@pytest.mark.slow
def test_the_same_seed_gives_the_same_figures_bit_for_bit(tmp_path: Path) -> None:
    def measured(seed: int) -> str:
        tiny = {"camera": {**SMALL["camera"], "columns": 100, "rows": 120}}
        bench = SimulatedBench(tmp_path, "sim", "ma21-eu-glass-ceramic", FAR, seed, world=tiny)
        try:
            outcome = bench.run(Imaging(), **{**SHORT, "frames": 3})
        finally:
            bench.close()
        return json.dumps([one.as_dict() for one in outcome.figures])

    assert measured(5) == measured(5)
    assert measured(5) != measured(6)


@pytest.mark.slow
@panel
def test_a_panel_resolves_beyond_nyquist_and_says_so_and_its_snr_goes_with_the_dose(
    simulated_bench: SimulatedBench, tmp_path: Path
) -> None:
    outcome = simulated_bench.run(
        Imaging(), kind="dose series", tube_current=0.8, exposure_time=12, frames=12, dose_time=1,
        exposure_times=[1.0, 3.0, 12.0], noise_frequencies=[1.0], snr_criterion=5,
    )  # fmt: skip
    assert outcome.state is State.COMPLETED, outcome.reason
    sharp = figure(outcome, "mtf20")
    assert any("above the Nyquist frequency of 2.5 lp/mm" in warning for warning in sharp.warnings)
    holds_the_truth(simulated_bench, outcome, "mtf50", "mtf20", "snr", "dose_at_snr", "dqe")
    doses = [one.at["dose"][0] for one in outcome.figures if one.name == "snr"]
    rate = simulated_bench.world.truth("dose_rate", voltage_kv=50.0, current_ma=0.8)
    assert doses == pytest.approx([12 * 12 * rate, rate, 3 * rate, 12 * rate], rel=0.05)
    assert outcome.run_file is not None
    with open_run(outcome.run_file) as file:
        image, edge, _, series = drawings_of(file)
        irradiated = file.streams["radiograph"]["irradiated"]
    # by the object and before it by the flat frames
    assert irradiated[-1] == pytest.approx(simulated_bench.world.beam.dose(), rel=0.05)
    assert np.all(np.diff(irradiated) > 0)
    assert image.raster is not None
    assert image.raster.width == pytest.approx(64 * 0.2)
    assert {box.label for box in image.boxes} == {"noise", "edge"}
    assert edge.marks == [(pytest.approx(2.5), "Nyquist")]
    assert edge.curves[0].low is not None
    assert len(series.points[0].x) == 3
    pictures = save_pictures(outcome.run_file)
    assert len(pictures) == 4
    assert all(picture.read_bytes().startswith(b"\x89PNG") for picture in pictures)


@pytest.mark.simulated_bench(sample="chen24-pnc-silicone", geometry=NEAR, world=FEW_PAIRS, seed=1)
def test_line_pairs_are_found_and_have_the_worlds_contrast(simulated_bench: SimulatedBench) -> None:
    outcome = simulated_bench.run(
        Imaging(), placed="line-pairs", tube_voltage=60, tube_current=1.722, exposure_time=5, frames=4, dose_time=1,
        analysis="line pairs", line_pairs=[10, 20, 400], noise_frequencies=[10],
    )  # fmt: skip
    contrasts = [one for one in outcome.figures if one.name == "contrast"]
    assert [one.at["frequency"][0] for one in contrasts] == [10, 20, 400]
    assert all(one.value is not None and one.value > 0.2 for one in contrasts[:2])
    for one in contrasts[:2]:
        truth = true_value(simulated_bench.world, "imaging", one, outcome.parameters)
        assert truth is not None
        assert one.interval is not None
        assert one.interval[0] <= truth <= one.interval[1]
    assert contrasts[2].value is None, "400 lp/mm is beyond what the pixels can show"
    limit = figure(outcome, "limiting_resolution")
    assert (limit.value, limit.interval) == (20, None)
    assert "lower bound" in limit.warnings[0]


@pytest.mark.slow
@small
def test_an_image_without_an_edge_and_one_that_is_saturated_give_no_number(simulated_bench: SimulatedBench) -> None:
    few = {**SHORT, "frames": 3}
    empty = simulated_bench.run(Imaging(), **{**few, "placed": ""})
    assert empty.state is State.COMPLETED
    assert figure(empty, "mtf20").value is None
    assert figure(empty, "snr").value is not None
    bright = simulated_bench.run(Imaging(), **{**few, "tube_current": 5, "exposure_time": 30})
    assert bright.state is State.COMPLETED
    assert {one.value for one in bright.figures} == {None}
    assert "saturated" in figure(bright, "mtf20").warnings[0]
    assert "saturated" in figure(bright, "snr").warnings[0]


@pytest.mark.parametrize("angle", [0.0, 45.0])
def test_an_edge_along_the_pixels_or_their_diagonal_gives_no_number(tmp_path: Path, angle: float) -> None:
    world = {**SMALL, "phantom": {"edge_angle_deg": angle}}
    bench = SimulatedBench(tmp_path, "sim", "ma21-eu-glass-ceramic", FAR, world=world)
    try:
        outcome = bench.run(Imaging(), **{**SHORT, "frames": 3})
    finally:
        bench.close()
    assert outcome.state is State.COMPLETED
    for name in ("mtf50", "mtf20"):
        assert figure(outcome, name).value is None
        assert "degrees" in figure(outcome, name).warnings[0]


@small
def test_a_video_counts_what_was_lost_and_keeps_no_incomplete_frame(simulated_bench: SimulatedBench) -> None:
    simulated_bench.faults.add(Fault(FaultKind.INCOMPLETE_FRAME, "camera", at=12.0, count=2))
    outcome = simulated_bench.run(
        Imaging(), **{**SHORT, "exposure_time": 0.5, "frames": 3}, kind="time lapse", lapse_frames=10
    )
    assert outcome.state is State.COMPLETED, outcome.reason
    assert figure(outcome, "recorded_frames").value == 10
    lost = figure(outcome, "incomplete_frames").value
    assert lost == 2
    assert any("2 incomplete" in note.message for note in outcome.notes)
    assert figure(outcome, "frame_rate").value == pytest.approx(2.0, rel=0.3)
    with open_run(outcome.run_file) as file:
        assert file.streams["object"].rows == 13
        assert file.streams["object"]["incomplete"][-1] == 2
        assert file.streams["radiograph"].rows == 3, "the average, the first and the last of the video"


@small
def test_a_time_lapse_keeps_its_period_and_can_rest_the_beam(simulated_bench: SimulatedBench) -> None:
    outcome = simulated_bench.run(
        Imaging(), **{**SHORT, "exposure_time": 0.5, "frames": 3}, kind="time lapse", lapse_frames=4, lapse_period=60,
        beam_off_between=True,
    )  # fmt: skip
    assert outcome.state is State.COMPLETED, outcome.reason
    with open_run(outcome.run_file) as file:
        taken = file.streams["object"]["fetched"][3:]
        irradiated = file.streams["object"]["irradiated"][-1]
    assert np.diff(taken) == pytest.approx(60, abs=1.0)
    rate = simulated_bench.world.truth("dose_rate", voltage_kv=50.0, current_ma=0.854)
    assert irradiated < 40 * rate, "three minutes passed"


@small
def test_an_operator_who_does_not_place_the_object_ends_the_run_safely(
    simulated_bench: SimulatedBench, tmp_path: Path
) -> None:
    procedure = Imaging()
    procedure.set_values(SHORT)
    loaded = sample_file("ma21-eu-glass-ceramic")

    class OnlyTheFirst:
        asked = 0

        def confirm(self, question: str) -> bool:
            self.asked += 1
            return self.asked == 1

    for operator, records in ((Nobody(), 0), (OnlyTheFirst(), 8)):
        outcome = Engine(simulated_bench.bench, operator).run(Request(procedure, loaded, folder=tmp_path))
        assert outcome.state is State.ABORTED
        assert "before the camera" in outcome.reason
        assert outcome.records == records, "what was recorded stays"
        assert not simulated_bench.world.tube.high_voltage_on
        assert all(one.value is None for one in outcome.figures)


@small
def test_an_abort_between_frames_switches_the_beam_off(simulated_bench: SimulatedBench, tmp_path: Path) -> None:
    procedure = Imaging()
    procedure.set_values(SHORT)
    engine = Engine(simulated_bench.bench)
    seen = 0

    def watch(event: Any) -> None:
        nonlocal seen
        if getattr(event, "stream", "") == "flat":
            seen += 1
            if seen == 2:
                assert simulated_bench.world.tube.high_voltage_on
                engine.abort("enough")

    engine.watch(watch)
    outcome = engine.run(Request(procedure, sample_file("ma21-eu-glass-ceramic"), folder=tmp_path))
    assert outcome.state is State.ABORTED
    assert not simulated_bench.world.tube.high_voltage_on
    assert all(one.value is None for one in outcome.figures)


@small
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"placed": "hand"}, "no phantom is named 'hand'"),
        ({"exposure_time": 100}, "exposure time 100 s is not within the camera's"),
        ({"regions": "0, 0, 300, 100"}, "regions: 300 x 100 at .0, 0. does not lie in the image of 160 x 200 pixels"),
        ({"regions": "one"}, "regions = one is no region; it should be x, y, width, height"),
        ({"readout_region": "0,0,500,10"}, "readout_region: 500 x 10"),
        ({"noise_region": "0,0,5"}, "noise_region = 0,0,5 is no region"),
        ({"kind": "dose series", "exposure_time": 0}, "needs an exposure_time above 0"),
    ],
)
def test_what_cannot_be_is_the_users_mistake_before_anything_is_on(
    simulated_bench: SimulatedBench, tmp_path: Path, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserMistake, match=message):
        simulated_bench.run(Imaging(), **{**SHORT, **settings})
    assert not list(tmp_path.rglob("*.h5"))
