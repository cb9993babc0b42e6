"""Ocean Optics spectrometers through ``seabreeze``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field
from seabreeze.pyseabreeze import SeaBreezeDevice
from seabreeze.pyseabreeze.features.spectrometer import SeaBreezeSpectrometerFeatureOOIFPGA

from config.mistake import UserMistake
from drivers.errors import BadReply, ConnectionLost, LimitExceeded
from drivers.roles import DriverOptions, Exposure, Identity, Spectrometer, Surroundings, exclusive
from drivers.seabreeze_connection import SeaBreezeConnection, Wanted, usb_backend

LONGEST_S = {"USB2000PLUS": 65.0, "FLAMES": 65.0}
"""Longest integration time by model (USB2000+ data sheet, "Integration times from 1 ms to 65 s").

seabreeze allows ten times that.
"""

UNKNOWN_RUNNING_TIME_S = 0.1
"""Assumed of an instrument that cannot be asked for its integration time."""


class OceanOpticsOptions(DriverOptions):
    """What a bench file may say about the spectrometer."""

    usb_backend: str = Field("", description="module with pyusb's get_backend(); empty: pyusb's own choice")
    wavelength_uncertainty_nm: float = Field(
        0.2, ge=0, le=50, description="one standard deviation of the stored wavelength calibration, nm"
    )
    discarded_exposures: int = Field(
        1, ge=1, le=10, description="exposures read and thrown away first, because they began before the call"
    )


class IntegrationTimeOutOfRange(LimitExceeded):
    """The instrument cannot integrate for so long, or so shortly."""

    def __init__(self, instrument: str, value: float, limits: tuple[float, float]) -> None:
        UserMistake.__init__(
            self,
            f"{instrument}: integration time {value:g} s is outside the instrument's {limits[0]:g} to {limits[1]:g} s",
        )


class OceanOpticsSpectrometer(Spectrometer):
    """An Ocean Optics spectrometer on the USB.

    The instrument exposes all the time, and a request is answered with the exposure that is going on. So the first
    one is read and thrown away: every exposure that counts began after the call. ("If the software trigger is asserted
    during integration cycle n, the photons from this integration period will be read out": Ocean Optics, "External
    Triggering Options", 200-00000-000-01-201401, p. 6, where the normal mode is said to run alike.)

    The counts are those that the instrument gives. Neither the stored non-linearity correction nor a dark correction is
    applied; the coefficients are in `calibration`.

    Parameters
    ----------
    resource
        Nothing (the only one), a serial number, a model, ``usb::MODEL`` or ``usb::MODEL::SERIAL``; or, with the option
        ``usb_backend``, an address that is handed to that module's ``get_backend``.
    options
        See `OceanOpticsOptions`.
    surroundings
        Of the bench it belongs to.

    Raises
    ------
    ConnectionLost
        If there is none, or it cannot be opened.
    WrongInstrument
        If there are others only; names both.
    """

    Options: ClassVar[type[DriverOptions]] = OceanOpticsOptions

    def __init__(
        self, resource: str = "", options: DriverOptions | None = None, surroundings: Surroundings | None = None
    ) -> None:
        super().__init__(resource, options, surroundings)
        backend = usb_backend(self.options.usb_backend, resource)
        self._connection = SeaBreezeConnection(self.name, Wanted.of(resource), backend, self.options.timeout_s)
        self._connection.opened_anew = self._prepare
        try:
            device = self._connection.device
            self._identity = Identity("Ocean Optics", str(device.model), str(device.serial_number))
            self._read_calibration()
            self._prepare()
        except BaseException:
            self._connection.close()
            raise

    @property
    def identity(self) -> Identity:
        """Who answered when the connection was opened."""
        return self._identity

    @property
    def pixels(self) -> int:
        """Number of pixels."""
        return self._wavelengths.size

    @property
    def full_scale(self) -> float:
        """Counts at which a pixel is saturated."""
        return self._full_scale

    @property
    def integration_time_limits(self) -> tuple[float, float]:
        """Shortest and longest integration time, s."""
        return self._limits

    @property
    def nonlinearity_coefficients(self) -> tuple[float, ...]:
        """Stored polynomial, lowest order first: counts above the dark, divided by it, are linear. Empty if none."""
        return self._nonlinearity

    def wavelengths_nm(self) -> npt.NDArray[np.float64]:
        """Return the (pixels,) wavelengths, nm, from the calibration stored in the instrument."""
        return self._wavelengths.copy()

    @exclusive
    def spectrum(self, integration_time: float, averages: int = 1) -> Exposure:
        """Expose and average.

        Parameters
        ----------
        integration_time
            s
        averages
            Number of exposures.

        Raises
        ------
        LimitExceeded
            If the integration time is outside the instrument's.
        ConnectionLost, BadReply
            If a spectrum does not come in time, or whole.
        Inhibited
            If the bench is told to stop between two exposures.
        """
        microseconds = self._checked(integration_time)
        if averages < 1:
            raise UserMistake(f"{self.name}: a spectrum is the mean of at least one exposure, not of {averages}")
        self._expose_for(microseconds)
        for _ in range(self.options.discarded_exposures):
            self._counts()
        mean = np.zeros(self.pixels)
        squares = np.zeros(self.pixels)
        saturated = np.zeros(self.pixels, dtype=bool)
        for number in range(1, averages + 1):
            self.wait(0.0)
            counts = self._counts()
            # Welford: the sum of squares of large numbers would lose the scatter
            difference = counts - mean
            mean += difference / number
            squares += difference * (counts - mean)
            saturated |= counts >= self._full_scale - 0.5
        error = np.sqrt(squares / (averages - 1) / averages) if averages > 1 else np.full(self.pixels, np.nan)
        return Exposure(mean, error, saturated, microseconds * 1e-6, averages)

    def settings(self) -> Mapping[str, float | str | bool]:
        """Return the settings that a run file keeps."""
        return {
            "integration_time_s": self._running_us * 1e-6,
            "trigger_mode": "normal",
            "discarded_exposures": self.options.discarded_exposures,
            "nonlinearity_corrected": False,
            "dark_corrected": False,
        }

    def calibration(self) -> Mapping[str, float | str]:
        """Return the stored wavelength (nm) and non-linearity coefficients; the latter are not applied."""
        stored = {f"wavelength_coefficient_{i}": value for i, value in enumerate(self._wavelength_coefficients)}
        stored["wavelength_uncertainty_nm"] = self.options.wavelength_uncertainty_nm
        return stored | {f"nonlinearity_coefficient_{i}": value for i, value in enumerate(self._nonlinearity)}

    @exclusive
    def close(self) -> None:
        """Close the connection; any number of times."""
        self._connection.close()

    def _read_calibration(self) -> None:
        ask = self._connection.ask
        self._wavelengths = np.asarray(
            ask("read the wavelength calibration", lambda device: device.f.spectrometer.get_wavelengths()), dtype=float
        )
        if not (np.isfinite(self._wavelengths).all() and np.all(np.diff(self._wavelengths) > 0)):
            raise BadReply(
                self.name,
                "the stored wavelength calibration does not rise from pixel to pixel",
                "read the wavelength calibration",
                f"{self._wavelengths[:3]} ... {self._wavelengths[-1]} nm",
            )
        self._wavelength_coefficients = ask("read EEPROM slots 1 to 4", _wavelength_coefficients)
        self._nonlinearity = ask("read EEPROM slots 6 to 14", _nonlinearity_coefficients)
        feature = self._connection.device.f.spectrometer
        self._full_scale = float(feature.get_maximum_intensity())
        shortest, longest = (limit * 1e-6 for limit in feature.get_integration_time_micros_limits())
        self._limits = (shortest, min(longest, LONGEST_S.get(self._identity.model, math.inf)))

    def _prepare(self) -> None:
        """Let a freshly opened instrument run freely; learn how long its present exposure may take."""
        self._connection.ask("set trigger mode 0", lambda device: device.f.spectrometer.set_trigger_mode(0))
        self._running_us = self._connection.ask("query status", _running_time_us)
        self._programmed = False

    def _checked(self, integration_time: float) -> int:
        shortest, longest = self._limits
        # half a microsecond: 1 ms is 0.001 s in whatever way it was computed
        if not (shortest - 5e-7 <= integration_time <= longest + 5e-7):
            raise IntegrationTimeOutOfRange(self.name, integration_time, self._limits)
        return round(integration_time * 1e6)

    def _expose_for(self, microseconds: int) -> None:
        self.wait(0.0)
        if self._programmed and microseconds == self._running_us:
            return
        before = self._running_us
        self._connection.ask(
            f"set integration time {microseconds} us",
            lambda device: device.f.spectrometer.set_integration_time_micros(microseconds),
        )
        self._running_us, self._programmed = microseconds, True
        # an exposure that was begun with the former time goes on; seabreeze would not wait for so long
        if before > microseconds:
            self.wait((before - microseconds) * 1e-6)

    def _counts(self) -> npt.NDArray[np.float64]:
        try:
            counts = self._connection.ask(
                "request spectrum (0x09)", lambda device: device.f.spectrometer.get_intensities()
            )
        except (ConnectionLost, BadReply):
            self._programmed = False
            raise
        if counts.shape != (self.pixels,):
            raise BadReply(
                self.name, f"a spectrum has {self.pixels} pixels", "request spectrum (0x09)", f"{counts.size} pixels"
            )
        return np.asarray(counts, dtype=float)


def _wavelength_coefficients(device: SeaBreezeDevice) -> tuple[float, ...]:
    eeprom = device.f.eeprom
    return tuple(float(eeprom.eeprom_read_slot(slot)) for slot in range(1, 5)) if eeprom is not None else ()


def _nonlinearity_coefficients(device: SeaBreezeDevice) -> tuple[float, ...]:
    """Return what is stored: nothing where the slots were never written, as on some instruments."""
    feature = device.f.nonlinearity_coefficients
    try:
        stored = tuple(map(float, feature.get_nonlinearity_coefficients())) if feature is not None else ()
    except ValueError:
        return ()
    return stored if all(map(math.isfinite, stored)) else ()


def _running_time_us(device: SeaBreezeDevice) -> int:
    """Ask with which integration time the instrument runs, us (data sheet, command 0xFE: bytes 2 to 5)."""
    raw = device.f.raw_usb_bus_access
    if raw is None or not isinstance(device.f.spectrometer, SeaBreezeSpectrometerFeatureOOIFPGA):
        return round(UNKNOWN_RUNNING_TIME_S * 1e6)
    raw.raw_usb_write(b"\xfe", "primary_out")
    return int.from_bytes(raw.raw_usb_read("primary_in", 16)[2:6], "little")
