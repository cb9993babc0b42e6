"""A measurement that floods whoever watches it: records and frames at the rates that are asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from pymeasure.experiment import FloatParameter, IntegerParameter

from analysis.figure import FigureOfMerit
from drivers.bench import Bench
from procedures.procedure import Estimate, Procedure
from procedures.run import Run
from procedures.run_data import RunData
from procedures.streams import Image, Scalar, Stream

HEIGHT, WIDTH = 480, 640
DIFFERENT_FRAMES = 8


class Flood(Procedure):
    """Records and frames at fixed rates on the bench's clock."""

    name = "flood"
    duration = FloatParameter("Duration", units="s", default=10.0, minimum=0.1)
    records_per_frame = IntegerParameter("Records between two frames", default=34, minimum=0)
    frame_rate = FloatParameter("Frames a second", units="Hz", default=60.0, minimum=0.1)

    signal = Stream(
        "signal",
        current=Scalar("nA", errors=True),
        voltage="V",
        dose="Gy",
        temperature="K",
        primary=("time", "current"),
    )
    frames = Stream("frames", frame=Image("count"), exposure="s", primary=("time", "exposure"))

    def estimate(self) -> Estimate:
        """Say how long it floods."""
        steps = round(self.duration * self.frame_rate)
        return Estimate(self.duration, records=steps * (1 + self.records_per_frame))

    def axes(self, bench: Bench) -> Mapping[str, npt.NDArray[np.float64]]:
        """Return the pixels."""
        del bench
        return {"y": np.arange(HEIGHT, dtype=float), "x": np.arange(WIDTH, dtype=float)}

    def measure(self, bench: Bench, run: Run) -> None:
        """Flood."""
        generator = np.random.default_rng(1)
        pictures = generator.integers(0, 4096, (DIFFERENT_FRAMES, HEIGHT, WIDTH), dtype=np.uint16)
        noise = generator.normal(size=4096).tolist()
        clock = bench.clock
        begun = clock.now()
        count = 0
        for step in run.progress(range(round(self.duration * self.frame_rate))):
            ahead = begun + step / self.frame_rate - clock.now()
            if ahead > 0:
                run.wait(ahead)
            run.record(self.frames, frame=pictures[step % DIFFERENT_FRAMES], exposure=1 / self.frame_rate)
            for _ in range(self.records_per_frame):
                run.record(
                    self.signal,
                    current=noise[count % 4096],
                    current_errors=0.1,
                    voltage=-3.0,
                    dose=count * 1e-9,
                    temperature=295.0,
                )
                count += 1

    def analyse(self, data: RunData) -> Sequence[FigureOfMerit]:
        """There is nothing to find out."""
        del data
        return ()
