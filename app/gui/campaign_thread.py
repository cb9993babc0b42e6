"""Carries out a campaign file at the window: each of its runs waits in the queue, and what came of it decides on."""

from __future__ import annotations

import queue
import threading
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.gui.orders import RunEnd, RunOrder
from config.campaign_file import campaign_file
from config.mistake import UserMistake

if TYPE_CHECKING:
    from app.campaign.conductor import Item
    from app.engine.operator import Operator
    from app.engine.outcome import Outcome
    from app.opening import Speed
    from app.running import Plan


class CampaignThread(QObject):
    """One campaign. It has its journal and its lock as with the command, and is taken up again by either.

    Parameters
    ----------
    path
        Of the campaign file.
    operator
        Asked for each new sample on a real bench.
    speed
        Of a simulated bench.

    Raises
    ------
    UserMistake
        If a run of it cannot be carried out; nothing has been begun then.
    """

    order_wanted = Signal(object)
    """`RunOrder`, to be put into the queue"""
    told = Signal(str)
    """What became of a run, and how many there are"""
    ended = Signal(str)
    """What came of the campaign"""

    def __init__(self, path: Path, operator: Operator, speed: Speed | None, parent: QObject | None = None) -> None:
        from app.campaign.conductor import items, plans

        super().__init__(parent)
        self._path = path
        self._operator = operator
        self._speed = speed
        self._campaign = campaign_file(path).content
        plans(self._campaign)
        self._count = len(items(self._campaign))
        self._ends: queue.Queue[RunEnd | None] = queue.Queue()
        self._awaited: RunOrder | None = None
        self._placed = ""
        self._thread = threading.Thread(target=self._carry_out, name="campaign", daemon=True)

    @property
    def name(self) -> str:
        """Of the campaign."""
        return self._campaign.name

    def start(self) -> None:
        """Begin, or take up again where it was left."""
        self._thread.start()

    def run_ended(self, end: RunEnd) -> None:
        """Hear how a run ended; others than the campaign's do not matter."""
        if end.order is self._awaited:
            self._awaited = None
            self._ends.put(end)

    def removed(self, order: RunOrder) -> None:
        """Hear that a run was taken out of the queue."""
        self.run_ended(RunEnd(order, None, "taken out of the queue"))

    def end(self) -> None:
        """Begin no further run; the journal keeps what was done."""
        self._ends.put(None)

    def join(self, seconds: float) -> None:
        """Wait until it has ended."""
        self._thread.join(seconds)

    def _carry_out(self) -> None:
        from app.campaign.conductor import conduct, log_path
        from app.campaign.log import CampaignLog, only_one

        reports = []
        try:
            with only_one(log_path(self._path)):
                log = CampaignLog(log_path(self._path))
                log.write("campaign", name=self.name, runs=self._count, done_before=len(log.completed))
                for report in conduct(self._campaign, log, self._carry, lambda: datetime.now().astimezone()):
                    reports.append(report)
                    reason = f" ({report.reason})" if report.reason else ""
                    self.told.emit(
                        f"{self.name}: {len(reports)} of {self._count}: {report.item}: {report.status}{reason}"
                    )
        except UserMistake as mistake:
            self.ended.emit(f"{self.name}: {mistake}")
            return
        except KeyboardInterrupt:
            return  # the window is being closed: nobody listens
        counts = [f"{status} {number}" for status in dict.fromkeys(one.status for one in reports)
                  if (number := sum(one.status == status for one in reports))]  # fmt: skip
        left = self._count - len(reports)
        self.ended.emit(f"{self.name}: {', '.join(counts)}{f'; {left} not begun' if left else ''}")

    def _carry(self, planned: Plan, item: Item) -> Outcome:
        simulated = planned.bench.content.simulated
        sample = planned.sample.content.name if planned.sample else ""
        if not simulated and sample and sample != self._placed:
            asked = f"Campaign: put sample '{sample}' in for {item}, and close the door. Is it in?"
            if not self._operator.confirm(asked):
                raise UserMistake(f"nobody confirmed that sample '{sample}' is in")
            self._placed = sample
        seed = None if self._campaign.seed is None else self._campaign.seed + item.number
        folder = Path(self._campaign.out).expanduser() if self._campaign.out else None
        if folder is not None and not folder.is_absolute():
            folder = self._path.parent / folder
        order = RunOrder(planned, folder, seed, self._speed if simulated else None)
        self._awaited = order
        self.order_wanted.emit(order)
        end = self._ends.get()
        if end is None:
            raise KeyboardInterrupt
        if end.outcome is None:
            raise UserMistake(end.mistake)
        return end.outcome
