import math
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.encoding import decode, decode_name, encode, encode_name
from storage.layout import RunHeader, StreamLayout
from storage.reader import open_run
from storage.writer import RunWriter

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


def same(a: object, b: object) -> bool:
    """Equal, of one type all the way down, and NaN the same as NaN."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float) and isinstance(b, float):
        return (math.isnan(a) and math.isnan(b)) or (a == b and math.copysign(1, a) == math.copysign(1, b))
    return a == b


@given(plain)
def test_every_plain_value_comes_back_as_it_was(value: object) -> None:
    array, encoding = encode(value)
    assert same(decode(array[()] if array.dtype.kind == "S" else array[...], encoding), value)


@given(st.text())
def test_every_text_can_name_a_value(key: str) -> None:
    name = encode_name(key)
    assert decode_name(name) == key
    assert name not in ("", ".")
    assert not set("/\0") & set(name)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
        st.tuples(plain, st.none() | st.sampled_from(["kV", "µA", "", "1/s"])),
        max_size=5,
    )
)
def test_every_parameter_comes_back_from_the_file(
    tmp_path_factory: pytest.TempPathFactory, header: RunHeader, sweep: StreamLayout, parameters: dict
) -> None:
    path = tmp_path_factory.mktemp("run") / "run.h5"
    with RunWriter(path, replace(header, parameters=parameters), [sweep]):
        pass
    with open_run(path) as run:
        assert run.parameters.keys() == parameters.keys()
        for name, (value, unit) in parameters.items():
            assert same(run.parameters[name][0], value)
            assert run.parameters[name][1] == unit


def test_the_whole_header_comes_back(tmp_path: Path, sweep: StreamLayout) -> None:
    header = RunHeader(
        title="Röntgen – 蛍光 ☢",
        procedure="rl-linearity",
        run_uid="7f3a",
        start_time="2025-03-01T12:00:00+01:00",
        parameters={"tube_voltage": (30.0, "kV"), "note": ("größer", None), "limit": (math.nan, "mA"), "n": (3, None)},
        sample={"name": "CsPbBr₃", "layers": {"film": {"thickness_um": 25.0, "dopant": None}}, "defects": []},
        user={"name": "Łukasz"},
        instruments={
            "tube": {"identity": "XRV, 1.02", "settings": {"ramp": [1, 2.5]}, "calibration": None},
            "spectrometer": {"identity": "USB2+", "settings": {}, "calibration": {"nm": [400.0, 0.38]}},
        },
        provenance={"bench_file": "[limits]\n" * 3000, "packages": {"numpy": "2.0"}, "seed": 2**70, "commit": ""},
        geometry={"distance": 0.5, "filter": "0.4 mm Al"},
    )
    with RunWriter(tmp_path / "run.h5", header, [sweep]) as writer:
        writer.finish("completed", [], "2025-03-01T12:30:00+01:00")
    with open_run(tmp_path / "run.h5") as run:
        for name in ("title", "procedure", "start_time", "sample", "user", "instruments", "provenance", "geometry"):
            assert same(getattr(run, name), getattr(header, name)), name
        assert (run.uid, run.end_time, run.status) == ("7f3a", "2025-03-01T12:30:00+01:00", "completed")
        assert same({k: list(v) for k, v in run.parameters.items()}, {k: list(v) for k, v in header.parameters.items()})


def test_arrays_paths_and_dates_are_kept_as_lists_and_text() -> None:
    values = {"a": np.arange(3), "p": Path("a/b"), "t": datetime(2025, 3, 1, tzinfo=UTC), "f": np.float32(0.5)}
    array, encoding = encode(values)
    expected = {"a": [0, 1, 2], "p": "a/b", "t": "2025-03-01T00:00:00+00:00", "f": 0.5}
    assert same(decode(array[()], encoding), expected)


def test_a_value_no_file_can_keep_is_named_and_nothing_is_left_behind(
    tmp_path: Path, header: RunHeader, sweep: StreamLayout
) -> None:
    with pytest.raises(TypeError, match=r"sample/film\.dopant: a complex"):
        RunWriter(tmp_path / "run.h5", replace(header, sample={"film": {"dopant": 1j}}), [sweep])
    assert list(tmp_path.iterdir()) == []
