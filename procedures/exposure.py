"""How long to expose a spectrometer."""

from __future__ import annotations

import numpy as np

from drivers.errors import Saturated
from drivers.roles import Spectrometer

AIM = 0.7
"""of full scale, which a suitable exposure reaches in its brightest pixel"""

LOWEST, HIGHEST = 0.5, 0.8
"""of full scale, between which an exposure stays as it is; light that fluctuates needs the room above"""

LONGEST = 10.0
"""s that a suitable exposure takes at most"""


def suitable_integration_time(spectrometer: Spectrometer, first_guess: float, aim: float = AIM) -> float:
    """Find the integration time at which the brightest pixel reaches `aim` of full scale; the beam must be on.

    Parameters
    ----------
    spectrometer
        Looking at what is to be measured.
    first_guess
        s to begin with.
    aim
        Part of full scale.

    Returns
    -------
    float
        s, within the instrument's limits and not above `LONGEST`.

    Raises
    ------
    Saturated
        If even the shortest exposure saturates.
    """
    shortest, longest = spectrometer.integration_time_limits
    longest = min(longest, LONGEST)
    time = min(max(first_guess, shortest), longest)
    full = spectrometer.full_scale
    for _ in range(12):
        seen = spectrometer.spectrum(time)
        if seen.saturated.any():
            if time <= shortest:
                raise Saturated(
                    spectrometer.name,
                    f"even {shortest * 1e3:g} ms saturate: lower the dose rate or put a grey filter in front",
                )
            time = max(time / 4, shortest)
            continue
        # hot pixels must not decide: the brightest of what a few pixels agree on
        smooth = np.median(np.lib.stride_tricks.sliding_window_view(seen.counts, 5), axis=1)
        base, top = float(np.median(smooth)), float(smooth.max())
        if LOWEST * full <= top <= HIGHEST * full or (top < LOWEST * full and time >= longest):
            return time
        gain = (aim * full - base) / max(top - base, 0.005 * full)
        time = max(min(time * min(gain, 8.0), longest), shortest)
        if 1.0 < gain <= 1.3:
            return time
    return time
