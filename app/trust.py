"""Whose code a bench file may load.

A bench file is data, and may come from anybody. A driver that it names as ``module:Class`` is code: it is loaded only
where the user has said so for this very file, by path and content. Shipped drivers and those of installed packages
(entry points) need nothing: who installed them has trusted them.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from config.bench_file import BenchFile
from config.loading import Loaded, user_folder
from config.mistake import UserMistake
from drivers.registry import allow, named_as_code


def record_path() -> Path:
    """Where it is written down which files are trusted: in the user's folder for configuration."""
    return user_folder() / "trusted-benches.json"


def code_of(bench: BenchFile) -> tuple[str, ...]:
    """Return the drivers of a bench file that are named as ``module:Class``."""
    return tuple(sorted({entry.driver for entry in bench.entries.values() if named_as_code(entry.driver)}))


def is_trusted(bench: Loaded[BenchFile]) -> bool:
    """Say whether a bench file may be opened as it is: it names no code, or the user trusts this content of it."""
    return not code_of(bench.content) or _trusted().get(_key(bench)) == _digest(bench)


def trust(bench: Loaded[BenchFile]) -> None:
    """Write down that the user trusts this content of this file.

    Raises
    ------
    UserMistake
        If that cannot be written.
    """
    path = record_path()
    text = json.dumps({**_trusted(), _key(bench): _digest(bench)}, indent=1)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(path)
    except OSError as error:
        raise UserMistake(f"{path}: cannot be written: {error.strerror or error}") from error


def question(bench: Loaded[BenchFile]) -> str:
    """Return what to ask the user before a file is trusted."""
    return (
        f"{bench.path} wants to run code of its own: {', '.join(code_of(bench.content))}. "
        f"Do you trust this file, and whoever wrote it?"
    )


def require_trust(bench: Loaded[BenchFile], ask: Callable[[str], bool] | None = None) -> None:
    """Let the code that a bench file names be loaded, if the user trusts the file.

    Parameters
    ----------
    bench
        The file, as it was read.
    ask
        Asks the user, with `question`; None where nobody can be asked. A yes is written down.

    Raises
    ------
    UserMistake
        If the file is not trusted; one line that says how to.
    """
    if not is_trusted(bench):
        if ask is None or not ask(question(bench)):
            raise UserMistake(
                f"{bench.path} names code of its own ({', '.join(code_of(bench.content))}), and is not trusted: "
                f"look at it, then xraybench benches --trust {bench.path}"
            )
        trust(bench)
    allow(code_of(bench.content))


def _key(bench: Loaded[BenchFile]) -> str:
    return str(bench.path.expanduser().resolve())


def _digest(bench: Loaded[BenchFile]) -> str:
    # what is trusted is what the file says, not what a program has added to its text since
    drivers = {role: [entry.driver, entry.resource] for role, entry in sorted(bench.content.entries.items())}
    try:
        text = bench.path.read_bytes()
    except OSError:
        text = bench.text.encode()
    return hashlib.sha256(json.dumps(drivers).encode() + b"\0" + text).hexdigest()


def _trusted() -> dict[str, str]:
    try:
        found = json.loads(record_path().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}
