"""What a procedure wants of a table from elsewhere."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from config.sample_file import Sample
from procedures.streams import Stream

Array = npt.NDArray[np.float64]
Columns = dict[str, Array]
Kind = Literal["table", "spectrum", "waveform", "frames"]


@dataclass(frozen=True)
class Wanted:
    """One column of a stream, and how it is recognised.

    Parameters
    ----------
    name
        Of the stream's column.
    unit
        In which it is kept.
    words
        What headings call it, in small letters: a heading that is one of them, then one that contains one.
    required
        Whether nothing can be done without it.
    otherwise
        Its value where the file has none; NaN stands for "not known".
    per
        ``"area"``: may be given per area as well, or the other way round; ``"thickness"``: likewise for a field.
    """

    name: str
    unit: str
    words: tuple[str, ...]
    required: bool = True
    otherwise: float = math.nan
    per: Literal["", "area", "thickness"] = ""


@dataclass(frozen=True)
class Form:
    """How files become the records of a procedure.

    Parameters
    ----------
    kind
        What the files are.
    stream
        That a table fills, one record a row, or a spectrum or waveform, one record a file.
    wanted
        Its columns, in the order in which headings are given away.
    complete
        Works out further columns from those that were found.
    roles
        Further files and the stream that each fills: ``{"response": ...}`` for ``response=FILE``.
    """

    kind: Kind
    stream: Stream
    wanted: tuple[Wanted, ...] = ()
    complete: Callable[[Columns, Sample | None], Columns] | None = None
    roles: Mapping[str, Stream] = field(default_factory=dict)
    role_wanted: tuple[Wanted, ...] = ()
    in_order: bool = False
    """Whether a file without headings has its required columns in their order: a time goes before what is counted."""
