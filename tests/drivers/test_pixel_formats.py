"""Pixels out of buffers, against the unpacking of a library that is not ours."""

from __future__ import annotations

import numpy as np
import pytest

from drivers.pixel_formats import pixel_format, unpack


def packed_lsb_first(pixels, bits):
    """A stream of bits, the lowest of the first pixel first: PFNC's drawing, bit by bit."""
    stream = [(int(value) >> bit) & 1 for value in pixels.ravel() for bit in range(bits)]
    stream += [0] * (-len(stream) % 8)
    return np.packbits(np.array(stream, dtype=np.uint8), bitorder="little").tobytes()


def gige_packed(pixels, bits):
    out = bytearray()
    flat = [*pixels.ravel().tolist(), 0]
    for first, second in zip(flat[::2], flat[1::2], strict=False):
        low = bits - 8
        out += bytes([first >> low, (first & (2**low - 1)) | (second & (2**low - 1)) << 4, second >> low])
    return bytes(out)


@pytest.mark.parametrize("shape", [(4, 8), (3, 5), (1, 1), (7, 3)])
@pytest.mark.parametrize("name", ["Mono10p", "Mono12p", "Mono14p"])
def test_a_stream_of_bits_comes_back_pixel_by_pixel(name, shape):
    form = pixel_format(name)
    pixels = np.random.default_rng(3).integers(0, form.full_scale + 1, shape).astype(np.uint16)
    assert np.array_equal(unpack(packed_lsb_first(pixels, form.bits), form, shape[1], shape[0]), pixels)


@pytest.mark.parametrize("shape", [(4, 8), (3, 5), (1, 1)])
@pytest.mark.parametrize("name", ["Mono10Packed", "Mono12Packed"])
def test_two_pixels_in_three_bytes_come_back(name, shape):
    form = pixel_format(name)
    pixels = np.random.default_rng(4).integers(0, form.full_scale + 1, shape).astype(np.uint16)
    assert np.array_equal(unpack(gige_packed(pixels, form.bits), form, shape[1], shape[0]), pixels)


@pytest.mark.parametrize("name", ["Mono8", "Mono10", "Mono12", "Mono16", "Mono10p", "Mono12p", "Mono12Packed"])
def test_random_bytes_mean_the_same_to_harvesters(name):
    pfnc = pytest.importorskip("harvesters.util.pfnc", reason="the extra 'camera' is not installed")
    form = pixel_format(name)
    width, height = 16, 6
    raw = np.random.default_rng(5).integers(0, 256, form.size(width, height)).astype(np.uint8)
    if name in ("Mono10", "Mono12"):
        raw[1::2] &= form.full_scale >> 8
    theirs = pfnc.Dictionary.get_proxy(symbolic=name).expand(raw).reshape(height, width)
    assert np.array_equal(unpack(raw.tobytes(), form, width, height), theirs)


def test_bytes_after_each_line_are_no_pixels():
    lines = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert np.array_equal(unpack(lines.tobytes(), pixel_format("Mono8"), 3, 3, padding=1), lines[:, :3])


def test_an_image_outlives_its_buffer():
    buffer = bytearray(range(16))
    image = unpack(memoryview(buffer), pixel_format("Mono16"), 4, 2)
    buffer[:] = bytes(16)
    assert image[0, 1] == 0x0302


def test_a_buffer_that_is_too_short_is_refused():
    with pytest.raises(ValueError, match="11 bytes hold no 4 x 2 image in Mono12p, which takes 12"):
        unpack(bytes(11), pixel_format("Mono12p"), 4, 2)


@pytest.mark.parametrize("name", ["RGB8", "BayerRG8", "Mono8p", "Mono16Packed", "Mono12packed", "", "Mono9"])
def test_what_is_not_monochrome_is_not_known(name):
    assert pixel_format(name) is None
