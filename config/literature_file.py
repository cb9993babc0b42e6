"""What papers published: rows to be reproduced, detectors to be placed among."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from config.bench_file import Positive, Table
from config.loading import SHIPPED, Loaded, read

FOLDER = SHIPPED / "literature"

Finite = Annotated[float, Field(allow_inf_nan=False)]


class Row(Table):
    """One published result: how it is reproduced, or why it is not."""

    paper: str = Field(min_length=1, description="short name: Chen24")
    what: str = Field(min_length=1)
    published: str = Field(min_length=1, description="as the paper says it")
    value: Finite | None = Field(None, description="the same as a number, in the unit of the figure")
    rounding: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(
        0.0, description="half a unit of the last digit that was published, where that counts"
    )
    above: Finite | None = Field(
        None, description="for what is published as a limit or a trend: the interval lies above"
    )
    below: Finite | None = None
    preset: str = ""
    sample: str = Field("", description="where it is not the preset's")
    settings: dict[str, Any] = Field(default_factory=dict, description="where they are not the preset's")
    calculation: str = Field("", description="name of an analysis of computed data, instead of a preset")
    figure: str = ""
    at: dict[str, Finite] = Field(default_factory=dict)
    refused: bool = Field(False, description="that no figure can be had is the result")
    loop: Literal["closed", "open", ""] = Field(
        "", description="closed: the world's parameter was set from this published value"
    )
    note: str = ""
    not_covered: str = Field("", description="why there is no way to it here")


class Reproduction(Table):
    """Every published result."""

    rows: tuple[Row, ...]


class Detector(Table):
    """A published detector; what a paper does not give, or what cannot be read, is left out."""

    name: str = Field(min_length=1)
    form: Literal["single crystal", "polycrystal", "film", ""] = ""
    paper: str = Field(min_length=1, description="where the number was taken from")
    original: str = Field("", description="what that paper cites for it")
    tube_voltage_kv: Positive | None = None
    radiation: str = Field("", description="where it is not a tube of that voltage")
    field_v_cm: Finite | None = None
    sensitivity: Positive | None = Field(None, description="uC/(Gy cm2)")
    lod_ngy_s: Positive | None = None
    stability_mgy: Positive | None = Field(None, description="dose up to which it was stable")
    resistivity_ohm_cm: Positive | None = None
    mobility_electrons: Positive | None = Field(None, description="cm2/(V s)")
    mobility_holes: Positive | None = None
    mu_tau_electrons: Positive | None = Field(None, description="cm2/V")
    mu_tau_holes: Positive | None = None
    activation_energy_ev: Positive | None = None
    note: str = ""


class Detectors(Table):
    """Published detectors."""

    left_out: tuple[str, ...] = Field((), description="rows and cells that could not be read with certainty")
    detectors: tuple[Detector, ...]


def reproduction(path: Path | None = None) -> Loaded[Reproduction]:
    """Read the rows to be reproduced."""
    return read(path or FOLDER / "reproduction.toml", Reproduction)


def detectors(path: Path | None = None) -> Loaded[Detectors]:
    """Read the published detectors."""
    return read(path or FOLDER / "detectors.toml", Detectors)
