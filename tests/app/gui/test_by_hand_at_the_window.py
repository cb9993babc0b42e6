"""Everything that can be set by hand at the window, on one bench that has everything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from sim_instruments.faults import Fault, FaultKind

pytestmark = pytest.mark.usefixtures("untraced")

BENCH = """
name = "everything"
[geometry]
distance_m = 0.262
filters = [{ material = "Al", thickness_mm = 0.4 }]
[limits]
tube_voltage_kv = 60.0
tube_current_ma = 5.0
tube_power_w = 200.0
bias_v = 50.0
bias_ramp_v_per_s = 10.0
compliance_a = 1.0e-3
dose_per_run_gy = 0.5
[instruments.tube]
driver = "spellman-xrv"
resource = "sim"
[instruments.dosimeter]
driver = "ptw-unidos"
resource = "sim"
[instruments.spectrometer]
driver = "ocean-optics"
resource = "sim"
[instruments.source_meter]
driver = "keithley-2450"
resource = "sim"
[instruments.preamp]
driver = "sr570"
resource = "sim"
[instruments.camera]
driver = "frame-stream"
resource = "sim"
[instruments.light]
driver = "keysight-33500"
resource = "sim"
[instruments.temperature_stage]
driver = "lakeshore-336"
resource = "sim"
[simulation]
seed = 4
"""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, open_shared: Callable[..., Any]) -> Iterator[Any]:
    """One window for the whole module."""
    path = tmp_path_factory.mktemp("bench") / "everything.toml"
    path.write_text(BENCH)
    return open_shared(str(path))


@pytest.fixture
def window(shared: Any, qtbot: Any) -> Iterator[Any]:
    """The window, with its bench safe and nothing going on, before and after."""
    shared.tabs.setCurrentWidget(shared.instruments)
    yield shared
    shared.stop()
    world(shared).faults.clear()
    qtbot.waitUntil(lambda: shared.safety.beam_text == "BEAM OFF", timeout=10_000)
    qtbot.waitUntil(lambda: not shared.link.bench.source_meter.output_on, timeout=10_000)


def world(window: Any) -> Any:
    return window.world_of()


def confirm(card: Any) -> None:
    card.on.click()
    card.confirm.click()


def reading(window: Any, role: str) -> str:
    panel = window.instruments
    return str(panel.table.item(panel._rows[role], 3).text())


def beam(window: Any, qtbot: Any, seconds: float = 600) -> None:
    tube = window.instruments.tube
    tube.anew.click()
    tube.kilovolts.setValue(30)
    tube.milliamps.setValue(1)
    tube.seconds.setValue(seconds)
    confirm(tube)
    qtbot.waitUntil(lambda: "off in" in tube.state.text(), timeout=10_000)
    assert "BEAM ON" in window.safety.beam_text


def test_a_beam_that_cannot_be_reached_is_told_to_be_off_until_it_is(window: Any, qtbot: Any) -> None:
    beam(window, qtbot)
    world(window).faults.add(Fault(FaultKind.STUCK_BEAM))
    window.stop()
    qtbot.waitUntil(lambda: window.safety.beam_text == "BEAM STATE UNKNOWN", timeout=10_000)
    assert world(window).tube.high_voltage_on
    world(window).faults.clear()
    # nobody touches anything
    qtbot.waitUntil(lambda: window.safety.beam_text == "BEAM OFF", timeout=10_000)
    assert not world(window).tube.high_voltage_on
    # a supply that does not go off is left to its own watchdog, which may have come: that is a fault until it is reset
    window.instruments.tube.reset.click()
    beam(window, qtbot)


def test_the_beam_counts_dose_and_goes_off_after_its_time(window: Any, qtbot: Any) -> None:
    tube = window.instruments.tube
    beam(window, qtbot, seconds=80)
    qtbot.waitUntil(lambda: "Gy" in tube.dose.text(), timeout=5_000)
    qtbot.waitUntil(lambda: "Gy" in window.safety.dose_text, timeout=5_000)
    qtbot.waitUntil(lambda: window.safety.beam_text == "BEAM OFF", timeout=10_000)
    assert not world(window).tube.high_voltage_on
    qtbot.waitUntil(lambda: tube.state.text() == "off", timeout=5_000)
    assert any("the time set by hand is over" in line for line in window.journal.shown)


def test_a_door_that_opens_takes_the_beam_by_hand_away(window: Any, qtbot: Any) -> None:
    beam(window, qtbot)
    world(window).faults.add(Fault(FaultKind.DOOR_OPENED))
    qtbot.waitUntil(lambda: not world(window).tube.high_voltage_on, timeout=5_000)
    qtbot.waitUntil(lambda: any("interlock" in line for line in window.journal.shown), timeout=5_000)
    assert window.queue.held.isChecked()


def test_the_dose_budget_ends_a_beam_by_hand_and_another_sample_counts_anew(window: Any, qtbot: Any) -> None:
    tube = window.instruments.tube
    tube.anew.click()
    tube.seconds.setValue(600)
    tube.kilovolts.setValue(50)
    tube.milliamps.setValue(4)
    confirm(tube)
    qtbot.waitUntil(lambda: any("dose budget" in line for line in window.journal.shown), timeout=10_000)
    qtbot.waitUntil(lambda: window.safety.beam_text == "BEAM OFF", timeout=5_000)
    confirm(tube)
    qtbot.waitUntil(lambda: "count anew" in window.message_text, timeout=5_000)
    assert not world(window).tube.high_voltage_on
    qtbot.waitUntil(lambda: tube.anew.isEnabled(), timeout=5_000)
    tube.anew.click()
    beam(window, qtbot)


def test_beam_off_needs_one_click_and_leaves_the_bias(window: Any, qtbot: Any) -> None:
    source = window.instruments.bias.source
    source.volts.setValue(-5)
    source.compliance.setValue(100)
    confirm(source)
    qtbot.waitUntil(lambda: reading(window, "source_meter").startswith("-5 V"), timeout=10_000)
    beam(window, qtbot)
    window.instruments.tube.off.click()
    qtbot.waitUntil(lambda: window.safety.beam_text == "BEAM OFF", timeout=5_000)
    assert window.link.bench.source_meter.output_on
    source.off.click()
    qtbot.waitUntil(lambda: reading(window, "source_meter") == "output off", timeout=5_000)


def test_what_the_limits_forbid_is_refused_in_words(window: Any, qtbot: Any) -> None:
    tube = window.instruments.tube
    tube.kilovolts.setValue(60)
    tube.milliamps.setValue(5)
    confirm(tube)
    qtbot.waitUntil(lambda: "limits.tube_power_w" in window.message_text, timeout=5_000)
    assert not world(window).tube.high_voltage_on
    source = window.instruments.bias.source
    source.volts.setValue(1e6)
    assert source.volts.value() == 50


def test_a_first_click_alone_does_nothing_and_a_changed_value_takes_it_back(window: Any) -> None:
    tube = window.instruments.tube
    tube.kilovolts.setValue(30)
    tube.on.click()
    assert not tube.confirm.isHidden()
    tube.kilovolts.setValue(31)
    assert tube.confirm.isHidden()
    assert window.safety.beam_text == "BEAM OFF"


def test_light_and_temperature_go_on_and_off(window: Any, qtbot: Any) -> None:
    light, stage = window.instruments.light, window.instruments.temperature
    light.hertz.setValue(20)
    light.percent.setValue(100)
    confirm(light)
    qtbot.waitUntil(lambda: reading(window, "light").startswith("FIRING, 20 Hz"), timeout=5_000)
    light.off.click()
    qtbot.waitUntil(lambda: reading(window, "light").startswith("off"), timeout=5_000)
    stage.kelvin.setValue(310)
    confirm(stage)
    qtbot.waitUntil(lambda: "heating to 310" in reading(window, "temperature_stage"), timeout=5_000)
    stage.off.click()
    qtbot.waitUntil(lambda: "heater off" in reading(window, "temperature_stage"), timeout=5_000)


def test_the_preamplifier_is_set_and_biased(window: Any, qtbot: Any) -> None:
    preamp = window.instruments.bias.preamp
    preamp.sensitivity.setCurrentIndex(preamp.sensitivity.findData(1e-8))
    preamp.set_sensitivity.click()
    qtbot.waitUntil(lambda: reading(window, "preamp").startswith("10 nA/V"), timeout=5_000)
    preamp.volts.setValue(-1)
    confirm(preamp)
    qtbot.waitUntil(lambda: "bias -1 V" in reading(window, "preamp"), timeout=5_000)
    preamp.off.click()
    qtbot.waitUntil(lambda: "bias 0 V" in reading(window, "preamp"), timeout=5_000)


def test_the_spectrometer_is_watched_live_until_it_is_stopped(window: Any, qtbot: Any) -> None:
    card = window.instruments.spectrometer
    seen: list[Any] = []
    window.link.live_seen.connect(seen.append)
    card.milliseconds.setValue(10)
    card.live.click()
    qtbot.waitUntil(lambda: len(seen) > 3, timeout=10_000)
    assert "counts" in card.facts.text()
    assert seen[-1].values.shape == seen[-1].axis.shape
    window.stop()
    assert not card.live.isChecked()
    QApplication.processEvents()
    window.link.live_seen.disconnect(seen.append)


def test_a_snapped_frame_is_shown_and_saved_with_its_depth(window: Any, qtbot: Any, tmp_path: Path) -> None:
    from PIL import Image

    card = window.instruments.camera
    window.instruments.cards.setCurrentWidget(card)
    card.milliseconds.setValue(20)
    card.once.click()
    qtbot.waitUntil(lambda: card.save.isEnabled(), timeout=10_000)
    card.image.region.setChecked(True)
    assert "mean" in card.image.facts_text
    card.write_frame(tmp_path / "frame.png")
    saved = np.asarray(Image.open(tmp_path / "frame.png"))
    assert np.array_equal(saved, card._frame.values)


def test_stop_ends_everything_that_is_on_by_hand(window: Any, qtbot: Any) -> None:
    source = window.instruments.bias.source
    source.volts.setValue(3)
    confirm(source)
    beam(window, qtbot)
    QTest.keyClick(window, Qt.Key.Key_F12)
    qtbot.waitUntil(lambda: not world(window).tube.high_voltage_on, timeout=1_000)
    qtbot.waitUntil(lambda: not window.link.bench.source_meter.output_on, timeout=5_000)
    qtbot.waitUntil(lambda: source.state.text() == "off", timeout=5_000)


def test_a_run_takes_the_bench_out_of_the_hand(window: Any, qtbot: Any) -> None:
    beam(window, qtbot)
    held = world(window)
    panel = window.measurement
    panel.procedure.setCurrentText("rl-spectrum")
    panel.work_out()
    assert panel.start.isEnabled(), panel.reason_text
    with qtbot.waitSignal(window.link.run_ended, timeout=30_000) as ended:
        qtbot.mouseClick(panel.start, Qt.MouseButton.LeftButton)
        assert not window.instruments.cards.isEnabled()
        assert "A run has the bench" in window.instruments.word
        qtbot.waitUntil(lambda: not held.tube.high_voltage_on, timeout=5_000)
    assert ended.args[0].outcome is not None
    assert window.instruments.cards.isEnabled()
