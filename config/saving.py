"""Keep a bench or a sample in the user's own folder, comments and all."""

from __future__ import annotations

import os
import re
from pathlib import Path

from pydantic import BaseModel

from config import loading
from config.mistake import UserMistake
from config.writing import into_toml, to_toml

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def save(content: BaseModel, kind: str, name: str, text: str = "", editing: Path | None = None) -> Path:
    """Write a bench or a sample into the user's folder; a file is replaced whole or not at all.

    Parameters
    ----------
    content
        What it shall say.
    kind
        ``benches`` or ``samples``.
    name
        Of the file, without its ending.
    text
        Of the file that was changed: its comments are kept.
    editing
        That file. Any other that stands in the way is not replaced.

    Returns
    -------
    pathlib.Path
        Of the file.

    Raises
    ------
    UserMistake
        If the name is none, another file has it, or it cannot be written.
    """
    if not NAME.fullmatch(name) or name.endswith(".toml"):
        raise UserMistake(f"'{name}' is no name for a file: letters, digits and _ . -, a letter or digit first")
    path = loading.user_folder() / kind / f"{name}.toml"
    if path.exists() and (editing is None or path.resolve() != editing.resolve()):
        raise UserMistake(f"{path} exists already: choose another name, or open that file and change it")
    try:
        written = into_toml(text, content) if text else to_toml(content)
    except ValueError:
        written = to_toml(content)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{name}-{os.getpid()}.part")
        with part.open("w", encoding="utf-8", newline="\n") as file:
            file.write(written)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise UserMistake(f"{path}: cannot be written: {error.strerror or error}") from error
    return path
