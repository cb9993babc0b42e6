"""Numbers at the ticks of a logarithmic axis stand apart."""

from __future__ import annotations

import math

import pytest
from pytestqt.qtbot import QtBot

from app.gui.axis import plot_widget


@pytest.mark.parametrize(
    ("low", "high", "named"),
    [
        (2e-8, 4e-8, ["3"]),
        (0.9e-7, 3e-6, ["1", "2", "5"]),
        (0.9e-9, 2e-5, ["1"]),
    ],
)
def test_so_many_ticks_have_a_number_as_there_is_room_for(
    qtbot: QtBot, low: float, high: float, named: list[str]
) -> None:
    widget = plot_widget()
    qtbot.addWidget(widget)
    widget.resize(600, 300)
    widget.show()
    axis = widget.getPlotItem().getAxis("bottom")
    axis.setLogMode(True)
    seen = (math.log10(low), math.log10(high))
    axis.setRange(*seen)
    levels = axis.tickValues(*seen, 500)
    strings = [text for spacing, values in levels for text in axis.tickStrings(values, 1.0, spacing) if text]
    # a power of ten is written as such: 10⁻⁷ is the one among the digits
    assert {"1" if text.startswith("10") else text[0] for text in strings} == set(named)
    decades = seen[1] - seen[0]
    assert len(axis.lines(*seen)) <= (10 * decades + 10 if decades <= 2 else decades + 1)
