"""What can go wrong with an instrument, each naming the instrument and what it was asked."""

from config.mistake import UserMistake


class InstrumentError(Exception):
    """An instrument did not do what it was asked.

    Parameters
    ----------
    instrument
        Its role and address.
    message
        What went wrong.
    command
        What it was asked, as sent.
    reply
        What came back, if anything.
    """

    def __init__(self, instrument: str, message: str, command: str = "", reply: str = "") -> None:
        parts = [f"{instrument}: {message}"]
        if command:
            parts.append(f"command {command!r}")
        if reply:
            parts.append(f"reply {reply[:120]!r}")
        super().__init__("; ".join(parts))
        self.instrument = instrument
        self.command = command
        self.reply = reply


class WrongInstrument(InstrumentError):  # noqa: N818
    """Another instrument than the bench file says answers at the address."""


class ConnectionLost(InstrumentError):  # noqa: N818
    """The instrument cannot be reached, or no longer."""


class BadReply(InstrumentError):  # noqa: N818
    """The answer is none to the question: garbage, truncated, not a number, not finite."""


class Overloaded(InstrumentError):  # noqa: N818
    """The reading is beyond the range: compliance, overflow, overload."""


class Saturated(InstrumentError):  # noqa: N818
    """A detector element is at its full scale; what it holds is no value."""


class InterlockOpen(InstrumentError):  # noqa: N818
    """The tube's interlock is open, or could not be read, which counts the same."""


class TubeFault(InstrumentError):  # noqa: N818
    """The tube reports a fault or did not reach its operating point."""


class BeamStateUnknown(InstrumentError):  # noqa: N818
    """The beam was told to go off and nothing confirms that it is."""


class Inhibited(InstrumentError):  # noqa: N818
    """The bench was told to stop: nothing may be energised until it is released."""


class LimitExceeded(UserMistake):
    """A set value is beyond the bench's limit; nothing was sent."""

    def __init__(self, quantity: str, value: float, unit: str, limit: float, key: str) -> None:
        super().__init__(f"{quantity} {value:g} {unit} is above the bench's limit of {limit:g} {unit} (limits.{key})")
