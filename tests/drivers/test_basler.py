"""The Basler driver against the maker's own camera emulator."""

from __future__ import annotations

import os

import numpy as np
import pytest

from config.mistake import UserMistake
from drivers.errors import ConnectionLost, InstrumentError
from drivers.roles import Region

os.environ.setdefault("PYLON_CAMEMU", "1")  # the emulator is there for who asks before the library is loaded
pylon = pytest.importorskip("pypylon.pylon", reason="the extra 'basler' is not installed")

from drivers.basler import BaslerCamera, BaslerOptions  # noqa: E402


@pytest.fixture
def camera():
    opened = BaslerCamera("", BaslerOptions(timeout_s=3, pixel_size_um=1.4))
    yield opened
    opened.close()


def nodes(camera):
    return camera._camera.GetNodeMap()


def test_the_emulator_answers_as_a_camera(camera):
    assert (camera.identity.maker, camera.identity.model) == ("Basler", "Emulation")
    assert camera.sensor_shape == (4096, 4096)
    assert "Mono12" in camera.pixel_formats
    assert "BayerGR8" not in camera.pixel_formats
    assert camera.pixel_size == pytest.approx(1.4e-6)


def test_an_image_file_comes_back_bit_for_bit(camera, tmp_path):
    image = np.random.default_rng(7).integers(0, 256, (480, 640)).astype(np.uint8)
    from PIL import Image

    Image.fromarray(image).save(tmp_path / "image.png")
    camera.set_pixel_format("Mono8")
    camera.set_region(Region(0, 0, 640, 480))
    nodes(camera).GetNode("TestImageSelector").FromString("Off")
    nodes(camera).GetNode("ImageFilename").SetValue(str(tmp_path / "image.png"))
    nodes(camera).GetNode("ImageFileMode").FromString("On")
    frame = camera.frame()
    assert np.array_equal(frame.pixels, image)


def test_twelve_bits_come_as_twelve_bits(camera):
    camera.set_pixel_format("Mono12")
    camera.set_region(Region(16, 8, 320, 200))
    frame = camera.frame()
    assert frame.pixels.dtype == np.uint16
    assert frame.pixels.shape == (200, 320)
    assert frame.full_scale == 4095
    assert 255 < frame.pixels.max() <= 4095


def test_exposure_and_gain_are_set_within_their_limits(camera):
    camera.set_exposure(0.0123)
    assert camera.exposure_time == pytest.approx(0.0123)
    assert camera.frame().exposure_time == pytest.approx(0.0123)
    with pytest.raises(UserMistake, match="exposure 1e\\+06 s is not within"):
        camera.set_exposure(1e6)
    low, high = camera.gain_limits
    camera.set_gain((low + high) / 2)
    assert camera.gain == pytest.approx((low + high) / 2, rel=0.05)
    with pytest.raises(UserMistake, match="gain nan"):
        camera.set_gain(float("nan"))


def test_a_software_trigger_takes_one_frame_each(camera):
    camera.set_region(Region(0, 0, 256, 128))
    camera.set_exposure(0.005)
    camera.set_trigger("software")
    assert camera.trigger == "software"
    assert len(list(camera.frames(3))) == 3
    camera.set_trigger("internal")
    assert camera.trigger == "internal"


def test_a_trigger_that_never_comes_is_a_lost_frame(camera):
    camera.set_trigger("external")
    assert camera.trigger == "external"
    with pytest.raises(ConnectionLost, match=r"no frame within 0.2 s \(external trigger\)"):
        camera.frame(timeout=0.2)


def test_failed_buffers_are_counted_and_never_returned(camera):
    camera.set_region(Region(0, 0, 256, 128))
    nodes(camera).GetNode("ForceFailedBufferCount").SetValue(3)
    nodes(camera).GetNode("ForceFailedBuffer").Execute()
    frames = list(camera.frames(4))
    assert camera.incomplete_frames == 3
    assert len(frames) == 4
    assert all(frame.pixels.any() for frame in frames)


def test_a_camera_whose_every_buffer_fails_is_out_of_order(camera):
    camera.set_region(Region(0, 0, 256, 128))
    nodes(camera).GetNode("ForceFailedBufferCount").SetValue(1000)
    nodes(camera).GetNode("ForceFailedBuffer").Execute()
    with pytest.raises(InstrumentError, match="20 buffers in a row were incomplete"):
        camera.frame()


def test_another_serial_number_is_not_there():
    with pytest.raises(ConnectionLost, match=r"no camera '12345678' was found; there is 0815-0000"):
        BaslerCamera("12345678")
