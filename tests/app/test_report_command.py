"""``xraybench report``: everything on one page that asks nobody for anything; what somebody typed stays text."""

from __future__ import annotations

import csv
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from analysis.figure import FigureOfMerit
from app.pytest_plugin import SimulatedBench
from config.loading import Loaded, sample_file
from procedures.iv import CurrentVoltage
from procedures.rl_spectrum import RLSpectrum
from storage.notes import add_note, add_tag
from storage.reader import open_run

pytestmark = pytest.mark.usefixtures("untraced")

HOSTILE = '<script>fetch("http://evil.example/")</script> --><img src=x onerror=a()> $\\frac{ & \'{{7*7}}'


class Page(HTMLParser):
    """Everything in a page that a browser acts upon."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.policy = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        given = dict(attrs)
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"]

    def handle_data(self, data) -> None:
        self.texts.append(data)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("measured")
    shipped = sample_file("dong24-mixed")
    sample = Loaded(shipped.content.model_copy(update={"name": HOSTILE}), shipped.text, shipped.path)
    opened = SimulatedBench(folder, sample=sample)
    try:
        outcome = opened.run(CurrentVoltage(), voltages="-10:10:11", readings=4)
    finally:
        opened.close()
    assert outcome.run_file is not None
    add_note(outcome.run_file, f"second contact {HOSTILE}", HOSTILE)
    add_tag(outcome.run_file, "<b>paper</b>")
    return Path(shutil.move(outcome.run_file, folder / "run.h5"))


def test_the_page_holds_everything_and_escapes_it(measured, tmp_path, command) -> None:
    out = tmp_path / "page.html"
    said = command("report", measured, "--out", out)
    assert said.status == 0, said.err
    text = out.read_text()
    page = Page(text)
    assert not page.tags & {"script", "img", "iframe", "object", "embed", "link", "base", "form", "b"}
    assert page.policy.startswith("default-src 'none'")
    shown = " ".join(page.texts)
    assert HOSTILE in shown
    assert "{{7*7}}" in shown
    assert "second contact" in shown
    assert "<b>paper</b>" in shown
    assert "evil.example" not in re.sub(r"&lt;script&gt;.*?&lt;/script&gt;", "", text), "also not within the plots"
    with open_run(measured) as file:
        for figure in file.figures:
            assert figure["name"] in shown
            assert figure["method"] in shown
            assert all(str(warning) in shown for warning in FigureOfMerit.from_dict(figure).warnings)
        assert file.uid in shown
        assert str(file.provenance["bench_file"]).splitlines()[0] in shown
        # those of level debug come when the disk takes its time, and are for whoever looks into the file
        assert all(str(event["message"]) in shown for event in file.journal if event["level"] != "debug")
    for heading in ("Figures of merit", "Uncertainty budget", "Settings", "Journal", "Provenance", "Bench sim"):
        assert heading in shown
    assert "simulated bench" in shown
    assert "svg" in page.tags


def test_the_page_makes_no_request(measured, tmp_path, command) -> None:
    command("report", measured, "--out", tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    for name, value in Page(text).attributes:
        if name in ("src", "href", "xlink:href", "data", "action", "srcset", "poster"):
            assert value.startswith("#"), f"{name}={value}"
        if not name.startswith("xmlns"):
            assert all(part.startswith("#") for part in re.findall(r"url\(['\"]?([^)]*)", value)), value
    assert "@import" not in text


def test_the_budget_adds_up(measured) -> None:
    from app.report.run_chapter import budget_table

    figure = FigureOfMerit.normal("slope", 100.0, "V", "m", statistical=3.0, systematic=4.0)
    ((name, _, statistical, systematic, _, combined),) = budget_table([figure]).rows
    assert (name, statistical, systematic, combined) == ("slope", "3 (36 %)", "4 (64 %)", "5 V = 5 %")


def test_a_run_that_was_not_completed_or_was_changed_says_so_first(measured, tmp_path) -> None:
    import h5py

    from app.report.run_chapter import chapter

    changed = tmp_path / "changed.h5"
    shutil.copyfile(measured, changed)
    with h5py.File(changed, "r+") as file:
        file["entry/curve/current"][0] = 1.0
    assert any("curve/current" in warning for warning in chapter(changed).warnings)


def test_pdf_and_several_runs(measured, tmp_path, command) -> None:
    second = tmp_path / "second.h5"
    shutil.copyfile(measured, second)
    assert command("report", measured, second, "--out", tmp_path / "both.pdf").status == 0
    written = (tmp_path / "both.pdf").read_bytes()
    assert written.startswith(b"%PDF")
    assert len(written) > 50_000
    assert command("report", measured, second, "--out", tmp_path / "both.html").status == 0
    assert (tmp_path / "both.html").read_text().count("<section") == 2


def test_figures_are_as_wide_as_a_column_and_streams_come_back_from_csv(measured, tmp_path, command) -> None:
    from PIL import Image

    said = command("report", measured, "--out", tmp_path / "r.html", "--figures", "--csv", "--json").document
    names = {Path(path).name for path in said["written"]}
    assert {f"run-figure-1.{suffix}" for suffix in ("png", "svg", "pdf")} | {"run-curve.csv"} <= names
    with Image.open(tmp_path / "run-figure-1.png") as image:
        assert image.width == pytest.approx(8.5 / 2.54 * 600, abs=2)
    rows = list(csv.reader((tmp_path / "run-curve.csv").read_text().splitlines()))
    with open_run(measured) as file:
        column = rows[0].index("current (A)")
        assert [float(row[column]) for row in rows[1:]] == file.streams["curve"]["current"].tolist(), "to the last bit"


@pytest.mark.simulated_bench(sample="chen24-pnc-silicone")
def test_spectra_are_a_table_with_their_wavelengths(simulated_bench, tmp_path) -> None:
    from app.report.stream_tables import save_streams

    outcome = simulated_bench.run(RLSpectrum(), averages=1, dose_time=1)
    _, left_out = save_streams(outcome.run_file, tmp_path / "s")
    assert left_out == []
    rows = list(csv.reader((tmp_path / "s-spectra-counts.csv").read_text().splitlines()))
    with open_run(outcome.run_file) as file:
        stream = file.streams["spectra"]
        assert np.array_equal(np.array(rows[0][2:], dtype=float), stream.axes["wavelength"])
        assert np.array_equal(np.array([row[2:] for row in rows[1:]], dtype=float), stream["counts"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--out", "x.h5"], "must end in .html or .pdf"),
        (["--out", "x.pdf", "--format", "html"], "must end in .html"),
        (["--figures", "gif"], "png,svg,pdf"),
        (["--width", "1", "--figures"], "3 to 30 cm"),
        (["nowhere.h5"], "nowhere.h5"),
    ],
)
def test_a_mistake_gets_one_line_and_writes_nothing(words, said, measured, command, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(measured.parent.iterdir())
    answer = command("report", measured, *words)
    assert (answer.status, answer.out, len(answer.err.splitlines())) == (2, "", 1)
    assert said in answer.err
    assert sorted(measured.parent.iterdir()) == before
    assert list(tmp_path.iterdir()) == []
