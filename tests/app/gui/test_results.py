"""What came of runs: found, opened, laid over one another, analysed again, noted, saved, watched while they grow."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QItemSelectionModel, Qt

from app.gui.growing_run import GrowingRun
from app.gui.results_panel import ResultsPanel
from storage.reader import open_run

LINEARITY = {"tube_currents": "0.4:2.4:3", "repeats": "2", "averages": "1", "dose_time": "0.5", "settling_time": "0.5"}

WRITER = """
import sys
from pathlib import Path
import numpy as np
from storage.layout import AxisLayout, ColumnLayout, RunHeader, StreamLayout
from storage.writer import RunWriter
header = RunHeader("sensitivity of a film", "sensitivity", "uid", "2025-03-01T10:30:00+01:00")
wavelength = AxisLayout("wavelength", "nm", np.linspace(400, 700, 5))
stream = StreamLayout("sweep", (
    ColumnLayout("dose_rate", "Gy/s"),
    ColumnLayout("signal", "nA"),
    ColumnLayout("signal_errors", "nA", errors_of="signal"),
    ColumnLayout("counts", "count", (5,), axes=("wavelength",)),
), (wavelength,), ("dose_rate", "signal"), "Signal")
with RunWriter(Path(sys.argv[1]), header, [stream]) as writer:
    print("begun", flush=True)
    for row, order in enumerate(sys.stdin):
        if order.strip() == "end":
            writer.finish("completed", [], header.start_time)
            break
        values = {"dose_rate": 1e-6 * row, "signal": 5.0 * row, "signal_errors": 0.1, "counts": np.full(5, row)}
        writer.record("sweep", values, float(row))
"""


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two runs that differ in their tube currents."""
    from app.engine.operator import AlwaysYes
    from app.running import opened, plan, request

    folder = tmp_path_factory.mktemp("runs")
    for currents in ("0.4:2.4:3", "0.6:1.8:3"):
        made = plan("rl-linearity", preset="chen24-rl-linearity", settings={**LINEARITY, "tube_currents": currents})
        with opened(made, seed=1, speed="max", operator=AlwaysYes()) as engine:
            engine.run(request(made, folder=folder, seed=1))
    return folder


@pytest.fixture
def panel(qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made = ResultsPanel()
    qtbot.addWidget(made)
    made.resize(950, 650)
    made.show()
    return made


@pytest.fixture
def results(panel: Any, qtbot: Any, measured: Path) -> Any:
    """The panel with the two runs."""
    panel.show_folder(measured)
    qtbot.waitUntil(lambda: panel.model.rowCount() == 2, timeout=10_000)
    return panel


def choose(panel: Any, qtbot: Any, *rows: int) -> None:
    """Choose rows of the table, and wait until they are shown."""
    selection = panel.table.selectionModel()
    selection.clearSelection()
    for row in rows:
        flags = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
        selection.select(panel.sorted.index(row, 0), flags)
    qtbot.waitUntil(lambda: len(panel.view.runs) == len(rows), timeout=10_000)


def saved(panel: Any, qtbot: Any) -> None:
    qtbot.waitUntil(lambda: panel.said.startswith("saved") or "cannot" in panel.said, timeout=20_000)


def test_the_table_says_of_each_run_what_it_was_and_what_came_of_it_and_filters(results: Any) -> None:
    lines = results.model.lines
    assert [(line.procedure, line.status) for line in lines] == [("rl-linearity", "completed")] * 2
    assert all("slope" in line.figures and "±" in line.figures for line in lines)
    assert lines[0].started >= lines[1].started
    results.filter.setText("RL-LIN")
    assert results.sorted.rowCount() == 2
    results.filter.setText("aborted")
    assert results.sorted.rowCount() == 0
    results.filter.setText(lines[1].started[-2:] + "")
    assert results.sorted.rowCount() >= 1


def test_nothing_of_another_run_is_shown_while_a_run_is_read(results: Any, qtbot: Any) -> None:
    choose(results, qtbot, 0)
    path = results.content.path
    results.table.selectRow(1)
    assert not results.content
    assert not results.view.notes.isEnabled()
    assert not results.save.isEnabled()
    qtbot.waitUntil(lambda: results.content is not None, timeout=10_000)
    assert results.content.path != path
    assert results.save.isEnabled()


def test_the_table_is_sorted_by_what_is_clicked(results: Any) -> None:
    results.table.sortByColumn(0, Qt.SortOrder.AscendingOrder)
    times = [results.sorted.index(row, 0).data() for row in range(2)]
    assert times == sorted(times)


def test_two_runs_lie_over_one_another_each_in_its_colour(results: Any, qtbot: Any, tmp_path: Path) -> None:
    choose(results, qtbot, 0, 1)
    plots = results.view.plot_shown
    assert len(plots) == 2
    assert len({label for label, _ in plots}) == 2 or results.model.line(0).started == results.model.line(1).started
    drawing = results.view.drawings.currentWidget().drawing
    assert len(drawing.points) == sum(len(one.points) for _, one in plots)
    shades = results.view.drawings.currentWidget()._shades()[0]
    assert len(set(shades)) == 2
    slopes = [card.figure.value for card in results.view.cards.cards if card.figure.name == "slope"]
    assert len(slopes) == 2
    results.write_picture(tmp_path / "both.svg")
    saved(results, qtbot)
    assert (tmp_path / "both.svg").read_text().count("<svg") == 1


def test_a_run_is_analysed_again_with_other_options_and_its_file_stays(results: Any, qtbot: Any) -> None:
    choose(results, qtbot, 0)
    before = results.content
    bytes_before = before.path.read_bytes()
    results.view.options.field("band_start").editor.setText("530")
    results.view.again.click()
    qtbot.waitUntil(lambda: results.content is not None and results.content.again, timeout=10_000)
    slope = {
        run: next(one.value for one in run_.figures if one.name == "slope")
        for run, run_ in (("before", before), ("after", results.content))
    }
    assert slope["after"] < 0.95 * slope["before"]
    assert "not in the file" in results.said
    assert before.path.read_bytes() == bytes_before


def test_pictures_tables_and_a_report_are_saved(results: Any, qtbot: Any, tmp_path: Path) -> None:
    choose(results, qtbot, 0)
    for name, write, begins in (
        ("plot.png", results.write_picture, b"\x89PNG"),
        ("plot.svg", results.write_picture, b"<?xml"),
        ("figures.csv", results.write_csv, b"run,figure,at,value"),
        ("page.html", results.write_report, b"<!"),
    ):
        write(tmp_path / name)
        saved(results, qtbot)
        assert (tmp_path / name).read_bytes().lower().startswith(begins.lower()), results.said
    results.write_records(tmp_path / "records.csv")
    saved(results, qtbot)
    with (tmp_path / "records-sweep.csv").open() as file:
        rows = list(csv.reader(file))
    with open_run(results.content.path) as run:
        assert len(rows) == 1 + run.streams["sweep"].rows
    with (tmp_path / "figures.csv").open() as file:
        table = list(csv.DictReader(file))
    slope = next(one for one in results.content.figures if one.name == "slope")
    assert [float(row["value"]) for row in table if row["figure"] == "slope"] == [slope.value]
    page = (tmp_path / "page.html").read_text()
    assert results.content.path.name in page or results.content.title in page


def test_a_folder_that_cannot_be_written_is_said(results: Any, qtbot: Any, tmp_path: Path) -> None:
    choose(results, qtbot, 0)
    for write in (results.write_csv, results.write_picture, results.write_report):
        write(tmp_path / "nowhere" / "file.png")
        saved(results, qtbot)
        assert "cannot be written" in results.said


def test_a_note_and_tags_are_kept_in_the_file_and_found(results: Any, qtbot: Any) -> None:
    choose(results, qtbot, 1)
    path = results.content.path
    page = results.view.notes
    page.author.setText("A. Operator")
    page.text.setPlainText("Crystal turned by 90 degrees.")
    page.attach.click()
    qtbot.waitUntil(lambda: "Crystal turned" in page.shown, timeout=10_000)
    page.tags.setText("thesis, good")
    page.set_tags.click()
    qtbot.waitUntil(lambda: any(line.tags == "good, thesis" for line in results.model.lines), timeout=10_000)
    with open_run(path) as run:
        assert [(note.author, note.text) for note in run.notes] == [("A. Operator", "Crystal turned by 90 degrees.")]
        assert run.verify()
    results.filter.setText("thesis")
    assert results.sorted.rowCount() == 1
    # the table may hear of the tags from the file before the page has heard that it is written
    qtbot.waitUntil(page.attach.isEnabled, timeout=10_000)
    page.attach.click()
    qtbot.waitUntil(lambda: "empty" in results.said, timeout=10_000)


def test_a_run_that_another_program_measures_is_seen_and_watched_to_its_end(
    panel: Any, qtbot: Any, tmp_path: Path
) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    panel.show_folder(folder)
    qtbot.waitUntil(lambda: not panel._lister.busy, timeout=5_000)
    with writing(folder / "run.h5") as writer:
        qtbot.waitUntil(lambda: panel.model.rowCount() == 1, timeout=15_000)
        assert panel.model.line(0).status == "running"
        tell(writer, "row\n" * 3)
        panel.table.selectRow(0)
        qtbot.waitUntil(
            lambda: panel.view.growing is not None and panel.view.growing.rows("sweep") == 3, timeout=10_000
        )
        growing = panel.view.growing
        assert growing.plots.count() == 2
        tell(writer, "row\n" * 2)
        qtbot.waitUntil(lambda: growing.rows("sweep") == 5, timeout=10_000)
        assert growing._buffers["sweep"].column("signal").tolist() == [0, 5, 10, 15, 20]
        assert growing._buffers["sweep"].arrays["counts"][-1].tolist() == [4] * 5
        assert "another program, 5 records" in panel.said
        tell(writer, "end\n")
        qtbot.waitUntil(lambda: panel.content is not None and panel.content.status == "completed", timeout=10_000)
    assert panel.view.growing is None


def test_a_run_whose_program_was_killed_is_watched_no_more(tmp_path: Path) -> None:
    with writing(tmp_path / "run.h5") as writer:
        tell(writer, "row\n" * 3)
        with GrowingRun(tmp_path / "run.h5") as run:
            assert not run.ended
            writer.kill()
            writer.wait()
            assert run.ended


class writing:  # noqa: N801  (reads as a statement)
    """Another program that writes a run file as it is told."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", WRITER, str(self._path)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "begun\n"
        return self._process

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()


def tell(writer: subprocess.Popen[str], orders: str) -> None:
    assert writer.stdin is not None
    writer.stdin.write(orders)
    writer.stdin.flush()
