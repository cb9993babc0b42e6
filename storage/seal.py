"""What is written after the last record: end time, journal, figures of merit, checksum; and analyses made later."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import h5py

from storage import layout as names
from storage.amendment import amended, one_at_a_time
from storage.checksum import ALGORITHMS
from storage.encoding import encode_name, text_array
from storage.errors import RunFileError
from storage.journal import journal_path, journal_text
from storage.layout import ENTRY
from storage.reader import open_run
from storage.tree import Tree

Figure = Mapping[str, object]

_ANALYSIS = f"{ENTRY}/{names.ANALYSIS}"
_SHOWN = ("at", "interval", "method", "warnings")


def seal(path: Path, status: str, end_time: str, figures: Sequence[Figure], digests: Mapping[str, str]) -> None:
    """Finish a run file that its writer has closed.

    Parameters
    ----------
    path
        Of the run file; the journal is beside it.
    status, end_time
        Of the run.
    figures
        Of the analysis that belongs to the run; none at all make no analysis.
    digests
        Of the datasets that are there already.

    Raises
    ------
    OSError
        If the disk does not take it; the file is then as it was.
    """
    journal = journal_text(journal_path(path))
    with one_at_a_time(path), amended(path, len(journal.encode()) + _room_for(figures) + 256 * len(digests)) as file:
        tree = Tree(file)
        tree.digests.update(digests)
        write_ending(tree, status, end_time, journal)
        if figures:
            _write_analysis(tree, 1, figures, end_time)
        write_digests(tree, file)


def write_ending(tree: Tree, status: str, end_time: str, journal: str) -> None:
    """Write how the run ended, and its journal; what is left then are the digests."""
    for name, text, length in (
        (names.STATUS, status, names.STATUS_BYTES),
        (names.END_TIME, end_time, names.END_TIME_BYTES),
    ):
        tree.replace_padded_text(f"{ENTRY}/{name}", text, length)
    tree.value(f"{ENTRY}/{names.JOURNAL}/{names.JOURNAL_TEXT}", journal)
    tree.value(f"{ENTRY}/{names.CHECKSUM}/algorithm", ALGORITHMS)


def append_analysis(path: Path | str, figures: Sequence[Figure]) -> int:
    """Add an analysis made later to a finished run file; the earlier ones stay.

    Parameters
    ----------
    path
        Of the run file.
    figures
        Figures of merit.

    Returns
    -------
    int
        The number of this analysis; the run's own is 1.

    Raises
    ------
    UnreadableRunFile
        If it is no run file.
    RunFileError
        If the run has not ended, or the disk does not take it; the file is then as it was.
    """
    path = Path(path)
    with one_at_a_time(path):
        with open_run(path) as run:
            number = max((analysis.number for analysis in run.analyses), default=0) + 1
            digests = run.digests
        if digests is None:
            raise RunFileError(f"{path}: this run has not ended, or was cut short; recover it, then analyse it again")
        try:
            with amended(path, _room_for(figures) + 512 * len(digests)) as file:
                tree = Tree(file)
                tree.digests.update(digests)
                _write_analysis(tree, number, figures, datetime.now().astimezone().isoformat())
                replace_digests(tree, file)
        except (OSError, RuntimeError) as fault:
            raise RunFileError(f"{path}: the analysis cannot be added: {fault}") from fault
    return number


def _write_analysis(tree: Tree, number: int, figures: Sequence[Figure], date: str) -> None:
    group = f"{_ANALYSIS}/{number:04d}"
    tree.group(group, "NXcollection")
    tree.value(f"{group}/date", date)
    taken: set[str] = set()
    for index, figure in enumerate(figures):
        name = stem = encode_name(str(figure.get("name") or "figure"))
        count = 1
        while name in taken or name == "date":
            count += 1
            name = f"{stem}_{count}"
        taken.add(name)
        _write_figure(tree, f"{group}/{name}", index, figure, date)


def _write_figure(tree: Tree, group: str, index: int, figure: Figure, date: str) -> None:
    tree.group(group, "NXprocess")
    tree.value(f"{group}/program", "xraybench")
    tree.value(f"{group}/version", str(figure.get("software_version", "")))
    tree.value(f"{group}/date", date)
    tree.value(f"{group}/sequence_index", index)
    unit = str(figure.get("unit") or "")
    tree.value(f"{group}/value", figure.get("value"), unit)
    tree.value(f"{group}/uncertainty", figure.get("uncertainty"), unit)
    for name in _SHOWN:
        tree.value(f"{group}/{name}", figure.get(name), unit if name == "interval" else None)
    # the datasets above are for people; this one is the figure as it was, field by field
    tree.value(f"{group}/figure", dict(figure))


def write_digests(tree: Tree, file: h5py.File) -> None:
    """Write the digest of every dataset, last of all."""
    text = json.dumps(dict(sorted(tree.digests.items())))
    file[f"{ENTRY}/{names.CHECKSUM}"].create_dataset(names.DIGESTS, data=text_array(text))


def replace_digests(tree: Tree, file: h5py.File) -> None:
    """Write the digests anew, after something was added to a finished file."""
    del file[f"{ENTRY}/{names.CHECKSUM}/{names.DIGESTS}"]
    write_digests(tree, file)


def _room_for(figures: Sequence[Figure]) -> int:
    return sum(16 * 1024 + 8 * len(repr(figure)) for figure in figures)
