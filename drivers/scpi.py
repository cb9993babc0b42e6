"""A SCPI instrument on its wire: who it is, what it answers, what it refused and why."""

from __future__ import annotations

import math
from collections.abc import Sequence

from drivers.errors import BadReply, ConnectionLost, InstrumentError, Overloaded, WrongInstrument
from drivers.roles import Identity
from drivers.who_answers import who_answers
from drivers.wire import Wire

OVERFLOW = 9.9e37
"""SCPI-99, volume 1, 7.2.1.4: infinity is sent as 9.9e37, and 9.91e37 is not a number."""
MOST_ERRORS = 50


class ScpiConnection:
    """Connection to an instrument that is known by its answer to ``*IDN?``.

    Parameters
    ----------
    resource
        VISA address.
    name
        How errors name it.
    expected
        What it is, for the user.
    maker
        Must be in the answer's first field, in either case.
    models
        One of them must be in its second field.
    timeout_s
        s
    rouse
        What makes an instrument listen again that is busy for long, sent when it does not answer at first.

    Raises
    ------
    ConnectionLost
        If nobody is there.
    WrongInstrument
        If somebody else is.
    """

    def __init__(
        self,
        resource: str,
        name: str,
        expected: str,
        maker: str,
        models: Sequence[str],
        timeout_s: float,
        rouse: str = "",
    ) -> None:
        self.name = name
        self._rouse = rouse
        self.wire = Wire(resource, name, timeout_s, read_termination="\n", write_termination="\n")
        try:
            self.identity = self._identify(resource, expected, maker, models)
        except BaseException:
            self.wire.close()
            raise

    def _identify(self, resource: str, expected: str, maker: str, models: Sequence[str]) -> Identity:
        try:
            reply = self._introduce()
        except InstrumentError as error:
            found = who_answers(resource)
            if found is None and isinstance(error, ConnectionLost):
                raise
            raise WrongInstrument(
                self.name, f"is no {expected} but {found or 'something else'}", error.command, error.reply
            ) from error
        fields = [field.strip() for field in reply.split(",")]
        if len(fields) < 2 or maker.upper() not in fields[0].upper() or not any(model in fields[1] for model in models):
            raise WrongInstrument(self.name, f"is no {expected} but '{reply.strip()[:100]}'", "*IDN?", reply)
        fields += [""] * 4
        return Identity(fields[0], fields[1], fields[2], fields[3])

    def _introduce(self) -> str:
        self.wire.write("*IDN?")
        try:
            return str(self.wire.read())
        except ConnectionLost as lost:
            if not self._rouse or "no answer in time" not in str(lost):
                raise
        self.wire.write(self._rouse)
        self.wire.write("*IDN?")
        return str(self.wire.read())

    def send(self, command: str) -> None:
        """Send a command that has no answer."""
        self.wire.write(command)

    def ask(self, question: str) -> str:
        """Ask; an answer that does not come is explained by the error queue where that says why.

        Raises
        ------
        InstrumentError
            If the instrument refused.
        ConnectionLost
            If it did not answer, nor say why.
        """
        wire = self.wire
        wire.write(question)
        try:
            return str(wire.read())
        except ConnectionLost as lost:
            if "no answer in time" in str(lost):
                self._explain(question, lost)
            raise

    def _explain(self, question: str, lost: ConnectionLost) -> None:
        try:
            refused = self.errors()
        except InstrumentError:
            return
        if refused:
            raise InstrumentError(self.name, f"refused: {'; '.join(refused)}", question) from lost

    def numbers(self, question: str, count: int) -> list[float]:
        """Ask for `count` finite numbers.

        Raises
        ------
        BadReply
            If the answer is anything else.
        Overloaded
            If one of them is SCPI's infinity.
        """
        reply = self.ask(question)
        try:
            values = [float(field) for field in reply.split(",")]
        except ValueError:
            raise self.wire.bad("the answer is no number", reply) from None
        if len(values) != count:
            raise self.wire.bad(f"the answer has {len(values)} numbers and not {count}", reply)
        for value in values:
            if not math.isfinite(value):
                raise self.wire.bad("the answer is not finite", reply)
            if abs(value) >= OVERFLOW:
                raise Overloaded(self.name, "the reading is beyond its range", question, reply)
        return values

    def number(self, question: str) -> float:
        """Ask for one finite number."""
        return self.numbers(question, 1)[0]

    def switch(self, question: str) -> bool:
        """Ask for an on or off.

        Raises
        ------
        BadReply
            If the answer is neither.
        """
        return self._on_or_off(self.ask(question))

    def switch_of(self, question: str, known_question: str, known: str) -> bool:
        """Ask for an on or off together with something that is known.

        "1" answers many questions; an answer that also holds what only this one's does cannot be another's.

        Parameters
        ----------
        question
            Asks for on or off.
        known_question, known
            Its answer begins with this.

        Raises
        ------
        BadReply
            If the answer is anything else.
        """
        reply = self.ask(f"{question};{known_question}")
        answer, _, other = reply.partition(";")
        if not other.strip().upper().startswith(known):
            raise self.wire.bad(f"the answer does not end with {known}", reply)
        return self._on_or_off(answer)

    def _on_or_off(self, reply: str) -> bool:
        word = reply.strip().upper().lstrip("+")
        if word in ("1", "ON"):
            return True
        if word in ("0", "OFF"):
            return False
        raise self.wire.bad("the answer is neither on nor off", reply)

    def errors(self) -> list[str]:
        """Take everything out of the error queue."""
        found: list[str] = []
        for _ in range(MOST_ERRORS):
            self.wire.write(":SYST:ERR?")
            reply = self.wire.read().strip()
            number = reply.split(",")[0]
            try:
                if int(number) == 0:
                    break
            except ValueError:
                raise self.wire.bad("the error queue's answer has no number", reply) from None
            found.append(reply)
        return found

    def check(self, doing: str) -> None:
        """Raise if the error queue holds anything.

        Parameters
        ----------
        doing
            What was sent, for the message.

        Raises
        ------
        InstrumentError
            With everything that was refused.
        """
        refused = self.errors()
        if refused:
            raise InstrumentError(self.name, f"refused: {'; '.join(refused)}", doing)

    def bad(self, why: str, reply: str) -> BadReply:
        """Make the error for an answer that is none."""
        return self.wire.bad(why, reply)

    def close(self) -> None:
        """Close the connection."""
        self.wire.close()
