import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from storage.errors import RunFileError, UnwritableRunFolder
from storage.layout import ColumnLayout, RunHeader, StreamLayout
from storage.reader import open_run, verify
from storage.seal import append_analysis
from storage.writer import RunWriter

END = "2025-03-01T12:30:00+01:00"
Point = Callable[[int], dict[str, float]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.h5"


def test_every_record_comes_back_in_order(
    path: Path, header: RunHeader, sweep: StreamLayout, spectra: StreamLayout, point: Point
) -> None:
    rng = np.random.default_rng(1)
    counts = rng.normal(size=(300, 64))
    with RunWriter(path, header, [sweep, spectra], flush_after=0.001) as writer:
        for n in range(3000):
            writer.record("sweep", point(n), n * 0.5)
            if n % 10 == 0:
                spectrum = counts[n // 10].copy()
                writer.record("spectra", {"dose_rate": n, "counts": spectrum, "counts_errors": abs(spectrum)}, n)
                spectrum[:] = 0  # the procedure may use its array again
        writer.finish("completed", [], END)
    with open_run(path) as run:
        assert list(run.streams) == ["sweep", "spectra"]
        assert np.array_equal(run.streams["sweep"]["time"], np.arange(3000) * 0.5)
        for column, value in point(0).items():
            assert np.array_equal(run.streams["sweep"][column], np.arange(3000) + value)
        assert np.array_equal(run.streams["spectra"]["counts"], counts)
        assert np.array_equal(run.streams["spectra"].read("counts", 5, 7), counts[5:7])
        assert np.array_equal(run.axes["spectra"]["wavelength"], spectra.axes[0].values)
        assert run.units["spectra"] == {
            "time": "s",
            "dose_rate": "Gy/s",
            "counts": "count",
            "counts_errors": "count",
            "wavelength": "nm",
        }
        assert run.streams["sweep"].layout == sweep
        assert run.verify()


def test_images_come_back_with_and_without_compression(path: Path, header: RunHeader) -> None:
    pytest.importorskip("hdf5plugin")
    frames = np.random.default_rng(2).integers(0, 2**16, size=(20, 48, 32), dtype="u2")
    stream = StreamLayout(
        "frames",
        (
            ColumnLayout("raw", "count", (48, 32), "u2"),
            ColumnLayout("packed", "count", (48, 32), "u2", compression="bitshuffle-lz4"),
            ColumnLayout("exposure", "ms", dtype="u4"),
        ),
    )
    with RunWriter(path, header, [stream], flush_after=0.001) as writer:
        for n, frame in enumerate(frames):
            writer.record("frames", {"raw": frame, "packed": frame.astype("i8"), "exposure": 5000}, n)
        writer.finish("completed", [], END)
    with open_run(path) as run:
        assert np.array_equal(run.streams["frames"]["raw"], frames)
        assert np.array_equal(run.streams["frames"]["packed"], frames)
        assert run.streams["frames"]["exposure"].dtype == np.dtype("u4")
    assert verify(path)


def test_an_optional_column_left_out_is_nan_and_a_nan_stays_one(
    path: Path, header: RunHeader, sweep: StreamLayout, point: Point
) -> None:
    with RunWriter(path, header, [sweep]) as writer:
        incomplete = point(0)
        del incomplete["temperature"]
        writer.record("sweep", incomplete, 0)
        writer.record("sweep", {**point(1), "signal_errors": np.nan}, 1)
        writer.finish("completed", [], END)
    with open_run(path) as run:
        assert np.isnan(run.streams["sweep"]["temperature"]).tolist() == [True, False]
        assert np.isnan(run.streams["sweep"]["signal_errors"]).tolist() == [False, True]


@pytest.mark.parametrize(
    ("stream", "change", "time", "what"),
    [
        ("seep", {}, 0.0, "no stream 'seep'"),
        ("sweep", {"signal": None}, 0.0, "signal = None is no number"),
        ("sweep", {"signal": "3"}, 0.0, "signal = '3' is no number"),
        ("sweep", {"signals": 1.0}, 0.0, r"unknown \['signals'\]"),
        ("sweep", {}, float("nan"), "time of a record cannot be nan"),
        ("frames", {"image": np.full((4, 5), -1), "n": 1}, 0.0, "-1 to -1 does not fit into uint16"),
        ("frames", {"image": np.full((4, 5), 0.5), "n": 1}, 0.0, "0.5 to 0.5 does not fit"),
        ("frames", {"image": np.zeros((5, 4)), "n": 1}, 0.0, r"not numbers of shape \(4, 5\)"),
        ("frames", {"image": np.zeros((4, 5)), "n": 300}, 0.0, "does not fit into uint8"),
        ("frames", {"n": 3}, 0.0, r"without \['image'\]"),
    ],
)
def test_a_record_that_does_not_fit_is_refused_whole_and_the_run_goes_on(
    path: Path,
    header: RunHeader,
    sweep: StreamLayout,
    point: Point,
    stream: str,
    change: dict[str, object],
    time: float,
    what: str,
) -> None:
    frames = StreamLayout("frames", (ColumnLayout("image", "1", (4, 5), "u2"), ColumnLayout("n", "1", dtype="u1")))
    with RunWriter(path, header, [sweep, frames]) as writer:
        with pytest.raises(ValueError, match=what):
            writer.record(stream, change if stream == "frames" else {**point(0), **change}, time)
        writer.record("sweep", point(1), 1.0)
        assert writer.error is None
        writer.finish("completed", [], END)
    with open_run(path) as run:
        assert (run.streams["sweep"].rows, run.streams["frames"].rows) == (1, 0)


def test_records_from_several_threads_are_all_kept(path: Path, header: RunHeader) -> None:
    stream = StreamLayout("s", (ColumnLayout("thread", "1"), ColumnLayout("n", "1")))
    with RunWriter(path, header, [stream], flush_after=0.001) as writer:

        def measure(thread: int) -> None:
            for n in range(2000):
                writer.record("s", {"thread": thread, "n": n}, n)

        threads = [threading.Thread(target=measure, args=(i,)) for i in range(4)]
        for measuring in threads:
            measuring.start()
        for measuring in threads:
            measuring.join()
        writer.finish("completed", [], END)
    with open_run(path) as run:
        for thread in range(4):
            own = run.streams["s"]["n"][run.streams["s"]["thread"] == thread]
            assert np.array_equal(own, np.arange(2000))


def test_a_measurement_faster_than_the_disk_waits_and_loses_nothing(path: Path, header: RunHeader) -> None:
    stream = StreamLayout("s", (ColumnLayout("trace", "V", (1000,)),))
    with RunWriter(path, header, [stream], max_pending_bytes=50_000) as writer:
        for n in range(300):
            writer.record("s", {"trace": np.full(1000, n)}, n)
            assert writer._pending_bytes <= 60_000
        writer.finish("completed", [], END)
    with open_run(path) as run:
        assert np.array_equal(run.streams["s"]["trace"][:, -1], np.arange(300))
        assert [e["kind"] for e in run.journal].count("writer_behind") == 1
        (told,) = (e for e in run.journal if e["kind"] == "writer_waited")
        assert int(str(told["waits"])) > 1
        assert 0 < float(str(told["seconds"])) < 60


def test_a_disk_that_hangs_ends_the_run_instead_of_hanging_it(
    path: Path, header: RunHeader, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = StreamLayout("s", (ColumnLayout("trace", "V", (1000,)),))
    hang = threading.Event()
    writer = RunWriter(path, header, [stream], max_pending_bytes=10_000, patience=0.05)
    write = writer._file.write
    monkeypatch.setattr(writer._file, "write", lambda blocks: (hang.wait(), write(blocks)))
    writer.record("s", {"trace": np.zeros(1000)}, 0)
    with pytest.raises(RunFileError, match=r"not kept up for 0\.05 s"):
        writer.record("s", {"trace": np.zeros(1000)}, 1)
    hang.set()
    writer.close()


def test_a_record_is_visible_within_a_tenth_of_a_second(
    path: Path, header: RunHeader, sweep: StreamLayout, point: Point
) -> None:
    with RunWriter(path, header, [sweep]) as writer:
        flushed = threading.Event()
        write = writer._file.write
        writer._file.write = lambda blocks: (write(blocks), flushed.set())
        delays = []
        for n in range(5):
            flushed.clear()
            recorded = time.perf_counter()
            writer.record("sweep", point(n), n)
            assert flushed.wait(5)
            delays.append(time.perf_counter() - recorded)
    assert sorted(delays)[2] < 0.1


def test_an_event_is_in_the_journal_when_the_call_returns_and_in_the_file_at_the_end(
    path: Path, header: RunHeader, sweep: StreamLayout
) -> None:
    journal = path.with_name("run.journal.jsonl")
    with RunWriter(path, header, [sweep]) as writer:
        writer.event(1.5, "warning", "trip", "Röhre\nüberlastet", voltage_kv=np.float64(61.0), fault=OSError(5))
        event = json.loads(journal.read_text().splitlines()[-1])
        assert (event["time"], event["kind"], event["voltage_kv"], event["fault"]) == (1.5, "trip", 61.0, "OSError(5)")
        writer.finish("aborted", [], END)
    assert not journal.exists()
    with open_run(path) as run:
        assert run.journal[-1] == event
        assert run.status == "aborted"


def test_a_journal_that_cannot_be_written_is_raised_by_the_next_record_not_by_the_event(
    path: Path, header: RunHeader, sweep: StreamLayout, point: Point, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RunWriter(path, header, [sweep]) as writer:

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(writer._journal, "event", full)
        writer.event(0, "info", "x", "y")
        with pytest.raises(RunFileError, match="journal cannot be written: No space left"):
            writer.record("sweep", point(0), 0)
        assert writer.error is not None


FIGURES: list[dict[str, object]] = [
    {
        "name": "sensitivity",
        "at": {"field": [-100, "V/cm"]},
        "value": 13_700.1,
        "uncertainty": 0.1 + 0.2,
        "interval": [13_000.0, 14_000.0],
        "unit": "uC/(Gy cm2)",
        "method": "weighted line",
        "warnings": ["gain"],
    },
    {"name": "sensitivity", "at": {"field": [-300, "V/cm"]}, "value": 29_721.4, "unit": "uC/(Gy cm2)"},
    {"name": "lod_interpolated", "value": None, "unit": "nGy/s", "warnings": ["no data bracket SNR = 3"]},
]


def test_figures_come_back_bit_for_bit_and_in_order(path: Path, header: RunHeader, sweep: StreamLayout) -> None:
    with RunWriter(path, header, [sweep]) as writer:
        writer.finish("completed", FIGURES, END)
    with open_run(path) as run:
        assert list(run.figures) == FIGURES
        assert run.file["entry/analysis/0001/sensitivity/value"].attrs["units"] == "uC/(Gy cm2)"
        assert run.file["entry/analysis/0001/sensitivity_2"].attrs["NX_class"] == "NXprocess"


def test_a_later_analysis_is_added_and_the_earlier_one_kept(path: Path, header: RunHeader, sweep: StreamLayout) -> None:
    with RunWriter(path, header, [sweep]) as writer:
        writer.finish("completed", FIGURES, END)
    with open_run(path) as viewer:  # somebody looks at the file meanwhile
        assert append_analysis(path, [{"name": "slope", "value": 2.0}]) == 2
        assert len(viewer.figures) == 3
    assert append_analysis(path, []) == 3
    with open_run(path) as run:
        assert [a.number for a in run.analyses] == [1, 2, 3]
        assert list(run.analyses[0].figures) == FIGURES
        assert run.analyses[1].figures == ({"name": "slope", "value": 2.0},)
        assert run.verify()


def test_an_analysis_of_a_run_that_goes_on_is_refused(path: Path, header: RunHeader, sweep: StreamLayout) -> None:
    with RunWriter(path, header, [sweep]), pytest.raises(RunFileError, match="has not ended"):
        append_analysis(path, [])


def test_the_checksum_names_the_number_and_the_unit_that_were_changed(
    path: Path, header: RunHeader, sweep: StreamLayout, point: Point
) -> None:
    import h5py

    with RunWriter(path, header, [sweep]) as writer:
        writer.record("sweep", point(0), 0)
        writer.finish("completed", [], END)
    assert verify(path)
    with h5py.File(path, "r+") as file:
        file["entry/sweep/signal"][0] += 1e-12
        file["entry/sweep/dose_rate"].attrs["units"] = "mGy/s"
        file["entry/note"] = "x"
        del file["entry/sweep/temperature"]
        file["entry/sweep"].attrs["columns"] = ["dose_rate", "signal"]
        file["entry/sweep"].attrs["optional"] = [""]
    result = verify(path)
    assert not result
    assert result.damaged == ("entry/sweep/dose_rate", "entry/sweep/signal")
    assert (result.missing, result.unknown) == (("entry/sweep/temperature",), ("entry/note",))


def test_a_run_never_overwrites_another(path: Path, header: RunHeader, sweep: StreamLayout) -> None:
    with RunWriter(path, header, [sweep]) as writer, pytest.raises(UnwritableRunFolder, match="exists already"):
        RunWriter(path, header, [sweep])
    assert writer.error is None
    with open_run(path) as run:
        assert run.uid == header.run_uid


def test_a_folder_that_cannot_be_written_gets_one_line(tmp_path: Path, header: RunHeader, sweep: StreamLayout) -> None:
    (tmp_path / "file").touch()
    for folder in ("missing", "file"):
        with pytest.raises(UnwritableRunFolder, match="cannot create the run file") as raised:
            RunWriter(tmp_path / folder / "run.h5", header, [sweep])
        assert "\n" not in str(raised.value)


def test_nothing_is_recorded_after_the_end_without_a_word(
    path: Path, header: RunHeader, sweep: StreamLayout, point: Point
) -> None:
    with RunWriter(path, header, [sweep]) as writer:
        with pytest.raises(ValueError, match="not 'running'"):
            writer.finish("running", [], END)
        writer.finish("completed", [], END)
        with pytest.raises(RunFileError, match="nothing more can be recorded"):
            writer.record("sweep", point(0), 0)
        with pytest.raises(RunFileError, match="closed already"):
            writer.finish("completed", [], END)


def test_a_run_whose_records_have_ended_is_read_for_its_analysis_and_then_sealed(
    path: Path, header: RunHeader, sweep: StreamLayout, point: Point
) -> None:
    with RunWriter(path, header, [sweep]) as writer:
        writer.record("sweep", point(0), 0)
        writer.end_records()
        with pytest.raises(RunFileError, match="nothing more can be recorded"):
            writer.record("sweep", point(1), 1)
        with open_run(path) as run:
            value = float(run.streams["sweep"]["signal"][0])
        writer.event(1.0, "info", "analysis", "done")
        writer.finish("completed", [{"name": "slope", "value": value}], END)
    with open_run(path) as run:
        assert (run.status, run.figures[0]["value"], run.journal[-1]["kind"]) == ("completed", 0.3, "analysis")
        assert run.verify()
