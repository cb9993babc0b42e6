"""The sample file: what is measured, and how well its size is known."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from config.bench_file import NotNegative, Positive, Table


class Sample(Table):
    """A scintillator or a direct detector."""

    name: str = Field(min_length=1, max_length=120)
    kind: Literal["scintillator", "photoconductor"]
    description: str = ""
    source: str = Field("", description="where it comes from: a paper, a batch, a maker")
    composition: str = Field(min_length=1, description="chemical formula of the absorber: CsPbBr3")
    density_g_cm3: Positive
    thickness_um: Positive
    thickness_uncertainty_um: NotNegative = Field(0.0, description="one standard deviation")
    area_cm2: Positive | None = Field(None, description="active area, between the electrodes")
    area_uncertainty_cm2: NotNegative = Field(0.0, description="one standard deviation")
    electrodes: tuple[str, ...] = Field((), description="from the side of the beam")
    band_gap_ev: Positive | None = None
    relative_permittivity: Positive | None = None
    built_in_potential_v: Annotated[float, Field(allow_inf_nan=False, strict=True)] | None = None
    reference_scintillator: str = Field("", description="name of the sample file that light yields refer to")
    world: dict[str, Any] = Field(
        default_factory=dict, description="the simulated world's truth; never read by a measurement or an analysis"
    )

    @property
    def thickness_m(self) -> float:
        """Thickness, m."""
        return self.thickness_um * 1e-6

    @property
    def area_m2(self) -> float | None:
        """Active area, m2."""
        return None if self.area_cm2 is None else self.area_cm2 * 1e-4
