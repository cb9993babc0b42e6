"""What every analysis returns: a value with its uncertainty, unit, method and warnings."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np

Detail = float | str | bool | None

#: Half-width of a 95 % interval of the normal distribution, in standard deviations.
NORMAL_95 = 1.959963984540054


@dataclass(frozen=True)
class FigureOfMerit:
    """A figure of merit, or the reason why there is none.

    Parameters
    ----------
    name
        Lasting slug, such as ``sensitivity`` or ``lod_line``.
    value
        In `unit`; None when the figure could not be determined, and then a warning says why.
    uncertainty
        One standard deviation, statistical and systematic parts combined. None says that no uncertainty is
        known, and has to be said: there is no default.
    interval
        The 95 % interval, in `unit`; need not be symmetric.
    unit
        Customary unit in plain ASCII, ``"1"`` for a ratio.
    method
        How it was obtained.
    warnings
        What a reader must know before quoting it.
    at
        The conditions it holds at: name to (value, unit).
    statistical, systematic
        The two parts of the uncertainty (type A and type B of the GUM), where they are told apart.
    details
        Further numbers: reduced chi2, degrees of freedom, number of points. A number that is not finite becomes None.

    Raises
    ------
    ValueError
        If a number is not finite, an uncertainty is negative, the interval is reversed, or a value of None comes
        with no warning or with an uncertainty.
    """

    name: str
    value: float | None
    uncertainty: float | None
    interval: tuple[float, float] | None
    unit: str
    method: str
    warnings: tuple[str, ...] = ()
    at: Mapping[str, tuple[float, str]] = field(default_factory=dict)
    statistical: float | None = None
    systematic: float | None = None
    details: Mapping[str, Detail] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("a figure of merit needs a name")
        for what in ("value", "uncertainty", "statistical", "systematic"):
            number = getattr(self, what)
            if number is not None:
                object.__setattr__(self, what, _finite(number, f"{self.name}: {what}"))
                if what != "value" and number < 0:
                    raise ValueError(f"{self.name}: {what} is {number}, it cannot be negative")
        if self.interval is not None:
            low, high = (_finite(end, f"{self.name}: interval") for end in self.interval)
            if low > high:
                raise ValueError(f"{self.name}: interval ({low}, {high}) is reversed")
            object.__setattr__(self, "interval", (low, high))
        if self.value is None:
            if self.uncertainty is not None or self.interval is not None:
                raise ValueError(f"{self.name}: a figure without a value has no uncertainty and no interval")
            if not self.warnings:
                raise ValueError(f"{self.name}: a figure without a value needs a warning that says why")
        object.__setattr__(self, "warnings", tuple(self.warnings))
        conditions = {key: (_finite(pair[0], f"{self.name}: at {key}"), str(pair[1])) for key, pair in self.at.items()}
        object.__setattr__(self, "at", conditions)
        object.__setattr__(self, "details", {key: _plain(detail) for key, detail in self.details.items()})

    @classmethod
    def refused(
        cls,
        name: str,
        unit: str,
        method: str,
        reason: str,
        *,
        at: Mapping[str, tuple[float, str]] | None = None,
        details: Mapping[str, Detail] | None = None,
        warnings: tuple[str, ...] = (),
    ) -> Self:
        """Figure that could not be determined: value None, and `reason` as its first warning."""
        return cls(name, None, None, None, unit, method, (reason, *warnings), at or {}, details=details or {})

    @classmethod
    def normal(
        cls,
        name: str,
        value: float,
        unit: str,
        method: str,
        *,
        statistical: float = 0.0,
        systematic: float = 0.0,
        warnings: tuple[str, ...] = (),
        details: Mapping[str, Detail] | None = None,
    ) -> Self:
        """Figure whose error is normal: the parts combined in quadrature, the interval 1.96 of them wide each way."""
        combined = math.hypot(statistical, systematic)
        return cls(
            name,
            value,
            combined,
            (value - NORMAL_95 * combined, value + NORMAL_95 * combined),
            unit,
            method,
            warnings,
            statistical=statistical,
            systematic=systematic,
            details=details or {},
        )

    @property
    def determined(self) -> bool:
        """Whether there is a value."""
        return self.value is not None

    def scaled(self, factor: float, unit: str) -> Self:
        """Return the same figure in another unit; `details` keep the numbers they had.

        Raises
        ------
        ValueError
            If `factor` is zero or not finite.
        """
        if _finite(factor, "factor") == 0.0:
            raise ValueError("factor is 0: that is no change of unit")

        def size(part: float | None) -> float | None:
            return None if part is None else part * abs(factor)

        ends = None if self.interval is None else sorted(end * factor for end in self.interval)
        return replace(
            self,
            value=None if self.value is None else self.value * factor,
            uncertainty=size(self.uncertainty),
            statistical=size(self.statistical),
            systematic=size(self.systematic),
            interval=None if ends is None else (ends[0], ends[1]),
            unit=unit,
        )

    def renamed(self, name: str) -> Self:
        """Return the same figure under another name."""
        return replace(self, name=name)

    def with_warnings(self, *warnings: str) -> Self:
        """Return the same figure with further warnings, each once."""
        new = tuple(dict.fromkeys((*self.warnings, *warnings)))
        return replace(self, warnings=new)

    def with_systematic(self, systematic: float) -> Self:
        """Return the same figure with a further systematic standard uncertainty, in `unit`, added in quadrature.

        The interval grows on each side in quadrature with the normal 95 % half-width of the new part.

        Raises
        ------
        ValueError
            If the part is negative or not finite.
        """
        return self._with_part(systematic, "systematic")

    def with_random(self, statistical: float) -> Self:
        """Return the same figure with a further statistical standard uncertainty, in `unit`, added in quadrature.

        Raises
        ------
        ValueError
            If the part is negative or not finite.
        """
        return self._with_part(statistical, "statistical")

    def _with_part(self, added: float, kind: str) -> Self:
        part = _finite(added, f"{self.name}: {kind}")
        if part < 0:
            raise ValueError(f"{self.name}: {kind} is {part}, it cannot be negative")
        if self.value is None or self.uncertainty is None:
            return self
        ends = None
        if self.interval is not None:
            low, high = self.interval
            wide = NORMAL_95 * part
            ends = (self.value - math.hypot(self.value - low, wide), self.value + math.hypot(high - self.value, wide))
        parts = {"statistical": self.statistical, "systematic": self.systematic or 0.0}
        if parts["statistical"] is None:
            parts["statistical"] = self.uncertainty
        parts[kind] = math.hypot(parts[kind] or 0.0, part)
        return replace(self, uncertainty=math.hypot(self.uncertainty, part), interval=ends, **parts)  # type: ignore[arg-type]

    def with_details(self, **details: Detail) -> Self:
        """Return the same figure with further details."""
        return replace(self, details={**self.details, **details})

    def at_condition(self, **conditions: tuple[float, str]) -> Self:
        """Return the same figure at a condition, such as ``field=(-100.0, "V/cm")``."""
        return replace(self, at={**self.at, **conditions})

    def as_dict(self) -> dict[str, Any]:
        """Plain lists, strings and finite numbers: what goes into JSON and into the run file."""
        return {
            "name": self.name,
            "at": {key: [value, unit] for key, (value, unit) in self.at.items()},
            "value": self.value,
            "uncertainty": self.uncertainty,
            "interval": None if self.interval is None else list(self.interval),
            "unit": self.unit,
            "method": self.method,
            "warnings": list(self.warnings),
            "statistical": self.statistical,
            "systematic": self.systematic,
            "details": dict(self.details),
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Self:
        """Figure from what `as_dict` gave; the parts it may lack are the defaults."""
        interval = record.get("interval")
        return cls(
            name=record["name"],
            value=record["value"],
            uncertainty=record["uncertainty"],
            interval=None if interval is None else (interval[0], interval[1]),
            unit=record["unit"],
            method=record["method"],
            warnings=tuple(record.get("warnings", ())),
            at={key: (pair[0], pair[1]) for key, pair in record.get("at", {}).items()},
            statistical=record.get("statistical"),
            systematic=record.get("systematic"),
            details=dict(record.get("details", {})),
        )

    def __str__(self) -> str:
        if self.value is None:
            return f"not determined ({self.warnings[0]})"
        unit = "" if self.unit == "1" else f" {self.unit}"
        return f"{rounded(self.value, self.uncertainty)}{unit}"


def rounded(value: float, uncertainty: float | None) -> str:
    """Value and uncertainty as text, the uncertainty with two significant digits.

    >>> rounded(13704.3, 212.0)
    '13700 ± 210'
    >>> rounded(2.09137e-8, 1.2e-9)
    '(2.09 ± 0.12)e-08'
    >>> rounded(0.9931, None)
    '0.9931'
    """
    if uncertainty is None or uncertainty == 0.0:
        return f"{value:.6g}" if uncertainty is None else f"{value:.6g} ± 0"
    # The uncertainty is rounded first, so that 0.0996 counts as 0.10 and not as 0.100.
    digit = math.floor(math.log10(float(f"{uncertainty:.1e}"))) - 1
    largest = math.floor(math.log10(max(abs(value), uncertainty)))
    if -4 <= largest < 7:
        places = max(0, -digit)
        return f"{round(value, -digit):.{places}f} ± {round(uncertainty, -digit):.{places}f}"
    places = max(0, largest - digit)
    scale = 10.0**largest
    return f"({value / scale:.{places}f} ± {uncertainty / scale:.{places}f})e{largest:+03d}"


def _finite(number: float, what: str) -> float:
    plain = float(number)
    if not math.isfinite(plain):
        raise ValueError(f"{what} is {plain}, it must be a finite number")
    return plain


def _plain(detail: object) -> Detail:
    plain = detail.item() if isinstance(detail, np.generic) else detail
    if plain is None or isinstance(plain, str | bool | int):
        return plain
    if not isinstance(plain, float):
        raise ValueError(f"a detail is a number, a text, a truth value or None, not {type(plain).__name__}")
    return plain if math.isfinite(plain) else None
