"""The world: everything that is true about the simulated bench, in one place."""

from __future__ import annotations

import dataclasses
import threading
import zlib
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from sim_instruments.faults import Fault, FaultKind, Faults
from sim_instruments.world.beam import Beam
from sim_instruments.world.bias import Bias, Source
from sim_instruments.world.camera import CameraPhysics
from sim_instruments.world.camera_parameters import camera_parameters
from sim_instruments.world.clock import SimulationClock
from sim_instruments.world.dosimeter import DosimeterParameters, DosimeterPhysics
from sim_instruments.world.geometry import Geometry
from sim_instruments.world.laser import LaserParameters, LaserPhysics
from sim_instruments.world.phantom import PhantomParameters
from sim_instruments.world.photoconductor import PhotoconductorPhysics
from sim_instruments.world.preamp import PreampPhysics
from sim_instruments.world.sample_truth import ScintillatorTruth, sample_truth
from sim_instruments.world.scintillator import ScintillatorPhysics
from sim_instruments.world.spectrometer import SpectrometerParameters, SpectrometerPhysics
from sim_instruments.world.stage import StageParameters, StagePhysics
from sim_instruments.world.tube import TubeParameters, TubePhysics

Floats = NDArray[np.float64]
Times = NDArray[np.floating[Any]]
Parameters = TypeVar(
    "Parameters",
    TubeParameters,
    DosimeterParameters,
    SpectrometerParameters,
    PhantomParameters,
    LaserParameters,
    StageParameters,
)

PARTS = ("tube", "dosimeter", "spectrometer", "camera", "phantom", "laser", "stage")
"""The tables that a bench file's ``[simulation]`` table may hold, and what their keys are."""


class World:
    """One state, of which every simulated instrument is a view.

    Parameters
    ----------
    seed
        Of all random streams: the same seed and the same actions give the same world, bit for bit.
    clock
        The bench's.
    sample
        The content of a sample file, with its ``[world]`` table; None: nothing in the holder.
    geometry
        `Geometry` or a mapping of its parameters.
    settings
        Parameters by part (`PARTS`): ``{"dosimeter": {"calibration_error": "drawn"}}``.

    Raises
    ------
    ValueError
        If a setting or the sample's truth is not valid.
    """

    def __init__(
        self,
        seed: int,
        clock: SimulationClock,
        sample: Mapping[str, Any] | None = None,
        geometry: Geometry | Mapping[str, Any] | None = None,
        *,
        settings: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self.seed = seed
        self.clock = clock
        self.lock = threading.RLock()
        self.faults = Faults(clock)
        self._streams: dict[str, np.random.Generator] = {}
        given = dict(settings or {})
        for part in given:
            if part not in PARTS:
                msg = f"the simulation has no part '{part}', but {', '.join(PARTS)}"
                raise ValueError(msg)
        self.tube = TubePhysics(clock, self.random("tube"), self.lock, _parameters(TubeParameters, given.get("tube")))
        self.beam = Beam(self.tube, Geometry.of(geometry), clock, self.lock)
        self.bias = Bias(clock, self.lock)
        self.dosimeter = DosimeterPhysics(
            self.beam,
            clock,
            self.random("dosimeter"),
            self.faults,
            self.lock,
            _parameters(DosimeterParameters, given.get("dosimeter")),
        )
        self.scintillator: ScintillatorPhysics | None = None
        self.photoconductor: PhotoconductorPhysics | None = None
        self.spectrometer = SpectrometerPhysics(
            lambda: self.scintillator,
            clock,
            self.random("spectrometer pixels"),
            self.random("spectrometer"),
            self.lock,
            _parameters(SpectrometerParameters, given.get("spectrometer")),
        )
        self.camera = CameraPhysics(
            camera_parameters(given.get("camera")),
            _parameters(PhantomParameters, given.get("phantom")),
            self.beam,
            lambda: self.scintillator,
            self.random("camera pixels"),
            self.random("camera"),
            self.lock,
        )
        self.stage = StagePhysics(
            _parameters(StageParameters, given.get("stage")), clock, self.random("stage"), self.lock
        )
        self.laser = LaserPhysics(
            _parameters(LaserParameters, given.get("laser")),
            lambda: self.photoconductor,
            self.bias,
            lambda: float(self.stage.temperature()),
            clock,
            self.random("laser"),
            self.lock,
        )
        self.preamp = PreampPhysics(
            self.device_current,
            lambda volts: self.set_bias("preamp", volts),
            clock,
            self.random("preamp"),
            self.faults,
            self.lock,
        )
        self.faults.on_change(self._suffer)
        self.set_sample(sample)

    def random(self, name: str) -> np.random.Generator:
        """Return the random stream of that name, always the same object; streams do not disturb each other."""
        with self.lock:
            if name not in self._streams:
                sequence = np.random.SeedSequence(self.seed, spawn_key=(zlib.crc32(name.encode()),))
                self._streams[name] = np.random.default_rng(sequence)
            return self._streams[name]

    def set_sample(self, sample: Mapping[str, Any] | None) -> None:
        """Put a fresh sample in, or none; `sample` is a sample file's content with its ``[world]`` table.

        A sample without such a table is one of which nothing is known: the holder stays empty.
        """
        truth = sample_truth(sample) if sample and sample.get("world") else None
        with self.lock:
            self.scintillator = None
            self.photoconductor = None
            if truth is None:
                return
            if isinstance(truth, ScintillatorTruth):
                self.scintillator = ScintillatorPhysics(
                    truth, self.beam, self.clock, self.random("scintillator"), self.lock
                )
                return
            self.photoconductor = PhotoconductorPhysics(
                truth,
                self.beam,
                self.bias,
                self.clock,
                self.random("photoconductor"),
                self.faults,
                self.lock,
                ripple=self.tube.ripple_behind(truth.response_time_s),
                temperature=self.stage.temperature,
            )

    def set_phantom(self, name: str) -> None:
        """Put an object before the camera (`sim_instruments.world.phantom.PHANTOMS`); empty: take it away."""
        self.camera.phantom = name

    def next_trigger(self, moment: float) -> float | None:
        """Return when the next edge comes to whatever the light's trigger is connected to; None where none will."""
        return self.laser.next_edge(moment)

    def on_trigger(self, listener: Callable[[float], None]) -> None:
        """Call ``listener(moment)`` when edges begin to come."""
        self.laser.on_begin(listener)

    def set_geometry(self, geometry: Geometry | Mapping[str, Any]) -> None:
        """Change filters and distance, from now on."""
        self.beam.set_geometry(Geometry.of(geometry))

    def set_bias(self, source: Source, volts: float, ramp_time: float = 0.0) -> None:
        """Let a source apply `volts` to the sample from now on, reached linearly in `ramp_time` s; sources add up."""
        self.bias.set(source, volts, ramp_time)

    @overload
    def bias_v(self, t: Times) -> Floats: ...
    @overload
    def bias_v(self, t: float | None = None) -> float: ...
    def bias_v(self, t: Times | float | None = None) -> Floats | float:
        """Return the bias across the sample, V, now or at one or many moments of the past."""
        return self.bias.volts(t)

    def device_current(self, t: Times | float | None = None, noise_bandwidth_hz: float | None = None) -> Floats:
        """Return the current through the sample, A, at increasing moments (now); zero without a photoconductor.

        See `PhotoconductorPhysics.current`.
        """
        if self.photoconductor is None:
            return np.zeros(np.shape(0.0 if t is None else t))
        with self.lock:
            times = np.asarray(self.clock.now() if t is None else t, dtype=float)
            return self.photoconductor.current(times, noise_bandwidth_hz) + self.laser.current(times)

    def mean_device_current(self, integration_time: float, t_end: float | None = None) -> float:
        """Return the mean current through the sample, A, as a meter that integrates reads it."""
        if self.photoconductor is None:
            return 0.0
        with self.lock:
            end = self.clock.now() if t_end is None else t_end
            light = self.laser.mean_current(end - integration_time, end)
            return self.photoconductor.mean_current(integration_time, end) + light

    def truth(self, name: str, **conditions: float) -> float:
        """Return a true figure of merit, see `sim_instruments.world.truth.truth`."""
        from sim_instruments.world.truth import truth

        return truth(self, name, **conditions)

    def close(self) -> None:
        """Stop the clock: every wait ends."""
        self.clock.close()

    def _suffer(self, fault: Fault, began: bool) -> None:
        if fault.kind is FaultKind.DOOR_OPENED:
            if began:
                self.tube.open_interlock()
            elif not self.faults.active(FaultKind.DOOR_OPENED):
                self.tube.close_interlock()
        elif fault.kind is FaultKind.STUCK_BEAM:
            self.tube.hold_on(self.faults.active(FaultKind.STUCK_BEAM) is not None)
        elif fault.kind in (FaultKind.KV_OFF, FaultKind.MA_OFF):
            wrong = [self.faults.active(kind) for kind in (FaultKind.KV_OFF, FaultKind.MA_OFF)]
            self.tube.deviate(*(one.factor if one is not None else 1.0 for one in wrong))
        elif fault.kind is FaultKind.ARC and began:
            self.tube.arc()
        elif fault.kind is FaultKind.TUBE_FAULT and began:
            self.tube.trip(fault.detail or "overcurrent")


def _parameters(kind: type[Parameters], given: Mapping[str, Any] | None) -> Parameters:
    names = [field.name for field in dataclasses.fields(kind)]
    for name, value in (given or {}).items():
        if name not in names:
            msg = f"'{name}' is not a parameter of the simulated {kind.__name__[:-10].lower()}: {', '.join(names)}"
            raise ValueError(msg)
        if isinstance(value, bool):
            msg = f"'{name}' of the simulated {kind.__name__[:-10].lower()} must be a number, not {value}"
            raise ValueError(msg)
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in (given or {}).items()
    }
    return kind(**values)
