"""The door for scripts: few names, and the same run as the command's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import xraybench

SHORT = {"tube_currents": "0.5:2:4", "repeats": 1, "averages": 1}


def test_the_door_has_ten_names_at_most_and_each_is_there() -> None:
    assert len(xraybench.__all__) <= 10
    assert len(set(xraybench.__all__)) == len(xraybench.__all__)
    for name in xraybench.__all__:
        assert getattr(xraybench, name).__doc__, name


def test_opening_the_door_loads_no_instrument_library() -> None:
    listing = "import sys, xraybench; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", listing], capture_output=True, text=True, check=True, cwd=Path(xraybench.__file__).parent
    ).stdout.split()
    for heavy in ("PySide6", "matplotlib", "spekpy", "seabreeze", "xraydb", "sim_instruments"):
        assert heavy not in loaded


def test_a_script_runs_looks_and_analyses_again(tmp_path: Path) -> None:
    outcome = xraybench.run("rl-linearity", preset="chen24-rl-linearity", settings=SHORT, seed=1, out=tmp_path)
    assert outcome.state == "completed"
    assert outcome.seed == 1
    slope = outcome.figures[0]
    assert isinstance(slope, xraybench.FigureOfMerit)
    assert slope.name == "slope"
    assert outcome.run_file is not None
    with xraybench.open_run(outcome.run_file) as file:
        assert isinstance(file, xraybench.RunFile)
        assert file.streams["sweep"]["counts"].shape == (4, 2048)
    again = xraybench.analyse(outcome.run_file)
    assert [figure.as_dict() for figure in again] == [figure.as_dict() for figure in outcome.figures]
    narrow = xraybench.analyse(str(outcome.run_file), {"band_start": 520, "band_end": 530})
    assert narrow[0].value < slope.value


def test_a_script_drives_a_bench_by_hand() -> None:
    with xraybench.open_bench(seed=1) as bench:
        assert isinstance(bench, xraybench.Bench)
        with bench.tube.beam(kilovolts=30, milliamps=1):
            lit = bench.dosimeter.dose_rate(1.0)
        dark = bench.dosimeter.dose_rate(1.0)
    assert lit.value == pytest.approx(1.59e-3, rel=0.05)
    assert abs(dark.value) < 0.01 * lit.value


def test_a_scripts_mistake_is_a_user_mistake(tmp_path: Path) -> None:
    with pytest.raises(xraybench.UserMistake, match="did you mean 'rl-linearity'"):
        xraybench.run("rl-linearty", out=tmp_path)
    with pytest.raises(xraybench.UserMistake, match=r"nowhere\.h5"):
        xraybench.analyse(tmp_path / "nowhere.h5")
    assert list(tmp_path.iterdir()) == []


def test_a_procedure_of_ones_own_can_be_derived_from_the_door() -> None:
    assert issubclass(xraybench.Procedure, object)
    assert {"measure", "analyse", "estimate"} <= set(dir(xraybench.Procedure))
