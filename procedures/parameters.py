"""Parameters of procedures: PyMeasure's, one for lists, and a strict reading of what a user gives."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from pymeasure.experiment import BooleanParameter, FloatParameter, IntegerParameter, ListParameter, Parameter
from pymeasure.units import ureg

from config.mistake import UserMistake, nearest

__all__ = [
    "BooleanParameter",
    "FloatListParameter",
    "FloatParameter",
    "IntegerParameter",
    "ListParameter",
    "Parameter",
    "allowed",
    "checked_value",
    "checked_values",
]


class FloatListParameter(Parameter):
    """Numbers with a common unit: ``0.2, 0.4, 0.8`` or ``0.2:2.4:12`` (from, to, how many).

    Parameters
    ----------
    name, units, minimum, maximum
        As PyMeasure's `FloatParameter`; the limits hold for each number.
    longest
        How many there may be.
    """

    def __init__(
        self,
        name: str,
        units: str | None = None,
        minimum: float = -1e9,
        maximum: float = 1e9,
        longest: int = 10_000,
        **kwargs: Any,
    ) -> None:
        self.units = units
        self.minimum = minimum
        self.maximum = maximum
        self.longest = longest
        super().__init__(name, **kwargs)

    def convert(self, value: str | float | Iterable[float]) -> list[float]:
        """Turn text or numbers into a list of numbers."""
        numbers = self._from_text(value) if isinstance(value, str) else value
        if isinstance(numbers, int | float):
            numbers = [numbers]
        found = [float(number) for number in numbers]
        if not 1 <= len(found) <= self.longest:
            raise ValueError(f"must be 1 to {self.longest} numbers, not {len(found)}")
        for number in found:
            if not self.minimum <= number <= self.maximum:
                raise ValueError(f"{number:g} is outside {self.minimum:g} to {self.maximum:g}")
        return found

    def _from_text(self, text: str) -> list[float]:
        # PyMeasure's results file has the unit behind the numbers, as `__str__` writes it
        text = text.strip().removesuffix(f" {self.units}").removeprefix("[").removesuffix("]")
        if text.count(":") == 2:
            first, last, count = text.split(":")
            steps = int(count)
            if not 2 <= steps <= self.longest:
                raise ValueError(f"FROM:TO:HOW MANY takes 2 to {self.longest}, not {steps}")
            start, stop = float(first), float(last)
            return [round(start + (stop - start) * i / (steps - 1), 12) for i in range(steps)]
        return [float(part) for part in text.split(",") if part.strip()]

    def __str__(self) -> str:
        numbers = ", ".join(f"{number:.15g}" for number in self._value) if self.is_set() else ""
        return f"{numbers} {self.units}" if numbers and self.units else numbers


def checked_values(
    procedure: str, parameters: Mapping[str, Parameter], given: Mapping[str, Any], where: str = "--set"
) -> dict[str, Any]:
    """Check values that a user gives for parameters.

    Parameters
    ----------
    procedure
        Its name.
    parameters
        Its parameters by name.
    given
        Text (``"30"``, ``"30 kV"``, ``"0.2:2.4:12 mA"``) or numbers, by name.
    where
        Where they were given, for the message.

    Raises
    ------
    UserMistake
        For an unknown name, a value outside its limits or of another kind, NaN, or a unit that does not fit.
    """
    for name in given:
        if name not in parameters:
            raise UserMistake(f"{where}: {procedure} has no parameter '{name}'; {nearest(name, parameters)}")
    return {name: checked_value(name, parameters[name], value, where) for name, value in given.items()}


def checked_value(name: str, parameter: Parameter, value: Any, where: str = "--set") -> Any:
    """Check one value; see `checked_values`."""
    may_be = allowed(parameter)
    try:
        plain: Any = _without_unit(parameter, value) if isinstance(value, str) else value
        if isinstance(parameter, IntegerParameter) and not isinstance(plain, bool):
            number = float(plain)
            if not number.is_integer():
                raise ValueError("is no whole number")
            plain = int(number)
        converted = parameter.convert(plain)
    except UserMistake:
        raise
    except (ValueError, TypeError, OverflowError) as error:
        said = str(error)
        detail = f" ({said})" if isinstance(parameter, FloatListParameter) and "convert" not in said else ""
        if re.match(r"\s*[-+]?[0-9]+,[0-9]+", str(value)) and not detail:
            detail = " (decimals stand after a point, not after a comma)"
        raise UserMistake(f"{where}: {name} = {str(value)[:60]} is not allowed{detail}; allowed: {may_be}") from error
    for number in converted if isinstance(converted, list) else [converted]:
        if isinstance(number, float) and not math.isfinite(number):
            raise UserMistake(f"{where}: {name} = {value} is no number; allowed: {may_be}")
    return converted


def allowed(parameter: Parameter) -> str:
    """Say what a parameter can be set to."""
    if isinstance(parameter, BooleanParameter):
        return "true, false"
    if isinstance(parameter, ListParameter):
        return ", ".join(str(choice) for choice in parameter.choices)
    unit = getattr(parameter, "units", None)
    if isinstance(parameter, FloatParameter | IntegerParameter | FloatListParameter):
        kind = {IntegerParameter: "a whole number ", FloatListParameter: "numbers "}.get(type(parameter), "")
        return f"{kind}{parameter.minimum:g} to {parameter.maximum:g}{' ' + unit if unit else ''}"
    return "text"


def _without_unit(parameter: Parameter, text: str) -> str | float | list[float]:
    """Take a unit off a text and convert to the parameter's own."""
    unit = getattr(parameter, "units", None)
    # "10min" as well as "10 min"; not the exponent of 1e3, nor the letters of "nan"
    apart = re.sub(r"(?<=[0-9.\])])(?![eE][-+]?[0-9])(?=[^\W\d_][^\s,:]*$)", " ", text.strip())
    words = apart.rsplit(maxsplit=1)
    numeric = isinstance(parameter, FloatParameter | IntegerParameter | FloatListParameter)
    if not numeric or len(words) < 2 or not any(letter.isalpha() for letter in words[1]) or _is_number(words[1]):
        return text.strip()
    number, given = words
    if not unit:
        raise ValueError("takes no unit")
    try:
        factor = ureg.Quantity(1.0, ureg.parse_units(given)).to(ureg.parse_units(unit)).magnitude
    except Exception as error:  # pint raises a dozen kinds, from its own and from tokenize
        raise UserMistake(
            f"{parameter.name}: the unit {given} does not fit, it is given in {unit}; allowed: {allowed(parameter)}"
        ) from error
    if isinstance(parameter, FloatListParameter):
        # not `convert`: its limits are those of the parameter's own unit
        return [value * factor for value in parameter._from_text(number)]
    return float(number) * factor if factor != 1.0 else number


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
