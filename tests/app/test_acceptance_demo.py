"""The demo does the main job start to finish, soon, and every interval holds the world's truth."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from storage.reader import verify


def test_the_demo_finds_the_worlds_truth_within_a_minute(command: Any, tmp_path: Path) -> None:
    started = time.monotonic()
    said = command("demo", "--out", tmp_path, "--json")
    took = time.monotonic() - started
    assert said.status == 0, said.err
    assert said.err == ""
    assert took < 60
    document = said.document
    assert [run["procedure"] for run in document["runs"]] == ["rl-spectrum", "rl-linearity", "sensitivity"]
    for run in document["runs"]:
        assert run["status"] == "completed"
        assert run["journal"] == []
        assert verify(Path(run["run_file"]))
    table = document["table"]
    scored = [row for row in table if row["truth"] is not None and row["value"] is not None]
    assert {row["figure"] for row in scored} >= {
        "peak_wavelength", "fwhm", "slope", "exponent", "sensitivity", "lod_line", "lod_iupac", "lod_currie",
        "dark_current_density", "normalized_sensitivity", "s0_spectral",
    }  # fmt: skip
    assert [row for row in scored if row["holds"] is not True] == []
    published = {(row["figure"], row["at"]): row["published"] for row in table if row["published"]}
    assert published["sensitivity", "field -100 V/cm"] == "13 700 uC/(Gy cm2)"
    assert published["r2", ""] == "0.993"
    pictures = [Path(name) for name in document["pictures"]]
    assert [picture.with_suffix(".h5") for picture in pictures] == [Path(run["run_file"]) for run in document["runs"]]
    assert all(picture.read_bytes().startswith(b"\x89PNG") for picture in pictures)
