"""Find out who is at an address where somebody else was expected."""

from __future__ import annotations

import contextlib
import re

from drivers.errors import InstrumentError
from drivers.wire import Wire

# question, its end, what an answer to it looks like
_QUESTIONS = (
    ("*IDN?\n", "\n", re.compile(r"[^,]+,[^,]+,.*")),
    ("PTW\r\n", "\r\n", re.compile(r"PTW;.+")),
    ("\x0223,\x03", "\x03", re.compile("\x0223,.+")),
)


def who_answers(resource: str, timeout_s: float = 0.3) -> str | None:
    """Ask in the protocols known here who is there.

    None of the questions changes anything in an instrument that understands it.

    Parameters
    ----------
    resource
        VISA address.
    timeout_s
        How long to wait for each answer, s.

    Returns
    -------
    str or None
        What it says of itself, in quotes; None if it answers nothing known.
    """
    for question, end, pattern in _QUESTIONS:
        with contextlib.suppress(InstrumentError):
            wire = Wire(resource, resource, timeout_s, write_termination="", read_termination=end)
            try:
                wire.write(question)
                answer = wire.read().strip().strip("\x02\x03")
            finally:
                wire.close()
            if pattern.fullmatch(f"\x02{answer}" if end == "\x03" else answer):
                return f"'{answer[:100]}'"
    return None
