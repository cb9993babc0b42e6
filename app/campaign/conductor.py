"""Carries out a campaign: which run is due, which is not, and what came of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from analysis.figure import FigureOfMerit
from app.campaign.log import CampaignLog
from app.engine.events import State
from app.engine.outcome import Outcome
from app.running import Plan, plan
from config.campaign_file import Campaign, Step
from config.mistake import UserMistake
from storage.catalogue_query import FigureCondition, moment


@dataclass(frozen=True)
class Item:
    """One run of a campaign."""

    step: Step
    sample: str
    repeat: int
    number: int
    key: str
    """Tells it from every other, and from itself with other settings."""

    def __str__(self) -> str:
        repeat = f" {self.repeat + 1} of {self.step.repeats}" if self.step.repeats > 1 else ""
        return f"{self.step.name}{f' of {self.sample}' if self.sample else ''}{repeat}"


@dataclass(frozen=True)
class Report:
    """What became of an item: its run's status, ``done before`` or ``skipped``, and why."""

    item: Item
    status: str
    reason: str = ""
    run_file: str = ""


Carry = Callable[[Plan, Item], Outcome]


def items(campaign: Campaign) -> list[Item]:
    """List every run of a campaign, in order."""
    found: list[Item] = []
    for step in campaign.steps:
        for sample in step.samples or ("",):
            for repeat in range(step.repeats):
                what = [step.name, step.procedure, step.preset, sample, step.settings, repeat, campaign.bench]
                key = hashlib.sha256(json.dumps(what, sort_keys=True, default=str).encode()).hexdigest()[:16]
                found.append(Item(step, sample, repeat, len(found), key))
    return found


def plans(campaign: Campaign) -> dict[str, Plan]:
    """Check every run as far as it can be without the bench, so that a mistake shows before the night and not in it.

    Raises
    ------
    UserMistake
        That names the step.
    """
    found: dict[str, Plan] = {}
    for item in items(campaign):
        step = item.step
        try:
            _until(step)
            found[item.key] = plan(
                step.procedure,
                preset=step.preset or None,
                settings=step.settings,
                bench=campaign.bench,
                sample=item.sample or None,
            )
        except UserMistake as mistake:
            raise UserMistake(f"step '{step.name}': {mistake}") from mistake
    return found


def conduct(campaign: Campaign, log: CampaignLog, carry: Carry, now: Callable[[], datetime]) -> Iterator[Report]:
    """Carry out what has not been, one run after the other; what a run says of its sample decides on the next.

    Parameters
    ----------
    campaign
        Checked.
    log
        Of what has been done; every step of this one is written into it.
    carry
        Runs one item.
    now
        Clock for moments in ``until``.

    Yields
    ------
    Report
        Of each item, as it is done. After a run that was aborted, or tripped, nothing further is begun.
    """
    planned = plans(campaign)
    everything = items(campaign)
    finished: dict[str, str] = {}
    enough: dict[tuple[str, str], str] = {}
    for item in everything:
        subject = (item.step.name, item.sample)
        before = log.completed.get(item.key)
        reason = enough.get(subject) or _not_due(item, everything, finished, now)
        if before is not None:
            report = Report(item, "done before", "", before.run_file)
            figures: Sequence[FigureOfMerit] = [FigureOfMerit.from_dict(figure) for figure in before.figures]
        elif reason:
            report, figures = Report(item, "skipped", reason), ()
            log.write("skip", key=item.key, item=str(item), reason=reason)
        else:
            report, figures = _carry_out(item, planned[item.key], log, carry)
        finished[item.key] = "completed" if subject in enough and report.status == "skipped" else report.status
        met = _met(item.step, figures)
        if met:
            enough.setdefault(subject, met)
        yield report
        if report.status == "aborted":
            log.write("stop", reason=report.reason)
            return


def _carry_out(item: Item, planned: Plan, log: CampaignLog, carry: Carry) -> tuple[Report, Sequence[FigureOfMerit]]:
    again = {"again": "an earlier attempt was cut short"} if item.key in log.cut_short else {}
    log.write("begin", key=item.key, item=str(item), **again)
    try:
        outcome = carry(planned, item)
    except KeyboardInterrupt:
        log.write("end", key=item.key, item=str(item), status="aborted", reason="interrupted")
        raise
    except Exception as error:
        # a bench that cannot be opened now may be there for the next run; the journal says what happened
        reason = str(error) if isinstance(error, UserMistake) else f"{type(error).__name__}: {error}"
        log.write("end", key=item.key, item=str(item), status="failed", reason=reason)
        return Report(item, "failed", reason), ()
    log.write(
        "end",
        key=item.key,
        item=str(item),
        status=str(outcome.state),
        reason=outcome.reason,
        run_file=str(outcome.run_file or ""),
        figures=[figure.as_dict() for figure in outcome.figures],
    )
    completed = outcome.state is State.COMPLETED
    report = Report(item, str(outcome.state), outcome.reason, str(outcome.run_file or ""))
    return report, outcome.figures if completed else ()


def _not_due(item: Item, everything: Sequence[Item], finished: dict[str, str], now: Callable[[], datetime]) -> str:
    for earlier in item.step.after:
        for one in everything:
            status = finished.get(one.key)
            if one.step.name == earlier and status not in ("completed", "done before"):
                return f"{one} did not complete: {status}"
    until = _until(item.step)
    if isinstance(until, datetime) and now() >= until:
        return f"it is past {until.isoformat(sep=' ', timespec='minutes')}"
    return ""


def _until(step: Step) -> FigureCondition | datetime | None:
    if not step.until:
        return None
    if step.until[:1].isdigit():
        return moment(step.until)
    return FigureCondition.parse(step.until)


def _met(step: Step, figures: Sequence[FigureOfMerit]) -> str:
    until = _until(step)
    if not isinstance(until, FigureCondition):
        return ""
    for figure in figures:
        if until.holds(figure.name, figure.value, figure.unit, figure.at):
            return f"{step.until} was met: {figure.name} {figure}"
    return ""


def log_path(campaign_path: Path) -> Path:
    """Return where the journal of a campaign lies: beside its file."""
    return campaign_path.with_suffix(".journal.jsonl")
