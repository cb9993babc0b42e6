"""Asks one instrument who it is; nothing is switched on."""

from __future__ import annotations

from pathlib import Path

from app.opening import driver_options, open_simulated
from config.bench_file import BenchFile, InstrumentEntry, Limits
from config.loading import Loaded
from drivers.registry import driver_class
from drivers.roles import Surroundings


def identify(role: str, entry: InstrumentEntry, limits: Limits, *, simulated: bool = False) -> str:
    """Open one instrument of a bench that is being set up, and close it again.

    Parameters
    ----------
    role
        That it is to play.
    entry
        Driver, address and options.
    limits
        Of the bench.
    simulated
        Whether there is no hardware.

    Returns
    -------
    str
        Who answers: maker, model, serial number, firmware.

    Raises
    ------
    UserMistake
        If driver or options are wrong.
    InstrumentError
        If it cannot be reached or is another one.
    """
    driver = driver_class(entry.driver, role)
    options = driver_options(role, entry, driver)
    if simulated and entry.resource:
        table = {"name": "test", "limits": limits, "instruments": {role: entry}, "simulation": {}}
        alone = Loaded(BenchFile.model_validate(table), "", Path("test"))
        bench, _ = open_simulated(alone)
        with bench:
            return str(bench.instruments[role].identity)
    instrument = driver(entry.resource, options, Surroundings(limits=limits))
    try:
        return str(instrument.identity)
    finally:
        instrument.close()
