"""Pages that the program writes about itself: the command's options, procedures and parameters, presets, drivers."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from app.cli.main import COMMANDS, parser
from drivers.registry import drivers
from procedures.registry import preset, preset_files, procedure_class, procedures

GENERATED = "reference/generated"


def cell(text: Any) -> str:
    """Write a table's cell in Markdown."""
    return " ".join(str(text).split()).replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*") or " "


def table(head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> str:
    """Write a table in Markdown."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell(part) for part in line) + " |" for line in lines) + "\n"


def subcommands() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Make the parser of every command, in the order of the help."""
    for name in COMMANDS:
        for action in parser(name)._actions:
            if isinstance(action, argparse._SubParsersAction):
                yield name, action.choices[name]


def command_page() -> str:
    """Describe every command from the parser that reads its words."""
    parts = []
    for name, one in subcommands():
        one.prog = f"xraybench {name}"
        rows = [
            (", ".join(f"`{word}`" for word in action.option_strings) or f"`{action.metavar or action.dest}`",
             action.help or "")
            for action in one._actions
            if action.help is not argparse.SUPPRESS and action.dest != "help"
        ]  # fmt: skip
        parts.append(f"## {name}\n\n{one.description or ''}\n\n```text\n{one.format_usage().strip()}\n```\n")
        if rows:
            parts.append(table(("argument", "meaning"), rows))
    return "\n".join(parts)


def allowed(parameter: Any) -> str:
    """Say what a parameter may be."""
    choices = getattr(parameter, "choices", None)
    if choices:
        return ", ".join(str(choice) for choice in choices)
    low, high = (getattr(parameter, end, None) for end in ("minimum", "maximum"))
    return "" if low is None or high is None else f"{low:g} to {high:g}"


def procedures_page() -> str:
    """Describe every procedure from its own declarations."""
    parts = []
    for name in procedures():
        kind = procedure_class(name)
        needs = ", ".join(role.__name__ for role in kind.needs) or "nothing"
        rows = [
            (f"`{key}`", getattr(one, "units", "") or "", one.default, allowed(one),
             ": ".join(part for part in (one.name, one.description or "") if part))
            for key, one in kind.declared_parameters().items()
        ]  # fmt: skip
        streams = [
            (f"`{stream.name}`", stream.title, ", ".join(f"{key} ({unit})" for key, unit in stream.scalars.items()))
            for stream in kind.streams()
        ]
        parts.append(f"({name})=\n## {name}\n\n{kind.description()} It needs: {needs}.\n")
        parts.append(table(("parameter", "unit", "default", "allowed", "meaning"), rows))
        parts.append(table(("stream", "what", "numbers in a record"), streams))
    return "\n".join(parts)


def presets_page() -> str:
    """List the presets."""
    rows = [
        (f"`{name}`", f"`{one.procedure}`", one.title, f"`{one.sample}`" if one.sample else "")
        for name, one in ((name, preset(name).content) for name in preset_files())
    ]
    return table(("preset", "procedure", "what", "sample"), rows)


def drivers_page() -> str:
    """List the drivers."""
    rows = [(f"`{one.name}`", one.role, f"`{one.target}`") for one in drivers().values()]
    return table(("driver", "role", "class"), rows)


def write(app: Sphinx) -> None:
    """Write the pages before the sources are read; only what has changed, so that a second build is quick."""
    folder = Path(app.srcdir) / GENERATED
    folder.mkdir(parents=True, exist_ok=True)
    pages = {
        "command": ("The command", "Every command and its options, as the program reads them.", command_page),
        "procedures": (
            "Procedures",
            "What can be measured, with every parameter and what is recorded.",
            procedures_page,
        ),
        "presets": ("Presets", "Settings of published measurements.", presets_page),
        "drivers": ("Drivers", "What a bench file can name.", drivers_page),
    }
    for name, (title, line, make) in pages.items():
        path, text = folder / f"{name}.md", f"# {title}\n\n{line}\n\n{make()}"
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
