"""What keeps a flood of records from the window's thread, and what is drawn of it."""

from __future__ import annotations

import gc
import sys
from typing import Any

import numpy as np
import pytest

from app.engine.events import Recorded
from app.gui.interpreter import interpreter_for_a_window
from app.gui.live_plot import LivePlot
from app.gui.mailbox import Mailbox
from app.gui.stream_buffer import StreamBuffer
from app.gui.thinning import Extremes, outline, visible_part
from procedures.streams import Image, Scalar, Spectrum, Stream

STREAM = Stream("signal", current=Scalar("nA", errors=True), primary=("time", "current"))


def records(count: int, first: int = 0) -> list[Recorded]:
    return [
        Recorded("signal", 0.5 * n, {"current": float(n), "current_errors": 0.1}) for n in range(first, first + count)
    ]


def test_a_buffer_keeps_every_record_in_order_however_they_come() -> None:
    buffer = StreamBuffer(STREAM)
    buffer.add(records(3))
    buffer.add([])
    buffer.add(records(2000, first=3))
    buffer.add_scalars({"time": [2000.0], "current": [-1.0], "current_errors": [0.2]})
    assert buffer.rows == 2004
    assert buffer.column("current").tolist() == [*map(float, range(2003)), -1.0]
    assert buffer.column("time")[-1] == 2000.0
    errors = buffer.errors("current")
    assert errors is not None
    assert errors[-1] == 0.2
    assert buffer.ascending("time")
    assert not buffer.ascending("current")


def test_a_full_buffer_lets_go_of_the_oldest_and_counts_them() -> None:
    buffer = StreamBuffer(STREAM, kept_rows=1000)
    for first in range(0, 5200, 130):
        buffer.add(records(130, first=first))
        kept = buffer.column("current")
        assert len(kept) <= 1000
        assert kept[-1] == first + 129
        assert np.array_equal(kept, np.arange(buffer.dropped, first + 130))
    assert buffer.rows == 5200
    buffer.add(records(2600, first=5200))
    assert buffer.column("current")[-1] == 7799
    assert np.all(np.diff(buffer.column("current")) == 1)


def test_of_images_only_the_last_is_kept_as_it_came_and_of_spectra_many() -> None:
    stream = Stream("frames", frame=Image("count"), counts=Spectrum("count"), primary=("wavelength", "counts"))
    buffer = StreamBuffer(stream)
    buffer.add(
        Recorded("frames", n, {"frame": np.full((4, 5), n, dtype="u2"), "counts": np.full(3, n)}) for n in range(300)
    )
    assert [frame[0, 0] for frame in buffer.arrays["frame"]] == [299]
    assert buffer.arrays["frame"][-1].dtype == np.uint16
    assert len(buffer.arrays["counts"]) == 200


def test_what_waits_is_bounded_and_the_latest_frame_is_among_it() -> None:
    box = Mailbox(heavy_bytes=3_000)
    for n in range(50):
        box.put(Recorded("frames", n, {"frame": np.full((20, 20), n, dtype="u2"), "exposure": 0.1}))
        box.put("between")
    taken = box.take(1000)
    assert taken[1::2] == ["between"] * 50
    frames: list[Any] = taken[::2]
    assert [one.time for one in frames] == list(range(50))
    assert [one.time for one in frames if "frame" in one.values] == [47, 48, 49]
    assert all(one.values["exposure"] == 0.1 for one in frames)
    # what was taken weighs nothing any more
    box.put(Recorded("frames", 50, {"frame": np.zeros((20, 20), dtype="u2"), "exposure": 0.1}))
    box.put(Recorded("frames", 51, {"frame": np.zeros((20, 20), dtype="u2"), "exposure": 0.1}))
    assert all("frame" in one.values for one in box.take(10))  # type: ignore[attr-defined]


def test_a_batch_has_an_end_and_the_rest_keeps_its_order() -> None:
    box = Mailbox()
    for n in range(10):
        box.put(n)
    assert box.take(4) == [0, 1, 2, 3]
    assert box.take(100) == [4, 5, 6, 7, 8, 9]


def test_an_outline_has_few_points_and_every_extreme() -> None:
    generator = np.random.default_rng(4)
    x = np.arange(100_003.0)
    y = generator.normal(size=len(x))
    y[[17, 60_001, 100_002]] = [9.0, -9.0, 12.0]
    y[500:600] = np.nan
    chosen = outline(x, y, 400, ascending=True)
    assert len(chosen) < 2_000
    assert {17, 60_001, 100_002} <= set(chosen.tolist())
    assert np.all(np.diff(chosen) > 0)
    for start in range(0, 100_000, 2_000):
        inside = chosen[(chosen >= start) & (chosen < start + 2_000)]
        assert np.nanmax(y[inside]) > 2.0


def test_an_outline_among_the_extremes_of_blocks_is_the_one_of_all_rows() -> None:
    generator = np.random.default_rng(5)
    y = generator.normal(size=70_123)
    y[[5, 777, 40_000]] = -50.0, np.nan, 60.0
    y[128:192] = np.nan
    extremes = Extremes()
    for rows in (1_000, 1_001, 30_000, len(y)):
        grown = y[:rows]
        among = extremes.of(grown)
        assert np.all(np.diff(among) >= 0)
        assert len(among) <= 4 * rows // 64 + 64
        assert np.nanmin(grown[among]) == np.nanmin(grown)
        assert np.nanmax(grown[among]) == np.nanmax(grown)
        assert {0, rows - 1} <= set(among.tolist())
        # every stretch of a pixel's width keeps its own extremes, to a block at each end
        for start in range(0, rows - 1_000, 997):
            stretch, around = slice(start, start + 600), (among >= start - 64) & (among < start + 664)
            assert np.nanmin(grown[among[around]]) <= np.nanmin(grown[stretch])
            assert np.nanmax(grown[among[around]]) >= np.nanmax(grown[stretch])


def test_a_sweep_that_turns_back_keeps_its_turning_points() -> None:
    x = np.concatenate([np.linspace(0, 5, 9_000), np.linspace(5, -5, 9_000), np.linspace(-5, 0, 9_000)])
    chosen = outline(x, x**3, 300, ascending=False)
    assert x[chosen].max() == 5
    assert x[chosen].min() == -5


def test_a_part_in_sight_reaches_beyond_both_its_edges() -> None:
    x = np.arange(10.0)
    assert x[visible_part(x, 2.5, 5.5)].tolist() == [2, 3, 4, 5, 6]
    assert x[visible_part(x, -5, 100)].tolist() == x.tolist()


def test_a_plot_of_many_points_draws_those_in_sight(qtbot: Any) -> None:
    buffer = StreamBuffer(STREAM)
    count = 200_000
    current = np.sin(np.arange(count) / 3e3)
    current[150_000] = 40.0
    buffer.add_scalars({"time": np.arange(count, dtype=float), "current": current, "current_errors": np.zeros(count)})
    plot = LivePlot(buffer)
    qtbot.addWidget(plot)
    plot.resize(600, 400)
    plot.redraw()
    x, y = plot._points.getData()
    assert len(x) < 5_000
    assert y.max() == 40.0
    plot.plot.vb.setXRange(1_000, 1_200, padding=0)
    qtbot.waitUntil(lambda: plot._points.getData()[0][-1] < 2_000, timeout=2_000)
    x, y = plot._points.getData()
    inside = (x >= 1_000) & (x <= 1_200)
    assert inside.sum() == 201
    assert np.array_equal(y[inside], current[1_000:1_201])


def test_only_the_windows_thread_collects_garbage_and_afterwards_all_is_as_before(qapp: Any) -> None:
    del qapp
    interval, enabled = sys.getswitchinterval(), gc.isenabled()
    sys.setswitchinterval(0.004)
    gc.enable()
    try:
        with interpreter_for_a_window():
            assert not gc.isenabled()
            assert sys.getswitchinterval() < 0.001
        assert sys.getswitchinterval() == pytest.approx(0.004)
        assert gc.isenabled()
    finally:
        sys.setswitchinterval(interval)
        if not enabled:
            gc.disable()
