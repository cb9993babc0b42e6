"""What the instruments of an idle bench show."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from app.gui.orders import Reading
from app.gui.quantity_text import si_text
from drivers.bench import Bench
from drivers.errors import InstrumentError
from drivers.roles import CurrentPreamp, Dosimeter, PulsedLight, Role, SourceMeter, TemperatureStage, XrayTube

if TYPE_CHECKING:
    from app.engine.by_hand import ByHand

DOSE_TIME = 0.5
"""s"""


def idle_readings(bench: Bench, hand: ByHand | None = None) -> Iterator[Reading]:
    """Read each instrument that has something to show; one that does not answer is a reading as well.

    Parameters
    ----------
    bench
        On which nobody measures.
    hand
        That is told the dose rate while the beam is on.
    """
    beam_on = False
    for role, instrument in bench.instruments.items():
        try:
            if isinstance(instrument, XrayTube):
                now = instrument.status()
                beam_on = now.beam_on
                text = f"{now.voltage_kv:.2f} kV, {now.current_ma:.4f} mA, {'ready' if now.ready else 'not ready'}"
                yield Reading(role, ", ".join((text, *now.faults)))
            elif isinstance(instrument, Dosimeter):
                yield Reading(role, _dose_rate(instrument, beam_on, hand))
            else:
                yield Reading(role, _text(instrument))
        except InstrumentError as error:
            yield Reading(role, str(error), lost=True)


def _dose_rate(dosimeter: Dosimeter, beam_on: bool, hand: ByHand | None) -> str:
    if not beam_on:
        # there is nothing to read that would be worth the time
        return "no beam"
    now = dosimeter.dose_rate(DOSE_TIME).value
    if hand is not None:
        hand.take_dose_rate(now)
    return si_text(now, "Gy/s")


def _text(instrument: Role) -> str:
    if isinstance(instrument, SourceMeter):
        if not instrument.output_on:
            return "output off"
        now = instrument.measure()
        limited = ", IN COMPLIANCE" if now.in_compliance else ""
        return f"{now.voltage:.4g} V, {si_text(now.current, 'A')}{limited}"
    if isinstance(instrument, CurrentPreamp):
        return f"{si_text(instrument.sensitivity, 'A/V')}, bias {instrument.bias:g} V"
    if isinstance(instrument, PulsedLight):
        return (
            f"{'FIRING' if instrument.on else 'off'}, {instrument.rate:g} Hz, energy {instrument.energy_fraction:.0%}"
        )
    if isinstance(instrument, TemperatureStage):
        heating = f"heating to {instrument.set_point:.2f} K" if instrument.heating else "heater off"
        return f"{instrument.temperature():.3f} K, {heating}"
    return "connected"
