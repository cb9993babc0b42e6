"""Run what the pages show: every block of Python and of commands, every bench and sample file.

Each page has a folder of its own. A block whose first line is ``# NAME.py`` or ``# NAME.toml`` is written to that file;
bench and sample files are read by the program as well. Blocks in the language ``console`` show what needs hardware, a
window or the machine's own package manager; they are not run.
"""

from __future__ import annotations

import contextlib
import glob
import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from sybil import Example, Sybil
from sybil.parsers.myst import CodeBlockParser

from app.cli.main import main
from config.loading import bench_file, sample_file

NAMED = re.compile(r"# (\S+\.(?:py|toml))\n")


def written(text: str) -> Path | None:
    """Write a block that names a file; return where."""
    named = NAMED.match(text)
    if named is None:
        return None
    path = Path(named.group(1))
    path.write_text(text, encoding="utf-8")
    return path


def run_python(example: Example) -> None:
    """Run a block of Python, after those above it on the page."""
    if written(example.parsed) is None:
        code = compile("\n" * example.line + example.parsed, example.path, "exec")
        with contextlib.redirect_stdout(io.StringIO()):
            exec(code, example.namespace)


def read_toml(example: Example) -> None:
    """Read a bench or sample file as the program does."""
    path = written(example.parsed)
    if path is not None:
        read = sample_file if re.search(r"^composition = ", example.parsed, re.MULTILINE) else bench_file
        read(f"./{path}")


def words_of(line: str) -> list[str]:
    """Split a line as a shell would, the newest file for a pattern."""
    words = []
    for word in shlex.split(line, comments=True):
        found = sorted(glob.glob(word), key=os.path.getmtime) if "*" in word else []
        words.append(found[-1] if found else word)
    return words


def run_commands(example: Example) -> None:
    """Run a block of commands; each must succeed, or fail as a remark above it says."""
    expected = 0
    for line in example.parsed.replace("\\\n", " ").splitlines():
        if told := re.match(r"# exits with (\d)", line):
            expected = int(told.group(1))
            continue
        words = words_of(line)
        if not words:
            continue
        if words[0] == "xraybench":
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as said:
                try:
                    status = main(words[1:])
                except SystemExit as ended:
                    status = int(ended.code or 0)
            message = said.getvalue()
        else:
            done = subprocess.run(
                [sys.executable if words[0] == "python" else words[0], *words[1:]],
                capture_output=True,
                text=True,
                check=False,
            )
            status, message = done.returncode, done.stdout + done.stderr
        if status != expected:
            raise AssertionError(f"{line}\nexit status {status}\n{message}")
        expected = 0


def enter(namespace: dict[str, Any]) -> None:
    """Give the page a folder, and the user no files."""
    folder = tempfile.TemporaryDirectory()
    namespace["_left"] = contextlib.ExitStack()
    stack = namespace["_left"]
    stack.enter_context(folder)
    stack.enter_context(contextlib.chdir(folder.name))
    patch = pytest.MonkeyPatch()
    stack.callback(patch.undo)
    patch.setenv("HOME", folder.name)
    patch.setenv("XDG_CONFIG_HOME", f"{folder.name}/.config")
    patch.setenv("PYTHONPATH", os.pathsep.join((folder.name, str(Path(__file__).parent.parent))))
    patch.syspath_prepend(folder.name)


def leave(namespace: dict[str, Any]) -> None:
    """Take the folder away."""
    namespace["_left"].close()


pytest_collect_file = Sybil(
    parsers=[
        CodeBlockParser("python", run_python),
        CodeBlockParser("toml", read_toml),
        CodeBlockParser("sh", run_commands),
    ],
    patterns=["*.md"],
    excludes=["decisions/*", "changelog.md", "contributing.md", "reference/*"],
    setup=enter,
    teardown=leave,
).pytest()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the blocks of a page in their order, which pytest-randomly would shuffle."""
    here = Path(__file__).parent
    places = [place for place, item in enumerate(items) if here in item.path.parents]
    ordered = sorted((items[place] for place in places), key=lambda item: (item.path, item.location[1] or 0))
    for place, item in zip(places, ordered, strict=True):
        items[place] = item
