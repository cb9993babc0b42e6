"""How often the 95 % intervals of analyses of imported data hold the truth: it should be 90 to 99 %.

Run as ``python -m benchmarks.coverage_imported [--seeds 100]``; about a minute. Exit status 1 if a figure is outside.
Decays are drawn as Poisson counts through a Gaussian response whose own histogram is drawn as well.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from analysis.decay import decay_figures
from analysis.decay_model import Response, expected_shape
from analysis.figure import FigureOfMerit
from analysis.mott_schottky import BOLTZMANN, ELEMENTARY_CHARGE, VACUUM_PERMITTIVITY, mott_schottky
from analysis.plqy import quantum_yield
from analysis.tauc import HC, tauc_gap

LOWEST, HIGHEST = 0.90, 0.99
BIN = 0.1e-9
TIMES = np.arange(2000) * BIN

Drawn = Callable[[np.random.Generator], Iterable[FigureOfMerit]]


def _decay(rng: np.random.Generator, amplitude: float) -> Iterable[FigureOfMerit]:
    pulse = np.exp(-0.5 * ((TIMES - 5e-9) / 0.3e-9) ** 2).astype(np.float64)
    pulse /= pulse.sum()
    response = Response(pulse[:200], 0.0, BIN, 0.7e-9)
    fast, slow = (expected_shape(TIMES.astype(np.float64), response, tau, 0.03e-9) for tau in (10e-9, 40e-9))
    shape = 0.7 * fast + 0.3 * slow
    counts = rng.poisson(amplitude * shape + 3.0)
    return decay_figures(TIMES, counts, (TIMES, rng.poisson(2e5 * pulse + 2.0)))[1]


def _gap(rng: np.random.Generator) -> Iterable[FigureOfMerit]:
    energy = np.linspace(1.3, 2.2, 400)
    absorbed = np.sqrt(np.maximum(energy - 1.59, 0)) / energy + 0.02 + rng.normal(0, 0.002, energy.size)
    return [tauc_gap(HC / energy, absorbed)[1]]


def _junction(rng: np.random.Generator) -> Iterable[FigureOfMerit]:
    volts, area, epsilon = np.linspace(-1, 0.4, 57), 4e-6, 20.0 * VACUUM_PERMITTIVITY
    barrier = 0.67 - volts - BOLTZMANN * 295 / ELEMENTARY_CHARGE
    farads = area * np.sqrt(ELEMENTARY_CHARGE * epsilon * 1e21 / 2 / barrier)
    return mott_schottky(volts, farads * (1 + rng.normal(0, 0.003, volts.size)), area, 5e-6, 20.0).figures


def _sphere(rng: np.random.Generator) -> Iterable[FigureOfMerit]:
    nm = np.linspace(380, 650, 900)
    laser, glow = (np.exp(-0.5 * ((nm - at) / width) ** 2) for at, width in ((405, 2), (526, 9)))
    laser, glow = laser / laser.sum(), glow / glow.sum()
    spectra = [
        laser,
        0.85 * laser + 0.15 * 0.806 * glow,
        0.4 * 0.85 * laser + (0.6 + 0.4 * 0.15) * 0.806 * glow,
    ]
    counts = [rng.poisson(4e6 * one + 50) - 50.0 for one in spectra]
    return quantum_yield(nm, counts[0], counts[1], counts[2], (395.0, 415.0), (470.0, 600.0))


_AVERAGES = {
    "lifetime_intensity_average": 550 / 19,
    "lifetime_amplitude_average": 19.0,
    "lifetime_1": 10.0,
    "lifetime_2": 40.0,
    "amplitude_1": 0.7,
}
DESIGNS: dict[str, tuple[Drawn, dict[str, float]]] = {
    "decay, 400 counts at the peak": (lambda rng: _decay(rng, 400), _AVERAGES),
    "decay, 4000 counts at the peak": (lambda rng: _decay(rng, 4000), _AVERAGES),
    "tauc": (_gap, {"gap_direct": 1.59}),
    "mott-schottky": (_junction, {"built_in_potential": 0.67, "doping_density": 1e15}),
    "plqy": (_sphere, {"plqy": 0.806, "absorption": 0.6}),
}
CAUTIOUS = ("gap_direct",)
"""Intervals that hold more than their share, because the choice of a stretch is counted as if it were chance."""


def main() -> int:
    """Draw, count, print the table and say whether all is as it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="data sets of each design")
    options = parser.parse_args()
    table = Table("analysis", "figure", "determined", "held", "share")
    honest = True
    for name, (draw, truths) in DESIGNS.items():
        held, determined = dict.fromkeys(truths, 0), dict.fromkeys(truths, 0)
        for seed in track(range(options.seeds), name, console=Console(stderr=True), transient=True):
            for figure in draw(np.random.default_rng(seed)):
                if figure.name in truths and figure.interval is not None:
                    determined[figure.name] += 1
                    held[figure.name] += figure.interval[0] <= truths[figure.name] <= figure.interval[1]
        for figure_name in truths:
            share = held[figure_name] / max(determined[figure_name], 1)
            # of few seeds the share itself scatters: two of its standard deviations are allowed beyond the limits
            slack = 2.0 * float(np.sqrt(0.05 * 0.95 / max(determined[figure_name], 1)))
            top = 1.0 if figure_name in CAUTIOUS else HIGHEST + slack
            honest &= LOWEST - slack <= share <= top
            table.add_row(name, figure_name, str(determined[figure_name]), str(held[figure_name]), f"{share:.1%}")
    Console(width=100).print(table)
    return 0 if honest else 1


if __name__ == "__main__":
    sys.exit(main())
