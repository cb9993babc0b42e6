"""One process at a time on a bench, and no code from a bench file that the user does not trust."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app import bench_lock, trust
from app.bench_lock import BenchLock
from app.engine.guardian import Guardian
from config.loading import bench_file
from config.mistake import UserMistake
from drivers import registry

REAL = """
name = "lab"
[instruments.tube]
driver = "{driver}"
resource = "{resource}"
"""

OTHER_PROCESS = """
import sys
from app.bench_lock import BenchLock
from config.loading import bench_file
lock = BenchLock(bench_file(sys.argv[1]).content, "rl-linearity")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(trust, "user_folder", lambda: tmp_path / "config")
    monkeypatch.setattr(registry, "_allowed", set())


@pytest.fixture
def bench(tmp_path: Path) -> Callable[..., Any]:
    def make(driver: str = "spellman-xrv", resource: str = "TCPIP::127.0.0.1::9::SOCKET", name: str = "lab") -> Any:
        path = tmp_path / f"{name}.toml"
        path.write_text(REAL.format(driver=driver, resource=resource))
        return bench_file(str(path))

    return make


@pytest.mark.skipif(sys.platform == "win32", reason="the folder is told by XDG_STATE_HOME")
def test_a_second_process_is_told_who_has_the_bench_and_gets_it_after_that_was_killed(bench: Any) -> None:
    file = bench()
    holder = subprocess.Popen(
        [sys.executable, "-c", OTHER_PROCESS, str(file.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(UserMistake) as refused:
            BenchLock(file.content, "iv")
        said = str(refused.value)
        assert f"process {holder.pid} (rl-linearity) has its tube (TCPIP::127.0.0.1::9::SOCKET) since 20" in said
        assert "\n" not in said
        # another bench file with the same instrument is the same bench
        with pytest.raises(UserMistake, match="in use"):
            BenchLock(bench(resource=" tcpip::127.0.0.1::9::socket", name="other").content, "iv")
        BenchLock(bench(resource="TCPIP::127.0.0.1::10::SOCKET", name="another").content, "iv").release()
    finally:
        holder.kill()
        holder.wait()
        for pipe in (holder.stdin, holder.stdout):
            assert pipe is not None
            pipe.close()
    BenchLock(file.content, "iv").release()


def test_what_is_taken_of_a_bench_that_is_refused_is_let_go(bench: Any, tmp_path: Path) -> None:
    both = tmp_path / "both.toml"
    both.write_text(
        REAL.format(driver="spellman-xrv", resource="tube")
        + '[instruments.dosimeter]\ndriver = "ptw-unidos"\nresource = "dosimeter"\n'
    )
    first = BenchLock(bench(resource="tube").content, "check")
    with pytest.raises(UserMistake, match="its tube"):
        BenchLock(bench_file(str(both)).content, "iv")
    first.release()
    lock = BenchLock(bench_file(str(both)).content, "iv")
    lock.release()
    lock.release()


def test_simulated_benches_do_not_hinder_one_another() -> None:
    file = bench_file("sim").content
    first, second = BenchLock(file, "run"), BenchLock(file, "run")
    first.release()
    second.release()


def test_the_command_refuses_a_bench_in_use_in_one_line(bench: Any, command: Any) -> None:
    file = bench()
    lock = BenchLock(file.content, "sensitivity")
    said = command("check", "--bench", file.path)
    lock.release()
    assert said.status == 2
    assert "(sensitivity) has its tube" in said.err
    assert said.err.count("\n") == 1


CODE = '''
from pathlib import Path
Path(__file__).with_name("was-run").touch()
from drivers.spellman_xrv import SpellmanTube
class MyTube(SpellmanTube):
    """Mine."""
'''


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "their_tube.py").write_text(textwrap.dedent(CODE))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "their_tube", raising=False)
    return tmp_path / "was-run"


def test_code_from_a_bench_file_is_not_run_before_it_is_trusted(bench: Any, module: Path, command: Any) -> None:
    file = bench(driver="their_tube:MyTube")
    for words in (("check",), ("run", "dose-calibration", "--yes")):
        said = command(*words, "--bench", file.path)
        assert said.status == 2
        assert f"xraybench benches --trust {file.path}" in said.err
        assert said.err.count("\n") == 1
    assert not module.exists()
    assert command("benches", "--trust", file.path).status == 0
    assert not module.exists()
    assert command("check", "--bench", file.path).status == 1
    assert module.exists()


def test_a_trusted_file_that_changes_is_trusted_no_more(bench: Any) -> None:
    file = bench(driver="their_tube:MyTube")
    trust.trust(file)
    assert trust.is_trusted(file)
    assert not trust.is_trusted(bench(driver="their_tube:Other"))
    assert not trust.is_trusted(bench(driver="their_tube:MyTube", resource="elsewhere"))
    assert not trust.is_trusted(bench(driver="their_tube:MyTube", name="copy"))
    assert trust.is_trusted(bench(driver="their_tube:MyTube"))
    trust.record_path().write_text("[1, 2")
    assert not trust.is_trusted(file)


def test_the_user_is_asked_once(bench: Any) -> None:
    file = bench(driver="their_tube:MyTube")
    asked: list[str] = []

    def answer(yes: bool) -> Callable[[str], bool]:
        return lambda question: bool(asked.append(question)) or yes

    with pytest.raises(UserMistake, match="not trusted"):
        trust.require_trust(file, answer(False))
    trust.require_trust(file, answer(True))
    trust.require_trust(file)
    assert len(asked) == 2
    assert "their_tube:MyTube" in asked[0]


def test_shipped_drivers_need_no_trust(bench: Any) -> None:
    assert trust.is_trusted(bench())
    assert trust.is_trusted(bench_file("kit"))
    trust.require_trust(bench())
    assert not trust.record_path().exists()


def test_no_way_leads_around_the_question(bench: Any, module: Path) -> None:
    with pytest.raises(UserMistake, match="not trusted"):
        registry.driver_class("their_tube:MyTube", "tube")
    assert not module.exists()


def test_the_guardian_loads_what_its_process_was_allowed_to(bench: Any, module: Path) -> None:
    file = bench(driver="their_tube:MyTube")
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(module.parent), *([before] if before else [])])
    try:
        guardian = Guardian(file.content, {"tube": "TCPIP::127.0.0.1::9::SOCKET"})
        guardian.wait_until_ready()
        guardian.stand_down()
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
    assert module.exists()


def test_a_lock_says_who_holds_it(bench: Any) -> None:
    lock = BenchLock(bench().content, "tube-warm-up")
    (file,) = bench_lock.lock_folder().glob("*.lock")
    held = json.loads(file.read_text())
    lock.release()
    assert (held["process"], held["what"]) == (os.getpid(), "tube-warm-up")
