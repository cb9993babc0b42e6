"""The campaign file: a list of runs, samples and repeats, and when each of them is due."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from pydantic import Field, model_validator

from config.bench_file import Table
from config.loading import Loaded, read


class Step(Table):
    """One kind of run, of one or more samples, once or repeatedly."""

    name: str = Field(min_length=1, max_length=80, description="by which other steps name it")
    procedure: str = Field(min_length=1)
    preset: str = ""
    samples: tuple[str, ...] = Field((), description="names or files; empty for the preset's or none")
    settings: dict[str, Any] = Field(default_factory=dict)
    repeats: int = Field(1, ge=1, le=10_000, description="of each sample; the most, where there is an until")
    after: tuple[str, ...] = Field((), description="steps of which every run must have completed")
    until: str = Field(
        "",
        description="no repeat of a sample whose run met this (remaining<80), or after a moment (2026-11-22T06:00)",
    )


class Campaign(Table):
    """Runs that belong together."""

    name: str = Field(min_length=1, max_length=120)
    bench: str = Field("sim", description="name or file")
    out: str = Field("", description="folder of the run files; the bench file's if not given")
    seed: int | None = Field(
        None, ge=0, description="of a simulated bench: that of the first run, one more for each next"
    )
    steps: tuple[Step, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _steps_fit(self) -> Self:
        known: list[str] = []
        for step in self.steps:
            if step.name in known:
                raise ValueError(f"two steps are named '{step.name}'")
            for earlier in step.after:
                if earlier not in known:
                    raise ValueError(f"step '{step.name}' comes after '{earlier}', which is no step above it")
            known.append(step.name)
        return self


def campaign_file(path: Path) -> Loaded[Campaign]:
    """Read a campaign.

    Raises
    ------
    UserMistake
        One line that says what is wrong with it.
    """
    return read(path, Campaign)
