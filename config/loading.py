"""Find a bench or sample file by name or path and read it; a mistake in it gets one line."""

from __future__ import annotations

import datetime as dt
import tomllib
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import platformdirs
from pydantic import BaseModel, ValidationError

from config.bench_file import BenchFile
from config.mistake import UserMistake, nearest
from config.sample_file import Sample

Model = TypeVar("Model", bound=BaseModel)

SHIPPED = Path(__file__).parent
"""The folder that holds ``benches/`` and ``samples/`` of the program itself."""

LARGEST_FILE = 100_000
"""Bytes; a bench or sample file is a page of text, anything above is another kind of file."""

LONGEST_LINE = 2000
"""Characters."""

DEEPEST_TABLE = 20
"""Tables within tables; a bench or sample file has five."""

_KINDS = {"benches": "bench", "samples": "sample"}


@dataclass(frozen=True)
class Loaded(Generic[Model]):
    """A file that was read: its contents, its text (for the run file's provenance) and where it came from."""

    content: Model
    text: str
    path: Path


def user_folder() -> Path:
    """Where the user's own ``benches/`` and ``samples/`` are: the platform's folder for configuration."""
    return Path(platformdirs.user_config_dir("xraybench", appauthor=False))


def available(kind: str) -> dict[str, Path]:
    """List the files of a kind by name; the user's own hide shipped ones of the same name.

    Parameters
    ----------
    kind
        ``benches`` or ``samples``.
    """
    found: dict[str, Path] = {}
    for folder in (SHIPPED / kind, user_folder() / kind):
        found |= {path.stem: path for path in sorted(folder.glob("*.toml"))}
    return found


def find(name: str, kind: str) -> Path:
    """Find a file by its name or path.

    Raises
    ------
    UserMistake
        If there is none; the message names the nearest.
    """
    known = available(kind)
    if name in known:
        return known[name]
    try:
        path = Path(name).expanduser()
        named_as_file = path.suffix == ".toml" or len(path.parts) > 1
        exists = named_as_file and path.is_file()
    except (OSError, RuntimeError, ValueError) as error:  # too long, no such user's home, a NUL in it
        raise UserMistake(f"{_KINDS[kind]} file {_shortened(name)}: is no path ({error})") from error
    if exists:
        return path
    if named_as_file:
        raise UserMistake(f"{_KINDS[kind]} file {name}: there is no such file")
    raise UserMistake(f"no {_KINDS[kind]} is named {_shortened(name)}: {nearest(name, known)}")


def read(path: Path, model: type[Model]) -> Loaded[Model]:
    """Read a TOML file into a model.

    Raises
    ------
    UserMistake
        One line: file, key, what is wrong, what is allowed, the nearest valid name.
    """
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise UserMistake(f"{path}: is larger than {LARGEST_FILE} bytes and so no {model.__name__} file")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserMistake(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UserMistake(f"{path}: is no text file in UTF-8 (byte {error.start})") from error
    for number, line in enumerate(text.splitlines(), start=1):
        if len(line) > LONGEST_LINE:  # tomllib's time goes with the square of the parts of a dotted key
            raise UserMistake(f"{path}: line {number} is longer than {LONGEST_LINE} characters")
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # TOMLDecodeError is a ValueError, as is a number of 5000 digits
        raise UserMistake(f"{path}: is no valid TOML: {error}") from error
    if _too_deep(table):
        raise UserMistake(f"{path}: has tables within tables, more than {DEEPEST_TABLE} deep")
    return Loaded(check(table, model, str(path)), text, path)


def check(table: dict[str, Any], model: type[Model], where: str) -> Model:
    """Turn a table into a model; say in one line what is wrong with it.

    Raises
    ------
    UserMistake
        For the first mistake in it.
    """
    try:
        return model.model_validate(table)
    except ValidationError as error:
        raise UserMistake(f"{where}: {_explain(error, model)}") from error


_WORDS = {
    "model_type": "must be a table",
    "dict_type": "must be a table",
    "tuple_type": "must be a list",
    "string_type": "must be text in quotes",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "greater_than": "must be above {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than": "must be below {lt:g}",
    "less_than_equal": "must be at most {le:g}",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "must match {pattern}: letters, digits and _ . -, a letter or digit first",
}
"""What is allowed, in a user's words, by pydantic's type of error."""


def mistakes(error: ValidationError) -> dict[str, str]:
    """Say in a user's words what is wrong with a table, by key.

    Returns
    -------
    dict
        The first mistake of each key of the table.
    """
    found: dict[str, str] = {}
    for one in error.errors(include_url=False):
        key = str(one["loc"][0]) if one["loc"] else ""
        words = "is missing" if one["type"] == "missing" else _WORDS.get(one["type"])
        message = words.format(**one.get("ctx", {})) if words else one["msg"].removeprefix("Value error, ")
        found.setdefault(key, message)
    return found


def _explain(error: ValidationError, model: type[BaseModel]) -> str:
    errors = error.errors(include_url=False)
    # a mistyped key is also a missing one: say what was typed
    first = min(errors, key=lambda one: one["type"] != "extra_forbidden")
    location = tuple(part for part in first["loc"] if part != "[key]")
    key = _dotted(location) or "the file"
    if first["type"] == "extra_forbidden":
        parent = _model_at(model, first["loc"][:-1])
        allowed = parent.model_fields if parent else {}
        return f"{key} is not known; {nearest(str(first['loc'][-1]), allowed)}"
    if first["type"] == "missing":
        return f"{key} is missing"
    if first["type"] == "literal_error":
        given = str(first["loc"][-2] if "[key]" in first["loc"] else first["input"])
        names = [name.strip(" '") for name in first["ctx"]["expected"].replace(" or ", ", ").split(",")]
        return f"{key}: {_shortened(given)} is not known; {nearest(given, names)}"
    words = _WORDS.get(first["type"])
    message = words.format(**first.get("ctx", {})) if words else first["msg"].removeprefix("Value error, ")
    return message if key == "the file" else f"{key} = {_shortened(first['input'])}: {message}"


def _dotted(location: tuple[int | str, ...]) -> str:
    """Write a location as TOML does; the third of a list is [2]."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return text.removeprefix(".")


def _shortened(given: object) -> str:
    """Write a value as its author did, or what fits of it into a line."""
    if isinstance(given, bool | dt.date | dt.time):
        return str(given).lower()
    try:
        written = repr(given)
    except ValueError:  # Python does not write whole numbers of more than 4300 digits
        return "a very large number"
    return written if len(written) < 60 else written[:57] + "..."


def _too_deep(table: object) -> bool:
    """Look whether tables and lists lie in one another deeper than anybody writes them, without recursion."""
    level = [table]
    for _ in range(DEEPEST_TABLE + 1):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return bool(level)


def _model_at(model: type[BaseModel], location: tuple[int | str, ...]) -> type[BaseModel] | None:
    """Follow a location of an error down to the table it lies in."""
    here: Any = model
    for part in location:
        if isinstance(part, int):
            continue  # the list was unwrapped with its field
        if isinstance(here, type) and issubclass(here, BaseModel):
            field = here.model_fields.get(str(part))
            if field is None:
                return None
            here = field.annotation
        else:
            here = typing.get_args(here)[-1]
        here = _only_model(here)
    return here if isinstance(here, type) and issubclass(here, BaseModel) else None


def _only_model(annotation: Any) -> Any:
    """Unwrap ``X | None``, ``tuple[X, ...]`` and the like, where there is just one X."""
    inner = [argument for argument in typing.get_args(annotation) if argument not in (type(None), ...)]
    return _only_model(inner[0]) if len(inner) == 1 else annotation


def bench_file(name: str) -> Loaded[BenchFile]:
    """Read a bench by name or path."""
    return read(find(name, "benches"), BenchFile)


def sample_file(name: str) -> Loaded[Sample]:
    """Read a sample by name or path."""
    return read(find(name, "samples"), Sample)
