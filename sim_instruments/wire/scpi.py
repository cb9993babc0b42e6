"""SCPI as instruments speak it: a tree of headers, IEEE 488.2 common commands, status registers, an error queue."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from sim_instruments.wire.server import Reply, WireInstrument

ERROR_TEXTS = {
    0: "No error",
    -101: "Invalid character",
    -102: "Syntax error",
    -104: "Data type error",
    -108: "Parameter not allowed",
    -109: "Missing parameter",
    -113: "Undefined header",
    -151: "Invalid string data",
    -213: "Init ignored",
    -221: "Settings conflict",
    -222: "Parameter data out of range",
    -224: "Illegal parameter value",
    -230: "Data corrupt or stale",
    -350: "Queue overflow",
    -410: "Query INTERRUPTED",
    -420: "Query UNTERMINATED",
}
"""SCPI-99, volume 2, chapter 21.8."""

QUEUE_LENGTH = 10
OPERATION_COMPLETE, QUERY_ERROR, DEVICE_ERROR, EXECUTION_ERROR, COMMAND_ERROR = 1, 4, 8, 16, 32


class ScpiClock(Protocol):
    """What an instrument needs of the world's clock."""

    def now(self) -> float:
        """Return the time, s."""
        ...


class ScpiError(Exception):
    """The instrument refuses, with a number and a text for its error queue."""

    def __init__(self, number: int, text: str = "") -> None:
        super().__init__(number, text)
        self.number = number
        self.text = text or ERROR_TEXTS.get(number, "Execution error")


Answer = str | bytes | Reply | None
Handler = Callable[[list[str], tuple[int, ...]], Answer]
"""Takes the parameters and the numeric suffixes of the header (``CHANnel2`` has one: 2)."""


@dataclass(frozen=True)
class _Command:
    header: str
    query: bool
    handler: Handler

    @cached_property
    def words(self) -> tuple[str, ...]:
        """What every spelling of the header holds: short forms of the parts that are not optional."""
        given, before = self.header, ""
        while given != before:
            given, before = re.sub(r"\[[^][]*\]", "", given), given
        return tuple("".join(re.findall("[A-Z]", part)) for part in re.findall("[A-Za-z]+", given.replace("<n>", "")))

    @cached_property
    def matches(self) -> re.Pattern[str]:
        """Compiled when somebody may mean it: hundreds of commands are declared, and few are ever sent."""
        return _pattern(self.header)


class ScpiInstrument(WireInstrument):
    """The part of a SCPI instrument that all of them share.

    Headers are declared as manuals print them (``[:SENSe[1]]:CURRent[:DC]:RANGe``): capitals are the short form,
    brackets are optional, ``<n>`` is a numeric suffix that the handler is given. Short and long form, either case, are
    understood and nothing in between is. A header that was understood once is looked up afterwards.

    Parameters
    ----------
    clock
        The world's.
    identity
        Answer to ``*IDN?``.
    """

    def __init__(self, clock: ScpiClock, identity: str) -> None:
        self.clock = clock
        self.identity = identity
        self.errors: deque[ScpiError] = deque()
        self.event_status = 128
        self.event_enable = 0
        self.service_enable = 0
        self._commands: list[_Command] = []
        self._known: dict[str, tuple[Handler, tuple[int, ...]]] = {}
        self._questions: dict[str, tuple[Handler, list[str], tuple[int, ...], str]] = {}
        self._busy_until = 0.0
        self.plain: dict[str, Any] = {}
        """What is kept and has no effect on readings."""
        for header, handler in {
            "*IDN?": lambda: self.identity,
            "*RST": self._reset,
            "*CLS": self.clear_status,
            "*ESR?": self._read_event_status,
            "*STB?": lambda: str(self.status_byte()),
            "*TST?": lambda: "0",
            "*OPC?": lambda: "1",
            "*OPC": lambda: self._note(OPERATION_COMPLETE),
            "*WAI": lambda: None,
            "*ESE?": lambda: str(self.event_enable),
            "*SRE?": lambda: str(self.service_enable),
            ":STATus:PRESet": lambda: None,
            ":SYSTem:ERRor[:NEXT]?": self.next_error,
            ":SYSTem:CLEar": self.errors.clear,
            ":SYSTem:VERSion?": lambda: "1996.0",
        }.items():
            self.on(header, lambda _args, _suffixes, handler=handler: handler())  # type: ignore[misc]
        self.on("*ESE", lambda args, _: setattr(self, "event_enable", whole(args, 0, 255)))
        self.on("*SRE", lambda args, _: setattr(self, "service_enable", whole(args, 0, 255)))

    def reset(self) -> None:
        """Bring every setting to its default, as ``*RST`` does."""

    def status_byte(self) -> int:
        """Return what ``*STB?`` answers."""
        byte = (4 if self.errors else 0) | (32 if self.event_status & self.event_enable else 0)
        return byte | (64 if byte & self.service_enable & ~64 else 0)

    # --- declaring

    def on(self, header: str, handler: Handler) -> None:
        """Declare a command, or a query if `header` ends in a question mark; the last declaration counts."""
        query = header.endswith("?")
        self._commands.insert(0, _Command(header.removesuffix("?"), query, handler))

    def setting(
        self,
        header: str,
        read: Callable[[], object],
        write: Callable[[list[str]], object],
        spell: Callable[[object], str] | None = None,
    ) -> None:
        """Declare a command and its query that have no numeric suffix."""
        spelled = spell or self.spell
        self.on(header, lambda args, _: _done(write(args)))
        self.on(header + "?", lambda _args, _: spelled(read()))

    def attribute(self, header: str, owner: object, name: str, read: Callable[[list[str]], object]) -> None:
        """Declare a setting that is an attribute of `owner`; `read` makes its value of the parameters."""
        self.setting(header, lambda: getattr(owner, name), lambda arguments: setattr(owner, name, read(arguments)))

    def stored(self, header: str, default: Any, low: float | None = None, high: float = 0.0, *names: str) -> None:
        """Declare a setting that is kept and read back: one of `names`, a number in a range, or a switch."""

        def write(arguments: list[str]) -> None:
            if names:
                self.plain[header] = choice(arguments, *names)
            elif low is not None:
                value = number(arguments, low, high)
                self.plain[header] = round(value) if isinstance(default, int) else value
            else:
                self.plain[header] = switch(arguments)

        self.setting(header, lambda: self.plain.get(header, default), write)

    def spell(self, value: object) -> str:
        """Write a value as this instrument answers it."""
        if isinstance(value, bool):
            return "1" if value else "0"
        if isinstance(value, float):
            return f"{value:+.6E}"
        return str(value)

    # --- answering

    def handle(self, message: bytes) -> bytes | Reply | None:
        """Do one program message, which may be several commands, and answer its queries in one line."""
        text = message.decode("latin-1").strip()
        if not text:
            return None
        units = _split(text, ";") if ";" in text else [text]
        answers: list[bytes] = []
        later = 0.0
        path = ""
        for unit in units:
            unit = unit.strip()
            if not unit:
                continue
            try:
                answer, path = self._unit(unit, path)
            except ScpiError as error:
                # what follows a wrong command in one message is not done
                self.refuse(error)
                break
            if answer is None:
                continue
            if isinstance(answer, Reply):
                later += answer.after
                answers.append(answer.content)
            else:
                answers.append(answer if isinstance(answer, bytes) else answer.encode("latin-1"))
        if not answers:
            return None
        return self._in_turn(b";".join(answers) + b"\n", later)

    def _in_turn(self, content: bytes, later: float) -> bytes | Reply:
        """Answer after what is still being done: an instrument does one thing at a time."""
        if later <= 0.0 and self._busy_until <= 0.0:
            return content
        now = self.clock.now()
        due = max(now, self._busy_until) + later
        self._busy_until = due if due > now else 0.0
        return Reply(content, due - now)

    def busy_for(self, seconds: float) -> float:
        """Be busy for that long after what is under way; return when it is over."""
        self._busy_until = max(self.clock.now(), self._busy_until) + seconds
        return self._busy_until

    def _unit(self, unit: str, path: str) -> tuple[Answer, str]:
        asked = self._questions.get(unit)
        if asked is not None:
            handler, arguments, suffixes, path = asked
            return handler(arguments, suffixes), path
        header, _, rest = unit.partition(" ")
        if not (header[0] == ":" or header[0] == "*"):
            header = f"{path}:{header}" if path else ":" + header
        elif header.startswith(":*"):
            header = header[1:]
        found = self._known.get(header) or self._look_up(header)
        if header[0] == ":":
            path = header.rpartition(":")[0]
        arguments = [part.strip() for part in _split(rest, ",")] if rest else []
        if unit[0] == ":" and header.endswith("?") and len(self._questions) < 2000:
            # questions are asked again and again in the same words
            self._questions[unit] = (found[0], arguments, found[1], path)
        return found[0](arguments, found[1]), path

    def _look_up(self, header: str) -> tuple[Handler, tuple[int, ...]]:
        bare, capitals = header.removesuffix("?"), header.upper()
        for command in self._commands:
            if command.query != header.endswith("?") or not all(word in capitals for word in command.words):
                continue
            if match := command.matches.fullmatch(bare):
                suffixes = tuple(int(group or 1) for group in match.groups())
                found = (command.handler, suffixes)
                if len(self._known) < 2000:
                    self._known[header] = found
                return found
        raise ScpiError(-113)

    # --- errors and status

    def refuse(self, error: ScpiError) -> None:
        """Put an error into the queue and its bit into the standard event register."""
        if len(self.errors) >= QUEUE_LENGTH:
            self.errors[-1] = ScpiError(-350)
        else:
            self.errors.append(error)
        number = error.number
        if -199 <= number <= -100:
            self._note(COMMAND_ERROR)
        elif -299 <= number <= -200:
            self._note(EXECUTION_ERROR)
        elif -499 <= number <= -400:
            self._note(QUERY_ERROR)
        else:
            self._note(DEVICE_ERROR)

    def next_error(self) -> str:
        """Take the oldest error out of the queue and write it as this instrument does."""
        error = self.errors.popleft() if self.errors else ScpiError(0)
        return f'{error.number},"{error.text}"'

    def clear_status(self) -> None:
        """Clear error queue and event registers."""
        self.errors.clear()
        self.event_status = 0

    def _note(self, bit: int) -> None:
        self.event_status |= bit

    def _read_event_status(self) -> str:
        value, self.event_status = self.event_status, 0
        return str(value)

    def _reset(self) -> None:
        self._busy_until = 0.0
        self.reset()


# --- parameters


def one(arguments: Sequence[str]) -> str:
    """Return the only parameter."""
    if not arguments or not arguments[0]:
        raise ScpiError(-109)
    if len(arguments) > 1:
        raise ScpiError(-108)
    return arguments[0]


def number(arguments: Sequence[str], low: float, high: float, default: float | None = None) -> float:
    """Return the only parameter as a number within its range; MINimum, MAXimum and DEFault are understood."""
    text = one(arguments)
    word = text.upper()
    if word in ("MIN", "MINIMUM"):
        return low
    if word in ("MAX", "MAXIMUM"):
        return high
    if word in ("DEF", "DEFAULT") and default is not None:
        return default
    try:
        value = float(text)
    except ValueError:
        raise ScpiError(-104) from None
    if not low <= value <= high:
        raise ScpiError(-222)
    return value


def whole(arguments: Sequence[str], low: int, high: int) -> int:
    """Return the only parameter as a whole number within its range; fractions are rounded, as instruments do."""
    return round(number(arguments, low, high))


def switch(arguments: Sequence[str]) -> bool:
    """Return the only parameter as ON or OFF."""
    word = one(arguments).upper()
    if word in ("ON", "1"):
        return True
    if word in ("OFF", "0"):
        return False
    raise ScpiError(-224)


def choice(arguments: Sequence[str], *names: str) -> str:
    """Return the short form of the one of `names` (as manuals print them) that the only parameter is."""
    word = unquoted(one(arguments)).upper()
    for name in names:
        short = "".join(letter for letter in name if not letter.islower())
        if word in (short, name.upper()):
            return short
    raise ScpiError(-224)


def unquoted(text: str) -> str:
    """Take the quotes off."""
    return text[1:-1] if len(text) > 1 and text[0] in "\"'" and text[-1] == text[0] else text


def block(content: bytes) -> bytes:
    """Wrap in an IEEE 488.2 definite-length block with eight digits, as oscilloscopes do."""
    return b"#8%08d" % len(content) + content


def _done(_: object) -> None:
    return None


def _split(text: str, separator: str) -> list[str]:
    if '"' not in text and "'" not in text:
        return text.split(separator)
    return list(re.findall(rf"""((?:"[^"]*"|'[^']*'|[^{separator}"'])+)""", text))


def _pattern(header: str) -> re.Pattern[str]:
    """Compile a header as manuals print it."""
    out = ""
    for part in re.findall(r"\[|\]|:|\*|<n>|\d+|[A-Za-z]+", header):
        if part == "[":
            out += "(?:"
        elif part == "]":
            out += ")?"
        elif part == "<n>":
            out += r"(\d*)"
        elif part[0].isalpha():
            short = "".join(letter for letter in part if letter.isupper())
            out += f"(?:{re.escape(part)}|{re.escape(short)})"
        else:
            out += re.escape(part)
    return re.compile(out, re.IGNORECASE)
