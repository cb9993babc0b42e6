"""TIFF of a run's images, read by a program that did not write it."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence
from PIL.TiffImagePlugin import TiffImageFile

from app.cli.main import main
from config.mistake import UserMistake
from storage.layout import AxisLayout, ColumnLayout, RunHeader, StreamLayout
from storage.reader import open_run
from storage.tiff import write_tiffs
from storage.writer import RunWriter
from tests.storage.conftest import END

HEIGHT, WIDTH = 30, 40
PIXEL_UM = (0.5, 0.325)
X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT, CENTIMETRE = 282, 283, 296, 3


@pytest.fixture
def images() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(7)
    corrected = rng.normal(1, 0.1, size=(3, HEIGHT, WIDTH)).astype("f4")
    corrected[:, 4, 5] = np.nan
    return {"transmission": corrected, "image": rng.integers(0, 2**16, size=(5, HEIGHT, WIDTH), dtype="u2")}


@pytest.fixture
def path(tmp_path: Path, header: RunHeader, images: dict[str, np.ndarray]) -> Path:
    radiograph = StreamLayout(
        "radiograph",
        (ColumnLayout("dose", "Gy"), ColumnLayout("transmission", "1", (HEIGHT, WIDTH), "f4", ("down", "across"))),
        (
            AxisLayout("down", "um", PIXEL_UM[0] * np.arange(HEIGHT)),
            AxisLayout("across", "um", PIXEL_UM[1] * np.arange(WIDTH)),
        ),
    )
    raw = ColumnLayout("image", "count", (HEIGHT, WIDTH), "u2", ("y", "x"), compression="bitshuffle-lz4")
    pixels = (AxisLayout("y", "px", np.arange(HEIGHT)), AxisLayout("x", "px", np.arange(WIDTH)))
    counted = ColumnLayout("counted", "1", (3, 3), "u4")
    streams = [radiograph, StreamLayout("object", (raw,), pixels), StreamLayout("panel", (counted,))]
    with RunWriter(tmp_path / "run.h5", header, streams) as writer:
        for n, image in enumerate(images["transmission"]):
            writer.record("radiograph", {"dose": n * 1e-6, "transmission": image}, n)
        for n, image in enumerate(images["image"]):
            writer.record("object", {"image": image}, n)
        writer.record("panel", {"counted": np.full((3, 3), 2**24)}, 0)
        writer.finish("completed", [], END)
    return tmp_path / "run.h5"


def test_another_reader_finds_the_numbers_and_the_size_of_a_pixel(path: Path, images: dict[str, np.ndarray]) -> None:
    with open_run(path) as run:
        corrected, raw, panel = write_tiffs(run, path.with_suffix(""))
    assert [p.name for p in (corrected, raw, panel)] == [
        "run-radiograph-transmission.tif",
        "run-object-image.tif",
        "run-panel-counted.tif",
    ]
    for file, name in ((corrected, "transmission"), (raw, "image")):
        with Image.open(file) as tiff:
            assert isinstance(tiff, TiffImageFile)
            assert tiff.mode == "F"
            assert tiff.tag_v2[RESOLUTION_UNIT] == CENTIMETRE
            assert float(tiff.tag_v2[X_RESOLUTION]) == pytest.approx(1e4 / PIXEL_UM[1], rel=1e-6)
            assert float(tiff.tag_v2[Y_RESOLUTION]) == pytest.approx(1e4 / PIXEL_UM[0], rel=1e-6)
            frames = np.stack([np.array(frame) for frame in ImageSequence.Iterator(tiff)])
        assert frames.dtype == np.float32
        np.testing.assert_array_equal(frames, images[name])
    with Image.open(panel) as tiff:
        assert isinstance(tiff, TiffImageFile)
        assert tiff.tag_v2[X_RESOLUTION] == tiff.tag_v2[Y_RESOLUTION] == 1, "nothing is known of its pixels"
        assert np.all(np.array(tiff) == 2**24)


def test_numbers_that_no_float_holds_are_not_rounded_silently(tmp_path: Path, header: RunHeader) -> None:
    stream = StreamLayout("panel", (ColumnLayout("counted", "1", (3, 3), "u4"),))
    with RunWriter(tmp_path / "run.h5", header, [stream]) as writer:
        writer.record("panel", {"counted": np.full((3, 3), 2**24 + 1)}, 0)
        writer.finish("completed", [], END)
    with open_run(tmp_path / "run.h5") as run, pytest.raises(UserMistake, match="no exact 32-bit floats"):
        write_tiffs(run, tmp_path / "run")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run.h5"]


def test_the_command_exports_images_and_numbers(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = path.parent / "for" / "others"
    assert main(["export", str(path), "--out", str(out), "--json"]) == 0
    written = [Path(one) for one in json.loads(capsys.readouterr().out)["written"]]
    assert {p.name for p in written} == {p.name for p in out.iterdir()}
    assert {p.suffix for p in written} == {".tif", ".csv"}
    assert (out / "run-radiograph.csv").read_text().splitlines()[:2] == ["time (s),dose (Gy)", "0.0,0.0"]
    assert main(["export", str(path), "--format", "csv"]) == 0
    assert not list(path.parent.glob("*.tif"))


def test_a_run_without_images_and_a_folder_that_cannot_be_are_one_line(
    tmp_path: Path, header: RunHeader, sweep: StreamLayout, capsys: pytest.CaptureFixture[str]
) -> None:
    with RunWriter(tmp_path / "run.h5", header, [sweep]) as writer:
        writer.finish("completed", [], END)
    for words, why in (
        (["--format", "tiff"], "holds no images"),
        (["--out", str(tmp_path / "run.h5" / "x")], "no such folder can be made"),
    ):
        assert main(["export", str(tmp_path / "run.h5"), *words]) == 2
        said = capsys.readouterr().err
        assert why in said
        assert said.count("\n") == 1
