"""Opens a bench, real or simulated; the drivers are the same."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ValidationError

from app.bench_lock import BenchLock
from app.trust import require_trust
from config.bench_file import BenchFile, Geometry, InstrumentEntry
from config.loading import Loaded, bench_file, sample_file
from config.mistake import UserMistake, nearest
from config.sample_file import Sample
from drivers.bench import Bench
from drivers.clock import Clock, WallClock
from drivers.registry import driver_class
from drivers.roles import DriverOptions, Role, Surroundings, XrayTube
from drivers.tube_use import TubeUse

if TYPE_CHECKING:
    from sim_instruments.served_bench import ServedBench

Speed = float | Literal["max"]


def open_bench(
    bench: str | Path | Loaded[BenchFile] = "sim",
    *,
    sample: Sample | None = None,
    geometry: Geometry | None = None,
    seed: int | None = None,
    speed: Speed | None = None,
    what: str = "",
) -> Bench:
    """Open a bench: connect to every instrument of its file and check that each is the one it should be.

    Nothing is switched on.

    Parameters
    ----------
    bench
        Name or path of a bench file, or a file that was read.
    sample
        What lies in the beam; a simulated bench puts it there.
    geometry
        Of the beam, where it is not the bench file's.
    seed, speed
        Of a simulated bench, where they are not the bench file's.
    what
        It is opened for: whoever wants the same instruments meanwhile is told.

    Returns
    -------
    Bench
        Close it, or use it in a ``with`` block.

    Raises
    ------
    UserMistake
        If the bench file is wrong or names what does not exist, names code and is not trusted, or another process
        has one of its instruments.
    InstrumentError
        If an instrument cannot be reached or is another one.
    """
    loaded = bench if isinstance(bench, Loaded) else bench_file(str(bench))
    file = loaded.content
    require_trust(loaded)
    if file.simulation is None:
        for what, given in (("--seed", seed), ("--speed", speed)):
            if given is not None:
                raise UserMistake(f"{what} is for simulated benches, and bench '{file.name}' is a real one")
        lock = BenchLock(file, what or Path(sys.argv[0]).name)
        try:
            opened = connect(file, {}, WallClock(), geometry, when_closed=lock.release)
            if opened.has(XrayTube):
                opened.tube.use = TubeUse(f"{opened.tube.identity} at {opened.tube.resource}")
            return opened
        except BaseException:
            lock.release()
            raise

    return open_simulated(loaded, sample=sample, geometry=geometry, seed=seed, speed=speed)[0]


def open_simulated(
    bench: Loaded[BenchFile],
    *,
    sample: Sample | None = None,
    geometry: Geometry | None = None,
    seed: int | None = None,
    speed: Speed | None = None,
) -> tuple[Bench, ServedBench]:
    """Open a simulated bench, and give what serves it as well: its world, its faults.

    Parameters, errors
        As `open_bench`. Closing the bench closes what serves it.
    """
    from sim_instruments.served_bench import ServedBench

    file = bench.content
    if file.simulation is None:
        raise UserMistake(f"bench '{file.name}' is a real one: it has no [simulation] table")
    served = ServedBench(
        file,
        sample=sample,
        geometry=geometry or file.geometry,
        seed=file.simulation.seed if seed is None else seed,
        speed=file.simulation.speed if speed is None else speed,
    )
    try:
        opened = connect(
            file,
            served.resources,
            served.clock,
            geometry,
            when_closed=served.close,
            when_placed=lambda name: served.world.set_sample(sample_file(name).content.model_dump()),
            when_object_placed=lambda name: _place_object(served, name),
            tube_changes=served.tube_changes,
            options=served.driver_options,
        )
    except BaseException:
        served.close()
        raise
    return opened, served


def connect(
    file: BenchFile,
    resources: Mapping[str, str],
    clock: Clock,
    geometry: Geometry | None = None,
    *,
    when_closed: Callable[[], None] = lambda: None,
    when_placed: Callable[[str], None] = lambda _: None,
    when_object_placed: Callable[[str], None] = lambda _: None,
    tube_changes: Callable[[], int | None] = lambda: None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
) -> Bench:
    """Open the drivers of a bench file.

    Parameters
    ----------
    resources
        By role, addresses that replace the file's.
    clock
        Of the bench.
    options
        By role, driver options besides those of the file.

    Raises
    ------
    UserMistake, InstrumentError
        As `open_bench`; what was open is closed again.
    """
    surroundings = Surroundings(file.limits, clock, threading.Event())
    given = options or {}
    instruments: dict[str, Role] = {}
    try:
        for role, entry in file.entries.items():
            driver = driver_class(entry.driver, role)
            checked = driver_options(role, entry, driver, given.get(role, {}))
            instruments[role] = driver(resources.get(role, entry.resource), checked, surroundings)
        _introduce(instruments, geometry or file.geometry)
    except BaseException:
        for instrument in instruments.values():
            instrument.close()
        raise
    return Bench(file, instruments, surroundings, geometry, when_closed, when_placed, when_object_placed, tube_changes)


def _place_object(served: ServedBench, name: str) -> None:
    try:
        served.world.set_phantom(name)
    except ValueError as error:
        raise UserMistake(f"the simulated bench: {error}") from error


def driver_options(
    role: str, entry: InstrumentEntry, driver: type[Role], more: Mapping[str, Any] | None = None
) -> DriverOptions:
    """Check the options of a bench file against what the driver knows.

    Raises
    ------
    UserMistake
        One line that names the key and what is allowed.
    """
    try:
        return driver.Options.model_validate({**entry.options, **(more or {})})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        where = f"instruments.{role}.options.{key}"
        if first["type"] == "extra_forbidden":
            raise UserMistake(f"{where} is not known; {nearest(key, driver.Options.model_fields)}") from error
        raise UserMistake(f"{where} = {first['input']!r}: {first['msg'].removeprefix('Value error, ')}") from error


def _introduce(instruments: Mapping[str, Role], geometry: Geometry) -> None:
    """Give a dosimeter that only knows this beam's calibration the tube and the geometry it needs."""
    dosimeter = instruments.get("dosimeter")
    if dosimeter is None or not getattr(dosimeter, "needs_tube", False):
        return
    tube = instruments.get("tube")
    if not isinstance(tube, XrayTube):
        raise UserMistake("instruments.dosimeter is a dose table, which needs [instruments.tube] as well")
    dosimeter.attach_geometry(geometry)  # type: ignore[attr-defined]
    dosimeter.attach_tube(tube)  # type: ignore[attr-defined]
