"""What tables on a terminal of any width show of figures of merit."""

from __future__ import annotations

import re

import pytest

from analysis.figure import FigureOfMerit
from app.cli.folding import KEPT, folded
from app.cli.tables import at_column, condition_text, print_figures, value_cell

FIGURES = [
    FigureOfMerit.normal("sensitivity", 13712.3, "uC/(Gy cm2)", "fit", statistical=740.0),
    FigureOfMerit.normal("r2", 0.9999911, "1", "fit", statistical=6.7e-6, warnings=("few points", "one lot")),
    FigureOfMerit.refused("normalized_sensitivity_published", "1", "ratio", "no thickness is known"),
    FigureOfMerit.normal("dark_current_density", -1.3471, "nA/cm2", "mean", statistical=2.7e-2, warnings=("one lot",)),
]
AT_FIELD = [figure.at_condition(field=(-100.0, "V/cm")) for figure in FIGURES]


@pytest.mark.parametrize("width", [60, 80, 100, 120, 160])
def test_no_number_is_cut_however_narrow_the_terminal(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from rich.console import Console

    monkeypatch.setattr("app.cli.tables.console", lambda: Console(width=width))
    print_figures("a run", AT_FIELD)
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= width
    for number in ("13710", "740", "0.9999911", "0.0000067", "-1.347", "0.027", "-100"):
        assert re.search(rf"(?<![\d.]){re.escape(number)}(?![\d.])", out), number
    assert "…" not in out
    assert KEPT not in out


def test_warnings_stand_in_full_below_the_table_each_once(capsys: pytest.CaptureFixture[str]) -> None:
    print_figures("a run", AT_FIELD)
    table, _, below = capsys.readouterr().out.rpartition("┘")
    assert [line.strip() for line in below.splitlines() if line] == [
        "1 few points",
        "2 one lot",
        "3 no thickness is known",
    ]
    (r2,) = (line for line in table.splitlines() if "r2" in line)
    assert r2.split("│")[-2].strip() == "1, 2"


def test_a_condition_that_all_share_stands_in_the_heading() -> None:
    assert at_column(AT_FIELD) == ("at field", ["-100 V/cm"] * 4)
    mixed = [FIGURES[0].at_condition(field=(1.0, "V/cm")), FIGURES[1].at_condition(image=(3.0, "1"))]
    assert at_column(mixed) == ("at", ["field 1 V/cm", "image 3"])


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (0.0075834, "Gy", "7.583 mGy"),
        (1.00743e-06, "Gy", "1.007 uGy"),
        (0.263577, "Gy", "263.6 mGy"),
        (2.5, "Gy", "2.5 Gy"),
        (0.0, "Gy", "0 Gy"),
        (2.09e-8, "Gy/s", "20.9 nGy/s"),
        (-100.0, "V/cm", "-100 V/cm"),
        (3.0, "1", "3"),
        (38.914, "s", "38.914 s"),
        (359970.0, "s", "99.99 h"),
    ],
)
def test_conditions_are_said_in_the_unit_that_suits_them(value: float, unit: str, said: str) -> None:
    assert condition_text(value, unit) == said


def test_a_column_without_any_text_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    print_figures("a run", FIGURES[:1])
    out = capsys.readouterr().out
    assert " at " not in out
    assert "note" not in out


@pytest.mark.parametrize(
    ("line", "width", "lines"),
    [
        ("normalized_sensitivity", 12, ["normalized_", "sensitivity"]),
        ("TCPIP::10.0.0.1::5025::SOCKET", 18, ["TCPIP::10.0.0.1::", "5025::SOCKET"]),
        ("chen24-rl-linearity", 10, ["chen24-rl-", "linearity"]),
        (f"1.2e-05{KEPT}to{KEPT}3.4e-05", 10, [f"1.2e-05{KEPT}to", "3.4e-05"]),
        ("one two three", 7, ["one two", "three"]),
        ("", 5, [""]),
    ],
)
def test_a_line_folds_where_a_reader_would(line: str, width: int, lines: list[str]) -> None:
    assert list(folded(line, width)) == lines


def test_value_and_unit_part_before_the_number_is_cut() -> None:
    assert list(folded(value_cell(FIGURES[0]), 14)) == [f"13710{KEPT}±{KEPT}740", f"uC/(Gy{KEPT}cm2)"]
