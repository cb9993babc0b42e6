"""The sweep in other programs: PyMeasure's Worker, QCoDeS and Bluesky, each on a connection with TCP_NODELAY."""

from __future__ import annotations

import contextlib
import io
import logging
import threading
import time
from pathlib import Path
from typing import Any, ClassVar

import pyvisa
from pymeasure.adapters import VISAAdapter
from pymeasure.experiment import IntegerParameter, Procedure, Results
from pymeasure.experiment.workers import Worker
from pymeasure.instruments import Instrument

from benchmarks._sweep_bare import DONE, LARGEST, PREPARATION, Timing, current_of, set_command, voltages, without_delay
from drivers.keithley_2450 import READ


class PlainMeter(Instrument):
    """The two commands as PyMeasure's properties."""

    source_voltage = Instrument.setting(":SOUR:VOLT %.9g", """Set the voltage in V (float).""")
    reading = Instrument.measurement(READ, """Get voltage in V, current in A and status (list of float).""")


class PlainProcedure(Procedure):
    """The sweep as PyMeasure's tutorial would have it."""

    points = IntegerParameter("Points", default=500)
    DATA_COLUMNS: ClassVar[list[str]] = ["Voltage (V)", "Current (A)"]
    meter: PlainMeter
    duration = 0.0

    def execute(self) -> None:
        """Sweep."""
        began = time.perf_counter()
        for volts in voltages(self.points):
            self.meter.source_voltage = volts
            self.emit("results", {"Voltage (V)": volts, "Current (A)": self.meter.reading[1]})
        self.duration = time.perf_counter() - began

    def shutdown(self) -> None:
        """Switch the output off."""
        self.meter.write(":OUTP OFF")
        self.meter.ask(DONE)


class PyMeasureSweep:
    """PyMeasure's own Worker, which writes plain CSV.

    Parameters
    ----------
    address, folder, points
        Of the instrument, of the files, of a sweep.
    """

    def __init__(self, address: str, folder: Path, points: int) -> None:
        logging.getLogger("pymeasure").setLevel(logging.WARNING)
        adapter = VISAAdapter(address, "@py", read_termination="\n", write_termination="\n")
        without_delay(adapter.connection)
        self._meter = PlainMeter(adapter, "meter", includeSCPI=False)
        for command in PREPARATION:
            self._meter.write(command)
        self._meter.ask(DONE)
        self._folder = folder
        self._points = points
        self._runs = 0

    def run(self) -> Timing:
        """Sweep once, into a CSV file."""
        self._runs += 1
        path = self._folder / f"sweep-{self._runs}.csv"
        began = time.perf_counter()
        procedure = PlainProcedure()
        procedure.points = self._points
        procedure.meter = self._meter
        self._meter.write(":OUTP ON")
        results = Results(procedure, str(path))
        worker = Worker(results, log_level=logging.WARNING)
        worker.start()
        threading.Thread.join(worker, timeout=60)  # PyMeasure's own looks only ten times a second
        total = time.perf_counter() - began
        rows = [line for line in path.read_text().splitlines() if line and not line.startswith(("#", "Voltage"))]
        if procedure.status != Procedure.FINISHED or len(rows) != self._points:
            raise SystemExit(f"PyMeasure's sweep: status {procedure.status}, {len(rows)} rows")
        return Timing(procedure.duration, total)

    def close(self) -> None:
        """Close the connection."""
        self._meter.adapter.close()


class QCoDeSSweep:
    """A minimal QCoDeS instrument, measured into a dataset of its database.

    Parameters
    ----------
    address, folder, points
        Of the instrument, of the database, of a sweep.
    """

    def __init__(self, address: str, folder: Path, points: int) -> None:
        from qcodes.dataset import Measurement, initialise_or_create_database_at, load_or_create_experiment
        from qcodes.instrument import VisaInstrument
        from qcodes.parameters import Parameter

        self._meter: Any = VisaInstrument("meter", address, visalib="@py", terminator="\n")
        without_delay(self._meter.visa_handle)
        for command in PREPARATION:
            self._meter.write(command)
        self._meter.ask(DONE)
        self._voltage: Any = Parameter(
            "voltage", instrument=self._meter, unit="V", set_cmd=lambda volts: self._meter.write(set_command(volts))
        )
        self._current: Any = Parameter("current", instrument=self._meter, unit="A", get_cmd=READ, get_parser=current_of)
        initialise_or_create_database_at(str(folder / "sweep.db"))
        self._measurement: Any = Measurement(exp=load_or_create_experiment("sweep", "none"))
        self._measurement.register_parameter(self._voltage)
        self._measurement.register_parameter(self._current, setpoints=(self._voltage,))
        self._points = points

    def run(self) -> Timing:
        """Sweep once, into a dataset."""
        began = time.perf_counter()
        self._meter.write(":OUTP ON")
        # it prints the number of each run
        with contextlib.redirect_stdout(io.StringIO()), self._measurement.run() as saver:
            first = time.perf_counter()
            for volts in voltages(self._points):
                self._voltage(volts)
                saver.add_result((self._voltage, volts), (self._current, self._current()))
            duration = time.perf_counter() - first
        self._meter.write(":OUTP OFF")
        self._meter.ask(DONE)
        total = time.perf_counter() - began
        if saver.dataset.number_of_results != self._points:
            raise SystemExit(f"QCoDeS' sweep: {saver.dataset.number_of_results} results")
        return Timing(duration, total)

    def close(self) -> None:
        """Close the instrument."""
        self._meter.close()


class BlueskySweep:
    """Bluesky's `scan` over two ophyd signals; its documents are counted and not even written.

    Parameters
    ----------
    address, points
        Of the instrument, of a sweep.
    """

    def __init__(self, address: str, points: int) -> None:
        from bluesky import RunEngine
        from bluesky.plans import scan
        from ophyd import Signal
        from ophyd.status import Status

        manager: Any = pyvisa.ResourceManager("@py")
        connection = manager.open_resource(address, read_termination="\n", write_termination="\n")
        without_delay(connection)
        for command in PREPARATION:
            connection.write(command)
        connection.query(DONE)

        class Voltage(Signal):
            """The source."""

            def put(self, value: float, **kwargs: Any) -> None:
                connection.write(set_command(value))
                super().put(value, **kwargs)

            def set(self, value: float, **_: Any) -> Status:
                self.put(value)
                done = Status()
                done.set_finished()
                return done

        class Current(Signal):
            """The meter."""

            def get(self, **_: Any) -> float:
                return current_of(connection.query(READ))

        self._connection = connection
        self._points = points
        self._events = 0
        self._begun = self._ended = 0.0
        self._plan: Any = scan
        self._devices = ([Current(name="current")], Voltage(name="voltage", value=0.0))
        self._engine: Any = RunEngine({})
        self._engine.subscribe(self._take)

    def _take(self, name: str, _: object) -> None:
        now = time.perf_counter()
        if name == "start":
            self._begun = now
        elif name == "event":
            self._events += 1
            self._ended = now

    def run(self) -> Timing:
        """Sweep once."""
        self._events = 0
        began = time.perf_counter()
        self._connection.write(":OUTP ON")
        self._engine(self._plan(*self._devices, -LARGEST, LARGEST, self._points))
        self._connection.write(":OUTP OFF")
        self._connection.query(DONE)
        total = time.perf_counter() - began
        if self._events != self._points:
            raise SystemExit(f"Bluesky's sweep: {self._events} events")
        return Timing(self._ended - self._begun, total)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
