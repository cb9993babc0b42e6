"""Tables as other programs and other countries write them."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.mistake import UserMistake
from storage.imported.heading import heading
from storage.imported.source import Source, read_source
from storage.imported.table import parse_table
from storage.imported.units import UnknownUnitError, conversion

FILE = Path("elsewhere.csv")


def columns(text, **options):
    table = parse_table(FILE, text, **options)
    return {column.heading.text: column.values.tolist() for column in table.columns}


def test_german_export_with_comments_and_trailing_semicolons():
    text = "# Probe 7\r\n# 12.3.2024\r\nDosisleistung (nGy/s);J (nA/cm2);\r\n70,5;1.234,5;\r\n140,25;2,5e3;\r\n"
    assert columns(text) == {"Dosisleistung (nGy/s)": [70.5, 140.25], "J (nA/cm2)": [1234.5, 2500.0]}


def test_swiss_and_french_thousands_and_a_typographic_minus():
    assert columns("a\tb\n1'234,5\t1 234,25\n\u22122,5\t3\n") == {"a": [1234.5, -2.5], "b": [1234.25, 3.0]}


def test_units_in_a_line_of_their_own():
    table = parse_table(FILE, "x-axis,1\nsecond,Volt\n-1E-06,+0.5E+00\n+0E+00,1\n")
    assert [column.heading.unit for column in table.columns] == ["second", "Volt"]
    assert table.lines == (3, 4)


def test_headings_in_a_comment_and_columns_apart_by_blanks():
    assert columns("% t (s)  I (nA)\n1  2,5\n2  3,5\n") == {"t (s)": [1.0, 2.0], "I (nA)": [2.5, 3.5]}


def test_lines_before_the_headings_are_remarks():
    table = parse_table(FILE, "Operator: A. N. Other\nTemperature = 295 K\n\nV [V],I [A]\n1,2\n")
    assert table.remarks == {"Operator": "A. N. Other", "Temperature": "295 K"}
    assert [column.heading.quantity for column in table.columns] == ["V", "I"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n3\n", "line 3: has 1 cells where there are 2 headings"),
        ("a,b\n1,2\n3,4,5\n", "line 3: has 3 cells where there are 2 headings"),
        ("a,b\n1,2\n3,four\n", r"line 3, column 2 \(b\): 'four' is no number"),
        ("a,b\n1,2\n\nMean,2\n", r"line 4, column 1 \(a\): 'Mean' is no number"),
        ("a,b\n1,9.9E37\n", "line 2.*overflow"),
        ("a,b\n1,inf\n", "line 2.*overflow"),
        ("a\tb\n1,234\t2,345\n", "two ways.*decimal"),
        ("a;b\n0,5;1\n0.7;2\n", r"line 3, column 1 \(a\): '0.7' does not have the decimal sign ','"),
        ("a;b\n0,5;1\n0.700;2\n", r"line 3, column 1 \(a\): '0.700' does not have the decimal sign ','"),
        ("nothing here\n", "no line of numbers"),
    ],
)
def test_what_is_wrong_is_said_with_line_and_column(text, said):
    with pytest.raises(UserMistake, match=said) as caught:
        parse_table(FILE, text)
    assert str(caught.value).startswith("elsewhere.csv")
    assert "\n" not in str(caught.value)


def test_an_ambiguous_comma_is_read_as_the_user_says():
    assert columns("a\tb\n1,234\t2,345\n", decimal=",") == {"a": [1.234], "b": [2.345]}
    assert columns("a\tb\n1,234\t2,345\n", decimal=".") == {"a": [1234.0], "b": [2345.0]}


def test_missing_cells_are_no_numbers_and_no_mistakes_yet():
    found = columns("a,b,c\n1,,n/a\n2,NaN,3\n")
    assert np.isnan(found["b"]).all()
    assert found["a"] == [1.0, 2.0]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_text_in_any_encoding(encoding):
    content = "Strom (µA);Spannung (V)\n1,5;2\n".encode(encoding)
    assert Source(FILE, content).text().lstrip("\ufeff").startswith("Strom (µA)")


def test_binary_and_missing_and_empty_files_are_the_users_mistakes(tmp_path):
    with pytest.raises(UserMistake, match="binary"):
        Source(FILE, b"\x89PNG\r\n\x1a\n" + bytes(100)).text()
    with pytest.raises(UserMistake, match="cannot be read"):
        read_source(tmp_path / "none.csv")
    (tmp_path / "empty.csv").write_text(" \n")
    with pytest.raises(UserMistake, match="empty"):
        read_source(tmp_path / "empty.csv")


@pytest.mark.parametrize(
    ("text", "quantity", "unit"),
    [
        ("Dose rate (nGy/s)", "Dose rate", "nGy/s"),
        ("I / nA", "I", "nA"),
        ("V [V]", "V", "V"),
        ("Time, s", "Time", "s"),
        ("S (µC Gyair-1 cm-2)", "S", "µC Gyair-1 cm-2"),
        ("S (uC/(Gy cm2))", "S", "uC/(Gy cm2)"),
        ("Current (dark)", "Current (dark)", None),
        ("x/y", "x/y", None),
        ("Counts", "Counts", None),
    ],
)
def test_headings_are_taken_apart(text, quantity, unit):
    assert (heading(text).quantity, heading(text).unit) == (quantity, unit)


@pytest.mark.parametrize(
    ("given", "wanted", "factor"),
    [
        ("µGyair s⁻¹", "Gy/s", 1e-6),
        ("µA/cm²", "nA/cm2", 1e3),
        ("mGy/h", "Gy/s", 1e-3 / 3600),
        ("V/um", "V/cm", 1e4),
        ("µC Gyair-1 cm-2", "uC/(Gy cm2)", 1.0),
        ("counts/s", "count/s", 1.0),
        ("%", "1", 0.01),
        ("1/cm", "1/m", 100.0),
    ],
)
def test_units_are_converted(given, wanted, factor):
    assert conversion(given, wanted) == (pytest.approx(factor), 0.0)


def test_celsius_has_an_offset():
    assert conversion("°C", "K") == (pytest.approx(1.0), pytest.approx(273.15))


@pytest.mark.parametrize("given", ["mSv/h", "mR/s", "rad/s", "V", "furlong", "import os", "()"])
def test_what_is_no_kerma_rate_is_refused(given):
    with pytest.raises(UnknownUnitError):
        conversion(given, "Gy/s")


NUMBERS = st.lists(
    st.tuples(*(st.floats(-1e12, 1e12, allow_nan=False, allow_infinity=False) for _ in range(3))),
    min_size=1,
    max_size=6,
)


@given(NUMBERS, st.sampled_from([(";", ","), ("\t", ","), (",", "."), (";", "."), ("|", ","), ("\t", ".")]))
@settings(max_examples=80, deadline=None)
def test_what_a_program_wrote_is_what_is_read(rows, signs):
    delimiter, decimal = signs
    lines = [delimiter.join(repr(number).replace(".", decimal) for number in row) for row in rows]
    text = delimiter.join(["a (V)", "b (A)", "c"]) + "\n" + "\n".join(lines)
    table = parse_table(FILE, text, decimal)
    assert np.array_equal(np.column_stack([column.values for column in table.columns]), np.array(rows))


@given(st.text(max_size=200))
@settings(max_examples=150, deadline=None)
def test_any_text_is_a_table_or_one_line_of_complaint(text):
    try:
        table = parse_table(FILE, text)
    except UserMistake as mistake:
        said = str(mistake)
    else:
        said = ""
        assert all(column.values.size == len(table.lines) for column in table.columns)
    assert "\n" not in said
