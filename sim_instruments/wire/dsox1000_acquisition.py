"""How an oscilloscope acquires: vertical input, waiting for the trigger, sampling, quantising, averaging."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim_instruments.wire.scpi import ScpiError

Floats = NDArray[np.float64]
MOST_SAMPLES_PER_S = 2e9
SMALLEST_RANGE, LARGEST_RANGE = 8e-3, 40.0
"""V at the input, for the eight divisions (programmer's guide, :CHANnel<n>:RANGe)."""
NOISE = 2.5e-3
"""Standard deviation of one sample at full rate, as a fraction of the vertical range, about half a step."""
MOST_BITS = 12


@dataclass
class AnalogInput:
    """One channel: from volts at its socket to codes."""

    random: np.random.Generator
    volts: Callable[[Floats], Floats] | None
    gain_error: float = 0.0
    offset_error: float = 0.0
    range: float = 40.0
    offset: float = 0.0
    probe: float = 10.0
    inverted: bool = False
    displayed: bool = True
    bandwidth_limited: bool = False
    label: str = "1"

    def reset(self) -> None:
        """Bring every setting to its default."""
        self.range, self.offset, self.probe = 40.0, 0.0, 10.0
        self.inverted = self.bandwidth_limited = False
        self.displayed, self.label = True, "1"

    def set_range(self, volts: float) -> None:
        """Set the vertical range, V at the probe's tip."""
        if not SMALLEST_RANGE * self.probe * (1 - 1e-9) <= volts <= LARGEST_RANGE * self.probe * (1 + 1e-9):
            raise ScpiError(-222)
        self.range = volts

    def set_probe(self, attenuation: float) -> None:
        """Set the probe's attenuation; range and offset are scaled with it."""
        factor = attenuation / self.probe
        self.probe, self.range, self.offset = attenuation, self.range * factor, self.offset * factor

    def sampled(self, times: Floats, averaged: float) -> Floats:
        """Return what one acquisition sees, V, with the noise that is left of `averaged` samples a point."""
        signal = np.zeros(times.shape) if self.volts is None else self.volts(times) * self.probe
        if self.inverted:
            signal = -signal
        noise = NOISE * self.range / math.sqrt(averaged)
        return np.asarray(
            signal * (1.0 + self.gain_error) + self.offset_error + noise * self.random.standard_normal(times.shape)
        )


@dataclass(frozen=True)
class Acquired:
    """What the memory holds of one channel."""

    analog: AnalogInput
    """Its settings as they were."""
    volts: Floats
    span: float
    begin: float
    """s from the trigger to the first sample"""
    kind: str
    averages: int
    bits: int

    def codes(self, levels: float) -> NDArray[np.int64]:
        """Return 16-bit codes as WORD data has them: quantised to the bits there are, 0 never, clipped at both ends."""
        step = 2 ** (16 - self.bits)
        raw = (self.volts - self.analog.offset) / self.analog.range * levels * 256.0 + 32_768.0
        codes = np.floor(raw / step + 0.5).astype(np.int64) * step
        # 1 and 255 of the upper byte are what clipped samples have (guide, :WAVeform:DATA); 0 would be a hole
        return np.asarray(np.clip(codes, 256, 255 * 256), dtype=np.int64)


class Acquisition:
    """One acquisition, from arming to the last sample, on the bench's clock.

    Parameters
    ----------
    world
        The bench's.
    inputs
        By channel.
    span
        s of the screen.
    begin
        s from the trigger to its left edge; negative: before the trigger.
    samples
        How many are kept.
    kind
        NORM, PEAK, AVER or HRES.
    averages
        Triggers that are averaged.
    external
        Whether the trigger is the external input, else channel 1, which here never triggers.
    next_trigger
        When the next external edge comes after a moment.
    auto_trigger
        s after which it triggers by itself; infinite: never.
    done
        Given the records by channel.
    """

    def __init__(
        self,
        world: Any,
        inputs: Mapping[int, AnalogInput],
        *,
        span: float,
        begin: float,
        samples: int,
        kind: str,
        averages: int,
        external: bool,
        next_trigger: Callable[[float], float | None],
        auto_trigger: float,
        done: Callable[[dict[int, Acquired]], None],
    ) -> None:
        self._world = world
        self._inputs = inputs
        self._span, self._begin, self._samples = span, begin, samples
        self._kind, self._averages = kind, averages
        self._external, self._next_trigger, self._auto = external, next_trigger, auto_trigger
        self._report = done
        self._sums: dict[int, Floats] = {}
        self._taken = 0
        self._seen = 0
        self._stopped = False
        self._forced = False
        self._generation = 0
        self._trigger = math.inf
        self._arm(world.clock.now())

    @property
    def done(self) -> bool:
        """Whether it is over."""
        return self._stopped or self._taken >= self._averages

    def triggered_since_asked(self) -> bool:
        """Say whether it triggered since this was asked last."""
        seen, self._seen = self._seen > 0, 0
        return seen

    def stop(self) -> None:
        """End it; what was not complete is not reported."""
        self._stopped = True

    def force(self) -> None:
        """Trigger now, or as soon as there is enough before the trigger."""
        if not self.done and math.isinf(self._trigger):
            self._forced = True
            self._trigger_at(max(self._world.clock.now(), self._ready))

    def edge(self, moment: float) -> None:
        """Trigger on an external edge that nobody knew of when this was armed."""
        if self.done or not self._external or moment >= self._trigger:
            return
        first = moment if moment >= self._ready else self._next_trigger(self._ready)
        if first is not None and first < self._trigger:
            self._trigger_at(first)

    def finish(self) -> float:
        """Take what is still to come now, as it will be if nothing changes; return when it will be over."""
        end = float(self._world.clock.now())
        while not self.done:
            if math.isinf(self._trigger):
                return math.inf
            end = max(end, self._end)
            self._take()
        return max(end, self._over_at)

    _over_at = 0.0
    _ready = 0.0

    @property
    def _end(self) -> float:
        return max(self._trigger, self._trigger + self._begin + self._span)

    def _arm(self, now: float) -> None:
        """Wait for a trigger, once the part before it is in memory."""
        self._ready = now + max(0.0, -self._begin)
        self._trigger = math.inf
        edge = self._next_trigger(self._ready) if self._external else None
        if edge is not None:
            self._trigger_at(edge)
        elif math.isfinite(self._auto) or self._forced:
            self._trigger_at(self._ready + (0.0 if self._forced else self._auto))

    def _trigger_at(self, moment: float) -> None:
        self._trigger = moment
        self._generation += 1
        generation = self._generation
        self._world.clock.call_at(self._end, lambda: self._due(generation))

    def _due(self, generation: int) -> None:
        with self._world.lock:
            if generation == self._generation and not self.done:
                self._take()

    def _take(self) -> None:
        self._generation += 1
        step = self._span / self._samples
        times: Floats = self._trigger + self._begin + step * (np.arange(self._samples, dtype=np.float64) + 0.5)
        per_point = max(1.0, step * MOST_SAMPLES_PER_S) if self._kind == "HRES" else 1.0
        for channel, analog in self._inputs.items():
            volts = analog.sampled(times, per_point)
            self._sums[channel] = volts + self._sums.get(channel, 0.0)
        self._taken += 1
        self._seen += 1
        self._over_at = self._end
        if self._taken < self._averages:
            self._arm(self._end)
            return
        # each quadrupling of what is averaged is worth one more bit
        bits = min(MOST_BITS, 8 + int(0.5 * math.log2(per_point * self._averages)))
        self._report(
            {
                channel: Acquired(
                    replace(analog),
                    self._sums[channel] / self._averages,
                    self._span,
                    self._begin,
                    self._kind,
                    self._averages,
                    bits,
                )
                for channel, analog in self._inputs.items()
            }
        )
