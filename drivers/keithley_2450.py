"""Keithley 2450 SourceMeter in its own SCPI command set, after its reference manual (2450-901-01)."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
from pymeasure.instruments import Instrument
from pymeasure.instruments.keithley import Keithley2450
from pymeasure.instruments.validators import strict_discrete_set, strict_range

from drivers.errors import InstrumentError, Overloaded, WrongInstrument
from drivers.keithley_source_meter import Floats, KeithleySourceMeter, are_status_words
from drivers.roles import SourceReading, exclusive

LIMITED, OUTPUT_ON = 32, 128
"""Bits of a reading's source status (manual, bufferVar.sourcestatuses)."""
BUFFER = '"defbuffer1"'
READ = f":READ? {BUFFER},SOUR,READ,SOURSTAT"
FETCHED_AT_ONCE = 1000
SERIES_PATIENCE_S = 10.0
"""s beyond twice what a series should take"""


class StrictKeithley2450(Keithley2450):
    """PyMeasure's 2450, mended: what is out of range is an error and is not truncated, and what it lacks is added."""

    current_nplc = Instrument.control(
        ":SENS:CURR:NPLC?",
        ":SENS:CURR:NPLC %g",
        """Control the integration time in power line cycles (float strictly from 0.01 to 10).""",
        validator=strict_range,
        values=[0.01, 10],
    )

    current_range = Instrument.control(
        ":SENS:CURR:RANG?",
        ":SENS:CURR:RANG:AUTO 0;:SENS:CURR:RANG %g",
        """Control the current measurement range in A (float strictly from -1.05 to 1.05); ends auto range.""",
        validator=strict_range,
        values=[-1.05, 1.05],
    )

    current_range_auto_enabled = Instrument.control(
        ":SENS:CURR:RANG:AUTO?",
        ":SENS:CURR:RANG:AUTO %d",
        """Control whether the instrument chooses the current measurement range (bool).""",
        validator=strict_discrete_set,
        values={True: 1, False: 0},
        map_values=True,
    )

    compliance_current = Instrument.control(
        ":SOUR:VOLT:ILIM?",
        ":SOUR:VOLT:ILIM %g",
        """Control the current limit of the voltage source in A (float strictly from 1e-9 to 1.05).""",
        validator=strict_range,
        values=[1e-9, 1.05],
    )

    compliance_tripped = Instrument.measurement(
        ":SOUR:VOLT:ILIM:LEV:TRIP?",
        """Get whether the source limits the current (bool).""",
        values={True: 1, False: 0},
        map_values=True,
    )

    auto_zero_enabled = Instrument.control(
        ":SENS:CURR:AZER?",
        ":SENS:CURR:AZER %d",
        """Control whether zero and reference are measured with every reading (bool).""",
        validator=strict_discrete_set,
        values={True: 1, False: 0},
        map_values=True,
    )

    read_back_enabled = Instrument.control(
        ":SOUR:VOLT:READ:BACK?",
        ":SOUR:VOLT:READ:BACK %d",
        """Control whether the source value that comes with a reading is measured (bool).""",
        validator=strict_discrete_set,
        values={True: 1, False: 0},
        map_values=True,
    )

    four_wire_enabled = Instrument.control(
        ":SENS:CURR:RSEN?",
        ":SENS:CURR:RSEN %d",
        """Control whether the voltage is sensed with its own leads (bool).""",
        validator=strict_discrete_set,
        values={True: 1, False: 0},
        map_values=True,
    )


class Keithley2450SourceMeter(KeithleySourceMeter):
    """A Keithley 2450 as voltage source that measures current."""

    expected: ClassVar[str] = "Keithley 2450"
    compliance_question: ClassVar[str] = ":SOUR:VOLT:ILIM:LEV:TRIP?"
    models: ClassVar[tuple[str, ...]] = ("MODEL 2450",)
    most_samples: ClassVar[int] = 100_000
    # the voltage is measured with each reading, in the range of the source: 0.015 % and up to 24 mV (200 V range)
    voltage_tolerance: ClassVar[tuple[float, float]] = (2e-3, 0.05)

    @property
    def largest_voltage(self) -> float:
        """What the instrument can source, V."""
        return 210.0

    def _prepare(self) -> None:
        language = self.scpi.ask("*LANG?").strip()
        if language != "SCPI":
            raise WrongInstrument(
                self.name,
                f"is a 2450 that speaks {language}: choose the SCPI command set in its system settings, and restart it",
                "*LANG?",
                language,
            )
        self.meter = StrictKeithley2450(self.scpi.wire, self.name)
        self.scpi.send(":ABOR")
        self.scpi.send(":SENS:COUN 1")
        self.scpi.check("opening")

    def _send_configuration(self, compliance: float, integration_cycles: float, current_range: float | None) -> None:
        self._check_configuration(integration_cycles, current_range)
        meter, scpi = self.meter, self.scpi
        if meter.source_mode != "voltage":
            meter.source_mode = "voltage"
        scpi.send(":SENS:FUNC 'CURR'")
        scpi.send(":SOUR:VOLT:RANG:AUTO ON")
        scpi.send(f":ROUT:TERM {'REAR' if self.options.rear_terminals else 'FRON'}")
        meter.read_back_enabled = True
        meter.four_wire_enabled = self.options.four_wire
        meter.auto_zero_enabled = self.options.auto_zero
        scpi.send(":SENS:CURR:AVER OFF")
        meter.current_nplc = integration_cycles
        # a fixed range and a limit that do not fit are refused: so in this order
        meter.current_range_auto_enabled = True
        scpi.send(f":SOUR:VOLT:ILIM {compliance:g}")
        if current_range is not None:
            meter.current_range = current_range
        self._confirm_compliance(":SOUR:VOLT:ILIM?", compliance)
        self._remember(compliance, integration_cycles, current_range)

    @exclusive
    def measure(self) -> SourceReading:
        """Read the current once; the output must be on."""
        self._check_output_on()
        reply = self.scpi.ask(READ)
        try:
            volts, amperes, status = map(float, reply.split(","))
            bits = int(status)
        except (ValueError, OverflowError):
            raise self.scpi.bad("the answer is not source value, reading and source status", reply) from None
        if not (math.isfinite(volts) and math.isfinite(amperes)):
            raise self.scpi.bad("the reading is not finite", reply)
        if abs(amperes) >= 9e37:
            raise Overloaded(self.name, "the current is beyond the measurement range", READ, reply)
        limited = bool(bits & LIMITED)
        if not limited:
            self._check_voltage(volts, READ, reply)
        return SourceReading(volts, amperes, limited)

    def _series(self, samples: int, interval: float) -> tuple[Floats, Floats, Floats]:
        scpi = self.scpi
        try:
            scpi.send(':TRIG:LOAD "Empty"')
            scpi.send(f":TRIG:BLOC:BUFF:CLE 1,{BUFFER}")
            scpi.send(f":TRIG:BLOC:DEL:CONS 2,{max(0.0, interval - self.reading_time):.6g}")
            scpi.send(f":TRIG:BLOC:MEAS 3,{BUFFER}")
            scpi.send(f":TRIG:BLOC:BRAN:COUN 4,{samples},2")
            scpi.check("series")
            scpi.send(":INIT")
            latest = self.clock.now() + 2.0 * samples * max(interval, self.reading_time) + SERIES_PATIENCE_S
            while scpi.ask(":TRIG:STAT?").split(";")[0].strip().upper() in ("RUNNING", "WAITING"):
                if self.clock.now() > latest:
                    raise InstrumentError(self.name, f"a series of {samples} readings does not end", ":TRIG:STAT?")
                self.wait(min(max(0.1, interval), 1.0))
            scpi.check("series")
            values = self._fetch(samples)
        finally:
            scpi.send(":ABOR")
        return values[:, 0], values[:, 1], ((values[:, 2].astype(int) & LIMITED) > 0).astype(float)

    def _fetch(self, samples: int) -> Floats:
        parts: list[Floats] = []
        for first in range(1, samples + 1, FETCHED_AT_ONCE):
            last = min(first + FETCHED_AT_ONCE - 1, samples)
            reply = self.scpi.ask(f":TRAC:DATA? {first},{last},{BUFFER},REL,READ,SOURSTAT")
            try:
                parts.append(np.array([float(field) for field in reply.split(",")]).reshape(last - first + 1, 3))
            except ValueError:
                raise self.scpi.bad("the answer is not times, readings and source status", reply) from None
            if not are_status_words(parts[-1][:, 2]):
                raise self.scpi.bad("the source status is none", reply)
        return np.concatenate(parts)
