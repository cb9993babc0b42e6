"""What the window asks: a bench file's own code, a question that nobody answers, and the runs of a campaign."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.campaign.log import CampaignLog
from app.engine.asking import answer
from app.gui.panel_operator import PanelOperator
from app.gui.trust_panel import TrustPanel
from app.trust import is_trusted
from config.loading import bench_file

pytestmark = pytest.mark.usefixtures("untraced")

CAMPAIGN = """
name = "night"
bench = "sim"
out = "night"
seed = 5
[[steps]]
name = "line"
procedure = "rl-linearity"
preset = "chen24-rl-linearity"
repeats = 2
[steps.settings]
tube_currents = "0.4:2.4:3"
repeats = 1
averages = 1
dose_time = 0.5
settling_time = 0.5
"""

OWN_CODE = """
name = "own"
[limits]
tube_voltage_kv = 60.0
[instruments.tube]
driver = "no_such_package.tube:Tube"
resource = "TCPIP::127.0.0.1::9::SOCKET"
"""


def test_a_question_that_nobody_answers_is_taken_away_and_the_next_one_stays(qtbot: Any) -> None:
    asked: list[str] = []
    operator = PanelOperator(asked.append)
    assert answer(operator, "Is the sample in?", 0.01, threading.Event()) is None
    assert asked == ["Is the sample in?", ""]
    given: list[bool] = []
    thread = threading.Thread(target=lambda: given.append(operator.confirm("And now?")))
    thread.start()
    qtbot.waitUntil(lambda: asked[-1] == "And now?", timeout=5_000)
    operator.answer(True)
    thread.join(5)
    assert given == [True]
    operator.withdraw()
    assert asked[2:] == ["And now?", ""]


def test_code_of_a_bench_file_is_run_by_nobody_before_the_user_trusts_it(
    qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.trust.user_folder", lambda: tmp_path)
    path = tmp_path / "own.toml"
    path.write_text(OWN_CODE)
    bench = bench_file(str(path))
    panel = TrustPanel()
    qtbot.addWidget(panel)
    opened: list[str] = []
    with qtbot.waitSignal(panel.declined) as declined:
        panel.let(bench, lambda: opened.append("once"))
        assert "no_such_package.tube:Tube" in panel.question
        panel.no.click()
    assert "not trusted" in declined.args[0]
    assert opened == []
    assert not is_trusted(bench)
    panel.let(bench, lambda: opened.append("after a yes"))
    panel.yes.click()
    panel.let(bench, lambda: opened.append("not asked again"))
    assert panel.question == ""
    panel.let(bench_file("sim"), lambda: opened.append("no code"))
    assert opened == ["after a yes", "not asked again", "no code"]
    path.write_text(OWN_CODE.replace("60.0", "61.0"))
    panel.let(bench_file(str(path)), lambda: opened.append("another content"))
    assert panel.question
    assert len(opened) == 3


def test_a_campaign_waits_in_the_queue_and_is_taken_up_again(
    open_window: Callable[[], Any], qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.trust.user_folder", lambda: tmp_path)
    window = open_window()
    path = tmp_path / "night.toml"
    path.write_text(CAMPAIGN.replace("rl-linearity", "no-such-procedure"))
    window.queue.campaign_wanted.emit(path)
    assert "no-such-procedure" in window.queue.campaign_said
    path.write_text(CAMPAIGN)
    window.queue.held.setChecked(True)
    window.queue.campaign_wanted.emit(path)
    qtbot.waitUntil(lambda: len(window.queue.titles) == 1, timeout=20_000)
    assert not window.queue.campaign.isEnabled()
    # one that is taken out does not stop the next
    window.queue.buttons["Remove"].click()
    qtbot.waitUntil(lambda: len(window.queue.titles) == 1, timeout=20_000)
    window.queue.held.setChecked(False)
    qtbot.waitUntil(window.queue.campaign.isEnabled, timeout=60_000)
    assert window.queue.campaign_said == "night: failed 1, completed 1"
    window.queue.campaign_wanted.emit(path)
    qtbot.waitUntil(lambda: "done before 1" in window.queue.campaign_said, timeout=60_000)
    assert "completed 1" in window.queue.campaign_said
    assert len(list((tmp_path / "night").rglob("*.h5"))) == 2
    assert len(CampaignLog(tmp_path / "night.journal.jsonl").completed) == 2
