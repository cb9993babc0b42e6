"""Published results measured again: what counts as inside, what says why not, and that every row leads somewhere."""

from __future__ import annotations

import pytest

from analysis.figure import FigureOfMerit
from app.reproduction.calculations import CALCULATIONS
from app.reproduction.measuring import Measurement, key_of
from app.reproduction.verdicts import lines
from config.literature_file import Row, reproduction
from config.loading import available
from procedures.registry import preset

pytestmark = pytest.mark.usefixtures("untraced")

ROWS = reproduction().content.rows


def figure(value: float | None = 10.0, **at: tuple[float, str]) -> FigureOfMerit:
    if value is None:
        return FigureOfMerit.refused("slope", "V", "m", "no light", at=at)
    return FigureOfMerit.normal("slope", value, "V", "m", statistical=1.0).at_condition(**at)


def verdict(row: dict, *figures: tuple[FigureOfMerit, float | None], fault: str = ""):
    given = Row(paper="P", what="w", published="p", preset="x", figure="slope", **row)
    (line,) = lines([given], {key_of(given): Measurement(figures, fault)})
    return line.verdict, line.published_inside


def test_inside_is_the_worlds_truth_or_without_one_what_was_published() -> None:
    assert verdict({"value": 10.0}, (figure(), 10.5)) == ("inside", True)
    assert verdict({"value": 20.0}, (figure(), 10.5)) == ("inside", False), "the paper is another matter than the world"
    assert verdict({"value": 10.0}, (figure(), 13.0)) == ("OUTSIDE", True)
    assert verdict({"value": 10.5}, (figure(), None)) == ("inside", True)
    assert verdict({"value": 13.0}, (figure(), None)) == ("OUTSIDE", False)
    assert verdict({"above": 7.0}, (figure(), None)) == ("inside", None)
    assert verdict({"above": 9.0}, (figure(), 10.0)) == ("OUTSIDE", None), "the whole interval must lie above"
    assert verdict({"below": 13.0}, (figure(), None)) == ("inside", None)


def test_a_rounded_number_is_as_wide_as_its_last_digit() -> None:
    assert verdict({"value": 12.1}, (figure(), None)) == ("OUTSIDE", False)
    assert verdict({"value": 12.1, "rounding": 0.2}, (figure(), None)) == ("inside", True)


def test_what_gives_no_number_is_never_inside() -> None:
    assert verdict({"value": 10.0}, (figure(None), None)) == ("not determined", None)
    assert verdict({"value": 10.0}, fault="the run failed") == ("FAILED", None)
    assert verdict({"value": 10.0, "at": {"field": -100}}, (figure(field=(-300.0, "V/cm")), None)) == ("FAILED", None)
    assert verdict({"value": 10.0, "at": {"field": -100}}, (figure(field=(-100.0, "V/cm")), None)) == ("inside", True)
    assert verdict({"not_covered": "no such instrument"}) == ("not covered", None)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.paper} {row.what}")
def test_every_row_leads_to_a_measurement_or_says_why_not(row: Row) -> None:
    if row.not_covered:
        assert not row.preset
        assert not row.calculation
        return
    assert row.figure
    assert row.loop, "every row says whether its loop is closed"
    assert row.value is not None or row.above is not None or row.below is not None
    if row.calculation:
        assert row.calculation in CALCULATIONS
        return
    content = preset(row.preset).content
    assert not row.sample or row.sample in available("samples")
    assert content.procedure


def test_five_papers_are_there() -> None:
    assert {row.paper for row in ROWS} == {"Chen24", "He23", "Ma21", "Tie23", "Dong24"}


@pytest.mark.parametrize(
    ("name", "given", "figure_name", "truth"),
    [
        ("decay", {"intensity_average": 22.7}, "lifetime_intensity_average", 22.7),
        ("decay", {"lifetimes": [4.7], "amplitudes": [1.0]}, "lifetime_intensity_average", 4.7),
        ("tauc", {"gap_ev": 1.59}, "gap_direct", 1.59),
        ("mott-schottky", {"potential_v": 0.67}, "built_in_potential", 0.67),
    ],
)
def test_a_calculation_finds_again_what_it_was_given(name, given, figure_name, truth) -> None:
    ((found, true),) = [pair for pair in CALCULATIONS[name](given, 1) if pair[0].name == figure_name]
    assert found.interval is not None
    assert found.interval[0] <= true <= found.interval[1]
    assert true == pytest.approx(truth, rel=2e-3)


def test_the_command_judges_a_paper_and_writes_a_page(command, tmp_path) -> None:
    page = tmp_path / "he23.html"
    said = command("reproduce", "he23", "--jobs", 1, "--html", page, "--json")
    assert said.status == 0, said.out
    assert said.document["counts"] == {"inside": 5, "OUTSIDE": 0, "not determined": 0, "not covered": 1, "FAILED": 0}
    text = page.read_text()
    assert "4.7 ns" in text
    assert "not covered" in text
    assert "(closed)" in text
    assert "inside, the paper&#39;s number is not" in text, "the chromaticity is that of a Gaussian line"
    assert "default-src 'none'" in text
    wrong = command("reproduce", "he32")
    assert (wrong.status, "He23" in wrong.err) == (2, True)
