"""Files as oscilloscopes, spectrometers and cameras write them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from config.mistake import UserMistake
from storage.imported.frames import parse_frames
from storage.imported.oscilloscope import parse_oscilloscope
from storage.imported.spectrum_text import is_ocean_optics, parse_ocean_optics

FILE = Path("scope.csv")

KEYSIGHT = "x-axis,1\nsecond,Volt\n-1.0E-06,+0.1\n0,0.2\n+1.0E-06,+0.3\n"
LECROY = (
    "LECROYWR204M,51184,Waveform\nSegments,1,SegmentSize,3\nSegment,TrigTime,TimeSinceSegment1\n"
    "#1,22-Jan-2015 11:35:11,0\nTime,Ampl\n-1e-6,.1\n0,.2\n1e-6,.3\n"
)
TDS = "Record Length,3,,-1e-6,0.1,\nSample Interval,1e-6,,0,0.2,\nVertical Units,V,,1e-6,0.3,\n"
MSO = (
    "Model,MSO4034\nFirmware Version,2.48\n\nHorizontal Units,s\nSample Interval,1e-06\nVertical Units,V\n"
    "Label,,\nTIME,CH1\n-1e-6,0.1\n0,0.2\n1e-6,0.3\n"
)


@pytest.mark.parametrize("text", [KEYSIGHT, LECROY, TDS, MSO], ids=["keysight", "lecroy", "tds", "mso"])
def test_oscilloscopes_of_three_makers_tell_the_same(text):
    time, voltage = parse_oscilloscope(FILE, text).columns
    assert time.heading.unit in ("s", "second")
    assert voltage.heading.unit in ("V", "Volt")
    assert np.allclose(time.values, [-1e-6, 0, 1e-6])
    assert np.allclose(voltage.values, [0.1, 0.2, 0.3])


def test_several_segments_are_not_strung_together():
    with pytest.raises(UserMistake, match="2 segments"):
        parse_oscilloscope(FILE, LECROY.replace("Segments,1", "Segments,2"))


def test_lines_in_messages_are_those_of_the_file():
    with pytest.raises(UserMistake, match="line 7"):
        parse_oscilloscope(FILE, LECROY.replace("0,.2", "0,.2,x"))


OCEANVIEW = (
    "Data from FLMS1 Node\n\nDate: Mon Mar 07 14:00:00 CET 2016\nSpectrometer: FLMS01234\n"
    "Integration Time (sec): 1,000000E-1\nScans to average: 10\nElectric dark correction enabled: true\n"
    "Nonlinearity correction enabled: false\nNumber of Pixels in Spectrum: 3\n>>>>>Begin Spectral Data<<<<<\n"
    "339,09\t1,5\n340,1\t2,5\n341,2\t-3,5\n"
)
SPECTRASUITE = (
    "SpectraSuite Data File\n++++++\nDark Spectrum Present: No\nSpectrometers: USB4C1\n"
    "Integration Time (usec): 100000 (USB4C1)\nSpectra Averaged: 10 (USB4C1)\n"
    "Correct for Electrical Dark: Yes (USB4C1)\n"
    "Number of Pixels in Processed Spectrum: 3\n>>>>>Begin Processed Spectral Data<<<<<\n339.09\t1.5\n340.1\t2.5\n"
    "341.2\t-3.5\n>>>>>End Processed Spectral Data<<<<<\n"
)


@pytest.mark.parametrize("text", [OCEANVIEW, SPECTRASUITE], ids=["oceanview", "spectrasuite"])
def test_header_of_a_spectrum_is_understood(text):
    assert is_ocean_optics(text)
    spectrum = parse_ocean_optics(Path("s.txt"), text)
    assert spectrum.integration_time == pytest.approx(0.1)
    assert spectrum.averages == 10
    assert spectrum.dark_corrected
    assert not spectrum.nonlinearity_corrected
    assert spectrum.counts.tolist() == [1.5, 2.5, -3.5]


@pytest.mark.parametrize("said", ["1.0Eum:", "soon", "-0.1", "0", "1e999"])
def test_an_integration_time_that_is_none_is_named(said):
    with pytest.raises(UserMistake, match=r"s\.txt: .*integration time|s\.txt: .*no time"):
        parse_ocean_optics(Path("s.txt"), OCEANVIEW.replace("1,000000E-1", said))


@pytest.mark.parametrize("said", ["²", "9" * 5000, "many", "-3", "0"])
def test_a_number_of_averages_that_is_none_is_one(said):
    spectrum = parse_ocean_optics(Path("s.txt"), OCEANVIEW.replace("Scans to average: 10", f"Scans to average: {said}"))
    assert spectrum.averages == 1
    # nor is one believed of the pixels
    few = OCEANVIEW.replace("Number of Pixels in Spectrum: 3", f"Number of Pixels in Spectrum: {said}")
    if said != "0":
        assert len(parse_ocean_optics(Path("s.txt"), few).counts) == 3


def test_a_spectrum_that_is_cut_short_is_refused():
    with pytest.raises(UserMistake, match="2 pixels where its header announces 3"):
        parse_ocean_optics(Path("s.txt"), OCEANVIEW.replace("341,2\t-3,5\n", ""))


def test_frames_keep_their_depth(tmp_path):
    deep = np.arange(12, dtype=np.uint16).reshape(3, 4) * 5000
    Image.fromarray(deep).save(tmp_path / "deep.tif", save_all=True, append_images=[Image.fromarray(deep + 1)])
    found = parse_frames(tmp_path / "deep.tif", (tmp_path / "deep.tif").read_bytes())
    assert found.saturation == 65535
    assert np.array_equal(found.pixels, [deep, deep + 1])
    Image.fromarray(deep.astype(np.uint8)).save(tmp_path / "shallow.png")
    assert parse_frames(tmp_path / "shallow.png", (tmp_path / "shallow.png").read_bytes()).saturation == 255


def test_colours_are_not_mixed_unasked(tmp_path):
    colours = np.zeros((4, 4, 3), np.uint8)
    colours[..., 1] = 200
    path = tmp_path / "colour.bmp"
    Image.fromarray(colours).save(path)
    with pytest.raises(UserMistake, match=r"colour image.*channel="):
        parse_frames(path, path.read_bytes())
    assert parse_frames(path, path.read_bytes(), "green").pixels.max() == 200
    assert parse_frames(path, path.read_bytes(), "luminance").pixels.max() == pytest.approx(0.7154 * 200)


def test_compressed_photographs_are_refused(tmp_path):
    path = tmp_path / "photo.jpg"
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(path)
    with pytest.raises(UserMistake, match="JPEG"):
        parse_frames(path, path.read_bytes())
