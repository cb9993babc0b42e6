"""A GenICam camera's features, by the names of the Standard Features Naming Convention (EMVA, SFNC 2.7).

Which features there are differs from camera to camera: what is missing is said by its name.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TypeVar

from config.mistake import UserMistake, nearest
from drivers.errors import InstrumentError

Result = TypeVar("Result")


class Features(ABC):
    """The features of one camera, whatever library reaches them.

    Parameters
    ----------
    name
        How errors name the camera.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    @abstractmethod
    def _exists(self, feature: str) -> bool:
        """Say whether there is such a feature, and it is available now."""

    @abstractmethod
    def _writable(self, feature: str) -> bool:
        """Say whether it can be set now."""

    @abstractmethod
    def _value(self, feature: str) -> object: ...

    @abstractmethod
    def _assign(self, feature: str, value: float | str) -> None: ...

    @abstractmethod
    def _bounds(self, feature: str) -> tuple[float, float]: ...

    @abstractmethod
    def _choices(self, feature: str) -> tuple[str, ...]: ...

    @abstractmethod
    def _execute(self, feature: str) -> None: ...

    @property
    @abstractmethod
    def _failures(self) -> tuple[type[Exception], ...]:
        """What the library raises."""

    def _guarded(self, feature: str, action: Callable[[], Result]) -> Result:
        try:
            return action()
        except self._failures as error:
            raise InstrumentError(self._name, f"refuses {feature}: {str(error).splitlines()[0]}", feature) from error

    def find(self, *names: str) -> str | None:
        """Return the first of these features that the camera has."""
        return next((name for name in names if self._exists(name)), None)

    def need(self, purpose: str, *names: str) -> str:
        """Return the first of these features that the camera has.

        Raises
        ------
        UserMistake
            If it has none of them.
        """
        found = self.find(*names)
        if found is None:
            raise UserMistake(f"{self._name} has no {purpose} (no feature {' or '.join(names)})")
        return found

    def number(self, feature: str) -> float:
        """Read a number."""
        value = self._guarded(feature, lambda: self._value(feature))
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InstrumentError(self._name, "the feature is no number", feature, str(value))
        return float(value)

    def text(self, feature: str) -> str:
        """Read a feature as text; empty where there is none, or it cannot be read."""
        if not self._exists(feature):
            return ""
        try:
            return str(self._value(feature))
        except self._failures:
            return ""

    def limits(self, feature: str) -> tuple[float, float]:
        """Return the smallest and largest value that a feature can have now."""
        return self._guarded(feature, lambda: self._bounds(feature))

    def choices(self, feature: str) -> tuple[str, ...]:
        """Return the values that an enumeration can have."""
        return self._guarded(feature, lambda: self._choices(feature))

    def set(self, feature: str, value: float | str) -> None:
        """Set a feature.

        Raises
        ------
        UserMistake
            If the camera has it but it cannot be set, or it is an enumeration without this entry.
        InstrumentError
            If the camera refuses.
        """
        if not self._writable(feature):
            raise UserMistake(f"{self._name}: the feature {feature} cannot be set (it is read-only, or locked now)")
        if isinstance(value, str) and value not in (known := self.choices(feature)):
            raise UserMistake(f"{self._name}: {feature} cannot be '{value}'; {nearest(value, known)}")
        self._guarded(feature, lambda: self._assign(feature, value))

    def set_where_there(self, feature: str, value: float | str) -> bool:
        """Set a feature if the camera has it and lets it be set to this; say whether it did."""
        if not (self._exists(feature) and self._writable(feature)):
            return False
        if isinstance(value, str) and value not in self.choices(feature):
            return False
        self._guarded(feature, lambda: self._assign(feature, value))
        return True

    def execute(self, feature: str) -> None:
        """Carry out a command."""
        self._guarded(feature, lambda: self._execute(feature))
