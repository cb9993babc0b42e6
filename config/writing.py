"""Write a bench or sample as TOML, anew or into a text that keeps its comments."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, MutableMapping
from typing import Any

from pydantic import BaseModel


def to_toml(content: BaseModel) -> str:
    """Write a bench or a sample as TOML; reading it gives the same again.

    Parameters
    ----------
    content
        A `config.bench_file.BenchFile` or a `config.sample_file.Sample`.
    """
    import tomlkit

    return tomlkit.dumps(_table(content))


def into_toml(text: str, content: BaseModel) -> str:
    """Write what has changed into a text; comments, order and whatever did not change stay as they are.

    Where the text cannot be changed so that it says the same as `content`, it is written anew, without its comments.

    Parameters
    ----------
    text
        A valid file of the same kind.
    content
        What it shall say from now on.

    Raises
    ------
    ValueError
        If `text` is no valid file of this kind (`pydantic.ValidationError`, `tomllib.TOMLDecodeError`).
    """
    import tomlkit

    before = type(content).model_validate(tomllib.loads(text))
    document = tomlkit.parse(text)
    _change(document, _table(before), _table(content))
    changed = tomlkit.dumps(document)
    return changed if _says(changed, content) else to_toml(content)


def _says(text: str, content: BaseModel) -> bool:
    try:
        return type(content).model_validate(tomllib.loads(text)) == content
    except ValueError:
        return False


def _table(content: BaseModel) -> dict[str, Any]:
    """Return what TOML can hold of a model: lists for tuples, and nothing where there is nothing."""
    plain = _plain(content.model_dump(exclude_none=True))
    assert isinstance(plain, dict)  # noqa: S101  (a model is a table)
    return plain


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(inner) for inner in value]
    return value


def _change(written: MutableMapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    for key in before.keys() - after.keys():
        written.pop(key, None)
    for key, value in after.items():
        if key in before and before[key] == value:
            continue  # also what stands in no file because it is the default
        inner = written.get(key)
        if value and isinstance(value, Mapping) and isinstance(inner, MutableMapping):
            _change(inner, before.get(key, {}), value)
        else:
            if value == {}:
                written.pop(key, None)  # an emptied table would leave nothing behind otherwise
            written[key] = value
