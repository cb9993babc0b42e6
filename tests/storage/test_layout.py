import numpy as np
import pytest

from storage.layout import AxisLayout, ColumnLayout, RunHeader, StreamLayout


def test_a_number_is_plotted_against_x_alone(sweep: StreamLayout) -> None:
    assert (sweep.y, sweep.signal_axes, sweep.interpretation) == ("signal", ("dose_rate",), "scalar")


def test_a_spectrum_has_the_swept_quantity_and_its_wavelengths_as_axes(spectra: StreamLayout) -> None:
    assert (spectra.signal_axes, spectra.interpretation) == (("dose_rate", "wavelength"), "spectrum")


def test_a_spectrum_against_its_own_axis_has_time_as_the_axis_of_the_records() -> None:
    stream = StreamLayout(
        "s",
        (ColumnLayout("counts", "count", (3,), axes=("wavelength",)),),
        (AxisLayout("wavelength", "nm", np.arange(3.0)),),
        ("wavelength", "counts"),
    )
    assert stream.signal_axes == ("time", "wavelength")


def test_without_a_primary_the_first_column_that_is_no_uncertainty_stands_against_time() -> None:
    stream = StreamLayout("s", (ColumnLayout("a_errors", "V", errors_of="a"), ColumnLayout("a", "V")))
    assert (stream.x, stream.y) == ("time", "a")


def test_long_names_say_quantity_and_unit() -> None:
    assert ColumnLayout("dose_rate", "Gy/s").long_name == "Dose rate (Gy/s)"
    assert ColumnLayout("contrast", "1").long_name == "Contrast"
    assert ColumnLayout("i", "A", quantity="Photocurrent").long_name == "Photocurrent (A)"


def test_an_image_is_one_chunk_and_numbers_share_one() -> None:
    assert ColumnLayout("image", "count", (480, 640), "u2").chunks == (1, 480, 640)
    assert ColumnLayout("counts", "count", (2048,)).chunks == (4, 2048)
    assert ColumnLayout("current", "A").chunks == (1024,)


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: ColumnLayout("dose rate", "Gy/s"), "letters, digits"),
        (lambda: ColumnLayout("n", "1", dtype="i8"), "'i8' is not one of"),
        (lambda: ColumnLayout("n", "1", shape=(1, 2, 3)), "no number, spectrum or image"),
        (lambda: ColumnLayout("sigma", "V", errors_of="signal"), "named signal_errors"),
        (lambda: ColumnLayout("n", "1", dtype="u2", optional=True), "an integer has no NaN"),
        (lambda: ColumnLayout("s", "1", (5,), compression="bitshuffle-lz4"), "only images"),
        (lambda: StreamLayout("sample", (ColumnLayout("a", "V"),)), "has that name for something else"),
        (lambda: StreamLayout("s", ()), "no columns"),
        (lambda: StreamLayout("s", (ColumnLayout("time", "s"),)), "'time' stands there twice"),
        (lambda: StreamLayout("s", (ColumnLayout("a", "V"),), primary=("b", "a")), "'b' is neither"),
        (lambda: StreamLayout("s", (ColumnLayout("a", "V"),), primary=("a", "b")), "'b' is no column"),
        (lambda: StreamLayout("s", (ColumnLayout("a", "V", (4,), axes=("t",)),)), "no axis 't' of 4"),
        (lambda: StreamLayout("s", (ColumnLayout("a_errors", "V", errors_of="a"),)), "no column 'a'"),
        (lambda: AxisLayout("t", "s", np.zeros((2, 2))), "one-dimensional"),
        (lambda: RunHeader("t", "p", "u", "2025-03-01T12:00:00"), "no time zone"),
    ],
)
def test_a_shape_no_file_can_have_is_refused_with_its_reason(make: object, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        make()
