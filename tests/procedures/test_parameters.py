"""What a user may give for a parameter, and what is said when it does not fit."""

import pytest

from config.mistake import UserMistake
from procedures.parameters import (
    BooleanParameter,
    FloatListParameter,
    FloatParameter,
    IntegerParameter,
    ListParameter,
    checked_value,
    checked_values,
)

VOLTAGE = FloatParameter("Tube voltage", units="kV", default=30, minimum=5, maximum=160)
CURRENTS = FloatListParameter("Tube currents", units="mA", default="1", minimum=0.01, maximum=10)
REPEATS = IntegerParameter("Repeats", default=1, minimum=1, maximum=10)
ORDER = ListParameter("Order", choices=("up", "down"), default="up")
AUTOMATIC = BooleanParameter("Automatic", default=True)
PARAMETERS = {
    "tube_voltage": VOLTAGE,
    "tube_currents": CURRENTS,
    "repeats": REPEATS,
    "order": ORDER,
    "automatic": AUTOMATIC,
}


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("tube_voltage", "50", 50.0),
        ("tube_voltage", "50 kV", 50.0),
        ("tube_voltage", "50000 V", 50.0),
        ("tube_voltage", "5e4V", 50.0),
        ("tube_voltage", "5e1", 50.0),
        ("tube_currents", "0.2, 0.4,0.8", [0.2, 0.4, 0.8]),
        ("tube_currents", "0.2:2.4:12", [round(0.2 * i, 12) for i in range(1, 13)]),
        ("tube_currents", "200, 400 uA", [0.2, 0.4]),
        ("tube_currents", "[200,400]uA", [0.2, 0.4]),
        ("tube_currents", "[1]", [1.0]),
        ("repeats", "3", 3),
        ("order", "down", "down"),
        ("automatic", "False", False),
    ],
)
def test_a_value_is_read_with_its_unit(name: str, text: str, value: object) -> None:
    read = checked_value(name, PARAMETERS[name], text)
    assert read == pytest.approx(value) if isinstance(value, float | list) else read == value


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("tube_voltage", "200", "5 to 160 kV"),
        ("tube_voltage", "0.2 MV", "5 to 160 kV"),
        ("tube_voltage", "nan", "is no number"),
        ("tube_voltage", "inf", "5 to 160 kV"),
        ("tube_voltage", "thirty", "5 to 160 kV"),
        ("tube_voltage", "30 mA", "the unit mA does not fit, it is given in kV"),
        ("tube_voltage", "30 parsecs per fortnight", "kV"),
        ("tube_voltage", "1e999", "5 to 160 kV"),
        ("tube_currents", "", "0.01 to 10 mA"),
        ("tube_currents", "0.2:2.4:1", "0.01 to 10 mA"),
        ("tube_currents", "1, 2, x", "0.01 to 10 mA"),
        ("tube_currents", "1, nan", "0.01 to 10 mA"),
        ("tube_currents", "0.2:2.4:99999999", "0.01 to 10 mA"),
        ("repeats", "2.5", "whole number"),
        ("repeats", "0", "1 to 10"),
        ("repeats", "nan", "1 to 10"),
        ("repeats", "2 kV", "1 to 10"),
        ("order", "sideways", "up, down"),
        ("automatic", "perhaps", "true, false"),
    ],
)
def test_a_wrong_value_is_one_line_that_names_it_and_what_is_allowed(name: str, text: str, said: str) -> None:
    with pytest.raises(UserMistake) as caught:
        checked_value(name, PARAMETERS[name], text)
    assert "\n" not in str(caught.value)
    assert said in str(caught.value)
    assert name in str(caught.value) or PARAMETERS[name].name in str(caught.value)


def test_an_unknown_parameter_is_told_the_nearest() -> None:
    with pytest.raises(UserMistake, match="did you mean 'tube_voltage'"):
        checked_values("rl-linearity", PARAMETERS, {"tube_votlage": "30"})
