"""The bench file: which instrument plays which role, and what must never be exceeded."""

from __future__ import annotations

import string
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from config.mistake import nearest

ROLES = (
    "tube",
    "dosimeter",
    "spectrometer",
    "source_meter",
    "preamp",
    "digitizer",
    "camera",
    "light",
    "temperature_stage",
)
"""The names under which a bench file lists its instruments."""

RoleName = Literal[
    "tube",
    "dosimeter",
    "spectrometer",
    "source_meter",
    "preamp",
    "digitizer",
    "camera",
    "light",
    "temperature_stage",
]

TEMPLATE_FIELDS = ("date", "time", "procedure", "preset", "sample", "operator", "bench", "seed")
"""What the name of a run file may be made of."""

# strict: "10" and true are no numbers, and a limit that was meant otherwise must not become 1
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False, strict=True)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False, strict=True)]


class Table(BaseModel):
    """A table of a file: unknown keys are mistakes, values do not change afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class Filter(Table):
    """One sheet of material in the beam."""

    material: str = Field(min_length=1, description="element symbol or formula: Al, Cu, SiO2")
    thickness_mm: Positive = Field(description="mm")


class Geometry(Table):
    """Where the sample sits in the beam, and what is between."""

    distance_m: Positive = Field(1.0, le=10, description="focal spot to sample, m")
    filters: tuple[Filter, ...] = Field((), description="added filtration, from the tube outwards")
    anode_angle_deg: Positive = Field(12.0, ge=5, le=45, description="tungsten anode's angle, degree")
    output_factor: Positive = Field(1.0, description="this tube's output over the tabulated one of its kind")

    def __str__(self) -> str:
        """Say it as an operator would."""
        sheets = " + ".join(f"{sheet.thickness_mm:g} mm {sheet.material}" for sheet in self.filters) or "no filter"
        return f"{sheets}, sample at {self.distance_m * 100:.4g} cm"


class Limits(Table):
    """What the bench must never exceed; checked before a byte is sent."""

    tube_voltage_kv: Positive = Field(50.0, le=450, description="kV")
    tube_current_ma: Positive = Field(1.0, le=1000, description="mA")
    tube_power_w: Positive = Field(50.0, description="W")
    bias_v: NotNegative = Field(10.0, le=3000, description="largest absolute bias, V")
    bias_ramp_v_per_s: Positive = Field(10.0, description="V/s, up and down")
    compliance_a: Positive = Field(1e-4, le=1.0, description="largest compliance current, A")
    dose_per_run_gy: Positive = Field(10.0, description="air kerma at the sample in one run, Gy")
    duty_cycle: Positive = Field(1.0, le=1, description="largest part of duty_window_s with the beam on; 1: no limit")
    duty_window_s: Positive = Field(600.0, le=86_400, description="s")


class WarmUp(Table):
    """How a tube is warmed up that had no beam for some days; the row with the most days that it was idle holds."""

    idle_days: Positive = Field(description="from which on this row holds, days")
    start_kv: Positive = Field(20.0, le=450, description="kV of the first step")
    step_kv: Positive = Field(10.0, le=450, description="kV from one step to the next")
    step_s: Positive = Field(60.0, le=86_400, description="s of each step")
    current_ma: Positive = Field(0.2, le=1000, description="mA")


Dangerous = Literal["abort", "pause"]
"""What may become of a run when going on as if nothing were is dangerous."""
Tolerable = Literal["abort", "pause", "note"]


class Policies(Table):
    """What becomes of a run when something on the bench is not as it must be.

    "abort" ends it. "pause" makes the bench safe, waits until all is well again and measures the point again. "note"
    goes on and says so in the journal; what was recorded meanwhile keeps a warning.
    """

    interlock: Dangerous = Field("abort", description="the interlock opened, or is open when a beam is wanted")
    arc: Dangerous = Field("abort", description="the tube arced")
    tube_fault: Dangerous = Field("abort", description="any other fault of the tube, or it went off by itself")
    off_tolerance: Tolerable = Field("abort", description="tube voltage or current is not what was set")
    silent: Dangerous = Field("abort", description="an instrument does not answer")
    compliance: Tolerable = Field("abort", description="the source meter limits the current: the bias is another")
    preamp_overload: Tolerable = Field("note", description="the window is repeated in another range")
    detector: Tolerable = Field("note", description="spectrometer, digitizer or camera beyond its range")
    dosimeter: Dangerous = Field("abort", description="dose rate beyond the dosimeter's range")
    duty_cycle: Dangerous = Field("abort", description="limits.duty_cycle is reached while the beam is on")
    dose_budget: Literal["abort", "note"] = Field("abort", description="limits.dose_per_run_gy is reached")
    resume: Literal["operator", "automatically"] = Field(
        "operator", description="who says that a paused run goes on once all is well"
    )
    longest_pause_s: Positive = Field(3600.0, description="s that a paused run waits until all is well")
    most_pauses: int = Field(5, ge=0, le=1000, strict=True, description="in one run; the next trip aborts")
    answer_within_s: Positive = Field(600.0, description="s for which a question to the operator may stay unanswered")


class InstrumentEntry(Table):
    """One instrument: who talks to it, where it is, what is special about it."""

    driver: str = Field(min_length=1, description="a driver's name (xraybench drivers) or module:Class")
    resource: str = Field("", description="VISA address, serial number or path; 'sim' on a simulated bench")
    options: dict[str, Any] = Field(default_factory=dict, description="the driver's own options")


class Operator(Table):
    """Who measures."""

    name: str = ""
    email: str = ""
    affiliation: str = ""


Frames = Literal["plain", "packed"]
"""How images are kept in a run file; packed ones take less of the disk, and need hdf5plugin to be read."""


class Output(Table):
    """Where run files go."""

    folder: str = Field("runs", min_length=1, description="folder of the run files; ~ is the home folder")
    template: str = Field(
        "{date}/{date}-{time}-{procedure}-{sample}.h5",
        min_length=1,
        description="fields: date, time, procedure, preset, sample, operator, bench, seed",
    )
    frames: Frames = Field("plain", description="plain: every program reads them; packed: bitshuffle and LZ4, no loss")

    @field_validator("template")
    @classmethod
    def _fields_exist(cls, template: str) -> str:
        try:
            parts = list(string.Formatter().parse(template))
        except ValueError as error:
            raise ValueError(f"is no template: {error}") from None
        for _, field, spec, conversion in parts:
            # a bare name and nothing else: {date.x} would reach into the program
            if field is not None and (field not in TEMPLATE_FIELDS or spec or conversion):
                written = field + (f"!{conversion}" if conversion else "") + (f":{spec}" if spec else "")
                raise ValueError(f"unknown field {{{written}}}; {nearest(field, TEMPLATE_FIELDS)}")
        filled = "".join(literal + ("x" if field else "") for literal, field, *_ in parts)
        folders = filled.replace("\\", "/").split("/")
        if ".." in folders or folders[0] == "" or ":" in filled:
            raise ValueError("must stay inside the output folder: no '..', no ':' and no leading '/'")
        if folders[-1] == "":
            raise ValueError("must end in a file's name")
        return template


class Simulation(Table):
    """A bench that is simulated at the wire; a real bench has no such table."""

    seed: int = Field(1, ge=0, lt=2**63, strict=True, description="of the world's random numbers")
    speed: float | Literal["max"] = Field("max", description="1 is real time, 20 is 20 times faster, max is virtual")
    world: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="per part of the world, parameters other than its own"
    )

    @field_validator("speed", mode="before")
    @classmethod
    def _speed_is_positive(cls, speed: object) -> object:
        number = isinstance(speed, int | float) and not isinstance(speed, bool) and 0 < speed <= 1000
        if speed != "max" and not number:
            raise ValueError("must be a number above 0 and at most 1000, or 'max'")
        return speed


class BenchFile(Table):
    """A bench: its instruments by role, its geometry, its limits."""

    name: str = Field(min_length=1, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    title: str = ""
    operator: Operator = Operator()
    output: Output = Output()
    geometry: Geometry = Geometry()
    limits: Limits = Limits()
    policies: Policies = Policies()
    warm_up: tuple[WarmUp, ...] = Field((), description="after idle days; none: the tube needs no warm-up")
    instruments: dict[RoleName, InstrumentEntry] = Field(description="by role")
    simulation: Simulation | None = None

    @property
    def entries(self) -> dict[str, InstrumentEntry]:
        """The instruments by role."""
        return {str(role): entry for role, entry in self.instruments.items()}

    @property
    def simulated(self) -> bool:
        """Whether this bench has no hardware."""
        return self.simulation is not None

    @model_validator(mode="after")
    def _simulated_resources_need_a_simulation(self) -> BenchFile:
        for role, entry in self.instruments.items():
            if self.simulation is None and entry.resource == "sim":
                raise ValueError(f"instruments.{role}.resource is 'sim', but the file has no [simulation] table")
        return self
