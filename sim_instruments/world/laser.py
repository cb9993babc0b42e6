"""The pulsed light: when it fires, and the current that it drives through the sample."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim_instruments.world.bias import Bias
from sim_instruments.world.clock import SimulationClock
from sim_instruments.world.photoconductor import PhotoconductorPhysics
from sim_instruments.world.transit import VACUUM_PERMITTIVITY, Packet, Transient, collected_fraction, transient

Floats = NDArray[np.float64]

KEPT_TRAINS = 64
_KEPT_FACTORS = 4096
_KEPT_SHAPES = 32
_EDGE_V = 1.5
"""Of a TTL input."""


@dataclass(frozen=True)
class LaserParameters:
    """What is true of the laser and the circuit behind the sample.

    Parameters
    ----------
    pulse_fwhm_s
        Width of the (Gaussian) light pulse; Dong24's 532 nm laser has 6 ns.
    charge_c
        Charge that a whole pulse makes in the sample, C.
    jitter
        Relative standard deviation of the pulse energy from shot to shot.
    delay_s
        From the trigger's edge to the middle of the light pulse.
    highest_rate_hz
        Triggers that come faster are overlooked.
    load_ohm
        Resistance between sample and amplifier.
    """

    pulse_fwhm_s: float = 6e-9
    charge_c: float = 10e-12
    jitter: float = 0.02
    delay_s: float = 0.0
    highest_rate_hz: float = 1000.0
    load_ohm: float = 50.0

    def __post_init__(self) -> None:
        for name in ("pulse_fwhm_s", "charge_c", "jitter", "delay_s", "load_ohm"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                msg = f"the simulated laser's {name} must not be negative, not {value}"
                raise ValueError(msg)
        if not self.highest_rate_hz > 0:
            msg = f"the simulated laser's highest_rate_hz must be positive, not {self.highest_rate_hz}"
            raise ValueError(msg)


@dataclass
class _Train:
    """Pulses at equal distances; one pulse is a train without a next one."""

    start: float
    period: float
    energy: float
    end: float = math.inf

    def first_after(self, moment: float) -> float | None:
        """Return the first edge at or after a moment."""
        if moment <= self.start:
            return self.start if self.start < self.end else None
        if math.isinf(self.period):
            return None
        edge = self.start + math.ceil((moment - self.start) / self.period - 1e-9) * self.period
        return edge if edge < self.end else None

    def between(self, first: float, last: float) -> Floats:
        """Return the edges in [first, last]."""
        edge = self.first_after(first)
        if edge is None or edge > last:
            return np.zeros(0)
        if math.isinf(self.period):
            return np.array([edge])
        count = math.floor((min(last, self.end) - edge) / self.period + 1e-9) + 1
        edges = edge + self.period * np.arange(count)
        return np.asarray(edges[edges < self.end])


class LaserPhysics:
    """A laser with a trigger input, and the sample in its light.

    Parameters
    ----------
    parameters
        What is true of it.
    photoconductor
        Returns what is in the holder.
    bias
        Across it.
    temperature
        Returns the sample's temperature, K.
    clock
        The bench's.
    random
        Its own stream.
    lock
        The world's.
    """

    def __init__(
        self,
        parameters: LaserParameters,
        photoconductor: Callable[[], PhotoconductorPhysics | None],
        bias: Bias,
        temperature: Callable[[], float],
        clock: SimulationClock,
        random: np.random.Generator,
        lock: threading.RLock | None = None,
    ) -> None:
        self.parameters = parameters
        self._photoconductor = photoconductor
        self._bias = bias
        self._temperature = temperature
        self._clock = clock
        self._random = random
        self._lock = lock or threading.RLock()
        self._trains: list[_Train] = []
        self._energy = 1.0
        self._factors: dict[float, float] = {}
        self._shapes: dict[Packet, Transient] = {}
        self._listeners: list[Callable[[float], None]] = []

    # --- firing

    @property
    def firing(self) -> bool:
        """Whether a train of pulses is going on."""
        now = self._clock.now()
        return any(math.isfinite(train.period) and train.end > now for train in self._trains)

    @property
    def energy(self) -> float:
        """Pulse energy as part of the largest."""
        return self._energy

    def set_energy(self, fraction: float) -> None:
        """Set the pulse energy, 0 to 1, from now on."""
        if not 0.0 <= fraction <= 1.0:
            msg = f"the laser's energy is a part of the largest, 0 to 1, not {fraction}"
            raise ValueError(msg)
        with self._lock:
            if fraction == self._energy:
                return
            self._energy = fraction
            now = self._clock.now()
            for train in [known for known in self._trains if known.end > now and math.isfinite(known.period)]:
                following = train.first_after(now)
                train.end = now
                if following is not None:
                    self._trains.append(_Train(following, train.period, fraction))

    def trigger_train(self, rate_hz: float | None, high_v: float = 5.0) -> None:
        """Let edges come to the trigger input from now on, `rate_hz` a second; None: none any more."""
        with self._lock:
            now = self._clock.now()
            for train in self._trains:
                train.end = min(train.end, now)
            if rate_hz is None or high_v < _EDGE_V:
                return
            # a laser that is triggered faster than it can fires at every second edge, or third
            every = max(1, math.ceil(rate_hz / self.parameters.highest_rate_hz - 1e-9))
            self._begin(_Train(now, every / rate_hz, self._energy))

    def trigger_once(self, high_v: float = 5.0) -> None:
        """Let one edge come to the trigger input now."""
        if high_v >= _EDGE_V:
            with self._lock:
                now = self._clock.now()
                self._begin(_Train(now, math.inf, self._energy, math.nextafter(now, math.inf)))

    def _begin(self, train: _Train) -> None:
        self._trains.append(train)
        del self._trains[:-KEPT_TRAINS]
        for listener in tuple(self._listeners):
            listener(train.start)

    def on_begin(self, listener: Callable[[float], None]) -> None:
        """Call ``listener(moment)`` when a train, or a single pulse, begins."""
        self._listeners.append(listener)

    def next_edge(self, moment: float) -> float | None:
        """Return when the next trigger edge comes at or after a moment; None where none will."""
        with self._lock:
            edges = [edge for train in self._trains if (edge := train.first_after(moment)) is not None]
            return min(edges, default=None)

    # --- what flows

    def packet(self, volts: float) -> Packet | None:
        """Return what a pulse sets in motion in the sample at a bias, V; None without a photoconductor or a field."""
        device = self._photoconductor()
        if device is None:
            return None
        truth = device.truth
        across = max(abs(volts), truth.built_in_potential_v if volts == 0.0 else 0.0)
        if across == 0.0:
            return None
        mobility = truth.mobility_m2_per_v_s
        if volts < 0.0 and truth.mobility_negative_m2_per_v_s is not None:
            mobility = truth.mobility_negative_m2_per_v_s
        capacitance = VACUUM_PERMITTIVITY * truth.relative_permittivity * truth.area_m2 / truth.thickness_m
        return Packet(
            mobility=mobility,
            voltage=across,
            thickness=truth.thickness_m,
            lifetime=truth.mu_tau_m2_per_v / truth.mobility_m2_per_v_s,
            spread=truth.light_depth_m,
            temperature=self._temperature(),
            pulse_fwhm=self.parameters.pulse_fwhm_s,
            rc=self.parameters.load_ohm * capacitance,
        )

    def current(self, times: Floats) -> Floats:
        """Return the current through the sample that the pulses drive, A, at moments; shape of `times`."""
        total = np.zeros(np.shape(times))
        flat = np.atleast_1d(np.asarray(times, dtype=float))
        if not self._trains or flat.size == 0:
            return total
        with self._lock:
            found = total.reshape(-1)
            first, last = float(flat.min()), float(flat.max())
            for edge, energy in self._edges(first - self._longest(), last):
                middle = edge + self.parameters.delay_s
                volts = float(np.max(self._bias.volts(np.array([edge]))))
                shape = self._shape(volts)
                if shape is None:
                    continue
                charge = self.parameters.charge_c * energy * self._factor(edge) * (-1.0 if volts < 0 else 1.0)
                inside = (flat >= middle + shape.start) & (flat <= middle + shape.end)
                if inside.any():
                    found[inside] += charge * shape.at(flat[inside] - middle)
            return total

    def mean_current(self, t_start: float, t_end: float) -> float:
        """Return the mean current, A, that the pulses of a window of the past drove."""
        if not self._trains or not t_end > t_start:
            return 0.0
        with self._lock:
            charge = 0.0
            packets: dict[float, Packet | None] = {}
            for edge, energy in self._edges(t_start, t_end):
                volts = float(np.max(self._bias.volts(np.array([edge]))))
                if volts not in packets:
                    packets[volts] = self.packet(volts)
                packet = packets[volts]
                if packet is not None:
                    sign = -1.0 if volts < 0 else 1.0
                    charge += sign * energy * self.parameters.charge_c * collected_fraction(packet)
            return charge / (t_end - t_start)

    def _edges(self, first: float, last: float) -> list[tuple[float, float]]:
        return sorted((float(edge), train.energy) for train in self._trains for edge in train.between(first, last))

    def _longest(self) -> float:
        """Return how long a pulse's current may last; a pulse before that no longer matters."""
        return max((shape.end for shape in self._shapes.values()), default=1e-4) + self.parameters.delay_s

    def _shape(self, volts: float) -> Transient | None:
        packet = self.packet(volts)
        if packet is None:
            return None
        if packet not in self._shapes:
            if len(self._shapes) >= _KEPT_SHAPES:
                del self._shapes[next(iter(self._shapes))]
            self._shapes[packet] = transient(packet)
        return self._shapes[packet]

    def _factor(self, edge: float) -> float:
        """Draw a pulse's energy relative to the mean, once: whoever looks again sees the same pulse."""
        if edge not in self._factors:
            if len(self._factors) >= _KEPT_FACTORS:
                del self._factors[next(iter(self._factors))]
            self._factors[edge] = max(0.0, 1.0 + self.parameters.jitter * self._random.standard_normal())
        return self._factors[edge]
