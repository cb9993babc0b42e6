"""A Lake Shore 336 temperature controller at the world's stage, after the Model 336 user's manual, chapter 6.

It is no SCPI instrument: what it does not understand it ignores, and it answers with CR LF. Input A has the sample's
sensor; the others have none, and say so. Output 1 heats the stage when it is in closed loop with input A.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from sim_instruments.wire.server import Reply, WireInstrument

IDENTITY = "LSCI,MODEL336,SIM0336/#######,2.9"
INPUTS = "ABCD"
OUTPUTS = (1, 2, 3, 4)
NO_SENSOR = 128
"""``RDGST?`` of an input with nothing connected: sensor units over range."""
SHORTEST_SETPOINT_K, LONGEST_SETPOINT_K = 0.0, 1500.0


class LakeShore336Wire(WireInstrument):
    """The controller.

    Parameters
    ----------
    world
        Whose `stage` it heats.
    """

    def __init__(self, world: Any) -> None:
        self._world = world
        self._stage = world.stage
        self._questions: dict[str, Callable[[list[str]], str]] = {
            "*IDN?": lambda _: IDENTITY,
            "*OPC?": lambda _: "1",
            "*STB?": lambda _: "000",
            "*ESR?": lambda _: "000",
            "KRDG?": lambda args: self._reading(args, 0.0),
            "CRDG?": lambda args: self._reading(args, -273.15),
            "SRDG?": lambda args: self._reading(args, 0.0),
            "RDGST?": lambda args: f"{0 if self._input(args) == 'A' else NO_SENSOR:03d}",
            "SETP?": lambda args: f"{self._present_set_point(self._output(args)):+.3f}",
            "RANGE?": lambda args: str(self._ranges[self._output(args)]),
            "RAMP?": lambda args: "{:d},{:+.1f}".format(*self._ramps[self._output(args)]),
            "RAMPST?": lambda args: str(int(self._moving(self._output(args)))),
            "OUTMODE?": lambda args: "{:d},{:d},{:d}".format(*self._modes[self._output(args)]),
            "HTR?": lambda args: f"{self._heater(self._output(args)):+.1f}",
            "MOUT?": lambda _: "+0.0000",
            "PID?": lambda args: "{:+.1f},{:+.1f},{:+.1f}".format(*self._pids[self._output(args)]),
        }
        self._commands: dict[str, Callable[[list[str]], None]] = {
            "SETP": self._set_point,
            "RANGE": self._set_range,
            "RAMP": self._set_ramp,
            "OUTMODE": self._set_mode,
            "PID": self._set_pid,
            "*RST": lambda _: self._reset(),
            "*CLS": lambda _: None,
        }
        self._reset()

    def _reset(self) -> None:
        self._ranges = dict.fromkeys(OUTPUTS, 0)
        self._ramps: dict[int, tuple[int, float]] = dict.fromkeys(OUTPUTS, (0, 0.0))
        self._modes: dict[int, tuple[int, int, int]] = {output: (1, output, 0) for output in OUTPUTS}
        self._pids: dict[int, tuple[float, float, float]] = dict.fromkeys(OUTPUTS, (50.0, 20.0, 0.0))
        # where the set point comes from, where it goes, since when
        room = float(self._stage.parameters.room_k)
        self._goals: dict[int, tuple[float, float, float]] = dict.fromkeys(OUTPUTS, (room, room, -math.inf))
        self._stage.let_go()

    def handle(self, message: bytes) -> bytes | Reply | None:
        """Answer questions in one line; what is not understood is ignored."""
        answers = []
        for part in message.decode("latin-1").strip().split(";"):
            header, _, rest = part.strip().partition(" ")
            arguments = [field.strip() for field in rest.split(",")] if rest.strip() else []
            try:
                if header.upper() in self._questions:
                    answers.append(self._questions[header.upper()](arguments))
                elif header.upper() in self._commands:
                    self._commands[header.upper()](arguments)
            except (ValueError, IndexError, KeyError):
                continue
        return (";".join(answers) + "\r\n").encode("latin-1") if answers else None

    def _input(self, arguments: list[str]) -> str:
        letter = arguments[0].upper() if arguments else "A"
        if letter not in INPUTS or len(letter) != 1:
            raise ValueError(letter)
        return letter

    def _output(self, arguments: list[str]) -> int:
        number = int(arguments[0])
        if number not in OUTPUTS:
            raise ValueError(number)
        return number

    def _reading(self, arguments: list[str], offset: float) -> str:
        return f"{self._stage.reading() + offset:+.4f}" if self._input(arguments) == "A" else "+0.0000"

    # --- the loop

    def _present_set_point(self, output: int) -> float:
        begin, goal, since = self._goals[output]
        on, rate = self._ramps[output]
        if not on or rate <= 0.0 or begin == goal:
            return goal
        moved = rate / 60.0 * (self._world.clock.now() - since)
        return goal if moved >= abs(goal - begin) else begin + math.copysign(moved, goal - begin)

    def _moving(self, output: int) -> bool:
        return self._present_set_point(output) != self._goals[output][1]

    def _set_point(self, arguments: list[str]) -> None:
        output, kelvin = self._output(arguments), float(arguments[1])
        if not SHORTEST_SETPOINT_K <= kelvin <= LONGEST_SETPOINT_K:
            return
        self._goals[output] = (self._present_set_point(output), kelvin, self._world.clock.now())
        self._follow(output)

    def _set_ramp(self, arguments: list[str]) -> None:
        output, on, rate = self._output(arguments), int(arguments[1]), float(arguments[2])
        if on not in (0, 1) or not 0.0 <= rate <= 100.0:
            return
        now = self._present_set_point(output)
        goal = self._goals[output][1]
        self._ramps[output] = (on, rate)
        self._goals[output] = (now if on else goal, goal, self._world.clock.now())
        self._follow(output)

    def _set_range(self, arguments: list[str]) -> None:
        output, number = self._output(arguments), int(arguments[1])
        if 0 <= number <= (3 if output <= 2 else 1):
            self._ranges[output] = number
            self._follow(output)

    def _set_mode(self, arguments: list[str]) -> None:
        output, mode, source, up = self._output(arguments), *(int(field) for field in arguments[1:4])
        if 0 <= mode <= 5 and 0 <= source <= len(INPUTS) and up in (0, 1):
            self._modes[output] = (mode, source, up)
            self._follow(output)

    def _set_pid(self, arguments: list[str]) -> None:
        output = self._output(arguments)
        gain, integral, derivative = (float(field) for field in arguments[1:4])
        self._pids[output] = (gain, integral, derivative)

    def _controls(self, output: int) -> bool:
        return output == 1 and self._ranges[1] > 0 and self._modes[1][:2] == (1, 1)

    def _follow(self, output: int) -> None:
        """Let the stage do what output 1 makes it do from now on."""
        if output != 1:
            return
        if not self._controls(1):
            self._stage.let_go()
            return
        on, rate = self._ramps[1]
        self._stage.heat_to(self._present_set_point(1), self._goals[1][1], rate / 60.0 if on and rate > 0.0 else None)

    def _heater(self, output: int) -> float:
        if not self._controls(output):
            return 0.0
        room, high = float(self._stage.parameters.room_k), float(self._stage.parameters.highest_k)
        return max(0.0, min(100.0, 100.0 * (float(self._stage.temperature()) - room) / (high - room)))
