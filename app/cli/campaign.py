"""``xraybench campaign``: a list of runs, unattended, taken up again where it was left."""

from __future__ import annotations

import argparse
from datetime import datetime
from pathlib import Path

from app.campaign.conductor import Item, Report, conduct, items, log_path, plans
from app.campaign.log import CampaignLog, only_one
from app.cli import arguments as shared
from app.cli.interruption import in_a_thread, signals_end
from app.cli.main import EXIT_ABORTED, EXIT_FAILED
from app.cli.progress import ProgressBar
from app.cli.tables import path_text, print_json, print_table
from app.cli.terminal_operator import operator
from app.engine.outcome import Outcome
from app.running import Plan, opened, request
from config.campaign_file import Campaign, campaign_file
from config.mistake import UserMistake


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("file", metavar="FILE", help="campaign file (TOML)")
    parser.add_argument("--check", action="store_true", help="check and list its runs, and do nothing")
    parser.add_argument("--speed", metavar="X|max", help="of the simulated bench: 1 is real time, max is virtual time")
    parser.add_argument("--yes", action="store_true", help="every question to the operator is answered with yes")
    shared.add_json(parser)


def main(given: argparse.Namespace) -> int:
    """Carry out, print; 1 where a run failed, 3 where one was aborted."""
    path = Path(given.file).expanduser()
    campaign = campaign_file(path).content
    speed = shared.speed(given)
    if given.check:
        return _list(given, campaign)
    placed: list[str] = []

    def carry(planned: Plan, item: Item) -> Outcome:
        simulated = planned.bench.content.simulated
        who = operator(given.yes, simulated)
        sample = planned.sample.content.name if planned.sample else ""
        if not simulated and sample and placed[-1:] != [sample]:
            if not who.confirm(f"Campaign: put sample '{sample}' in for {item}, and close the door. Is it in?"):
                raise UserMistake(f"nobody confirmed that sample '{sample}' is in (--yes confirms)")
            placed.append(sample)
        seed = None if campaign.seed is None else campaign.seed + item.number
        folder = Path(campaign.out).expanduser() if campaign.out else None
        if folder is not None and not folder.is_absolute():
            folder = path.parent / folder
        with (
            opened(planned, seed=seed, speed=speed, operator=who) as engine,
            ProgressBar(str(item), quiet=given.json) as bar,
            signals_end(engine),
        ):
            engine.watch(bar)
            asked = request(planned, folder=folder, seed=seed)
            return in_a_thread(lambda: engine.run(asked))

    reports: list[Report] = []
    plans(campaign)
    with only_one(log_path(path)):
        log = CampaignLog(log_path(path))
        log.write("campaign", name=campaign.name, runs=len(items(campaign)), done_before=len(log.completed))
        for report in conduct(campaign, log, carry, lambda: datetime.now().astimezone()):
            reports.append(report)
            if not given.json:
                reason = f" ({report.reason})" if report.reason else ""
                print(f"{report.item}: {report.status}{reason} {report.run_file}".rstrip(), flush=True)  # noqa: T201
    left = len(items(campaign)) - len(reports)
    if given.json:
        print_json({"campaign": campaign.name, "journal": str(log.path), "left": left,
                    "runs": [_describe(report) for report in reports]})  # fmt: skip
    else:
        print(f"journal: {path_text(log.path)}{f'; {left} runs were not begun' if left else ''}")  # noqa: T201
    statuses = {report.status for report in reports}
    return EXIT_ABORTED if "aborted" in statuses else EXIT_FAILED if "failed" in statuses else 0


def _describe(report: Report) -> dict[str, object]:
    return {
        "step": report.item.step.name,
        "sample": report.item.sample,
        "repeat": report.item.repeat + 1,
        "status": report.status,
        "reason": report.reason,
        "run_file": report.run_file,
    }


def _list(given: argparse.Namespace, campaign: Campaign) -> int:
    planned = plans(campaign)
    rows = []
    for item in items(campaign):
        estimate = planned[item.key].procedure.estimate()
        rows.append((item.step.name, item.sample, item.repeat + 1, item.step.procedure, estimate.duration))
    if given.json:
        names = ("step", "sample", "repeat", "procedure", "estimated_s")
        print_json([dict(zip(names, row, strict=True)) for row in rows])
        return 0
    print_table(
        campaign.name,
        ("step", "sample", "repeat", "procedure", "estimated"),
        [(step, sample, str(repeat), name, f"{seconds / 60:.1f} min") for step, sample, repeat, name, seconds in rows],
    )
    print(f"{len(rows)} runs, {sum(row[4] for row in rows) / 3600:.2f} h")  # noqa: T201
    return 0
