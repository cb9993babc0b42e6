"""The base of analyses without a measurement."""

from __future__ import annotations

from typing import NoReturn

from config.mistake import UserMistake
from drivers.bench import Bench
from procedures.procedure import Estimate, Procedure
from procedures.run import Run


class AnalysisOnly(Procedure):
    """An analysis of data that was measured elsewhere.

    Its streams say what an imported file holds, its parameters how it is analysed; it measures nothing.
    """

    def _has_no_bench(self) -> NoReturn:
        raise UserMistake(f"{self.name} is an analysis of data from elsewhere: xraybench import FILE --as {self.name}")

    def check(self, bench: Bench) -> None:
        """Say where its data comes from."""
        del bench
        self._has_no_bench()

    def estimate(self) -> Estimate:
        """Say that it costs nothing."""
        return Estimate(duration=0.0)

    def measure(self, bench: Bench, run: Run) -> None:
        """Say where its data comes from."""
        del bench, run
        self._has_no_bench()
