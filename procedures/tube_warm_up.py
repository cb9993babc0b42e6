"""Bringing a tube that was idle to its voltage step by step."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.figure import FigureOfMerit
from config.bench_file import WarmUp
from config.mistake import UserMistake
from drivers.bench import Bench
from drivers.roles import XrayTube
from procedures.parameters import FloatParameter
from procedures.procedure import Estimate, Procedure
from procedures.run import Run
from procedures.run_data import RunData
from procedures.streams import Stream

READ_EVERY = 5.0
"""s between two readings of the tube's monitors"""


class TubeWarmUp(Procedure):
    """Warm the tube up after idle days: voltage by voltage, as the bench file's [[warm_up]] table says."""

    name = "tube-warm-up"
    needs = (XrayTube,)
    warms_up = True

    tube_voltage = FloatParameter(
        "Tube voltage", units="kV", default=0, minimum=0, maximum=450, description="to reach; 0: the bench's limit"
    )
    idle_days = FloatParameter(
        "Idle days", units="day", default=0, minimum=0, maximum=100_000, description="0: since the last beam on record"
    )

    steps = Stream(
        "steps",
        "Tube voltage in the warm-up",
        tube_voltage="kV",
        tube_current="mA",
        set_voltage="kV",
        primary=("time", "tube_voltage"),
    )

    _row: WarmUp | None = None
    _target = 0.0

    def check(self, bench: Bench) -> None:
        """Choose the row of the bench file's table, and check what it sets.

        Raises
        ------
        UserMistake
            If the bench file has no such table, or a value is beyond the bench's limits.
        """
        rows = bench.file.warm_up
        if not rows:
            raise UserMistake(
                f"bench '{bench.name}' says nothing of warming up: add [[warm_up]] with idle_days, start_kv, step_kv, "
                f"step_s and current_ma, from the tube's manual, to its bench file"
            )
        self._target = self.tube_voltage or min(bench.file.limits.tube_voltage_kv, bench.tube.full_scale[0])
        idle = self.idle_days or bench.tube.idle_days(self._target)
        longest = max(rows, key=lambda row: row.idle_days)
        known = [row for row in rows if idle is not None and row.idle_days <= idle]
        shortest = min(rows, key=lambda row: row.idle_days)
        # a tube of which nothing is known counts as one that was idle for long
        self._row = longest if idle is None else max(known, key=lambda row: row.idle_days, default=shortest)
        super().check(bench)

    def _voltages(self) -> list[float]:
        if self._row is None:
            return []
        voltages, next_kv = [], min(self._row.start_kv, self._target)
        while next_kv < self._target:
            voltages.append(next_kv)
            next_kv += self._row.step_kv
        return [*voltages, self._target]

    def estimate(self) -> Estimate:
        """Estimate from the row that `check` has chosen."""
        if self._row is None:
            return Estimate(0.0)
        voltages = self._voltages()
        seconds = len(voltages) * self._row.step_s
        return Estimate(
            duration=seconds + 3.0 * len(voltages),
            beam_time=seconds,
            milliampere_seconds=seconds * self._row.current_ma,
            operating_points=tuple((kilovolts, self._row.current_ma) for kilovolts in voltages),
            records=int(seconds / READ_EVERY) + len(voltages),
            bytes_to_write=int(seconds / READ_EVERY + len(voltages)) * 32,
        )

    def measure(self, bench: Bench, run: Run) -> None:
        """Hold each voltage for its time."""
        row = self._row
        assert row is not None  # noqa: S101  (chosen before anything was switched on)
        run.note(f"warm-up for {row.idle_days:g} idle days: to {self._target:g} kV in {len(self._voltages())} steps")
        for kilovolts in run.progress(self._voltages()):
            with bench.tube.beam(kilovolts=kilovolts, milliamps=row.current_ma):
                ends = bench.clock.now() + row.step_s
                while (left := ends - bench.clock.now()) > 0:
                    run.wait(min(left, READ_EVERY))
                    now = bench.tube.status()
                    run.record(
                        self.steps, tube_voltage=now.voltage_kv, tube_current=now.current_ma, set_voltage=kilovolts
                    )

    def analyse(self, data: RunData) -> Sequence[FigureOfMerit]:
        """Return nothing: a tube that is warm is no figure."""
        del data
        return ()
