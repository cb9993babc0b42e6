"""Find a bench or sample file by name or path and read it; a mistake in it gets one line."""

from __future__ import annotations

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

LARGEST_FILE = 1_000_000
"""Bytes; a bench or sample file is a page of text, anything above is another kind of file."""


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
    path = Path(name).expanduser()
    if path.suffix == ".toml" or len(path.parts) > 1:
        if path.is_file():
            return path
        raise UserMistake(f"{kind.removesuffix('s').removesuffix('e')} file {name}: there is no such file")
    raise UserMistake(f"no {'bench' if kind == 'benches' else 'sample'} is named '{name}': {nearest(name, known)}")


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
        raise UserMistake(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserMistake(f"{path}: is no text file in UTF-8 (byte {error.start})") from error
    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UserMistake(f"{path}: is no valid TOML: {error}") from error
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


def _explain(error: ValidationError, model: type[BaseModel]) -> str:
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"] if part != "[key]") or "the file"
    if first["type"] == "extra_forbidden":
        parent = _model_at(model, first["loc"][:-1])
        allowed = parent.model_fields if parent else {}
        return f"{key} is not known; {nearest(str(first['loc'][-1]), allowed)}"
    if first["type"] == "missing":
        return f"{key} is missing"
    if first["type"] == "literal_error":
        given = str(first["loc"][-2] if "[key]" in first["loc"] else first["input"])
        names = [name.strip(" '") for name in first["ctx"]["expected"].replace(" or ", ", ").split(",")]
        return f"{key}: '{given}' is not known; {nearest(given, names)}"
    message = first["msg"].removeprefix("Value error, ")
    given = repr(first["input"])
    shown = given if len(given) < 60 else given[:57] + "..."
    return message if key == "the file" else f"{key} = {shown}: {message[:1].lower()}{message[1:]}"


def _model_at(model: type[BaseModel], location: tuple[int | str, ...]) -> type[BaseModel] | None:
    """Follow a location of an error down to the table it lies in."""
    here: Any = model
    for part in location:
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
