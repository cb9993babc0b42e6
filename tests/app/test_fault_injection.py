"""Faults are set off at the moments of a run, by whoever tests a procedure and by the command."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

from app.engine.events import State
from app.fault_injection import FaultInjection
from app.pytest_plugin import SimulatedBench
from config.mistake import UserMistake
from drivers.spellman_xrv import SpellmanTube
from sim_instruments.fault_text import DESCRIPTIONS, parse_fault
from sim_instruments.faults import FaultKind
from storage.reader import open_run

sys.path.insert(0, str(Path(__file__).parent))
HoldBeam: Any = importlib.import_module("beam_procedures").HoldBeam


def steps(outcome: Any) -> list[float]:
    with open_run(outcome.run_file) as file:
        return list(file.streams["doses"]["step"])


def test_before_the_run(simulated_bench: SimulatedBench, faults: FaultInjection) -> None:
    faults.now("door-opened")
    outcome = simulated_bench.run(HoldBeam(), steps=5)
    assert outcome.tripped
    assert "close the door" in outcome.reason
    assert steps(outcome) == []


def test_between_two_records(simulated_bench: SimulatedBench, faults: FaultInjection) -> None:
    faults.between_records(3, "arc")
    outcome = simulated_bench.run(HoldBeam(), steps=50)
    assert outcome.tripped
    assert steps(outcome) == [0, 1, 2]
    ((when, fault),) = faults.happened
    assert fault.kind is FaultKind.ARC
    assert simulated_bench.bench.clock.now() > when


def test_while_a_point_is_measured(simulated_bench: SimulatedBench, faults: FaultInjection) -> None:
    faults.during_point(3, "lost-connection", instrument="dosimeter", delay=1.1)
    outcome = simulated_bench.run(HoldBeam(), steps=50)
    assert outcome.tripped
    assert "dosimeter" in outcome.reason
    assert steps(outcome) == [0, 1]


def test_in_the_first_point_and_after_some_time(simulated_bench: SimulatedBench, faults: FaultInjection) -> None:
    faults.during_point(1, "tube-fault", delay=2.5, detail="overpower")
    faults.after(300.0, "arc")
    outcome = simulated_bench.run(HoldBeam(), steps=50)
    assert "overpower" in outcome.reason
    assert outcome.records == 0


def test_in_shutdown_itself(simulated_bench: SimulatedBench, faults: FaultInjection) -> None:
    faults.in_shutdown("lost-connection", instrument="tube", duration=0.01)
    outcome = simulated_bench.run(HoldBeam(), steps=3)
    assert outcome.state in (State.COMPLETED, State.FAILED)
    assert len(faults.happened) == 1
    assert not simulated_bench.world.tube.high_voltage_on


def test_two_at_once_and_none_in_the_next_run(simulated_bench: SimulatedBench, faults: FaultInjection) -> None:
    faults.between_records(2, "arc")
    faults.between_records(2, "garbage-reply", instrument="dosimeter", count=1)
    assert simulated_bench.run(HoldBeam(), steps=20).state is not State.COMPLETED
    faults.clear()
    simulated_bench.bench.tube.reset_faults()
    assert simulated_bench.run(HoldBeam(), steps=3).state is State.COMPLETED


def test_faults_are_read_as_they_are_written() -> None:
    fault = parse_fault("silent@3+10:dosimeter", now=100.0)
    assert (fault.kind, fault.instrument, fault.at, fault.duration) == ("silent", "dosimeter", 103.0, 10.0)
    assert parse_fault("slow-reply=0.5").seconds == 0.5
    assert parse_fault("kv-off=0.9@2").factor == 0.9
    assert parse_fault("tube-fault=overpower").detail == "overpower"
    assert parse_fault("door-opened").at is None
    assert set(DESCRIPTIONS) == set(FaultKind)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("dor-opened", "did you mean 'door-opened'"),
        ("arc@soon", "the moment 'soon'"),
        ("arc@-1", "the moment '-1'"),
        ("silent:dosimter", "did you mean 'dosimeter'"),
        ("arc:tube", "takes no role"),
        ("silent+nan", "the duration 'nan'"),
        ("", "must be KIND"),
        ("kv-off=much", "the factor 'much'"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_in_one_line(text: str, said: str, command: Any) -> None:
    with pytest.raises(UserMistake, match=said):
        parse_fault(text)
    answer = command("sim", f"--fault={text}")
    assert answer.status == 2
    assert answer.err.count("\n") == 1


def test_the_command_lists_them(command: Any) -> None:
    assert {one["kind"] for one in command("sim", "--list-faults", "--json").document} == set(FaultKind)
    said = command("sim", "--list-faults").out
    assert "door-opened" in said
    assert "[@SECONDS]" in said


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_served_bench_has_the_faults_that_were_asked_for(tmp_path: Path) -> None:
    import json
    import subprocess

    (tmp_path / "tube.toml").write_text(
        'name = "tube"\n[instruments.tube]\ndriver = "spellman-xrv"\nresource = "sim"\n[simulation]\nseed = 1\n'
    )
    server = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "app.cli",
            "sim",
            "--json",
            "--fault=door-opened",
            "--bench",
            str(tmp_path / "tube.toml"),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        address = json.loads(server.stdout.readline())["instruments"]["tube"]["resource"]
        tube = SpellmanTube(address)
        assert not tube.status().interlock_closed
        tube.close()
    finally:
        server.kill()
        server.wait()
        for pipe in (server.stdin, server.stdout):
            assert pipe is not None
            pipe.close()
