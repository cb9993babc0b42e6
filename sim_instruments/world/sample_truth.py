"""What is true of a sample: the ``[world]`` table of its file, which only the simulation reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Truth(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class EmissionLine(_Truth):
    """One Gaussian of an emission spectrum, in photons per wavelength."""

    peak_nm: Positive
    fwhm_nm: Positive
    weight: Positive = 1.0
    """Photons in this line, relative to the others."""


class ScintillatorTruth(_Truth):
    """A scintillator: what it absorbs, how much light it gives, of which colour, and for how long."""

    model: Literal["scintillator"]
    absorber: str
    """Formula without brackets of what absorbs X-rays. It, density and thickness are the sample file's if absent."""
    density_kg_m3: Positive
    thickness_m: Positive
    area_m2: Positive = 1e-4
    """Irradiated area that the spectrometer's fibre sees."""
    light_yield_per_mev: Positive
    lines: tuple[EmissionLine, ...] = Field(min_length=1)
    excess_exponent: float = Field(0.0, gt=-0.9, lt=2.0)
    """e in I ~ D^(1+e)."""
    reference_dose_rate: Positive = 1e-3
    """Gy/s at which the light yield is the stated one, when e is not zero."""
    dose_life_gy: Positive | None = None
    """Dose after which 1/e of the light is left; None: the light lasts."""
    exposure_scatter: NotNegative = 0.0
    """Relative standard deviation of the light from one exposure to the next (coupling, positioning)."""
    decay_time_s: Positive = 6.78e-9
    afterglow_fraction: NotNegative = 1e-4
    """f in the afterglow f (1 + t/1 s)^-p that follows a long irradiation, relative to the light before."""
    afterglow_exponent: Positive = 1.0
    """p of the afterglow."""
    blur_sigma_m: Positive | None = None
    """Standard deviation of the image's Gaussian blur, the camera's aperture included; None: the camera's own."""


class PhotoconductorTruth(_Truth):
    """A direct detector: J = S0 beta eta(F) G(F) D + J_dark."""

    model: Literal["photoconductor"]
    thickness_m: Positive
    """Thickness and area are the sample file's if absent."""
    area_m2: Positive
    mu_tau_m2_per_v: Positive
    theoretical_sensitivity: Positive
    """S0, uC/(Gy cm2)."""
    absorbed_fraction: float = Field(gt=0, le=1)
    """beta."""
    reference_field_v_cm: Positive = 100.0
    """Field at which `sensitivity` is stated; from here on the gain no longer grows."""
    sensitivity: Positive
    """uC/(Gy cm2) at the reference field."""
    sensitivity_at_0v: Positive
    """uC/(Gy cm2) without bias, collected by the built-in field."""
    built_in_potential_v: Positive = 0.67
    resistivity_ohm_cm: Positive
    noise_density_na_cm2: Positive
    """J_n at the reference field in a band of 100 Hz."""
    noise_density_at_0v_na_cm2: Positive
    dark_drift: NotNegative = 0.0
    """Excess of the dark current right after a change of bias, relative to the change."""
    dark_drift_time_s: Positive = 30.0
    dark_drift_stretch: float = Field(0.5, gt=0, le=1)
    response_time_s: Positive = 0.02
    slow_fraction: float = Field(0.0, ge=0, lt=1)
    """Part of the photocurrent that comes and goes slowly."""
    slow_time_s: Positive = 5.0
    activation_energy_ev: NotNegative = 0.0
    """Of the dark conductivity above the breakpoint: sigma T ~ exp(-Ea / k T)."""
    activation_energy_below_ev: NotNegative = 0.0
    """Likewise, below the breakpoint."""
    breakpoint_k: Positive = 1.0
    reference_temperature_k: Positive = 295.0
    """At which `resistivity_ohm_cm` is stated."""
    mobility_m2_per_v_s: Positive = 19.3e-4
    """Of the carriers that cross the sample at a positive bias."""
    mobility_negative_m2_per_v_s: Positive | None = None
    """At a negative bias; None: the same."""
    light_depth_m: NotNegative = 0.5e-6
    """Standard deviation of the packet that the laser makes."""
    relative_permittivity: Positive = 25.0
    """The sample file's if absent."""

    @model_validator(mode="after")
    def _noise_grows_with_bias(self) -> PhotoconductorTruth:
        if self.noise_density_at_0v_na_cm2 > self.noise_density_na_cm2:
            msg = "noise_density_at_0v_na_cm2 must not be above noise_density_na_cm2"
            raise ValueError(msg)
        return self


SampleTruth = Annotated[ScintillatorTruth | PhotoconductorTruth, Field(discriminator="model")]
_ADAPTER: TypeAdapter[ScintillatorTruth | PhotoconductorTruth] = TypeAdapter(SampleTruth)


_FROM_SAMPLE = {
    "scintillator": (
        ("absorber", "composition", None),
        ("density_kg_m3", "density_g_cm3", 1e3),
        ("thickness_m", "thickness_um", 1e-6),
    ),
    "photoconductor": (
        ("thickness_m", "thickness_um", 1e-6),
        ("area_m2", "area_cm2", 1e-4),
        ("relative_permittivity", "relative_permittivity", None),
    ),
}


def sample_truth(sample: Mapping[str, Any]) -> ScintillatorTruth | PhotoconductorTruth:
    """Read a sample's ``[world]`` table; sizes that it does not give are what the sample file says they are.

    Parameters
    ----------
    sample
        The content of a sample file.

    Raises
    ------
    pydantic.ValidationError
        If a key of the table is unknown, missing or out of range.
    """
    table = dict(sample.get("world") or {})
    for key, given, factor in _FROM_SAMPLE.get(str(table.get("model")), ()):
        if key not in table and sample.get(given) is not None:
            table[key] = sample[given] if factor is None else float(sample[given]) * factor
    return _ADAPTER.validate_python(table)
