"""Campaigns: every run once, also across a crash; conditions decide what is due; mistakes show before a run begins."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from analysis.figure import FigureOfMerit
from app.campaign.conductor import Item, conduct, items, log_path
from app.campaign.log import CampaignLog, only_one
from app.engine.events import State
from app.engine.outcome import Outcome
from config.campaign_file import campaign_file
from config.mistake import UserMistake

pytestmark = pytest.mark.usefixtures("untraced")

TEXT = """
name = "films"
seed = 5

[[steps]]
name = "curve"
procedure = "iv"
samples = ["dong24-mixed", "dong24-ch3nh2"]
repeats = 2
settings = { voltages = "-10:10:11", readings = 4 }

[[steps]]
name = "dark"
procedure = "dark-current"
samples = ["dong24-mixed"]
settings = { duration = 10 }
after = ["curve"]
"""
NOON = datetime.fromisoformat("2026-03-01T12:00:00+01:00")


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    def written(text: str) -> Path:
        path = tmp_path / "films.toml"
        path.write_text(text)
        return path

    return written


class Carrier:
    """Stands in for bench and engine: what is asked of the conductor is which runs it begins, and in what order."""

    def __init__(self, *states: State, value: float = 1.0, killed_at: int | None = None) -> None:
        self.begun: list[str] = []
        self.states = list(states)
        self.value = value
        self.killed_at = killed_at

    def __call__(self, planned, item: Item) -> Outcome:
        self.begun.append(str(item))
        if len(self.begun) == self.killed_at:
            raise SystemExit("killed")
        state = self.states.pop(0) if self.states else State.COMPLETED
        figure = FigureOfMerit.normal("resistivity", self.value * len(self.begun), "ohm cm", "m", statistical=0.1)
        return Outcome(state, item.step.procedure, Path(f"{len(self.begun)}.h5"), {}, None, 1.0, 1, [figure])


def run(path: Path, carrier: Carrier, now: datetime = NOON) -> list[tuple[str, str]]:
    campaign = campaign_file(path).content
    log = CampaignLog(log_path(path))
    return [(str(one.item), one.status) for one in conduct(campaign, log, carrier, lambda: now)]


def test_every_run_is_carried_out_once_also_after_a_crash(write) -> None:
    path = write(TEXT)
    killed = Carrier(killed_at=3)
    with pytest.raises(SystemExit):
        run(path, killed)
    assert len(killed.begun) == 3
    with log_path(path).open("a") as file:
        file.write('{"event": "end", "key": "torn')

    again = Carrier()
    found = run(path, again)
    assert [status for _, status in found] == ["done before", "done before", "completed", "completed", "completed"]
    assert again.begun == ["curve of dong24-ch3nh2 1 of 2", "curve of dong24-ch3nh2 2 of 2", "dark of dong24-mixed"]
    events = [json.loads(line) for line in log_path(path).read_text().splitlines() if line.endswith("}")]
    assert any(event.get("again") for event in events), "the journal says that it was begun before"

    assert {status for _, status in run(path, Carrier(killed_at=1))} == {"done before"}


def test_a_run_whose_settings_changed_is_due_again(write) -> None:
    run(write(TEXT), Carrier())
    changed = Carrier()
    run(write(TEXT.replace("duration = 10", "duration = 20")), changed)
    assert changed.begun == ["dark of dong24-mixed"]


def test_what_comes_after_a_failed_run_is_left_out_with_the_reason(write) -> None:
    path = write(TEXT)
    found = run(path, Carrier(State.COMPLETED, State.FAILED))
    assert [status for _, status in found] == ["completed", "failed", "completed", "completed", "skipped"]
    assert "did not complete: failed" in log_path(path).read_text()
    again = [status for _, status in run(path, Carrier())]
    assert again == ["done before", "completed", "done before", "done before", "completed"], "both are due again"


def test_after_an_abort_nothing_further_is_begun(write) -> None:
    carrier = Carrier(State.COMPLETED, State.ABORTED)
    assert [status for _, status in run(write(TEXT), carrier)] == ["completed", "aborted"]
    assert len(carrier.begun) == 2


def test_until_ends_the_repeats_of_a_sample(write) -> None:
    text = TEXT.replace("repeats = 2", 'repeats = 5\nuntil = "resistivity>=3 ohm cm"')
    found = run(write(text), Carrier())
    assert [status for _, status in found] == ["completed"] * 3 + ["skipped"] * 2 + ["completed"] + ["skipped"] * 4 + [
        "completed"
    ], "the first sample needs three runs; enough is as good as completed for what comes after"
    assert {status for _, status in run(write(text), Carrier(killed_at=1))} == {"done before", "skipped"}


def test_until_a_moment(write) -> None:
    text = TEXT.replace("repeats = 2", f'repeats = 2\nuntil = "{(NOON + timedelta(hours=1)).isoformat()}"')
    assert run(write(text), Carrier(), NOON + timedelta(hours=2))[0][1] == "skipped"
    assert run(write(text), Carrier(), NOON)[0][1] == "completed"


def test_it_runs_on_the_simulated_bench_and_is_resumed_by_the_command(write, command, tmp_path) -> None:
    path = write(TEXT.replace("repeats = 2", "repeats = 1").split('[[steps]]\nname = "dark"')[0] + "\n")
    path.write_text('out = "runs"\n' + path.read_text())
    document = command("campaign", path, "--speed", "max", "--json").document
    assert [one["status"] for one in document["runs"]] == ["completed", "completed"]
    files = [Path(one["run_file"]) for one in document["runs"]]
    assert all(file.is_file() and tmp_path / "runs" in file.parents for file in files)
    again = command("campaign", path, "--speed", "max", "--json").document
    assert [(one["status"], one["run_file"]) for one in again["runs"]] == [("done before", str(file)) for file in files]


def test_only_one_process_carries_a_campaign_out(tmp_path) -> None:
    path = tmp_path / "films.journal.jsonl"
    lock = tmp_path / f".{path.name}.lock"
    lock.write_text("1")  # a process that lives
    with pytest.raises(UserMistake, match="process 1"), only_one(path):
        pass
    lock.write_text("99999999")  # one that was killed
    with only_one(path):
        assert lock.is_file()
    assert not lock.exists()


def test_check_lists_the_runs_and_does_nothing(write, command, tmp_path) -> None:
    path = write(TEXT)
    said = command("campaign", path, "--check")
    assert "5 runs" in said.out
    assert sorted(tmp_path.iterdir()) == [path]
    assert len(items(campaign_file(path).content)) == 5


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('procedure = "iv"', 'procedure = "vi"', "step 'curve': no procedure is named 'vi'"),
        ("readings = 4", "readngs = 4", "did you mean 'readings'"),
        ('after = ["curve"]', 'after = ["curves"]', "no step above it"),
        ('name = "dark"', 'name = "curve"', "two steps are named 'curve'"),
        ("repeats = 2", 'until = "resistivity=3"', "signs are"),
        ("repeats = 2", 'until = "2026-13-01"', "2026-13-01"),
        ("repeats = 2", "repeats = 0", "at least 1"),
    ],
)
def test_a_mistake_shows_before_anything_begins(old, new, said, write, command, tmp_path) -> None:
    path = write(TEXT.replace(old, new))
    answer = command("campaign", path)
    assert (answer.status, answer.out, len(answer.err.splitlines())) == (2, "", 1)
    assert said in answer.err
    assert sorted(tmp_path.iterdir()) == [path]
