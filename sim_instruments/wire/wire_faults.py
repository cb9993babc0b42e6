"""What the bench's faults do to the bytes on the wires."""

from __future__ import annotations

from collections.abc import Collection

from sim_instruments.faults import FaultKind, Faults

NOISE = b"\xb6\x07#?~"
"""What arrives instead of an answer."""

_ENDS = b"\r\n\x03"


class WireFaults:
    """Loses, delays and spoils replies, and cuts connections, as `Faults` says.

    Parameters
    ----------
    faults
        The bench's.
    left_alone
        Lines whose instruments suffer their faults by themselves: what carries USB transfers is no part of the bench.
    """

    def __init__(self, faults: Faults, left_alone: Collection[str] = ()) -> None:
        self._faults = faults
        self._left_alone = frozenset(left_alone)

    def refuses(self, instrument: str) -> bool:
        """Say whether the connection is cut."""
        return (
            instrument not in self._left_alone
            and self._faults.active(FaultKind.LOST_CONNECTION, instrument) is not None
        )

    def on_reply(self, instrument: str, reply: bytes) -> tuple[bytes | None, float]:
        """Return the reply as it arrives (None: never) and how much later, s."""
        if instrument in self._left_alone:
            return reply, 0.0
        if self._faults.strike(FaultKind.SILENT, instrument) is not None:
            return None, 0.0
        garbage = self._faults.strike(FaultKind.GARBAGE_REPLY, instrument)
        if garbage is not None:
            # with its end, so that it is read as an answer
            reply = (garbage.detail.encode() or NOISE) + reply[len(reply.rstrip(_ENDS)) :]
        if self._faults.strike(FaultKind.TRUNCATED_REPLY, instrument) is not None:
            reply = reply[: len(reply) // 2]
        slow = self._faults.strike(FaultKind.SLOW_REPLY, instrument)
        return reply, slow.seconds if slow is not None else 0.0
