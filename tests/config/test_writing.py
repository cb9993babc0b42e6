"""What is written as TOML reads as the same again, and a text that is changed keeps its comments."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.bench_file import BenchFile
from config.loading import available, bench_file, sample_file
from config.sample_file import Sample
from config.writing import into_toml, to_toml

texts = st.text(st.characters(codec="utf-8"), max_size=12)
numbers = st.floats(1e-6, 400.0)
sheets = st.fixed_dictionaries({"material": st.just("Al"), "thickness_mm": numbers})
values = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=4,
)
benches = st.fixed_dictionaries(
    {
        "name": st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,10}", fullmatch=True),
        "instruments": st.dictionaries(
            st.sampled_from(["tube", "dosimeter", "preamp", "camera"]),
            st.fixed_dictionaries({"driver": st.just("a"), "options": st.dictionaries(texts, values, max_size=2)}),
        ),
    },
    optional={
        "title": texts,
        "operator": st.fixed_dictionaries({}, optional={"name": texts, "email": texts}),
        "geometry": st.fixed_dictionaries(
            {},
            optional={"filters": st.lists(sheets, max_size=2)},
        ),
        "limits": st.fixed_dictionaries({}, optional={"tube_voltage_kv": numbers, "bias_v": st.just(0.0) | numbers}),
        "simulation": st.fixed_dictionaries(
            {}, optional={"seed": st.integers(0, 2**63 - 1), "speed": st.just("max") | numbers}
        ),
    },
)


@pytest.mark.parametrize("name", available("benches"))
def test_a_shipped_bench_is_written_as_it_was_read(name: str) -> None:
    content = bench_file(name).content
    assert BenchFile.model_validate(tomllib.loads(to_toml(content))) == content


@pytest.mark.parametrize("name", available("samples"))
def test_a_shipped_sample_is_written_as_it_was_read(name: str) -> None:
    content = sample_file(name).content
    assert Sample.model_validate(tomllib.loads(to_toml(content))) == content


@settings(max_examples=40, deadline=None, derandomize=True)
@given(benches)
def test_any_bench_is_written_as_it_was_read(table: dict[str, Any]) -> None:
    content = BenchFile.model_validate(table)
    assert BenchFile.model_validate(tomllib.loads(to_toml(content))) == content


@settings(max_examples=25, deadline=None, derandomize=True)
@given(benches, benches)
def test_any_text_can_be_changed_to_any_bench(before: dict[str, Any], after: dict[str, Any]) -> None:
    text = to_toml(BenchFile.model_validate(before))
    wanted = BenchFile.model_validate(after)
    assert BenchFile.model_validate(tomllib.loads(into_toml(text, wanted))) == wanted


@pytest.mark.parametrize("name", available("benches"))
def test_a_text_without_changes_stays_as_it_is(name: str) -> None:
    loaded = bench_file(name)
    assert into_toml(loaded.text, loaded.content) == loaded.text


def test_one_changed_limit_changes_one_line() -> None:
    loaded = bench_file("kit")
    limits = loaded.content.limits.model_copy(update={"tube_voltage_kv": 45.0})
    text = into_toml(loaded.text, loaded.content.model_copy(update={"limits": limits}))
    changed = [(old, new) for old, new in zip(loaded.text.splitlines(), text.splitlines(), strict=True) if old != new]
    assert changed == [("tube_voltage_kv = 50.0", "tube_voltage_kv = 45.0")]


def test_an_instrument_that_is_taken_out_leaves_and_one_that_is_added_comes() -> None:
    loaded = bench_file("sim")
    instruments = dict(loaded.content.instruments)
    instruments["camera"] = instruments.pop("preamp").model_copy(update={"driver": "my.lab:Camera"})
    wanted = loaded.content.model_copy(update={"instruments": instruments})
    text = into_toml(loaded.text, wanted)
    assert BenchFile.model_validate(tomllib.loads(text)) == wanted
    assert "# Chen24's beam." in text
    assert "sr570" not in text


def test_a_value_that_is_taken_away_is_taken_out() -> None:
    loaded = sample_file("dong24-tio2")
    text = into_toml(loaded.text, loaded.content.model_copy(update={"built_in_potential_v": None}))
    assert Sample.model_validate(tomllib.loads(text)).built_in_potential_v is None
    assert text.count("built_in_potential_v") == 1  # the world's own
