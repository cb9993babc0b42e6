"""Whatever somebody types after ``--set``: a value that can be measured with, or one line that says why not."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.opening import open_bench
from config.loading import sample_file
from config.mistake import UserMistake
from drivers.bench import Bench
from procedures.registry import SHIPPED, procedure_class

NUMBERS = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True).map(repr),
    st.integers(-(10**30), 10**30).map(str),
    st.sampled_from(["1e400", "-0.0", "1_000", "0x10", "１２", "1,5", "½", "1e-320", "9.9e37", "None", "true", ""]),
)
UNITS = st.sampled_from(["", " kV", "kV", " mA", " s", " min", " V/cm", " um", " lp/mm", " °C", " furlong", "%"])
QUANTITIES = st.builds(str.__add__, NUMBERS, UNITS)
SERIES = st.one_of(
    st.lists(QUANTITIES, max_size=6).map(", ".join),
    st.builds(lambda a, b, c: f"{a}:{b}:{c}", NUMBERS, NUMBERS, NUMBERS),
    st.builds(lambda a, b, c: f"log {a}:{b}:{c}", NUMBERS, NUMBERS, NUMBERS),
    st.sampled_from(["0:1:1000000000", "1:1:1", "::", "1:2", "[1, [2]]", "[" * 2000, "{'a': 1}", "__import__('os')"]),
)
TYPED = st.one_of(QUANTITIES, SERIES, st.text(max_size=20))


@pytest.fixture(scope="module")
def bench() -> Any:
    with open_bench("sim", seed=1) as opened:
        yield opened


def parameters() -> list[tuple[str, str]]:
    """Return every parameter of every procedure."""
    return [(name, one) for name in sorted(SHIPPED) for one in procedure_class(name)().declared_parameters()]


def settle(bench: Bench, name: str, typed: dict[str, str]) -> bool:
    """Do with settings what a run does before it begins; say whether it would begin."""
    procedure = procedure_class(name)()
    procedure.sample = sample_file("dong24-tio2").content
    try:
        procedure.set_values(typed)
        procedure.check(bench)
    except UserMistake as mistake:
        said = str(mistake)
        assert said.strip()
        assert "\n" not in said
        assert "Traceback" not in said
        return False
    for value in procedure.values().values():
        for one in value if isinstance(value, list | tuple) else (value,):
            assert not isinstance(one, float) or math.isfinite(one), typed
    estimate = procedure.estimate()
    assert math.isfinite(estimate.duration)
    assert estimate.duration >= 0
    return True


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.sampled_from(parameters()), TYPED)
def test_no_text_for_any_parameter_brings_anything_but_a_plan_or_one_line(
    bench: Bench, parameter: tuple[str, str], typed: str
) -> None:
    name, one = parameter
    settle(bench, name, {one: typed})


@pytest.mark.slow
@pytest.mark.timeout(3600)
@settings(max_examples=5_000, deadline=None, derandomize=True)
@given(st.sampled_from(sorted(SHIPPED)), st.data())
def test_nor_do_several_at_once(bench: Bench, name: str, data: st.DataObject) -> None:
    names = sorted(procedure_class(name)().declared_parameters())
    settle(bench, name, data.draw(st.dictionaries(st.sampled_from(names), TYPED, max_size=4)))
