"""The GenICam driver against the simulated producer that is shipped inside the `genicam` wheel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from config.mistake import UserMistake
from drivers.errors import ConnectionLost, Inhibited, InstrumentError
from drivers.genicam import GenICamCamera, GenICamOptions
from drivers.roles import Region

genicam = pytest.importorskip("genicam", reason="the extra 'camera' is not installed")
VIKY = Path(genicam.__file__).with_name("viky.cti")
pytestmark = pytest.mark.skipif(not VIKY.exists(), reason="this genicam wheel ships no viky.cti")


@pytest.fixture
def camera():
    opened = GenICamCamera(str(VIKY), GenICamOptions(timeout_s=3))
    yield opened
    opened.close()


def test_the_first_camera_of_a_producer_is_opened_and_set_to_monochrome(camera):
    assert (camera.identity.model, camera.identity.serial) == ("Viky", "0")
    assert camera.pixel_formats == ("Mono8",)  # RGBa8, which it was set to, is none
    assert camera.pixel_format == "Mono8"
    assert camera.sensor_shape == (800, 800)


def test_one_of_several_cameras_is_chosen_by_its_name():
    for resource, options in (
        (f"{VIKY}::VikyTL_DEV_blue", GenICamOptions()),
        ("VikyTL_DEV_blue", GenICamOptions(cti=str(VIKY))),
    ):
        opened = GenICamCamera(resource, options)
        assert opened.identity.serial == "2"
        opened.close()
    with pytest.raises(ConnectionLost, match=r"no camera 'violet' was found; there is 0, 1, 2"):
        GenICamCamera(f"{VIKY}::violet")


def test_frames_come_in_the_region_that_was_set_and_in_order(camera):
    camera.set_region(Region(0, 0, 320, 200))
    frames = list(camera.frames(5))
    assert [frame.pixels.shape for frame in frames] == [(200, 320)] * 5
    assert all(frame.pixels.dtype == np.uint8 and frame.full_scale == 255 for frame in frames)
    numbers = [frame.number for frame in frames]
    assert numbers == sorted(set(numbers))
    # the ball moves: these are five images and not one buffer five times
    assert any(not np.array_equal(frames[0].pixels, frame.pixels) for frame in frames[1:])
    assert (camera.incomplete_frames, camera.lost_frames) == (0, numbers[-1] - numbers[0] - 4)


def test_a_single_frame_can_be_taken_again_and_again(camera):
    camera.set_region(Region(0, 0, 128, 100))
    shapes = {camera.frame().pixels.shape for _ in range(3)}
    assert shapes == {(100, 128)}
    assert camera.frame().saturated.any()  # its ball is white


def test_features_that_the_camera_lacks_are_named(camera):
    for action, missing in (
        (lambda: camera.set_exposure(0.01), "no exposure time that can be set (no feature ExposureTime or"),
        (lambda: camera.set_gain(1.0), "no gain that can be set (no feature Gain or"),
        (lambda: camera.set_trigger("software"), "no trigger (no feature TriggerMode)"),
        (lambda: camera.set_pixel_format("Mono12p"), "no pixel format 'Mono12p'"),
        (lambda: camera.pixel_size, "give instruments.camera.options.pixel_size_um"),
        (lambda: camera.set_region(Region(4, 0, 128, 128)), "begins elsewhere than at 0 (no feature OffsetX)"),
        (lambda: camera.set_region(Region(0, 0, 64, 128)), "Width 64 is not within 100 to 800"),
        (lambda: camera.set_region(Region(0, 0, 900, 128)), "is not on the sensor"),
    ):
        with pytest.raises(UserMistake) as caught:
            action()
        assert missing in str(caught.value)
    assert "exposure_time_s" not in camera.settings()
    assert camera.settings()["pixel_format"] == "Mono8"


def test_no_setting_changes_while_frames_are_taken(camera):
    camera.set_region(Region(0, 0, 128, 100))
    taken = camera.frames(3)
    next(taken)
    with pytest.raises(InstrumentError, match="is taking frames: its region cannot be set"):
        camera.set_region(None)
    with pytest.raises(InstrumentError, match="is taking frames: its frames cannot"):
        camera.frame()
    taken.close()
    camera.set_region(None)
    assert camera.region == Region(0, 0, 800, 800)


def test_an_incomplete_buffer_is_counted_and_never_returned(camera, monkeypatch):
    camera.set_region(Region(0, 0, 128, 100))
    from genicam.gentl import Buffer

    spoilt = iter([False, True, False, False, True])
    whole = Buffer.is_complete
    monkeypatch.setattr(Buffer, "is_complete", lambda buffer: next(spoilt, True) and whole(buffer))
    numbers = [frame.number for frame in camera.frames(2)]
    assert camera.incomplete_frames == 3
    assert numbers[1] - numbers[0] >= 3  # what came between was incomplete


def test_a_camera_that_sends_nothing_is_lost_and_the_command_named(camera):
    camera.set_region(Region(0, 0, 128, 100))
    camera._acquirer.remote_device.node_map.AcquisitionFrameRate.value = 1.0
    with pytest.raises(ConnectionLost, match=r"no frame within 0.05 s; command 'AcquisitionStart'"):
        camera.frame(timeout=0.05)


def test_a_bench_that_is_told_to_stop_takes_no_frame(camera):
    camera.surroundings.stop.set()
    with pytest.raises(Inhibited):
        camera.frame()
    assert not camera._acquirer.is_acquiring()


def test_a_producer_that_is_none_is_the_users_mistake(tmp_path):
    with pytest.raises(UserMistake, match="there is no GenTL producer"):
        GenICamCamera(str(tmp_path / "absent.cti"))
    fake = tmp_path / "fake.cti"
    fake.write_bytes(b"no library")
    with pytest.raises(UserMistake, match="is no GenTL producer"):
        GenICamCamera(str(fake))
