"""A bench without hardware: one world, and every instrument of a bench file served at its own wire."""

from __future__ import annotations

import contextlib
import importlib
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ValidationError

from config.bench_file import BenchFile, Geometry, InstrumentEntry
from config.mistake import UserMistake, nearest
from config.sample_file import Sample
from sim_instruments.faults import Fault
from sim_instruments.wire.server import LOOPBACK, WireInstrument, WireServer
from sim_instruments.wire.wire_faults import WireFaults
from sim_instruments.world.clock import RealClock, SimulationClock, VirtualClock
from sim_instruments.world.tube_changes import TubeChanges

if TYPE_CHECKING:
    from sim_instruments.world.world import World

SIMULATIONS: dict[str, tuple[str, Mapping[str, Any]]] = {
    "spellman-xrv": ("sim_instruments.wire.spellman_xrv:SpellmanXRVWire", {"watchdog_s": 10}),
    "ptw-unidos": ("sim_instruments.wire.ptw_unidos:PtwUnidosWire", {}),
    "ocean-optics": ("sim_instruments.wire.usb2000plus:USB2000PlusWire", {}),
    "keithley-2400": ("sim_instruments.wire.keithley_2400:Keithley2400Wire", {}),
    "keithley-2410": ("sim_instruments.wire.keithley_2400:Keithley2410Wire", {}),
    "keithley-2450": ("sim_instruments.wire.keithley_2450:Keithley2450Wire", {}),
    "sr570": ("sim_instruments.wire.sr570:SR570Wire", {}),
    "keysight-dsox1000": ("sim_instruments.wire.keysight_dsox1000:KeysightDSOX1000Wire", {}),
    "frame-stream": ("sim_instruments.wire.frame_camera:FrameCameraWire", {}),
    "keysight-33500": ("sim_instruments.wire.keysight_33500:Keysight33500Wire", {}),
    "lakeshore-336": ("sim_instruments.wire.lakeshore_336:LakeShore336Wire", {}),
}
"""By driver: the class of its simulation and what that is made with besides the world."""

NO_WIRE = frozenset({"dose-table"})
"""Drivers of instruments that are no instruments: they work on a simulated bench as they are."""

SIMULATED, ON_A_SERIAL_LINE = "sim", "sim-serial"
"""Resources of a simulated bench: on the network (or the USB), or on a pseudo-terminal."""

HIGHEST_PREPARED_KV = 100.0
"""Spectra above are calculated when a beam first needs them."""

USB_BACKEND = "sim_instruments.wire.usb_tunnel"


class ServedBench:
    """Every instrument of a bench file, simulated and served on loopback.

    Parameters
    ----------
    bench
        Whose instruments; its ``[simulation]`` table gives the world's parameters.
    sample
        What lies in the beam; None: nothing.
    geometry
        Of the beam, where it is not the bench file's.
    seed
        Of the world's random numbers.
    speed
        Bench seconds per second, or ``"max"``: virtual time, for drivers in this process that are given `clock`.
    faults
        That happen on it.

    Raises
    ------
    UserMistake
        If a driver has no simulation, or the sample's or the world's parameters are wrong.
    """

    def __init__(
        self,
        bench: BenchFile,
        sample: Sample | None = None,
        geometry: Geometry | None = None,
        seed: int = 1,
        speed: float | Literal["max"] = "max",
        faults: Sequence[Fault] = (),
    ) -> None:
        entries = {str(role): entry for role, entry in bench.instruments.items()}
        for role, entry in entries.items():
            _check(role, entry)
        self.resources: dict[str, str] = {}
        """The address of each instrument by role."""
        self.driver_options: dict[str, dict[str, str]] = {}
        """By role, the options with which its driver reaches its wire."""
        self.wires: dict[str, WireInstrument] = {}
        """The simulated instruments by role."""
        self.tube_changes: Callable[[], int | None] = lambda: None
        """Counts what may have changed the tube's state, in virtual time; None in real time, where only it can say."""
        self.clock: SimulationClock = VirtualClock() if speed == "max" else RealClock(speed)
        try:
            self.world = _world(bench, sample, geometry, seed, self.clock)
            if speed == "max":
                self.tube_changes = TubeChanges(self.world.tube, self.world.faults)
            self._server = WireServer(self.clock, self.world.lock, WireFaults(self.world.faults, ("spectrometer",)))
        except BaseException:
            self.clock.close()
            raise
        try:
            for role, entry in entries.items():
                if entry.driver not in NO_WIRE:
                    self._serve(role, entry)
            for fault in faults:
                self.world.faults.add(fault)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> ServedBench:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop serving, and stop the clock: every wait ends. Any number of times."""
        with contextlib.suppress(OSError, ValueError):  # closed before
            self._server.close()
        self.world.close()

    def _serve(self, role: str, entry: InstrumentEntry) -> None:
        target, options = SIMULATIONS[entry.driver]
        module, _, name = target.partition(":")
        wire: WireInstrument = getattr(importlib.import_module(module), name)(self.world, **options)
        self.wires[role] = wire
        if entry.resource == ON_A_SERIAL_LINE:
            self.resources[role] = self._server.serve_serial(role, wire)
            return
        address = self._server.serve_tcp(role, wire)
        if entry.driver == "ocean-optics":
            address = f"usb-sim://{LOOPBACK}:{address.split('::')[2]}"
            self.driver_options[role] = {"usb_backend": USB_BACKEND}
        self.resources[role] = address


def _check(role: str, entry: InstrumentEntry) -> None:
    where = f"instruments.{role}"
    if entry.driver in NO_WIRE:
        return
    if entry.driver not in SIMULATIONS:
        raise UserMistake(
            f"{where}.driver: '{entry.driver}' has no simulation; {nearest(entry.driver, {*SIMULATIONS, *NO_WIRE})}"
        )
    if entry.resource not in ("", SIMULATED, ON_A_SERIAL_LINE):
        raise UserMistake(
            f"{where}.resource = '{entry.resource}': a simulated bench has no hardware, write '{SIMULATED}' "
            f"(or take the [simulation] table out of the file)"
        )
    if entry.resource == ON_A_SERIAL_LINE and (entry.driver != "sr570" or sys.platform == "win32"):
        raise UserMistake(
            f"{where}.resource = '{ON_A_SERIAL_LINE}': only the sr570 has a serial line, and not on Windows; "
            f"write '{SIMULATED}'"
        )


def _world(
    bench: BenchFile, sample: Sample | None, geometry: Geometry | None, seed: int, clock: SimulationClock
) -> World:
    from sim_instruments.world.world import World

    settings = bench.simulation.world if bench.simulation is not None else {}
    try:
        world = World(seed, clock, None, _beam_geometry(geometry or bench.geometry), settings=settings)
    except (ValueError, TypeError) as error:
        raise UserMistake(f"bench '{bench.name}': simulation.world: {error}") from error
    _prepare_beam(world, bench.limits.tube_voltage_kv)
    try:
        world.set_sample(None if sample is None else sample.model_dump())
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(["world", *map(str, first["loc"][1:] or first["loc"])])
        raise UserMistake(f"sample '{sample.name if sample else ''}': {key}: {first['msg']}") from error
    return world


def _prepare_beam(world: World, highest_kv: float) -> None:
    """Have the beam's spectra at hand: a client would not wait for seconds while the first one is calculated.

    Those of a beam that was never used take some 15 s, once on this machine.
    """
    from sim_instruments.world.beam import LOWEST_KV, NODE_KV

    try:
        for step in range(math.ceil((min(highest_kv, HIGHEST_PREPARED_KV) - LOWEST_KV) / NODE_KV) + 1):
            world.beam.spectrum(LOWEST_KV + step * NODE_KV)
    except ValueError as error:
        raise UserMistake(f"geometry.filters: {error}") from error


def _beam_geometry(geometry: Geometry) -> Mapping[str, Any]:
    """Return a bench file's geometry as the world takes it: thickness by material, m."""
    filters: dict[str, float] = {}
    for sheet in geometry.filters:
        filters[sheet.material] = filters.get(sheet.material, 0.0) + sheet.thickness_mm * 1e-3
    return {
        "filters": filters,
        "distance_m": geometry.distance_m,
        "anode_angle_deg": geometry.anode_angle_deg,
        "output_factor": geometry.output_factor,
    }
