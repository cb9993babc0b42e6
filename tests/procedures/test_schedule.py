"""Looking often at first and seldom later."""

import numpy as np
import pytest

from procedures.schedule import dense_then_sparse


@pytest.mark.parametrize("duration", [0.5, 1.0, 37.0, 3600.0, 360_000.0])
def test_moments_rise_to_the_end_and_keep_their_distance(duration: float) -> None:
    moments = np.array(dense_then_sparse(duration, first=1.0, longest=600.0))
    steps = np.diff(moments)
    assert moments[-1] == duration
    assert np.all(steps > 0)
    assert np.all(steps >= 0.5)
    assert np.all(steps <= 900.0)


def test_a_hundred_hours_take_a_few_hundred_looks_of_which_many_are_early() -> None:
    moments = np.array(dense_then_sparse(360_000.0, first=1.0, longest=1200.0))
    assert 250 < len(moments) < 400
    assert np.sum(moments < 60) > 10


@pytest.mark.parametrize("wrong", [0.0, -1.0, float("nan"), float("inf")])
def test_no_time_at_all_is_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="duration"):
        dense_then_sparse(wrong, 1.0, 10.0)
