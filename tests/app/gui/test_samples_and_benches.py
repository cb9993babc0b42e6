"""Samples and benches are made and changed at the window, as files of the user's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from config.loading import bench_file, sample_file


@pytest.fixture(scope="module")
def shared(open_shared: Callable[..., Any]) -> Any:
    """One window for the whole module."""
    return open_shared()


@pytest.fixture
def samples(shared: Any, qtbot: Any) -> Any:
    """The sample editor."""
    del qtbot
    shared.tabs.setCurrentWidget(shared._samples)
    shared.samples.refresh()
    return shared.samples


@pytest.fixture
def benches(shared: Any, qtbot: Any) -> Any:
    """The bench set-up, on the shipped simulated bench."""
    del qtbot
    shared.tabs.setCurrentWidget(shared._bench_setup)
    shared.bench_setup.refresh("sim")
    return shared.bench_setup


def field(panel: Any, key: str) -> Any:
    return panel.form.field(key)


def test_the_window_opens_with_a_run_that_can_be_started(shared: Any, qtbot: Any) -> None:
    panel = shared.measurement
    for name in ("rl-linearity", "sensitivity", "rl-spectrum", "iv", "hecht"):
        panel.procedure.setCurrentText(name)
        panel.work_out()
        assert panel.start.isEnabled(), (name, panel.reason_text)
    panel.procedure.setCurrentText("rl-linearity")
    panel.work_out()
    assert panel.sample.currentData() == "chen24-pnc-silicone"
    assert "W of 300 W" in panel.estimate_text
    panel._estimate.calculate()
    qtbot.waitUntil(lambda: "dose about" in panel.estimate_text, timeout=60_000)


def test_a_dose_above_the_budget_is_said_before_the_beam_is_on(qtbot: Any) -> None:
    from app.gui.estimate_label import EstimateLabel
    from config.bench_file import Filter, Geometry, Limits
    from procedures.procedure import Estimate

    label = EstimateLabel()
    qtbot.addWidget(label)
    geometry = Geometry(distance_m=0.262, filters=(Filter(material="Al", thickness_mm=0.4),))
    cost = Estimate(100.0, 100.0, 240.0, ((30.0, 2.4),), (), 10, 1000)
    label.show_cost(cost, geometry, Limits(dose_per_run_gy=0.3))
    label.calculate()
    # 3.8 mGy/s at 30 kV and 2.4 mA, as Chen24 has it
    qtbot.waitUntil(lambda: "dose about" in label.text(), timeout=60_000)
    assert "dose about 383 mGy" in label.text()
    assert "ABOVE THE BUDGET of 300 mGy" in label.text()


def test_a_changed_sample_is_kept_with_its_comments_and_its_world(samples: Any, shared: Any) -> None:
    samples.choose("dong24-tio2")
    field(samples, "thickness_um").editor.setText("250")
    assert not samples.use.isEnabled()
    samples.save.click()
    assert "Saved" in samples.message_text
    loaded = sample_file("dong24-tio2")
    assert loaded.content.thickness_um == 250
    assert "# assumed" in loaded.text
    assert loaded.content.world["model"] == "photoconductor"
    samples.use.click()
    assert shared.measurement.sample.currentData() == "dong24-tio2"
    loaded.path.unlink()


def test_a_new_sample_says_where_it_is_wrong_until_it_is_right(samples: Any, shared: Any) -> None:
    samples.new.click()
    assert field(samples, "composition").problem == "is missing"
    for key, text in (("name", "My film"), ("composition", "CsI"), ("density_g_cm3", "heavy"), ("thickness_um", "-3")):
        field(samples, key).editor.setText(text)
    samples.file_name.setText("my-film")
    assert field(samples, "density_g_cm3").problem == "must be a number"
    assert field(samples, "density_g_cm3").editor.property("invalid") == "true"
    assert field(samples, "thickness_um").problem == "must be above 0"
    assert not samples.save.isEnabled()
    field(samples, "density_g_cm3").editor.setText("4.51")
    field(samples, "thickness_um").editor.setText("500")
    field(samples, "electrodes").editor.setText("Au, ITO")
    samples.save.click()
    content = sample_file("my-film").content
    assert (content.density_g_cm3, content.electrodes, content.band_gap_ev) == (4.51, ("Au", "ITO"), None)
    assert shared.measurement.sample.findData("my-film") > 0
    samples.new.click()
    samples.choose("lyso-reference")
    samples.file_name.setText("my-film")
    samples.save.click()
    assert "exists already" in samples.message_text


def test_a_bench_is_made_tested_kept_and_measured_on(benches: Any, shared: Any, qtbot: Any) -> None:
    benches.name.setText("small")
    for role, editor in benches.editors.items():
        if role not in ("tube", "source_meter"):
            editor.driver.setCurrentText("(none)")
    source = benches.editors["source_meter"]
    source.driver.setCurrentText("keithley-2400")
    source.form.field("timeout_s").editor.setText("1000")
    assert "at most 120" in source.form.field("timeout_s").problem
    assert "source_meter" in benches.message_text
    assert not benches.save.isEnabled()
    source.form.field("timeout_s").editor.setText("7")
    benches.forms["limits"].field("tube_voltage_kv").editor.setText("40")
    source.test.click()
    qtbot.waitUntil(lambda: "KEITHLEY" in source.answer.text().upper(), timeout=20_000)
    benches.save.click()
    assert "Saved" in benches.message_text, benches.message_text
    loaded = bench_file("small")
    assert loaded.content.entries["source_meter"].options == {"timeout_s": 7.0}
    assert "# Chen24's beam" in loaded.text
    benches.use.click()
    qtbot.waitUntil(lambda: "small" in shared.safety.bench_text, timeout=20_000)
    qtbot.waitUntil(lambda: shared.safety.beam_text == "BEAM OFF", timeout=20_000)
    assert shared.instruments.table.rowCount() == 2
    assert shared.instruments.tube.kilovolts.maximum() == 40
    benches.refresh("sim")
    benches.use.click()
    qtbot.waitUntil(lambda: shared.safety.bench_text.startswith("sim"), timeout=20_000)
    loaded.path.unlink()


def test_mistakes_of_a_bench_stand_where_they_are_made(benches: Any) -> None:
    limits = benches.forms["limits"]
    limits.field("bias_v").editor.setText("a lot")
    assert limits.field("bias_v").problem == "must be a number"
    assert "limits.bias_v" in benches.message_text
    limits.field("bias_v").editor.setText("50")
    benches.filters.editor.setText("Al 2 mm")
    assert "write it as 0.4 mm Al" in benches.filters.problem
    assert not benches.save.isEnabled()
    benches.filters.editor.setText("2 mm Al, 0.1 mm Cu")
    assert [(one.material, one.thickness_mm) for one in benches.content().geometry.filters] == [("Al", 2), ("Cu", 0.1)]
    benches.editors["tube"].driver.setCurrentText("spelman")
    assert "spellman-xrv" in benches.editors["tube"].problem
    assert not benches.save.isEnabled()
    benches.show_bench("sim")
    assert benches.use.isEnabled()


def test_what_has_no_page_is_kept_as_the_file_has_it(benches: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import app.gui.bench_panel as module
    from config.loading import Loaded, check

    shipped = bench_file("sim")
    table = {**shipped.content.model_dump(), "warm_up": [{"idle_days": 7.0}]}
    rich = Loaded(check(table, type(shipped.content), "test"), shipped.text, shipped.path)
    monkeypatch.setattr(module, "bench_file", lambda _: rich)
    benches.show_bench("sim")
    assert benches.content() == rich.content
    monkeypatch.undo()
    benches.show_bench("sim")


def test_an_address_where_nobody_is_says_so(benches: Any, qtbot: Any) -> None:
    benches.show_bench("kit")
    source = benches.editors["source_meter"]
    source.resource.setCurrentText("TCPIP::127.0.0.1::9::SOCKET")
    source.test.click()
    qtbot.waitUntil(lambda: "nobody answers" in source.answer.text(), timeout=20_000)


def test_what_a_scan_finds_is_offered(benches: Any) -> None:
    from app.scanning import CAMERA, Found, Scan

    benches._show_scan(
        Scan((Found("USB0::1::2::INSTR", "VISA resource"), Found("/x.cti::7", "a camera", CAMERA)), ("pylon: missing",))
    )
    tube, camera = benches.editors["tube"], benches.editors["camera"]
    assert [tube.resource.itemText(row) for row in range(tube.resource.count())] == ["USB0::1::2::INSTR"]
    assert [camera.resource.itemText(row) for row in range(camera.resource.count())] == ["/x.cti::7"]
    assert "pylon: missing" in benches._scan_word.text()
    assert tube.resource.currentText() == "sim"


def test_a_kind_that_cannot_be_looked_for_does_not_hide_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    import app.scanning as scanning

    def without_library() -> list[scanning.Found]:
        raise ImportError("No module named 'pypylon'", name="pypylon")

    def out_of_order() -> list[scanning.Found]:
        raise RuntimeError("libusb\nis broken")

    monkeypatch.setattr(scanning, "_visa", lambda: [scanning.Found("ASRL1::INSTR", "VISA resource")])
    monkeypatch.setattr(scanning, "_spectrometers", out_of_order)
    monkeypatch.setattr(scanning, "_gentl", lambda _: [])
    monkeypatch.setattr(scanning, "_basler", without_library)
    found = scanning.scan()
    assert [one.resource for one in found.for_role("tube")] == ["ASRL1::INSTR"]
    assert found.problems == (
        "Ocean Optics spectrometers: RuntimeError: libusb is broken",
        "Basler cameras: pypylon is not installed",
    )


def test_producers_are_looked_for_where_genicam_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import app.scanning as scanning

    (tmp_path / "maker.cti").touch()
    (tmp_path / "readme.txt").touch()
    assert scanning._producers(tmp_path) == [tmp_path / "maker.cti"]
    monkeypatch.setenv(scanning.GENTL_PATH, "")
    assert scanning._gentl(()) == []
