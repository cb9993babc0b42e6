"""The window hears of the beam from whoever asks the tube, and in whatever way."""

from __future__ import annotations

import pytest

from app.gui.tube_watch import BeamNews, TubeWatch
from app.opening import open_bench


@pytest.mark.parametrize("way", ["status", "watch"])
def test_every_answer_of_the_tube_is_heard_once(way: str) -> None:
    heard: list[BeamNews] = []
    with open_bench("sim", seed=1) as bench:
        TubeWatch(bench, heard.append)
        with bench.tube.beam(30.0, 1.0):
            bench.clock.sleep(2.0)
            heard.clear()
            answer = getattr(bench.tube, way)()
            assert [news.status for news in heard] == [answer]
            assert heard[0].on_for > 2.0
            assert answer.beam_on
        last = heard[-1].status
        assert last is not None
        assert not last.beam_on
