"""Replies on their way that become none: truncated, foreign, senseless, endless."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Mapping

CHANGED = 0.3
"""Share of the replies that are changed"""
NOT_NUMBERS = (b"NAN", b"INF", b"-INF", b"9.9E37", b"+9.90000E+37", b"-9.9E37", b"9.91E37", b"1E999", b"", b"--", b"E")
FOREIGN = (
    b"KEITHLEY INSTRUMENTS,MODEL 2450,04412345,1.7.12b",
    b"LSCI,MODEL336,LSA12AB,1.5",
    b"\x0222,0,0,0,1,0,1,0\x03",
    b"\x0214,$\x03",
    b"MV;RES;1.5;E-09;n;Gy",
    b"E08;",
    b'-113,"Undefined header"',
    b"#800000004abcd",
    b"HTTP/1.1 400 Bad Request",
    b"SSH-2.0-OpenSSH_9.6",
)
"""What other instruments, and other servers, answer."""
_NUMBER = re.compile(rb"[-+]?\d+\.?\d*(?:[eE][-+]?\d+)?")
_ENDS = b"\r\n\x03"


class ChangedReplies:
    """Changes replies on their way: what `WireServer` takes for what goes wrong there.

    Parameters
    ----------
    seed
        Of the random numbers.
    binary
        Whether the reply is a USB transfer of the simulated spectrometer.
    """

    def __init__(self, seed: int, *, binary: bool = False) -> None:
        self.chance = random.Random(seed)  # noqa: S311  (nothing secret)
        self.on = False
        self.kinds: Counter[str] = Counter()
        self.last = ""
        self.stuck: bytes | None = None
        """What every question is answered with, as by an instrument that repeats itself."""
        self._before: list[bytes] = []
        self._binary = binary

    def refuses(self, instrument: str) -> bool:
        """Accept every connection."""
        del instrument
        return False

    def on_reply(self, instrument: str, reply: bytes) -> tuple[bytes | None, float]:
        """Return the reply as it arrives."""
        del instrument
        if not self.on:
            return reply, 0.0
        if self._binary:
            return self._usb(reply), 0.0
        self._before = [*self._before[-8:], reply]
        if self.stuck is not None:
            self.kinds["stuck"] += 1
            self.last = f"stuck: {reply[:60]!r} as {self.stuck[:60]!r}"
            return self.stuck, 0.0
        if self.chance.random() > CHANGED:
            return reply, 0.0
        kind = self.chance.choices(list(self._CHANGES), [weight for weight, _ in self._CHANGES.values()])[0]
        self.kinds[kind] += 1
        body = reply.rstrip(_ENDS)
        changed = self._CHANGES[kind][1](self, body, reply[len(body) :])
        self.last = f"{kind}: {reply[:60]!r} as {changed[:60]!r}" if changed is not None else kind
        return changed, 0.0

    def begin_call(self) -> None:
        """Decide whether the instrument repeats itself during the call to come."""
        self.stuck = self.chance.choice(self._before) if self._before and self.chance.random() < 0.02 else None

    def _usb(self, reply: bytes) -> bytes:
        if not reply.startswith(b"data ") or self.chance.random() > CHANGED:
            return reply
        content = bytes.fromhex(reply[5:].decode())
        kind = self.chance.choice(("truncated", "garbage", "silent", "doubled", "foreign"))
        self.kinds[kind] += 1
        if kind == "silent":
            return b"error 110 Operation timed out\n"
        changed = {
            "truncated": content[: self.chance.randrange(max(1, len(content)))],
            "garbage": self.chance.randbytes(self.chance.randint(1, 64)),
            "doubled": (content + content)[: len(content) + 64],
            "foreign": self.chance.choice(FOREIGN),
        }[kind]
        self.last = f"{kind}: {content[:20]!r} as {changed[:20]!r}"
        return b"data " + changed[: max(len(content), 64)].hex().encode() + b"\n"

    def _truncated(self, body: bytes, end: bytes) -> bytes:
        return (body + end)[: self.chance.randrange(max(1, len(body)))]

    def _garbage(self, body: bytes, end: bytes) -> bytes:
        del body
        return bytes(b for b in self.chance.randbytes(self.chance.randint(1, 40)) if b not in _ENDS) + end

    def _foreign(self, body: bytes, end: bytes) -> bytes:
        del body
        return self.chance.choice(FOREIGN).rstrip(_ENDS) + end

    def _not_a_number(self, body: bytes, end: bytes) -> bytes:
        found = list(_NUMBER.finditer(body))
        if not found:
            return self.chance.choice(NOT_NUMBERS) + end
        one = self.chance.choice(found)
        return body[: one.start()] + self.chance.choice(NOT_NUMBERS) + body[one.end() :] + end

    def _interleaved(self, body: bytes, end: bytes) -> bytes:
        other = self.chance.choice(FOREIGN)
        pieces = zip(
            [body[i : i + 3] for i in range(0, len(body), 3)], [other[i : i + 3] for i in range(0, 90, 3)], strict=False
        )
        return b"".join(mine + theirs for mine, theirs in pieces).translate(None, _ENDS) + end

    def _fields(self, body: bytes, end: bytes) -> bytes:
        mark = b";" if b";" in body else b","
        parts = body.split(mark)
        if self.chance.random() < 0.5 and len(parts) > 1:
            del parts[self.chance.randrange(len(parts))]
        else:
            parts.insert(self.chance.randrange(len(parts) + 1), b"0")
        return mark.join(parts) + end

    def _endless(self, body: bytes, end: bytes) -> bytes:
        del body, end
        return self.chance.randbytes(1) * 20_000

    _CHANGES: Mapping[str, tuple[float, Callable[[ChangedReplies, bytes, bytes], bytes | None]]] = {
        "truncated": (1, _truncated),
        "silent": (1, lambda *_: None),
        "endless": (0.3, _endless),
        "garbage": (6, _garbage),
        "another instrument's": (6, _foreign),
        "not a number": (8, _not_a_number),
        "empty": (3, lambda *given: given[-1]),
        "interleaved": (4, _interleaved),
        "unasked besides": (3, lambda *given: (given[1] + given[2]) * 2),
        "fields": (4, _fields),
    }
