"""PyMeasure's SR570, mended."""

from __future__ import annotations

from typing import Any

from pymeasure.instruments import Instrument
from pymeasure.instruments.srs import SR570
from pymeasure.instruments.validators import strict_discrete_set, strict_range


class StrictSR570(SR570):
    """PyMeasure's SR570, mended: what is no choice of the instrument is an error and never another choice.

    PyMeasure's `offset_current` sends the bias (``BSLV``), its `bias_level` truncates (1.001 V becomes 1000 mV), and a
    mistyped filter or gain mode silently selects another.
    """

    def __init__(self, adapter: Any, name: str = "SR570 current preamplifier", **kwargs: Any) -> None:
        # past PyMeasure's own: that one says that nobody knows whether it speaks SCPI, and it does not
        Instrument.__init__(self, adapter, name, includeSCPI=False, **kwargs)

    HIGHPASS_FREQUENCIES = SR570.FREQUENCIES[:12]

    sensitivity = Instrument.setting(
        "SENS %d",
        """Set the sensitivity in A/V (float, strictly one of `SENSITIVITIES`).""",
        validator=strict_discrete_set,
        values=SR570.SENSITIVITIES,
        map_values=True,
    )

    filter_type = Instrument.setting(
        "FLTT %d",
        """Set the filter (str, strictly one of `FILT_TYPES`).""",
        validator=strict_discrete_set,
        values=SR570.FILT_TYPES,
        map_values=True,
    )

    low_freq = Instrument.setting(
        "LFRQ %d",
        """Set the corner of the lowpass in Hz (float, strictly one of `FREQUENCIES`).""",
        validator=strict_discrete_set,
        values=SR570.FREQUENCIES,
        map_values=True,
    )

    high_freq = Instrument.setting(
        "HFRQ %d",
        """Set the corner of the highpass in Hz (float, strictly one of `HIGHPASS_FREQUENCIES`).""",
        validator=strict_discrete_set,
        values=HIGHPASS_FREQUENCIES,
        map_values=True,
    )

    bias_level = Instrument.setting(
        "BSLV %d",
        """Set the bias in V (float strictly from -5 to 5), to the nearest mV.""",
        validator=strict_range,
        values=[-5, 5],
        set_process=lambda volts: round(1000 * volts),
    )

    offset_current = Instrument.setting(
        "IOLV %d",
        """Set the magnitude of the input offset current in A (float, strictly one of `OFFSET_CURRENTS`).""",
        validator=strict_discrete_set,
        values=SR570.OFFSET_CURRENTS,
        map_values=True,
    )

    gain_mode = Instrument.setting(
        "GNMD %d",
        """Set the gain mode (str, strictly one of `GAIN_MODES`).""",
        validator=strict_discrete_set,
        values=SR570.GAIN_MODES,
        map_values=True,
    )

    gain_calibrated = Instrument.setting(
        "SUCM %d",
        """Set whether the gain is the calibrated one (bool), or lowered by the vernier.""",
        validator=strict_discrete_set,
        values={True: 0, False: 1},
        map_values=True,
    )

    offset_calibrated = Instrument.setting(
        "IOUC %d",
        """Set whether the input offset current is the calibrated one (bool), or set by the vernier.""",
        validator=strict_discrete_set,
        values={True: 0, False: 1},
        map_values=True,
    )

    offset_vernier = Instrument.setting(
        "IOUV %d",
        """Set the uncalibrated input offset current in thousandths of its range (int, strictly from 0 to 1000).""",
        validator=strict_range,
        values=[0, 1000],
    )
