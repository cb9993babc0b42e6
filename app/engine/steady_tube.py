"""What the tube says of itself, asked for again only where it can have changed."""

from __future__ import annotations

from drivers.bench import Bench
from drivers.roles import TubeStatus, XrayTube

STEADY_AFTER = 1.0
"""s without a change after which an answer holds for the next looks as well"""

ASKED_EVERY = 4.0
"""s after which the tube is asked in any case: a supply that nobody talks to for long switches off"""


class SteadyTube:
    """Asks the tube as often as it is looked at, but for a simulated one in virtual time that nothing has changed.

    There a look costs more than all that happens between two of them: a hundred hours would be spent on asking. What
    simulates the tube knows whether a command, a fault or a trip has come since; while none has, and the beam was as it
    was set, the last answer is the present one. The judgement, and the dose that it counts, are those of every look.

    Parameters
    ----------
    bench
        Which says whether anything has changed, if anybody knows.
    """

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._changes: int | None = None
        self._changed_at = 0.0
        self._known: TubeStatus | None = None
        self._asked_at = 0.0

    def watch(self, tube: XrayTube) -> TubeStatus:
        """Return what the bench's tube says of itself now.

        Raises
        ------
        InstrumentError
            As the tube's own `watch`.
        """
        changes, now = self._bench.tube_changes, self._bench.clock.now()
        if changes is None or changes != self._changes:
            self._changes, self._changed_at, self._known = changes, now, None
        known = self._known
        if known is not None and now - self._asked_at < ASKED_EVERY:
            return known
        answer = tube.watch()
        as_set = answer.beam_on and answer.interlock_closed and not answer.faults
        steady = changes is not None and now - self._changed_at >= STEADY_AFTER
        self._known = answer if steady and as_set and tube.at_operating_point(answer) else None
        self._asked_at = now
        return answer
