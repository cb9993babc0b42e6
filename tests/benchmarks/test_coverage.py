"""The 95 % intervals of end-to-end runs hold the world's truth as often as they say, and are not wider than that takes.

A shorter form of ``python -m benchmarks.coverage``: 40 seeds in two halves, so that several workers share them. Of 20
intervals that hold the truth with 90 % each, the least that `benchmarks.coverage` accepts, fewer than 13 do with a
probability of 4e-4, which is the false alarm of a figure at that limit (at the 95 % that is meant: 3e-8).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest
from scipy import special

from benchmarks._drawn_images import measure_images
from benchmarks._honest_runs import (
    EDGE,
    LINE_PAIRS,
    LINEARITY,
    LOW_DOSE,
    PANEL,
    SENSITIVITY,
    SPECTRUM,
    Design,
    Scored,
    measure,
)
from benchmarks.coverage import clopper_pearson

SEEDS = 20
FEW_SEEDS = 10
FALSE_ALARM = 1e-3
LEAST_SHARE = 0.90
WIDEST = 2.576 / 1.960
"""Intervals wider than this by nature hold the truth in more than 99 % of cases."""

SHORT_SPECTRUM = replace(SPECTRUM, settings={**SPECTRUM.settings, "averages": 1})
SHORT = [
    replace(LINEARITY, settings={**LINEARITY.settings, "tube_currents": [0.3, 0.9, 1.6, 2.4]}),
    replace(
        LOW_DOSE,
        settings={
            **LOW_DOSE.settings,
            "samples": 48,
            "bias_settling_time": 3,
            "tube_currents": [0.03, 0.08, 0.25, 0.8],
        },
    ),
]
IMAGES = [
    replace(EDGE, world={"camera": {"columns": 120, "rows": 140}}),
    replace(LINE_PAIRS, settings={**LINE_PAIRS.settings, "frames": 3}),
    replace(PANEL, settings={**PANEL.settings, "frames": 8}),
]


def fewest(trials: int, share: float = LEAST_SHARE, false_alarm: float = FALSE_ALARM) -> int:
    """Smallest number of successes that is not improbable."""
    return next(k for k in range(trials + 1) if special.bdtr(k, trials, share) >= false_alarm)


def test_the_binomial_bound_is_what_the_story_says() -> None:
    assert fewest(SEEDS) == 13
    assert special.bdtr(12, SEEDS, 0.90) == pytest.approx(4e-4, rel=0.1)


@pytest.mark.usefixtures("untraced")
@pytest.mark.timeout(300)  # 20 runs of about half a second, where nobody else wants the machine
@pytest.mark.parametrize("first_seed", [1000, 1000 + SEEDS])
@pytest.mark.parametrize(
    "design", [*SHORT, pytest.param(SHORT_SPECTRUM, marks=pytest.mark.slow)], ids=lambda design: design.name.split()[0]
)
def test_intervals_hold_the_truth_as_often_as_they_say(design: Design, first_seed: int) -> None:
    assert_honest([one for seed in range(first_seed, first_seed + SEEDS) for one in measure(design, seed)])


@pytest.mark.usefixtures("untraced")
@pytest.mark.timeout(120)
@pytest.mark.parametrize("design", IMAGES, ids=lambda design: design.name.split(", ")[1])
def test_intervals_of_images_hold_the_truth_as_often_as_they_say(design: Design) -> None:
    assert_honest([one for seed in range(FEW_SEEDS) for one in measure_images(design, seed)])


def assert_honest(scored: list[Scored]) -> None:
    """Neither fewer intervals than is probable hold the truth, nor are they far wider than the errors."""
    by_figure: dict[str, list[Scored]] = defaultdict(list)
    for one in scored:
        by_figure[one.figure].append(one)
    for name, runs in by_figure.items():
        given = [one for one in runs if one.interval is not None]
        assert len(given) >= 0.9 * len(runs), f"{name} is refused: {[one.why for one in runs if one.why]}"
        held = sum(one.covered for one in given)
        assert held >= fewest(len(given)), f"{name}: {held} of {len(given)} intervals hold the truth"
        # where the truth lies in the interval, in standard deviations, if it is one of a normal distribution
        ends = np.array([one.interval for one in given])
        truth = np.array([one.truth for one in given])
        scores = (truth - ends.mean(axis=1)) / np.diff(ends)[:, 0] * 2 * 1.960
        # chi2 of that many, of which fewer than this come up only with the probability of a false alarm
        least = 2.0 * special.gammaincinv(len(given) / 2.0, FALSE_ALARM) / WIDEST**2
        assert scores @ scores > least, f"{name}: the intervals are far wider than the errors"


def test_the_limit_is_refused_where_no_dose_rate_is_below_it() -> None:
    found = {one.figure: one for one in measure(SENSITIVITY, 1000)}
    assert found["lod_interpolated"].value is None
    assert "no dose rate below the limit" in found["lod_interpolated"].why
    assert all(found[name].value is not None for name in ("lod_line", "lod_iupac", "lod_currie"))


def test_clopper_and_pearsons_interval_is_the_published_one() -> None:
    # C. J. Clopper and E. S. Pearson, Biometrika 26 (1934) 404: n = 10, x = 4 gives 0.122 to 0.738
    assert clopper_pearson(4, 10) == pytest.approx((0.122, 0.738), abs=5e-4)
    assert clopper_pearson(0, 10)[0] == 0.0
    assert clopper_pearson(10, 10)[1] == 1.0
