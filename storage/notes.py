"""Notes and tags that people give to a finished run, kept in its file.

They stand beside what was measured: nothing recorded is touched, and its digests stay as they are. The notes have
digests of their own, so that `storage.reader.verify` tells one that was changed by something else.
"""

import getpass
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import h5py

from config.mistake import UserMistake
from storage import layout as names
from storage.amendment import amended, one_at_a_time
from storage.errors import RunFileError
from storage.layout import ENTRY
from storage.reader import Note, RunFile, open_run
from storage.seal import replace_digests
from storage.tree import Tree

MAX_NOTE = 64 * 1024
"""Characters of a note."""

MAX_TAG = 64
"""Characters of a tag."""

_NOTES = f"{ENTRY}/{names.NOTES}"
_TAGS = f"{ENTRY}/{names.TAGS}"

_Found = TypeVar("_Found")


def add_note(path: Path | str, text: str, author: str = "") -> Note:
    """Add a note to a finished run.

    Parameters
    ----------
    path
        Of the run file.
    text
        At most `MAX_NOTE` characters; blanks around it are left out.
    author
        Empty for the name of the user who is logged in.

    Returns
    -------
    Note
        As kept.

    Raises
    ------
    UserMistake
        If it is no run file, or its run has not ended, or the note is empty or too long.
    RunFileError
        If the disk does not take it; the file is then as it was.
    """
    text, author = text.strip(), " ".join(author.split()) or _whoever_is_logged_in()
    if not text:
        raise UserMistake("the note is empty; write what is to be remembered of the run")
    if len(text) > MAX_NOTE or len(author) > MAX_NOTE:
        raise UserMistake(f"the note has {len(text):,} characters; a run file keeps {MAX_NOTE:,} of each note")
    with _changed(Path(path), "note", lambda run: run.notes, room=4 * (len(text) + len(author))) as (notes, tree, file):
        date = datetime.now().astimezone().isoformat()
        note = Note(max((note.number for note in notes), default=0) + 1, date, author, text)
        if names.NOTES not in file[ENTRY]:
            tree.group(_NOTES, "NXcollection")
        group = f"{_NOTES}/{note.number:04d}"
        tree.group(group, "NXnote")
        for name, value in (("date", note.date), ("author", author), ("type", "text/plain"), ("data", text)):
            tree.value(f"{group}/{name}", value)
    return note


def add_tag(path: Path | str, tag: str) -> tuple[str, ...]:
    """Give a finished run a tag; one that it has already is no mistake.

    Parameters
    ----------
    path
        Of the run file.
    tag
        One line of at most `MAX_TAG` characters; blanks around it are left out.

    Returns
    -------
    tuple of str
        The run's tags, sorted.

    Raises
    ------
    UserMistake, RunFileError
        As `add_note`.
    """
    tag = tag.strip()
    if not tag or len(tag) > MAX_TAG or not tag.isprintable():
        raise UserMistake(f"{tag!r} is no tag: a tag is one line of 1 to {MAX_TAG} characters")
    return _retagged(Path(path), lambda tags: tags | {tag})


def remove_tag(path: Path | str, tag: str) -> tuple[str, ...]:
    """Take a tag from a finished run; one that it does not have is no mistake.

    Returns
    -------
    tuple of str
        The tags that are left, sorted.

    Raises
    ------
    UserMistake, RunFileError
        As `add_note`.
    """
    return _retagged(Path(path), lambda tags: tags - {tag.strip()})


def _retagged(path: Path, change: Callable[[frozenset[str]], frozenset[str]]) -> tuple[str, ...]:
    with open_run(path) as run:
        before = frozenset(run.tags)
    if change(before) == before:
        return tuple(sorted(before))
    with _changed(path, "tag", lambda run: run.tags, room=MAX_TAG) as (tags, tree, file):
        after = sorted(change(frozenset(tags)))
        if names.TAGS in file[ENTRY]:
            del file[_TAGS]
        tree.value(_TAGS, after)
    return tuple(after)


@contextmanager
def _changed(
    path: Path, what: str, read: Callable[[RunFile], _Found], room: int
) -> Iterator[tuple[_Found, Tree, h5py.File]]:
    with one_at_a_time(path):
        with open_run(path) as run:
            found, digests = read(run), run.digests
        if digests is None:
            raise UserMistake(
                f"{path}: this run has not ended, or was cut short; end or recover it, then add the {what}"
            )
        try:
            with amended(path, room + 16 * 1024 + 512 * len(digests)) as file:
                tree = Tree(file)
                tree.digests.update(digests)
                yield found, tree, file
                replace_digests(tree, file)
        except (OSError, RuntimeError) as fault:
            raise RunFileError(f"{path}: the {what} cannot be added: {fault}") from fault


def _whoever_is_logged_in() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no such user in the system's list, as in a container
        return "unknown"
