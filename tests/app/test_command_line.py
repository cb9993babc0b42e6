"""What the command says to a user's mistake: one line, exit 2, nothing written, nothing switched on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.cli.main import main


def bad_bench(tmp_path: Path, text: str) -> str:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["frobnicate"], "no command is named 'frobnicate'"),
        (["rnu", "rl-linearity"], "did you mean 'run'"),
        (["run", "rl-linearity", "--sed", "1"], "did you mean '--seed'"),
        (["run", "rl-linearity", "more"], "more: nothing is expected there"),
        (["run", "rl-linearity", "--set", "tube_voltage=30,5"], "not after a comma"),
        (["run", "rl-linearity", "--sample", "chen24"], "did you mean 'chen24-pnc-silicone'"),
        (["run"], "PROCEDURE"),
        (["run", "rl-linarity"], "did you mean 'rl-linearity'"),
        (["run", "rl-linearity", "--preset", "chen24"], "chen24-rl-linearity"),
        (["run", "rl-linearity", "--preset", "dong24-sensitivity"], "not for rl-linearity, which has chen24"),
        (["run", "rl-linearity", "--set", "tube_votlage=30"], "did you mean 'tube_voltage'"),
        (["run", "rl-linearity", "--set", "tube_voltage=700"], "5 to 450 kV"),
        (["run", "rl-linearity", "--set", "tube_voltage=100"], "limits.tube_voltage_kv"),
        (["run", "rl-linearity", "--set", "tube_voltage=abc"], "tube_voltage"),
        (["run", "rl-linearity", "--set", "tube_voltage=nan"], "tube_voltage"),
        (["run", "rl-linearity", "--set", "tube_voltage=30 mA"], "the unit mA does not fit"),
        (["run", "rl-linearity", "--set", "tube_voltage"], "must be name=value"),
        (["run", "rl-linearity", "--set", "repeats=1", "--set", "repeats=2"], "twice"),
        (["run", "rl-linearity", "--bench", "nowhere"], "no bench is named 'nowhere'"),
        (["run", "rl-linearity", "--bench", "nowhere.toml"], "there is no such file"),
        (["run", "rl-linearity", "--sample", "unobtainium"], "no sample is named 'unobtainium'"),
        (["run", "sensitivity"], "see xraybench samples"),
        (["run", "sensitivity", "--sample", "chen24-pnc-silicone"], "area_cm2"),
        (["run", "rl-linearity", "--seed", "-1"], "--seed -1"),
        (["run", "rl-linearity", "--seed", "one"], "--seed one"),
        (["run", "rl-linearity", "--speed", "0"], "--speed 0"),
        (["run", "rl-linearity", "--speed", "nan"], "--speed nan"),
        (["run", "rl-linearity", "--frobnicate"], "--frobnicate"),
        (["run", "sensitivity", "--preset", "dong24-sensitivity", "--set", "fields=-100000"], "limits.bias_v"),
        (["run", "sensitivity", "--preset", "dong24-sensitivity", "--set", "readout=source meter",
          "--set", "bias_source=preamp"], "bias_source"),
        (["analyse", "nowhere.h5"], "nowhere.h5"),
        (["show", "nowhere.h5"], "nowhere.h5"),
        (["recover", "nowhere"], "nowhere is no folder"),
        (["check", "--bench", "nowhere"], "no bench is named"),
        (["sim", "--speed", "max"], "--speed max"),
        (["sim", "--bench", "kit"], "is a real one"),
        (["procedures", "nothing"], "no procedure is named"),
    ],
)  # fmt: skip
def test_a_mistake_gets_one_line_and_exit_2(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        status = main(words)
    except SystemExit as ended:
        status = int(ended.code or 0)
    out, err = capsys.readouterr()
    assert status == 2, err
    assert out == ""
    assert said in err
    assert len(err.splitlines()) == 1
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name = ", "is no valid TOML"),
        ("\x00\x01", "is no valid TOML"),
        ('name = "b"', "instruments is missing"),
        ('name = "b"\n[instruments.tubes]\ndriver = "spellman-xrv"', "did you mean 'tube'"),
        ('name = "b"\n[instruments.tube]\ndriver = "spelman-xrv"\nresource = "TCPIP::127.0.0.1::1::SOCKET"',
         "did you mean 'spellman-xrv'"),
        ('name = "b"\n[instruments.tube]\ndriver = "spellman-xrv"\nresource = "sim"', "[simulation]"),
        ('name = "b"\n[simulation]\nseed = 1\n[instruments.tube]\ndriver = "spellman-xrv"\nresource = "sim"',
         "has no dosimeter"),
        ('name = "b"\n[limits]\ntube_voltage_kv = -3\n[instruments]', "limits.tube_voltage_kv = -3"),
        ('name = "b"\n[limits]\ntube_voltage = 3\n[instruments]', "did you mean 'tube_voltage_kv'"),
        ('name = "b"\n[output]\ntemplate = "{when}.h5"\n[instruments]', "output.template"),
        ('name = "b"\n[output]\ntemplate = "../x.h5"\n[instruments]', "output folder"),
    ],
)  # fmt: skip
def test_a_wrong_bench_file_gets_one_line(
    text: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    status = main(["run", "rl-linearity", "--bench", bad_bench(tmp_path, text)])
    out, err = capsys.readouterr()
    assert status == 2, err
    assert out == ""
    assert said in err
    assert len(err.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["bad.toml"]


def test_an_output_folder_that_cannot_be_written_is_said_before_anything_is_switched_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    assert main(["run", "rl-linearity", "--preset", "chen24-rl-linearity", "--out", str(in_the_way / "runs")]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "cannot be written" in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("command", ["procedures", "presets", "samples", "drivers", "benches"])
def test_lists_are_one_json_document(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document
    assert all(entry["name"] for entry in document)
    assert main([command]) == 0
    assert document[0]["name"] in capsys.readouterr().out


def test_check_names_every_instrument_and_leaves_the_beam_off(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["beam_on"] is False
    assert document["interlock_closed"] is True
    assert "SR570" in document["instruments"]["preamp"]["identity"]


@pytest.mark.parametrize(("words", "said"), [(["help"], "COMMAND"), (["help", "run"], "PROCEDURE")])
def test_help_is_a_command_as_well(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 0
    assert said in capsys.readouterr().out


DEAD_TUBE = """
name = "dead"
[geometry]
distance_m = 0.3
[limits]
tube_voltage_kv = 50
tube_current_ma = 1
tube_power_w = 50
bias_v = 20
compliance_a = 1e-5
dose_per_run_gy = 5
[instruments.tube]
driver = "DRIVER"
resource = "TCPIP::127.0.0.1::1::SOCKET"
"""


def test_an_instrument_that_does_not_answer_is_one_line_that_says_what_to_look_at(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = bad_bench(tmp_path, DEAD_TUBE.replace("DRIVER", "spellman-xrv"))
    assert main(["check", "--bench", bench]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("xraybench: tube at TCPIP::127.0.0.1::1::SOCKET: nobody answers")
    assert "switched on and connected" in line


def test_the_guardian_of_a_mistyped_driver_leaves_the_complaint_to_the_command(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    bench = bad_bench(tmp_path, DEAD_TUBE.replace("DRIVER", "spelman-xrv"))
    assert main(["run", "tube-warm-up", "--bench", bench]) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert "did you mean 'spellman-xrv'" in line


def test_an_interrupt_while_a_command_is_still_being_imported_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("importlib.import_module", interrupted)
    assert main(["run", "rl-spectrum"]) == 3
    assert capsys.readouterr().err == "xraybench: interrupted\n"


def test_help_imports_nothing_heavy() -> None:
    listed = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "app.cli", "--help"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "COVERAGE_PROCESS_START": ""},
    )
    assert "run a procedure" in listed.stdout
    for heavy in ("numpy", "pydantic", "rich", "pymeasure", "h5py", "matplotlib", "PySide6"):
        assert f" {heavy}\n" not in listed.stderr, heavy
