"""What all roles share: an address, limits, a clock, one lock, and a safe state."""

from __future__ import annotations

import functools
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Concatenate, ParamSpec, TypeVar, cast

from pydantic import BaseModel, ConfigDict

from config.bench_file import Limits
from drivers.clock import Clock, WallClock
from drivers.errors import Inhibited

Given = ParamSpec("Given")
Returned = TypeVar("Returned")
SomeRole = TypeVar("SomeRole", bound="Role")


def exclusive(
    call: Callable[Concatenate[SomeRole, Given], Returned],
) -> Callable[Concatenate[SomeRole, Given], Returned]:
    """Hold the instrument's lock during the call, so that no thread gets another thread's answer."""

    @functools.wraps(call)
    def locked(self: SomeRole, *args: Given.args, **kwargs: Given.kwargs) -> Returned:
        with self.lock:
            return call(self, *args, **kwargs)

    return cast(Callable[Concatenate[SomeRole, Given], Returned], locked)


@dataclass(frozen=True)
class Identity:
    """Who answers at the address."""

    maker: str
    model: str
    serial: str = ""
    firmware: str = ""

    def __str__(self) -> str:
        """Say it in one line."""
        return " ".join(part for part in (self.maker, self.model, self.serial, self.firmware) if part)


class DriverOptions(BaseModel):
    """What a bench file may say under ``instruments.ROLE.options``; drivers add their own keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    timeout_s: float = 2.0


@dataclass
class Surroundings:
    """What a driver is given of its bench: limits, time, and the word to stop."""

    limits: Limits = field(default_factory=Limits)
    clock: Clock = field(default_factory=WallClock)
    stop: threading.Event = field(default_factory=threading.Event)
    """Set when the bench shall be safe: waits end, and nothing may be energised until it is cleared."""


class Role(ABC):
    """An instrument as a measurement sees it.

    A driver subclasses one role. Constructing it opens the connection and checks the identity; nothing that
    constructing, reading or identifying does may ever switch an output on.

    Parameters
    ----------
    resource
        The address, as in the bench file.
    options
        Checked options (an instance of the class's ``Options``).
    surroundings
        Of the bench it belongs to.
    """

    role: ClassVar[str]
    """The role's name in a bench file."""
    Options: ClassVar[type[DriverOptions]] = DriverOptions

    def __init__(
        self, resource: str, options: DriverOptions | None = None, surroundings: Surroundings | None = None
    ) -> None:
        self.resource = resource
        self.options: Any = options if options is not None else self.Options()
        self.surroundings = surroundings if surroundings is not None else Surroundings()
        self.lock = threading.RLock()

    @property
    def name(self) -> str:
        """Role and address, as errors name it."""
        return f"{self.role} at {self.resource}" if self.resource else self.role

    @property
    def limits(self) -> Limits:
        """The bench's limits."""
        return self.surroundings.limits

    @property
    def clock(self) -> Clock:
        """The bench's clock."""
        return self.surroundings.clock

    @property
    @abstractmethod
    def identity(self) -> Identity:
        """Who answered when the connection was opened."""

    @abstractmethod
    def settings(self) -> Mapping[str, float | str | bool]:
        """Return the settings that a run file keeps, without asking for anything slow."""

    @abstractmethod
    def make_safe(self) -> None:
        """Bring the instrument into the state in which it may be left alone; any number of times, at any moment."""

    @abstractmethod
    def close(self) -> None:
        """Close the connection; leaves the instrument as it is. Any number of times."""

    def calibration(self) -> Mapping[str, float | str]:
        """Return what a run file keeps of this instrument's calibration."""
        return {}

    def wait(self, seconds: float) -> None:
        """Wait on the bench's clock.

        Raises
        ------
        Inhibited
            If the bench is told to stop meanwhile.
        """
        if not self.clock.sleep(seconds, self.surroundings.stop):
            raise Inhibited(self.name, "the bench was told to stop")

    def check_not_inhibited(self) -> None:
        """Raise if the bench was told to stop.

        Raises
        ------
        Inhibited
            Then nothing may be energised.
        """
        if self.surroundings.stop.is_set():
            raise Inhibited(self.name, "the bench was told to stop, nothing is switched on")
