"""The user's mistakes, which get one line and exit status 2."""

import difflib
from collections.abc import Iterable


class UserMistake(Exception):  # noqa: N818  (it is the user's mistake, not an error of the program)
    """Something the user gave is wrong; the message is one line that says what and how to mend it."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


def nearest(name: str, valid: Iterable[str]) -> str:
    """Say which valid names there are, the nearest first.

    Parameters
    ----------
    name
        What the user wrote.
    valid
        What would have been allowed.

    Returns
    -------
    str
        ``did you mean 'x'? Allowed: a, b, x`` or, when nothing is near, ``Allowed: a, b, x``.
    """
    names = sorted(valid)
    begun = [valid_name for valid_name in names if name and valid_name.startswith(name)]
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5) or (begun if len(begun) == 1 else [])
    question = f"did you mean '{close[0]}'? " if close else ""
    return f"{question}Allowed: {', '.join(names) or 'nothing'}"
