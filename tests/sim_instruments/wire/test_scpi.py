"""SCPI as the simulated instruments understand it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from sim_instruments.wire.scpi import ScpiError, ScpiInstrument, block, choice, number, switch
from sim_instruments.wire.server import Reply


class Thing(ScpiInstrument):
    def __init__(self) -> None:
        self.time = SimpleNamespace(value=0.0)
        super().__init__(SimpleNamespace(now=lambda: self.time.value), "MAKER,THING,1,2")
        self.level, self.on_, self.shape = 1.5, False, "SIN"
        self.attribute("[:SENSe[1]]:CURRent[:DC]:RANGe[:UPPer]", self, "level", lambda a: number(a, 0.0, 10.0, 1.0))
        self.attribute(":OUTPut[1][:STATe]", self, "on_", switch)
        self.attribute(":SHAPe", self, "shape", lambda a: choice(a, "SINusoid", "SQUare"))
        self.on(":SLOW?", lambda _args, _suffixes: Reply(b"late", 2.0))
        self.on(":CHANnel<n>:NUMBer?", lambda _args, suffixes: str(suffixes[0]))
        self.on(":WORDs?", lambda args, _suffixes: "|".join(args))

    def ask(self, text: str) -> str | None:
        answer = self.handle(text.encode())
        assert not isinstance(answer, Reply)
        return answer.decode() if answer is not None else None


@pytest.fixture
def thing() -> Thing:
    return Thing()


@pytest.mark.parametrize(
    "header",
    ["CURR:RANG", ":curr:rang", ":SENS:CURR:DC:RANG:UPP", "SENSE1:CURRENT:RANGE", ":Sense:Current:dc:Range:Upper"],
)
def test_short_and_long_forms_are_the_same(thing: Thing, header: str) -> None:
    assert thing.ask(f"{header} 2.5") is None
    assert thing.ask(f"{header}?") == "+2.500000E+00\n"
    assert not thing.errors


@pytest.mark.parametrize("header", ["CURRE:RANG", "SENS2:CURR:RANG", "CURR", ":CURR:RAN", "NOTHING", "*XYZ"])
def test_what_is_neither_is_an_undefined_header(thing: Thing, header: str) -> None:
    assert thing.ask(f"{header}?") is None
    assert thing.ask("SYST:ERR?") == '-113,"Undefined header"\n'
    assert thing.ask("SYST:ERR?") == '0,"No error"\n'
    assert thing.ask("*ESR?") == "160\n"  # power on, command error
    assert thing.ask("*ESR?") == "0\n"


@pytest.mark.parametrize(
    ("command", "error"),
    [
        ("CURR:RANG 11", -222),
        ("CURR:RANG -1", -222),
        ("CURR:RANG nan", -222),
        ("CURR:RANG", -109),
        ("CURR:RANG one", -104),
        ("CURR:RANG 1,2", -108),
        ("OUTP MAYBE", -224),
        ("SHAP TRI", -224),
    ],
)
def test_wrong_parameters_are_refused_with_their_numbers(thing: Thing, command: str, error: int) -> None:
    assert thing.ask(command) is None
    assert (thing.level, thing.on_, thing.shape) == (1.5, False, "SIN")
    assert str(thing.ask(":SYSTem:ERRor?")).startswith(f"{error},")


def test_commands_of_one_message_share_their_path_and_end_at_an_error(thing: Thing) -> None:
    assert thing.ask("CURR:RANG 3;RANG?;:OUTP ON;:OUTP?") == "+3.000000E+00;1\n"
    assert thing.ask("OUTP OFF;:WRONG;:OUTP ON") is None
    assert thing.on_ is False


def test_words_for_numbers_and_strings_with_commas(thing: Thing) -> None:
    thing.ask("CURR:RANG MAX")
    assert thing.level == 10.0
    thing.ask("CURR:RANG DEF;:SHAPE 'squ'")
    assert (thing.level, thing.shape) == (1.0, "SQU")
    assert thing.ask("""WORD? "a,b;c",'d "e"', f""") == """"a,b;c"|'d "e"'|f\n"""


def test_suffixes_are_handed_over(thing: Thing) -> None:
    assert thing.ask("CHAN2:NUMB?") == "2\n"
    assert thing.ask(":CHANNEL:NUMBER?") == "1\n"


def test_the_error_queue_ends_in_an_overflow(thing: Thing) -> None:
    for _ in range(30):
        thing.ask("WRONG")
    found = [str(thing.ask("SYST:ERR?")) for _ in range(11)]
    assert found[8].startswith("-113")
    assert found[9].startswith("-350")
    assert found[10].startswith("0")
    thing.ask("WRONG")
    thing.ask("*CLS")
    assert thing.ask("*STB?") == "0\n"


def test_status_byte_sums_up(thing: Thing) -> None:
    thing.ask("*CLS")
    thing.ask("*ESE 32;*SRE 32")
    assert thing.ask("*STB?") == "0\n"
    thing.ask("WRONG")
    assert thing.ask("*STB?") == f"{4 + 32 + 64}\n"


def test_an_instrument_that_is_busy_answers_in_turn(thing: Thing) -> None:
    late = thing.handle(b"SLOW?")
    assert late == Reply(b"late\n", 2.0)
    thing.time.value = 0.5
    queued = thing.handle(b"*IDN?")
    assert queued == Reply(b"MAKER,THING,1,2\n", 1.5)
    thing.time.value = 3.0
    assert thing.handle(b"*IDN?") in (b"MAKER,THING,1,2\n", Reply(b"MAKER,THING,1,2\n", 0.0))


def test_blocks_have_eight_digits() -> None:
    assert block(b"abc") == b"#800000003abc"


def test_an_error_says_what_it_is() -> None:
    assert ScpiError(-222).text == "Parameter data out of range"
    assert ScpiError(803, "Not permitted with OUTPUT off").text == "Not permitted with OUTPUT off"
