"""Every driver against replies that are none: what it returns is true, or it says what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from app.faults.hammer import hammer
from app.faults.replies import FAMILIES, Family, try_family
from drivers.errors import BadReply, InstrumentError

Opening = Callable[[str], Family]
Change = Callable[[bytes], bytes]


@pytest.fixture
def opening() -> Iterator[Opening]:
    opened: list[Family] = []

    def one(driver: str) -> Family:
        opened.append(Family(driver, 1, timeout_s=1.0))
        return opened[-1]

    yield one
    for family in opened:
        family.close()


def answered(family: Family, change: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every reply of the family's instrument changed."""
    monkeypatch.setattr(family.changes, "on_reply", lambda instrument, reply: (change(reply), 0.0))


@pytest.mark.parametrize("driver", FAMILIES)
def test_no_reply_that_is_none_passes_for_a_measurement(driver: str) -> None:
    tried = try_family(driver, 20, seed=5)
    assert tried.replies >= 20
    assert not tried.problems
    assert tried.slowest < 20.0
    # neither all refused nor all believed: the calls do get through to the instrument
    assert tried.returned > 0
    assert tried.errors.total() > 0


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("driver", FAMILIES)
def test_nor_of_ten_thousand(driver: str) -> None:
    assert not try_family(driver, 10_000, seed=11).problems


@pytest.mark.parametrize("driver", ["spellman-xrv", "ptw-unidos", "keithley-2450", "lakeshore-336"])
def test_threads_at_one_instrument_get_the_answers_to_their_own_questions(driver: str) -> None:
    hammered = hammer(driver, 0.4)
    assert hammered.calls >= 4
    assert not hammered.problems


@pytest.mark.parametrize(
    ("driver", "call", "change"),
    [
        ("lakeshore-336", "temperature", lambda reply: b"9.91E37\r\n"),
        ("lakeshore-336", "heating", lambda reply: b"7\r\n"),
        ("frame-stream", "exposure_time", lambda reply: b"9.9E37\n"),
        ("frame-stream", "exposure_time", lambda reply: b"0.1E08\n"),
        ("frame-stream", "gain", lambda reply: b"+9.90000E+37\n"),
        ("spellman-xrv", "status", lambda reply: reply.replace(b"\x0219,0,", b"\x0219,9.91E37,")),
        ("spellman-xrv", "set_operating_point", lambda reply: reply.replace(b"\x0214,768,", b"\x0214,INF,")),
        ("spellman-xrv", "set_operating_point", lambda reply: reply.replace(b"\x0214,", b"\x0214,0,")),
        ("ptw-unidos", "dose_rate", lambda reply: reply.replace(b"RGE;", b"RGE;0;")),
        (
            "keithley-2450",
            "currents",
            lambda reply: b"1,1,NAN," * 3 + b"1,1,NAN\n" if reply.count(b",") == 11 else reply,
        ),
    ],
)
def test_an_answer_that_cannot_be_is_refused(
    opening: Opening, monkeypatch: pytest.MonkeyPatch, driver: str, call: str, change: Change
) -> None:
    family = opening(driver)
    answered(family, change, monkeypatch)
    do = next(one.do for one in family.calls if one.name == call)
    with pytest.raises(BadReply):
        do(family.instrument)
    monkeypatch.undo()


def test_a_series_that_never_ends_is_an_error(opening: Opening, monkeypatch: pytest.MonkeyPatch) -> None:
    family = opening("keithley-2450")
    running = b"RUNNING;RUNNING;3\n"
    answered(family, lambda reply: running if reply.startswith((b"RUNNING", b"IDLE")) else reply, monkeypatch)
    with pytest.raises(InstrumentError, match="does not end"):
        family.instrument.currents(4, 0.1)
    monkeypatch.undo()


@pytest.mark.parametrize("driver", ["keithley-2400", "keithley-2450"])
def test_a_one_that_answers_another_question_is_no_compliance(
    opening: Opening, driver: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    family = opening(driver)
    assert family.instrument.in_compliance() is False
    with monkeypatch.context() as patch:
        answered(family, lambda reply: b"1\n", patch)
        with pytest.raises(BadReply, match="VOLT"):
            family.instrument.in_compliance()
    assert family.instrument.in_compliance() is False
