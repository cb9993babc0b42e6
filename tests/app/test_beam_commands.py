"""Commands that need no data: what a layer absorbs, what a tube gives."""

import json

import pytest

from app.cli.main import main
from app.imports.quantities import quantities
from config.mistake import UserMistake


def document(capsys, *words):
    assert main([*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_papers_film_absorbs_96_67_and_53_percent(capsys):
    found = document(
        capsys,
        "attenuation",
        "--formula",
        "CsPbBr3",
        "--density",
        "4.75",
        "--thickness",
        "116um",
        "--energy",
        "20,30,40keV",
    )
    assert [round(layer["absorbed_percent"]) for layer in found["layers"]] == [96, 67, 53]
    assert all(layer["photoelectric_percent"] < layer["absorbed_percent"] for layer in found["layers"])


def test_the_papers_beam(capsys):
    found = document(capsys, "tube-spectrum", "--kv", "50", "--filter", "SiO2:26mm")
    assert 39.8 < found["mean_energy"]["value"] < 40.7
    assert 190_000 < found["fluence_per_milliroentgen"]["value"] < 198_000
    assert found["warnings"] == []
    assert document(capsys, "tube-spectrum", "--kv", "50")["warnings"]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("20,30,40keV", [20, 30, 40]),
        ("10:30:3 keV", [10, 20, 30]),
        ("20000 eV", [20]),
        ("20keV, 30000eV", [20, 30]),
        ("1e1keV", [10]),
    ],
)
def test_quantities_as_they_are_typed(text, values):
    assert quantities("--energy", text, "keV") == pytest.approx(values)


@pytest.mark.parametrize("text", ["20", "20mm", "keV", "0keV", "1:2:1keV", "", "20,,x"])
def test_what_is_no_energy_is_refused_in_one_line(text):
    with pytest.raises(UserMistake, match="--energy"):
        quantities("--energy", text, "keV")


@pytest.mark.parametrize(
    "words",
    [
        ["attenuation", "--formula", "Xx", "--density", "4", "--thickness", "1um", "--energy", "20keV"],
        ["attenuation", "--formula", "CsI", "--density", "4", "--thickness", "1um", "--energy", "2MeV"],
        ["tube-spectrum", "--kv", "5"],
        ["tube-spectrum", "--kv", "50", "--filter", "Al"],
        ["tube-spectrum", "--kv", "50", "--filter", "Unobtainium:1mm"],
    ],
)
def test_mistakes_end_with_status_2_and_one_line(capsys, words):
    assert main(words) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
