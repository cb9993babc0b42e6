"""The window: safety bar on top, what to measure on the left, what is measured on the right."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSettings, Qt, QTimer
from PySide6.QtGui import QAction, QCloseEvent
from PySide6.QtWidgets import QLabel, QMainWindow, QSplitter, QTabWidget, QVBoxLayout, QWidget

from app.engine.by_hand import HandNews
from app.engine.events import State
from app.gui.engine_link import EngineLink
from app.gui.instruments_panel import InstrumentsPanel
from app.gui.journal_panel import JournalPanel
from app.gui.kept_choices import keep, restore
from app.gui.later import Later
from app.gui.live_panel import LivePanel
from app.gui.measurement_panel import MeasurementPanel
from app.gui.orders import BenchFacts, RunEnd, RunOrder, Safety
from app.gui.question_panel import QuestionPanel
from app.gui.queue_panel import QueuePanel
from app.gui.results_panel import ResultsPanel
from app.gui.safety_bar import SafetyBar
from app.gui.shortcuts_page import ShortcutsPage
from app.gui.theme import apply_theme, is_dark, mark
from app.gui.trust_panel import TrustPanel
from config.loading import bench_file
from config.mistake import UserMistake

if TYPE_CHECKING:
    from app.gui.bench_panel import BenchPanel
    from app.gui.campaign_thread import CampaignThread
    from app.gui.sample_panel import SamplePanel


class MainWindow(QMainWindow):
    """Everything together; closing it ends the run and makes the bench safe first.

    Parameters
    ----------
    bench
        Name or path of the bench file.
    seed
        Of a simulated bench; None takes the bench file's.
    settings
        Where layout and choices are kept.
    """

    def __init__(self, bench: str, seed: int | None, settings: QSettings) -> None:
        super().__init__()
        self.setWindowTitle(f"xraybench: {bench}")
        self._settings = settings
        self._bench = bench
        self._seed = seed
        self._closing = False
        self._judged: object = None
        self.link = EngineLink(self)
        self.safety = SafetyBar()
        self.question = QuestionPanel()
        self.trust = TrustPanel()
        self._campaign: CampaignThread | None = None
        self._message = QLabel()
        self._message.setWordWrap(True)
        self._message.setContentsMargins(10, 0, 10, 0)
        self._message.hide()
        self.measurement = MeasurementPanel(bench, seed)
        self.live = LivePanel()
        self.results = ResultsPanel()
        self.instruments = InstrumentsPanel()
        self.queue = QueuePanel()
        self.journal = JournalPanel()
        self._facts: BenchFacts | None = None
        self._samples = Later(self._make_samples)
        self._bench_setup = Later(self._make_bench_setup)
        self.tabs = QTabWidget()
        for panel, name in (
            (self.live, "&Live"),
            (self.results, "&Results"),
            (self.instruments, "&Instruments"),
            (self.queue, "&Queue"),
            (self.journal, "&Journal"),
            (self._samples, "&Samples"),
            (self._bench_setup, "&Bench"),
        ):
            self.tabs.addTab(panel, name)
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.addWidget(self.measurement)
        self.splitter.addWidget(self.tabs)
        self.splitter.setStretchFactor(1, 1)
        self.splitter.setSizes([390, 960])
        self.splitter.setChildrenCollapsible(False)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        for widget in (self.safety, self.question, self.trust, self._message):
            column.addWidget(widget)
        column.addWidget(self.splitter, 1)
        self.setCentralWidget(inside)
        self._make_menu()
        self._connect()
        restore(self, settings)
        self.results.show_folder(self._folder())
        self._open_bench()

    def _make_menu(self) -> None:
        view = self.menuBar().addMenu("&View")
        self.dark = QAction("&Dark", self, checkable=True)
        self.dark.setChecked(is_dark())
        self.dark.toggled.connect(apply_theme)
        view.addAction(self.dark)
        self.help = ShortcutsPage(self)
        self.menuBar().addMenu("&Help").addAction("&Keys", "F1", self.help.show)

    def _connect(self) -> None:
        link = self.link
        self.safety.stop_wanted.connect(self.stop)
        self.question.answered.connect(link.answer)
        self.trust.declined.connect(lambda reason: self._say(reason, "bad"))
        self.measurement.start_wanted.connect(self.start)
        self.measurement.queue_wanted.connect(self.queue.add)
        self.measurement.plan_changed.connect(self._judge)
        self.measurement.edit_sample_wanted.connect(self._edit_sample)
        self.queue.changed.connect(self._start_next)
        self.queue.campaign_wanted.connect(self.carry_out)
        self.live.pause_wanted.connect(link.pause)
        self.live.resume_wanted.connect(link.resume)
        self.live.abort_wanted.connect(lambda: link.stop("aborted at the window"))
        self.instruments.on_wanted.connect(link.by_hand)
        self.instruments.on_wanted.connect(lambda *_: self._say("", ""))
        self.instruments.off_wanted.connect(link.off)
        self.instruments.adjust_wanted.connect(link.adjust)
        self.instruments.live_wanted.connect(link.watch_live)
        self.instruments.anew_wanted.connect(link.count_anew)
        link.live_seen.connect(self.instruments.show_live)
        link.hand_seen.connect(self._show_hand)
        link.bench_opened.connect(self._show_bench)
        link.bench_closed.connect(self._show_closed)
        link.beam_seen.connect(self.safety.show_beam)
        link.readings_seen.connect(self.instruments.show_readings)
        link.run_started.connect(self._begin)
        link.state_changed.connect(self.live.show_state)
        link.prepared.connect(self.live.show_prepared)
        link.prepared.connect(lambda prepared: setattr(self.results, "measured_here", prepared.run_file))
        link.recorded.connect(self.live.show_records)
        link.progressed.connect(self.live.show_progress)
        link.progressed.connect(self.safety.show_progress)
        link.noted.connect(self.journal.add)
        link.run_ended.connect(self._end)
        link.question_asked.connect(self.question.ask)
        link.problem_seen.connect(self._show_safety)
        link.stopped.connect(self._show_stop)
        link.plan_judged.connect(self._show_judgement)

    @property
    def message_text(self) -> str:
        """What the window says above everything."""
        return self._message.text()

    def _folder(self) -> Path:
        given = self.measurement.folder.text().strip()
        return Path(given or bench_file(self._bench).content.output.folder).expanduser()

    def _open_bench(self) -> None:
        from app.running import Plan
        from procedures.procedure import Procedure

        loaded = bench_file(self._bench)
        speed = self.measurement.speed.currentData() if loaded.content.simulated else None
        plan, seed = Plan(Procedure(), None, loaded, None), self._seed
        self.trust.let(loaded, lambda: self.link.open(plan, seed, speed))

    @property
    def samples(self) -> SamplePanel:
        """The sample editor."""
        return self._samples.panel

    @property
    def bench_setup(self) -> BenchPanel:
        """The bench set-up."""
        return self._bench_setup.panel

    def _make_samples(self) -> SamplePanel:
        from app.gui.sample_panel import SamplePanel

        panel = SamplePanel()
        panel.refresh(self.measurement.recent)
        panel.saved.connect(self.measurement.show_samples)
        panel.use_wanted.connect(self.measurement.show_samples)
        return panel

    def _make_bench_setup(self) -> BenchPanel:
        from app.gui.bench_panel import BenchPanel

        panel = BenchPanel()
        panel.refresh(self._bench)
        panel.use_wanted.connect(self.use_bench)
        panel.set_busy(self.link.order is not None)
        if self._facts is not None:
            panel.show_open(self._facts)
        return panel

    def _edit_sample(self, name: str) -> None:
        self.samples.refresh(self.measurement.recent)
        self.samples.choose(name)
        self.tabs.setCurrentWidget(self._samples)

    def use_bench(self, name: str) -> None:
        """Close the bench that is open, and measure on another one, once the user trusts its file."""
        try:
            self.trust.let(bench_file(name), lambda: self._change_bench(name))
        except UserMistake as mistake:
            self._say(str(mistake), "bad")

    def _change_bench(self, name: str) -> None:
        if self.link.order is not None:
            self._say("A run is on: the bench can be changed when it has ended", "warning")
            return
        try:
            self.measurement.set_bench(name)
        except UserMistake as mistake:
            self._say(str(mistake), "bad")
            return
        self._bench = name
        if not bench_file(name).content.simulated:
            self._seed = None
        self.setWindowTitle(f"xraybench: {name}")
        self._say("", "")
        self.results.show_folder(self._folder())
        self._open_bench()

    def carry_out(self, path: Path) -> None:
        """Carry out a campaign file, or take it up again where it was left."""
        from app.gui.campaign_thread import CampaignThread

        try:
            campaign = CampaignThread(path, self.link.operator, self.measurement.speed.currentData(), self)
        except UserMistake as mistake:
            self.queue.say_campaign(str(mistake), on=False)
            return
        campaign.order_wanted.connect(self.queue.add)
        campaign.told.connect(lambda text: self.queue.say_campaign(text, on=True))
        campaign.ended.connect(lambda text: self.queue.say_campaign(text, on=False))
        self.queue.removed.connect(campaign.removed)
        self.link.run_ended.connect(campaign.run_ended)
        self._campaign = campaign
        self.queue.say_campaign(f"{campaign.name} begins", on=True)
        campaign.start()

    def _judge(self, plan: object) -> None:
        self._judged = plan
        self.link.judge(plan)  # type: ignore[arg-type]

    def _show_judgement(self, plan: object, reason: str) -> None:
        if plan is self._judged:
            self.measurement.show_refusal(reason)

    def start(self, order: RunOrder) -> None:
        """Start a run, or let it wait where one is on."""
        if self.link.order is not None:
            self.queue.add(order)
            return
        self.link.start(order)

    def stop(self) -> None:
        """Beam off and run ended; the queue waits until somebody lets it go on."""
        self.link.stop()

    def _start_next(self) -> None:
        if self.link.order is None and not self._closing:
            order = self.queue.take()
            if order is not None:
                self.link.start(order)

    def _begin(self, order: RunOrder) -> None:
        self._say("", "")
        self.safety.begin_run()
        self.live.begin(order)
        self.live.show_state(State.QUEUED)
        self.journal.begin(order.title)
        self.measurement.set_busy(True)
        self._keep_bench(True)
        self.instruments.set_busy(True)
        self.tabs.setCurrentWidget(self.live)

    def _end(self, end: RunEnd) -> None:
        self.live.end(end)
        self.measurement.set_busy(False)
        self._keep_bench(False)
        self.instruments.set_busy(False)
        if end.outcome is not None and end.outcome.beam_unknown:
            self._show_safety(Safety((end.outcome.reason,), beam_unknown=True))
        self.results.measured_here = None
        self.queue.run_ended(end)
        folder = end.order.folder
        self.results.show_folder(folder if folder is not None else self._folder())
        self._start_next()

    def _show_bench(self, facts: BenchFacts) -> None:
        self.safety.show_bench(facts)
        self.instruments.show_bench(facts)
        self._facts = facts
        if self._bench_setup.made is not None:
            self._bench_setup.made.show_open(facts)

    def _keep_bench(self, busy: bool) -> None:
        if self._bench_setup.made is not None:
            self._bench_setup.made.set_busy(busy)

    def _show_closed(self, reason: str) -> None:
        self.safety.show_closed(reason)
        self.instruments.show_closed()
        if reason:
            self._say(f"The bench cannot be opened: {reason}", "bad")

    def _show_safety(self, safety: Safety) -> None:
        self.safety.show_safety(safety)
        if safety.problems:
            self._say("; ".join(safety.problems), "bad")

    def _show_hand(self, news: HandNews) -> None:
        self.instruments.show_news(news)
        if self.link.order is None:
            self.safety.show_dose(news.dose)

    def _show_stop(self, reason: str) -> None:
        self.queue.held.setChecked(True)
        self.instruments.show_stopped()
        waits = ": the queue is held" if self.queue.list.count() else ""
        self._say(f"Stopped: {reason}{waits}", "warning")

    def _say(self, text: str, tone: str) -> None:
        self._message.setText(text)
        self._message.setVisible(bool(text))
        mark(self._message, "tone", tone)

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802  (Qt's name)
        """End the run and make the bench safe; the window goes when that is done."""
        if self.link.ended:
            event.accept()
            return
        event.ignore()
        if self._closing:
            return
        self._closing = True
        keep(self, self._settings)
        self._say("Closing: the bench is being made safe", "warning")
        self.splitter.setEnabled(False)
        if self._campaign is not None:
            self._campaign.end()
        self.link.end()
        self._waiting = QTimer(self)
        self._waiting.setInterval(30)
        self._waiting.timeout.connect(self._close_when_safe)
        self._waiting.start()

    def _close_when_safe(self) -> None:
        if self.link.ended:
            self._waiting.stop()
            self.close()
