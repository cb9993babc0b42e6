"""Every shipped file loads; a wrong one gets one line: file, key, what is wrong, what is allowed, the nearest name."""

from __future__ import annotations

import contextlib
import copy
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config import loading
from config.bench_file import ROLES, BenchFile, Geometry
from config.loading import available, bench_file, check, find, read, sample_file
from config.mistake import UserMistake, nearest
from config.sample_file import Sample

BENCH = tomllib.loads((loading.SHIPPED / "benches" / "sim.toml").read_text(encoding="utf-8"))
SAMPLE = tomllib.loads((loading.SHIPPED / "samples" / "dong24-tio2.toml").read_text(encoding="utf-8"))


START = b"name = 'x'\ninstruments = {}\n"


@pytest.fixture
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(loading, "user_folder", lambda: tmp_path / "xraybench")
    for kind in ("benches", "samples"):
        (tmp_path / "xraybench" / kind).mkdir(parents=True)
    return tmp_path / "xraybench"


def with_(table: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    """Return a copy of a table with one key of it changed."""
    changed = copy.deepcopy(table)
    *path, last = key.split(".")
    inner = changed
    for part in path:
        inner = inner.setdefault(part, {})
    inner[last] = value
    return changed


# --- what is shipped


def test_the_shipped_benches_and_samples_are_there() -> None:
    assert {"sim", "kit"} <= set(available("benches"))
    assert {
        "chen24-pnc-silicone",
        "lyso-reference",
        "ma21-eu-glass-ceramic",
        "dong24-tio2",
        "dong24-mixed",
        "dong24-ch3nh2",
    } <= set(available("samples"))


@pytest.mark.parametrize("name", available("benches"))
def test_a_shipped_bench_loads_under_its_own_name(name: str) -> None:
    loaded = bench_file(name)
    assert loaded.content.name == name
    assert loaded.text == loaded.path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", available("samples"))
def test_a_shipped_sample_loads_and_its_reference_is_shipped(name: str) -> None:
    sample = sample_file(name).content
    assert sample.world["model"] == sample.kind
    if sample.kind == "photoconductor":
        assert sample.area_cm2
        assert sample.band_gap_ev
    if sample.reference_scintillator:
        assert sample_file(sample.reference_scintillator).content.kind == "scintillator"


def test_the_simulated_bench_has_no_hardware_and_the_example_has_no_simulation() -> None:
    assert bench_file("sim").content.simulated
    kit = bench_file("kit").content
    assert not kit.simulated
    assert all(entry.resource != "sim" for entry in kit.instruments.values())


def test_what_a_paper_does_not_give_is_marked() -> None:
    # the detectors' area is in none of the papers
    for name in ("dong24-tio2", "dong24-mixed", "dong24-ch3nh2"):
        line = next(line for line in sample_file(name).text.splitlines() if line.startswith("area_cm2"))
        assert "assumed" in line


def test_what_was_read_does_not_change() -> None:
    limits = bench_file("sim").content.limits
    with pytest.raises(ValueError, match="frozen"):
        limits.bias_v = 3000.0


# --- one line

WRONG_BENCHES = [
    ("limits.tube_voltge_kv", 30.0, "is not known; did you mean 'tube_voltage_kv'? Allowed: bias_ramp_v_per_s, bias_v"),
    ("limts", {}, "is not known; did you mean 'limits'? Allowed: geometry, instruments"),
    ("instruments.tube.drver", "x", "is not known; did you mean 'driver'? Allowed: driver, options, resource"),
    ("instruments.tubee.driver", "x", "instruments.tubee: 'tubee' is not known; did you mean 'tube'? Allowed: camera"),
    ("simulation.sped", 1.0, "is not known; did you mean 'speed'? Allowed: seed, speed, world"),
    ("geometry.filters", [{"material": "Al", "thickness": 0.4}], "geometry.filters[0].thickness is not known; did you"),
    ("geometry.filters", [{"material": "Al"}], "geometry.filters[0].thickness_mm is missing"),
    ("geometry.filters", {"material": "Al"}, "must be a list"),
    ("geometry.filters", ["Al"], "geometry.filters[0] = 'Al': must be a table"),
    ("geometry.distance_m", "26 cm", "geometry.distance_m = '26 cm': must be a number"),
    ("geometry.distance_m", 0.0, "must be above 0"),
    ("geometry.distance_m", 26.2, "must be at most 10"),
    ("limits", "none", "limits = 'none': must be a table"),
    ("limits.bias_v", -1, "limits.bias_v = -1: must be at least 0"),
    ("limits.bias_v", "10", "limits.bias_v = '10': must be a number"),
    ("limits.bias_v", True, "limits.bias_v = true: must be a number"),
    ("limits.tube_voltage_kv", float("nan"), "limits.tube_voltage_kv = nan: must be"),
    ("limits.tube_voltage_kv", float("inf"), "limits.tube_voltage_kv = inf: must be"),
    ("limits.tube_voltage_kv", 500, "limits.tube_voltage_kv = 500: must be at most 450"),
    ("limits.tube_voltage_kv", 10**400, "limits.tube_voltage_kv = 1000"),
    ("limits.dose_per_run_gy", [1.0], "limits.dose_per_run_gy = [1.0]: must be a number"),
    ("instruments", 3, "instruments = 3: must be a table"),
    ("instruments.tube", "sim", "instruments.tube = 'sim': must be a table"),
    ("instruments.tube.driver", 2450, "instruments.tube.driver = 2450: must be text in quotes"),
    ("instruments.tube.driver", "", "instruments.tube.driver = '': must not be empty"),
    ("instruments.tube.options", "fast", "instruments.tube.options = 'fast': must be a table"),
    ("name", "my bench", "name = 'my bench': must match"),
    ("name", "../kit", "name = '../kit': must match"),
    ("output.template", "{fish}.h5", "output.template = '{fish}.h5': unknown field {fish}; Allowed: bench, date"),
    ("output.template", "{sampel}.h5", "unknown field {sampel}; did you mean 'sample'?"),
    ("output.template", "{date.__class__}.h5", "unknown field {date.__class__}"),
    ("output.template", "{date!r}.h5", "unknown field {date!r}"),
    ("output.template", "{date:>40}.h5", "unknown field {date:>40}"),
    ("output.template", "{date.h5", "is no template"),
    ("output.template", "../{date}.h5", "must stay inside the output folder"),
    ("output.template", "{date}\\..\\..\\x.h5", "must stay inside the output folder"),
    ("output.template", "/{date}.h5", "must stay inside the output folder"),
    ("output.template", "C:/{date}.h5", "must stay inside the output folder"),
    ("output.template", "{date}/", "must end in a file's name"),
    ("output.template", "", "must not be empty"),
    ("output.folder", "", "must not be empty"),
    ("simulation.speed", "fast", "simulation.speed = 'fast': must be a number above 0 and at most 1000, or 'max'"),
    ("simulation.speed", 0, "simulation.speed = 0: must be a number above 0"),
    ("simulation.speed", float("nan"), "simulation.speed = nan: must be a number above 0"),
    ("simulation.speed", True, "simulation.speed = true: must be a number above 0"),
    ("simulation.seed", -1, "simulation.seed = -1: must be at least 0"),
    ("simulation.seed", 1.5, "simulation.seed = 1.5: must be a whole number"),
    ("simulation.seed", True, "simulation.seed = true: must be a whole number"),
    ("simulation.world.tube", 3, "simulation.world.tube = 3: must be a table"),
    ("operator.name", 7, "operator.name = 7: must be text in quotes"),
]


@pytest.mark.parametrize(("key", "value", "message"), WRONG_BENCHES)
def test_a_wrong_bench_gets_one_line_that_names_file_key_and_what_is_allowed(
    key: str, value: Any, message: str
) -> None:
    with pytest.raises(UserMistake) as caught:
        check(with_(BENCH, key, value), BenchFile, "my.toml")
    line = str(caught.value)
    assert message in line
    assert line.startswith(f"my.toml: {key.removesuffix('.driver') if 'tubee' in key else key}")
    assert "\n" not in line
    assert len(line) < 400


WRONG_SAMPLES = [
    ("kind", "scintilator", "kind: 'scintilator' is not known; did you mean 'scintillator'? Allowed: photoconductor"),
    ("thickness", 300.0, "thickness is not known; did you mean 'thickness_um'?"),
    ("thickness_um", 0.0, "thickness_um = 0.0: must be above 0"),
    ("density_g_cm3", -4.0, "density_g_cm3 = -4.0: must be above 0"),
    ("area_cm2", float("inf"), "area_cm2 = inf: must be"),
    ("area_uncertainty_cm2", -0.1, "area_uncertainty_cm2 = -0.1: must be at least 0"),
    ("built_in_potential_v", float("nan"), "built_in_potential_v = nan: must be a finite number"),
    ("electrodes", "Au", "electrodes = 'Au': must be a list"),
    ("electrodes", [1], "electrodes[0] = 1: must be text in quotes"),
    ("composition", "", "composition = '': must not be empty"),
    ("name", "x" * 200, "must have at most 120 characters"),
    ("world", 3, "world = 3: must be a table"),
]


@pytest.mark.parametrize(("key", "value", "message"), WRONG_SAMPLES)
def test_a_wrong_sample_gets_one_line(key: str, value: Any, message: str) -> None:
    with pytest.raises(UserMistake) as caught:
        check(with_(SAMPLE, key, value), Sample, "my.toml")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("key", ["name", "instruments"])
def test_a_missing_key_is_named(key: str) -> None:
    table = {name: value for name, value in BENCH.items() if name != key}
    with pytest.raises(UserMistake, match=f"my.toml: {key} is missing"):
        check(table, BenchFile, "my.toml")


def test_a_mistyped_key_is_named_and_not_the_one_that_is_missing_for_it() -> None:
    table = {name: value for name, value in BENCH.items() if name != "name"} | {"nmae": "sim"}
    with pytest.raises(UserMistake, match=r"nmae is not known; did you mean 'name'\?"):
        check(table, BenchFile, "my.toml")


def test_simulated_instruments_need_a_simulation() -> None:
    table = {name: value for name, value in BENCH.items() if name != "simulation"}
    with pytest.raises(UserMistake, match=r"resource is 'sim', but the file has no \[simulation\] table"):
        check(table, BenchFile, "my.toml")


def test_the_roles_of_a_bench_file_are_those_that_are_listed() -> None:
    for role in ROLES:
        check({"name": "x", "instruments": {role: {"driver": "a"}}}, BenchFile, "my.toml")


def test_part_of_a_file_can_be_checked_by_itself() -> None:
    assert check({"distance_m": 0.5}, Geometry, "geometry").distance_m == 0.5
    assert str(check(BENCH["geometry"], Geometry, "geometry")) == "0.4 mm Al, sample at 26.2 cm"


# --- files


def test_a_users_bench_hides_the_shipped_one_of_its_name(own_folder: Path) -> None:
    own = own_folder / "benches" / "sim.toml"
    own.write_text('name = "sim"\ntitle = "mine"\ninstruments = {}\n', encoding="utf-8")
    assert bench_file("sim").content.title == "mine"
    assert bench_file("sim").path == own
    assert available("benches")["kit"].parent == loading.SHIPPED / "benches"


def test_a_users_sample_is_found_by_name(own_folder: Path) -> None:
    text = (loading.SHIPPED / "samples" / "dong24-tio2.toml").read_text(encoding="utf-8")
    (own_folder / "samples" / "batch-7.toml").write_text(text, encoding="utf-8")
    assert sample_file("batch-7").content.band_gap_ev == 1.59


def test_a_file_is_found_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "b.toml"
    path.write_text('name = "b"\ninstruments = {}\n', encoding="utf-8")
    assert bench_file(str(path)).content.name == "b"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("simm", "no bench is named 'simm': did you mean 'sim'? Allowed: kit, sim"),
        ("", "no bench is named ''"),
        ("nowhere.toml", "bench file nowhere.toml: there is no such file"),
        ("no/where", "bench file no/where: there is no such file"),
        ("x" * 5000 + ".toml", "is no path"),
        ("x" * 5000, "no bench is named 'xxx"),
        ("a\0b.toml", "a"),
        ("~nobody-of-this-name/b.toml", "is no path"),
        ("/dev/null/x.toml", "there is no such file"),
    ],
)
def test_a_bench_that_is_not_there_gets_one_line(own_folder: Path, name: str, message: str) -> None:
    with pytest.raises(UserMistake) as caught:
        find(name, "benches")
    assert message in str(caught.value)
    assert len(str(caught.value)) < 5300
    assert "\n" not in str(caught.value)


def test_a_sample_that_is_not_there_says_sample(own_folder: Path) -> None:
    with pytest.raises(UserMistake, match="no sample is named 'dong24-tio': did you mean 'dong24-tio2'"):
        find("dong24-tio", "samples")
    with pytest.raises(UserMistake, match=r"sample file x\.toml: there is no such file"):
        find("x.toml", "samples")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"name = ", "is no valid TOML"),
        (b"name = 'a'\nname = 'b'", "is no valid TOML"),
        (b"[instruments\n", "is no valid TOML"),
        (b"", "name is missing"),
        (b"\x89HDF\r\n\x1a\n\x00\xff\xfe", "is no text file in UTF-8"),
        ("name = 'ü'".encode("latin-1"), "is no text file in UTF-8 (byte 8)"),
        ("name = 'a'".encode("utf-16"), "is no text file in UTF-8"),
        (b"name = 'a\x00b'", "is no valid TOML"),
        (b"# " + b"x" * 200_000, "is larger than 100000 bytes"),
        (b"a" + b".a" * 40_000 + b" = 1", "line 1 is longer than 2000 characters"),
        (b"a = " + b"[" * 900 + b"]" * 900, "x.toml"),
        (b"a" + b".a" * 300 + b" = 1", "tables within tables, more than 20 deep"),
        (START + b"limits.bias_v = " + b"9" * 1900, "limits.bias_v = 9999999"),
        (START + b"limits.bias_v = 0x" + b"f" * 1900, "limits.bias_v = "),
        (START + b"limits.bias_v = 1979-05-27", "limits.bias_v = 1979-05-27: must be a number"),
        (START + b"limits.bias_v = true", "limits.bias_v = true: must be a number"),
        (b"name = 1e9999", "name = inf: must be text in quotes"),
    ],
)
def test_a_file_that_is_no_bench_file_gets_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(content)
    start = time.perf_counter()
    with pytest.raises(UserMistake) as caught:
        read(path, BenchFile)
    assert time.perf_counter() - start < 5.0
    line = str(caught.value)
    assert line.startswith(f"{path}: ")
    assert message in line
    assert "\n" not in line
    assert len(line) < 500


def test_a_number_that_python_does_not_write_is_refused_all_the_same() -> None:
    # 0x... of 5000 digits is read, but not written in decimal
    with pytest.raises(UserMistake, match=r"limits\.bias_v = a very large number: must be"):
        check(with_(BENCH, "limits.bias_v", 16**5000), BenchFile, "my.toml")


def test_a_folder_is_no_bench_file(tmp_path: Path) -> None:
    folder = tmp_path / "f.toml"
    folder.mkdir()
    with pytest.raises(UserMistake, match="there is no such file"):
        find(str(folder), "benches")
    with pytest.raises(UserMistake, match="cannot be read"):
        read(folder, BenchFile)


def test_the_nearest_name_comes_first() -> None:
    assert nearest("dosimetre", ["tube", "dosimeter"]) == "did you mean 'dosimeter'? Allowed: dosimeter, tube"
    assert nearest("xyz", ["tube"]) == "Allowed: tube"
    assert nearest("xyz", []) == "Allowed: nothing"


# --- anything at all

KEYS = st.sampled_from(
    [
        *BenchFile.model_fields, *Sample.model_fields, *Geometry.model_fields, *ROLES,
        "driver", "resource", "options", "material", "thickness_mm", "tube_voltage_kv", "bias_v", "seed", "speed",
        "folder", "template", "", "[key]", "0", "ü",
    ]
)  # fmt: skip
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.dates()
    | st.sampled_from(["sim", "max", "{date}", "scintillator", 10**4000])
)
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=12
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.dictionaries(KEYS | st.text(max_size=5), ANYTHING, max_size=6))
def test_no_table_brings_anything_but_a_model_or_one_line(table: dict[str, Any]) -> None:
    for model in (BenchFile, Sample, Geometry):
        with contextlib.suppress(UserMistake):
            check(table, model, "any.toml")


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.sampled_from([key for key, *_ in WRONG_BENCHES]), ANYTHING)
def test_no_value_at_any_key_brings_anything_but_a_model_or_one_line(key: str, value: Any) -> None:
    with contextlib.suppress(UserMistake):
        check(with_(BENCH, key, value), BenchFile, "any.toml")


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_no_bytes_bring_anything_but_one_line(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_bytes(content)
    with pytest.raises(UserMistake):
        read(path, BenchFile)
