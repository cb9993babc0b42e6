import json
import math

import numpy as np
import pytest

from analysis.figure import FigureOfMerit, rounded


def sensitivity() -> FigureOfMerit:
    return FigureOfMerit(
        "sensitivity",
        13_704.3,
        212.0,
        (13_290.0, 14_120.0),
        "uC/(Gy cm2)",
        "slope",
        ("extrapolated",),
        {"field": (-100.0, "V/cm")},
        120.0,
        175.0,
        {"chi2_reduced": 1.2, "points": 9, "gain": True, "note": "x", "none": None},
    )


def test_a_figure_prints_its_uncertainty_with_two_digits_and_its_value_to_match():
    assert str(sensitivity()) == "13700 ± 210 uC/(Gy cm2)"
    assert rounded(0.99312, 0.0021) == "0.9931 ± 0.0021"
    assert rounded(20.94, 0.0996) == "20.94 ± 0.10"
    assert rounded(-3.2, 14.4) == "-3 ± 14"
    assert rounded(2.09137e-8, 1.2e-9) == "(2.09 ± 0.12)e-08"
    assert rounded(12.5, None) == "12.5"
    assert rounded(0.0, 0.01) == "0.000 ± 0.010"


def test_a_figure_survives_json_and_comes_back_equal():
    figure = sensitivity()
    record = json.loads(json.dumps(figure.as_dict(), allow_nan=False))
    assert record["at"] == {"field": [-100.0, "V/cm"]}
    assert record["interval"] == [13_290.0, 14_120.0]
    assert FigureOfMerit.from_dict(record) == figure


def test_a_detail_that_is_not_finite_becomes_none():
    figure = FigureOfMerit("r2", 0.99, None, None, "1", "line", details={"chi2": math.nan, "f": np.float64(2.5)})
    assert figure.as_dict()["details"] == {"chi2": None, "f": 2.5}
    json.dumps(figure.as_dict(), allow_nan=False)


def test_another_unit_scales_every_part_and_a_negative_factor_keeps_the_interval_in_order():
    figure = sensitivity().scaled(-0.01, "C/(Gy m2)")
    assert figure.value == pytest.approx(-137.043)
    assert figure.uncertainty == pytest.approx(2.12)
    assert figure.interval == pytest.approx((-141.2, -132.9))
    assert (figure.statistical, figure.systematic) == pytest.approx((1.2, 1.75))
    assert figure.unit == "C/(Gy m2)"
    with pytest.raises(ValueError, match="factor"):
        figure.scaled(0.0, "1")


def test_a_refused_figure_has_no_number_and_says_why():
    figure = FigureOfMerit.refused("lod_interpolated", "nGy/s", "log interpolation", "data do not bracket SNR = 3")
    assert figure.value is None
    assert not figure.determined
    assert figure.uncertainty is None
    assert figure.interval is None
    assert "bracket" in str(figure)
    assert FigureOfMerit.from_dict(figure.as_dict()) == figure
    assert figure.scaled(1e-9, "Gy/s").value is None


def test_conditions_and_warnings_are_added_without_touching_the_original():
    figure = sensitivity()
    other = figure.at_condition(temperature=(20.0, "degC")).with_warnings("extrapolated", "gain")
    assert other.warnings == ("extrapolated", "gain")
    assert set(other.at) == {"field", "temperature"}
    assert figure.warnings == ("extrapolated",)
    assert set(figure.at) == {"field"}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_no_number_is_an_error_and_never_a_figure(value):
    with pytest.raises(ValueError, match="value"):
        FigureOfMerit("slope", value, 1.0, None, "1", "line")


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"uncertainty": -1.0}, "uncertainty"),
        ({"uncertainty": math.nan}, "uncertainty"),
        ({"interval": (2.0, 1.0)}, "reversed"),
        ({"interval": (math.nan, 1.0)}, "interval"),
        ({"statistical": math.inf}, "statistical"),
        ({"value": None, "uncertainty": None}, "why"),
        ({"value": None, "warnings": ("x",)}, "no uncertainty"),
        ({"name": ""}, "name"),
        ({"at": {"field": (math.nan, "V/cm")}}, "field"),
    ],
)
def test_a_figure_that_contradicts_itself_is_an_error(change, what):
    parts = {
        "name": "slope",
        "value": 1.0,
        "uncertainty": 0.1,
        "interval": None,
        "unit": "1",
        "method": "line",
    } | change
    with pytest.raises(ValueError, match=what):
        FigureOfMerit(**parts)


def test_an_uncertainty_cannot_be_forgotten():
    with pytest.raises(TypeError):
        FigureOfMerit(name="slope", value=1.0, interval=None, unit="1", method="line")
