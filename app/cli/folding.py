"""A cell of a table that folds where a reader would: between words, then inside a name, a path or an address."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.text import Text

KEPT = "\N{NO-BREAK SPACE}"
"""Stands for a space that is folded at only where a word would be cut otherwise; shown as a space."""

_BREAK = re.compile(rf"[_/:=]+|(?<=[A-Za-z])(?<!\de)-|(?<=\d)-(?=[A-Za-z])|{KEPT}")
"""Where a word may end: never inside a number."""


class Folded:
    """Text in a cell.

    Parameters
    ----------
    text
        What it says; :data:`KEPT` keeps two words together as long as there is room.
    """

    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """Tell the width without any fold, and that of the longest piece."""
        widest = max(len(line) for line in self._lines)
        pieces = (len(piece) for line in self._lines for word in line.split(" ") for piece in _pieces(word))
        return Measurement(max(pieces, default=0), widest).with_maximum(options.max_width)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Give the lines that fit."""
        for line in self._lines:
            for part in folded(line, options.max_width):
                yield Text(part.replace(KEPT, " "), no_wrap=True, overflow="crop")


def folded(line: str, width: int) -> Iterator[str]:
    """Fold a line between words; a word that is too long after one of ``_ - / : =``; what is left anywhere."""
    done = ""
    for word in line.split(" "):
        joined = f"{done} {word}" if done else word
        if len(joined) <= width:
            done = joined
            continue
        if done:
            yield done
        done = ""
        for piece in _pieces(word):
            if done and len((done + piece).rstrip(KEPT)) > width:
                yield done.rstrip(KEPT)
                done = ""
            rest = done + piece
            while len(rest.rstrip(KEPT)) > width:
                yield rest[:width]
                rest = rest[width:]
            done = rest
    yield done


def _pieces(word: str) -> list[str]:
    ends = [0, *(found.end() for found in _BREAK.finditer(word)), len(word)]
    return [word[start:end] for start, end in pairwise(ends) if end > start]
