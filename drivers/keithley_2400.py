"""Keithley 2400 and 2410 SourceMeters, after the 2400 Series User's Manual (2400S-900-01)."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
from pymeasure.instruments import Instrument
from pymeasure.instruments.keithley import Keithley2400
from pymeasure.instruments.validators import strict_discrete_set

from drivers.errors import Overloaded
from drivers.keithley_source_meter import Floats, KeithleySourceMeter, are_status_words
from drivers.roles import SourceReading, exclusive

OVERFLOWED, IN_COMPLIANCE = 1 << 0, 1 << 3
"""Bits of the status word that comes with each reading (manual, section 18, FORMat:ELEMents)."""


class SafeKeithley2400(Keithley2400):
    """PyMeasure's 2400, mended: no property of it energises the sample.

    PyMeasure's `current`, `voltage` and `resistance` send ``:MEASure...?``, which resets that function and switches the
    output on. Here they read (``:READ?``), which with the output off is the instrument's error 803.
    """

    elements = Instrument.control(
        ":FORMAT:ELEMENTS?",
        ":FORMAT:ELEMENTS %s",
        """Control which elements come with each reading (str, comma-separated; sent in the instrument's order).""",
    )

    concurrent_enabled = Instrument.control(
        ":SENSE:FUNCTION:CONCURRENT?",
        ":SENSE:FUNCTION:CONCURRENT %d",
        """Control whether several functions are measured in one reading (bool).""",
        validator=strict_discrete_set,
        values={True: 1, False: 0},
        map_values=True,
    )

    compliance_tripped = Instrument.measurement(
        ":SENSE:CURRENT:PROTECTION:TRIPPED?",
        """Get whether the source limits the current (bool).""",
        values={True: 1, False: 0},
        map_values=True,
    )

    current = Instrument.measurement(
        ":FORMAT:ELEMENTS CURRENT;:READ?",
        """Get a current in A (float); the output must be on.""",
    )

    voltage = Instrument.measurement(
        ":FORMAT:ELEMENTS VOLTAGE;:READ?",
        """Get a voltage in V (float), measured if that is configured, else as programmed; the output must be on.""",
    )

    resistance = Instrument.measurement(
        ":FORMAT:ELEMENTS RESISTANCE;:READ?",
        """Get a resistance in Ohm (float), if that is configured; the output must be on.""",
    )


class Keithley2400SourceMeter(KeithleySourceMeter):
    """A Keithley 2400 as voltage source that measures current."""

    expected: ClassVar[str] = "Keithley 2400"
    compliance_question: ClassVar[str] = ":SENS:CURR:PROT:TRIP?"
    models: ClassVar[tuple[str, ...]] = ("MODEL 2400", "MODEL 2401")
    most_samples: ClassVar[int] = 2500
    voltage_tolerance: ClassVar[tuple[float, float]] = (1e-3, 5e-4)

    @property
    def largest_voltage(self) -> float:
        """What the instrument can source, V."""
        return 21.0 if "2401" in self.identity.model else 210.0

    def _prepare(self) -> None:
        # with auto output-off a reading switches the output on; this comes before anything that could be read
        self.scpi.send(":SOUR:CLE:AUTO OFF")
        self.meter = SafeKeithley2400(self.scpi.wire, self.name)
        self._idle_trigger()
        self.scpi.check("opening")

    def _idle_trigger(self) -> None:
        self.scpi.send(":ABOR;:ARM:SOUR IMM;:ARM:COUN 1;:TRIG:SOUR IMM;:TRIG:COUN 1;:TRIG:DEL 0;:TRAC:FEED:CONT NEV")
        # voltage is not measured: it comes as programmed, and says whether the source is where it was set
        self.meter.elements = "VOLTAGE,CURRENT,STATUS"

    def _send_configuration(self, compliance: float, integration_cycles: float, current_range: float | None) -> None:
        self._check_configuration(integration_cycles, current_range)
        meter = self.meter
        if meter.source_mode != "voltage":
            meter.source_mode = "voltage"
        self.scpi.send(":SOUR:VOLT:RANG:AUTO ON")
        self.scpi.send(":SENS:FUNC:OFF:ALL")
        self.scpi.send(":SENS:FUNC 'CURR'")
        meter.wires = 4 if self.options.four_wire else 2
        meter.front_terminals_enabled = not self.options.rear_terminals
        meter.auto_zero_enabled = self.options.auto_zero
        meter.filter_enabled = False
        meter.current_nplc = integration_cycles
        # a compliance below 0.1 % of a fixed range is refused, as is a range above the compliance's: so in this order
        meter.current_range_auto_enabled = True
        meter.compliance_current = compliance
        if current_range is not None:
            meter.current_range = current_range
        self._confirm_compliance(":SENS:CURR:PROT?", compliance)
        self._remember(compliance, integration_cycles, current_range)

    @exclusive
    def measure(self) -> SourceReading:
        """Read the current once; the output must be on."""
        self._check_output_on()
        reply = self.scpi.ask(":READ?")
        try:
            volts, amperes, status = map(float, reply.split(","))
            bits = int(status)
        except (ValueError, OverflowError):
            raise self.scpi.bad("the answer is not voltage, current and status", reply) from None
        if not (math.isfinite(volts) and math.isfinite(amperes)):
            raise self.scpi.bad("the reading is not finite", reply)
        if bits & OVERFLOWED or abs(amperes) >= 9e37:
            raise Overloaded(self.name, "the current is beyond the measurement range", ":READ?", reply)
        limited = bool(bits & IN_COMPLIANCE)
        if not limited:
            self._check_voltage(volts, ":READ?", reply)
        return SourceReading(volts, amperes, limited)

    def _series(self, samples: int, interval: float) -> tuple[Floats, Floats, Floats]:
        scpi = self.scpi
        timed = interval > self.reading_time
        arming = f":ARM:SOUR TIM;:ARM:TIM {interval:.3f}" if timed else ":ARM:SOUR IMM"
        try:
            self.meter.elements = "CURRENT,TIME,STATUS"
            scpi.send(f":TRIG:COUN 1;:ARM:COUN {samples};{arming}")
            scpi.send(f":TRAC:CLE;:TRAC:FEED SENS;:TRAC:POIN {samples};:TRAC:TST:FORM ABS;:TRAC:FEED:CONT NEXT")
            scpi.check("series")
            scpi.send(":INIT")
            # until its last reading it does not listen, but to being aborted
            self.wait(samples * max(interval, self.reading_time) + self.reading_time)
            values = self._values(":TRAC:DATA?", samples)
        finally:
            self._idle_trigger()
        return values[:, 1], values[:, 0], ((values[:, 2].astype(int) & IN_COMPLIANCE) > 0).astype(float)

    def _values(self, question: str, samples: int) -> Floats:
        reply = self.scpi.ask(question)
        try:
            values = np.array([float(field) for field in reply.split(",")]).reshape(samples, 3)
        except ValueError:
            raise self.scpi.bad(f"the answer is not {samples} times current, time and status", reply) from None
        if not are_status_words(values[:, 2]):
            raise self.scpi.bad("the status is none", reply)
        return values


class Keithley2410SourceMeter(Keithley2400SourceMeter):
    """A Keithley 2410: up to 1100 V."""

    expected: ClassVar[str] = "Keithley 2410"
    models: ClassVar[tuple[str, ...]] = ("MODEL 2410",)

    @property
    def largest_voltage(self) -> float:
        """What the instrument can source, V."""
        return 1100.0
