"""What the instruments of an idle bench show."""

from __future__ import annotations

from collections.abc import Iterator

from app.gui.orders import Reading
from app.gui.quantity_text import si_text
from drivers.bench import Bench
from drivers.errors import InstrumentError
from drivers.roles import CurrentPreamp, Dosimeter, Role, SourceMeter, XrayTube

DOSE_TIME = 0.5
"""s"""


def idle_readings(bench: Bench) -> Iterator[Reading]:
    """Read each instrument that has something to show; one that does not answer is a reading as well."""
    beam_on = False
    for role, instrument in bench.instruments.items():
        try:
            if isinstance(instrument, XrayTube):
                now = instrument.status()
                beam_on = now.beam_on
                text = f"{now.voltage_kv:.2f} kV, {now.current_ma:.4f} mA, {'ready' if now.ready else 'not ready'}"
                yield Reading(role, ", ".join((text, *now.faults)))
            else:
                yield Reading(role, _text(instrument, beam_on))
        except InstrumentError as error:
            yield Reading(role, str(error), lost=True)


def _text(instrument: Role, beam_on: bool) -> str:
    if isinstance(instrument, Dosimeter):
        # without beam there is nothing to read that would be worth the time
        return f"{si_text(instrument.dose_rate(DOSE_TIME).value, 'Gy/s')}" if beam_on else "no beam"
    if isinstance(instrument, SourceMeter):
        if not instrument.output_on:
            return "output off"
        now = instrument.measure()
        limited = ", IN COMPLIANCE" if now.in_compliance else ""
        return f"{now.voltage:.4g} V, {si_text(now.current, 'A')}{limited}"
    if isinstance(instrument, CurrentPreamp):
        return f"{si_text(instrument.sensitivity, 'A/V')}, bias {instrument.bias:g} V"
    return "connected"
