"""Thousands of damaged and hostile run files: each is read or refused with one line, and harms nobody."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.storage.conftest import ROOT
from tests.storage.mutations import SECRET

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows limits no process's memory")


def read_mutations(folder: Path, first: int, last: int) -> tuple[Counter[str], list[str]]:
    """Read mutations in a process that may crash; return how they ended, and those that ended ill."""
    (folder / "secret.bin").write_bytes(SECRET)
    ended: Counter[str] = Counter()
    ill: list[str] = []
    while first < last:
        arguments = [str(folder), str(first), str(last)]
        process = subprocess.run(
            [sys.executable, "-m", "tests.storage.mutations", *arguments], cwd=ROOT, capture_output=True, text=True
        )
        lines = process.stdout.splitlines()
        assert lines, process.stderr
        for line in lines:
            seed, kind, said = line.split("\t")
            said = said or f"the process died of signal {-process.returncode}"
            ended[said if said in ("read", "refused") else "ill"] += 1
            if said not in ("read", "refused"):
                ill.append(f"seed {seed}, {kind}: {said}")
        first = int(seed) + 1
    return ended, ill


def test_damaged_and_hostile_files_harm_nobody(tmp_path: Path) -> None:
    ended, ill = read_mutations(tmp_path, 0, 50)
    assert not ill, "\n".join(ill)
    assert ended["refused"] > 17
    assert ended["read"] > 5


def test_a_heap_in_which_the_library_would_run_for_ever_is_refused(tmp_path: Path) -> None:
    assert read_mutations(tmp_path, 10567, 10568) == (Counter(refused=1), [])


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_thousands_of_damaged_and_hostile_files_harm_nobody(tmp_path: Path) -> None:
    ended, ill = read_mutations(tmp_path, 1000, 6000)
    print(dict(ended))  # noqa: T201
    assert not ill, "\n".join(ill)
