"""Time of a slanted edge and of a frame's correction, as ratios, and how honest the edge's intervals are.

Exit status 1 when a ratio is missed or an interval holds the truth in fewer than 90 % or more than 99 % of cases.
"""

import argparse
import math
import sys
import time
from collections.abc import Callable

import numpy as np
from scipy import ndimage, special

from analysis.checked_arrays import FloatArray
from analysis.radiograph import average_frames, flat_field_correction
from analysis.slanted_edge import mtf_figures, slanted_edge

SIDE = 2048
EDGE_LIMIT = 3.0
CORRECTION_LIMIT = 2.0


def edge(shape: tuple[int, int], angle: float, sigma: float) -> FloatArray:
    """Edge from 200 to 1000 blurred by a Gaussian of `sigma` pixels."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    turn = math.radians(angle)
    distance = (x - shape[1] / 2) * math.cos(turn) - (y - shape[0] / 2) * math.sin(turn)
    rising: FloatArray = 600.0 + 400.0 * special.erf(distance / sigma / math.sqrt(2))
    return rising


def ratio(ours: Callable[[], object], theirs: Callable[[], object], rounds: int) -> tuple[float, float, float]:
    """Smallest times of both, s, taken by turns so that a busy machine is busy for both; and their ratio."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for call, spent in zip((ours, theirs), times, strict=True):
            start = time.perf_counter()
            call()
            spent.append(time.perf_counter() - start)
    return min(times[0]), min(times[1]), min(times[0]) / min(times[1])


def edge_time(rounds: int) -> float:
    """Slanted edges of a 4-megapixel frame with 200 resamples against Gaussian filterings of it; the worst ratio."""
    noise = np.random.default_rng(1).normal(scale=20.0, size=(SIDE, SIDE))
    frame = np.rint(edge((SIDE, SIDE), 4.0, 3.0) + noise).astype(np.uint16)
    plain = frame.astype(np.float64)
    worst = 0.0
    whole = (slice(None), slice(None))
    cases: list[tuple[str, Callable[[], object]]] = [
        ("edge found by itself", lambda: slanted_edge(frame)),
        ("horizontal edge found by itself", lambda: slanted_edge(frame.T)),
        ("edge in the whole frame as given", lambda: slanted_edge(frame, region=whole)),
    ]
    for name, ours in cases:
        spent, filtering, times = ratio(ours, lambda: ndimage.gaussian_filter(plain, 5.0), rounds)
        worst = max(worst, times)
        print(f"{name}: {spent * 1e3:.0f} ms, Gaussian filtering {filtering * 1e3:.0f} ms, ratio {times:.2f}")
    return worst


def correction_time(rounds: int) -> float:
    """Return how many numpy passes over a 16-bit frame its correction takes: subtractions of an array as large."""
    rng = np.random.default_rng(2)
    dark = average_frames(rng.poisson(100.0, (3, SIDE, SIDE)).astype(np.uint16))
    flat = average_frames(rng.poisson(5000.0, (3, SIDE, SIDE)).astype(np.uint16))
    correction = flat_field_correction(dark, flat)
    frame = rng.poisson(2000.0, (SIDE, SIDE)).astype(np.uint16)
    out, passed = np.empty((SIDE, SIDE)), np.empty((SIDE, SIDE))
    spent, one_pass, times = ratio(
        lambda: correction.apply(frame, out), lambda: np.subtract(frame, dark.mean, out=passed), 4 * rounds
    )
    print(f"correction: {spent * 1e3:.1f} ms, one numpy pass {one_pass * 1e3:.1f} ms, {times:.2f} passes")
    return times


def coverage(seeds: int) -> list[float]:
    """Share of the seeds in which the intervals of MTF50 and MTF20 hold the truth, for several edges and noises."""
    shares = []
    for name, angle, sigma, noise, blur in (
        ("white noise of 1 %", 4.0, 1.0, 0.01, 0.0),
        ("white noise of 5 %", 5.0, 2.0, 0.05, 0.0),
        ("white noise of 5 % at 30 degrees", 30.0, 1.5, 0.05, 0.0),
        ("noise of 3 % blurred by 1.5 pixels", 7.0, 2.0, 0.03, 1.5),
    ):
        clean, held = edge((200, 120), angle, sigma), np.zeros(2)
        truth = [math.sqrt(-math.log(level) / 2) / (math.pi * sigma) for level in (0.5, 0.2)]
        for seed in range(seeds):
            pixels = np.random.default_rng(seed).normal(size=clean.shape)
            if blur:
                pixels = ndimage.gaussian_filter(pixels, blur) * 2 * math.sqrt(math.pi) * blur
            for i, figure in enumerate(mtf_figures(clean + 800 * noise * pixels, resamples=100)[1]):
                held[i] += figure.interval is not None and figure.interval[0] <= truth[i] <= figure.interval[1]
        shares += (held / seeds).tolist()
        print(f"{name}: of {seeds} intervals {held[0] / seeds:.1%} hold the MTF50 and {held[1] / seeds:.1%} the MTF20")
    return shares


def main() -> int:
    """Print a line each; 1 when something is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=200)
    options = parser.parse_args()
    missed = []
    if edge_time(options.rounds) > EDGE_LIMIT:
        missed.append(f"slanted edge takes more than {EDGE_LIMIT:g} Gaussian filterings")
    if correction_time(options.rounds) > CORRECTION_LIMIT:
        missed.append("correction takes more than two numpy passes")
    if not all(0.90 <= share <= 0.99 for share in coverage(options.seeds)):
        missed.append("an interval of 95 % holds the truth in fewer than 90 % or more than 99 % of cases")
    for what in missed:
        print(f"missed: {what}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
