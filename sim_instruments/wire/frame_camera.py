"""The world's camera behind the frame protocol that `drivers.frame_stream` describes.

The camera exposes by itself from ``ACQ:STAR`` on, one exposure after the other; it holds the newest frames that nobody
fetched, and older ones are lost, which the numbers show. What an exposure saw is worked out when it is fetched.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim_instruments.faults import FaultKind
from sim_instruments.wire.scpi import Answer, ScpiError, ScpiInstrument, block, choice, number, one, whole

HELD_FRAMES = 16
MISSING = "MISSING"
ROLE = "camera"
_FORMATS = {8: ("Mono8",), 10: ("Mono10", "Mono10p"), 12: ("Mono12", "Mono12p", "Mono12Packed"), 16: ("Mono16",)}


class FrameCameraWire(ScpiInstrument):
    """The world's camera.

    Parameters
    ----------
    world
        The bench's.
    held
        Frames that it keeps for who does not fetch them.
    """

    def __init__(self, world: Any, held: int = HELD_FRAMES) -> None:
        p = world.camera.parameters
        super().__init__(world.clock, f"{p.maker},{p.model},SIM{p.columns}X{p.rows},1.0")
        self._world = world
        self._camera = world.camera
        self._camera.prepare()
        self._p = p
        self._held = held
        self._formats = tuple(name for bits in sorted(_FORMATS) if bits <= p.bits for name in _FORMATS[bits])
        self._next_trigger: Callable[[float], float | None] = getattr(world, "next_trigger", lambda _moment: None)
        self.reset()
        self.on(":SYSTem:PROTocol?", lambda _a, _s: "FRAMES,1")
        self.on(":SENSor:SIZE?", lambda _a, _s: f"{p.columns},{p.rows}")
        self.on(":SENSor:PIXel?", lambda _a, _s: repr(p.sensor_pixel_m))
        self.on(":SENSor:OBJect?", lambda _a, _s: repr(p.pixel_m))
        self.setting(":EXPosure", lambda: self._exposure, self._set_exposure, _exactly)
        self.on(":EXPosure:LIMits?", lambda _a, _s: f"{p.shortest_s!r},{p.longest_s!r}")
        self._declare_gain()
        self.setting(":PIXel:FORMat", lambda: self._format, self._set_format)
        self.on(":PIXel:FORMat:LIST?", lambda _a, _s: ",".join(self._formats))
        self.setting(":REGion", lambda: ",".join(str(part) for part in self._window), self._set_region)
        self._declare_trigger()
        self.on(":ACQuire:STARt", lambda arguments, _: self._start(whole(arguments, 0, 10**9)))
        self.on(":ACQuire:STOP", lambda _a, _s: self._stop())
        self.on(":FRAMe:READ?", lambda _a, _s: self._read())

    def reset(self) -> None:
        """Bring every setting to its default."""
        p = self._p
        self._exposure = min(max(0.1, p.shortest_s), p.longest_s)
        self._gain = 0.0
        self._format = next(name for name in reversed(self._formats) if not name.endswith(("p", "Packed")))
        self._window = (0, 0, p.columns, p.rows)
        self._source = "INT"
        self._number = 0
        self._stop()

    def disconnected(self) -> None:
        """Stop: nobody is there to fetch."""
        self._stop()

    # --- settings

    def _set_exposure(self, arguments: list[str]) -> None:
        self._check_idle()
        self._exposure = number(arguments, self._p.shortest_s, self._p.longest_s)

    def _declare_gain(self) -> None:
        most = self._p.largest_gain_db
        if most <= 0.0:
            self.on(":GAIN?", lambda _a, _s: MISSING)
            self.on(":GAIN:LIMits?", lambda _a, _s: MISSING)
            return
        self.setting(":GAIN", lambda: self._gain, lambda a: setattr(self, "_gain", number(a, 0.0, most)), _exactly)
        self.on(":GAIN:LIMits?", lambda _a, _s: f"0.0,{most!r}")

    def _declare_trigger(self) -> None:
        if not self._p.triggers:
            self.on(":TRIGger:SOURce?", lambda _a, _s: MISSING)
            return
        self.setting(":TRIGger:SOURce", lambda: self._source, self._set_source)
        self.on(":TRIGger", lambda _a, _s: self._fire())

    def _set_source(self, arguments: list[str]) -> None:
        self._check_idle()
        self._source = choice(arguments, "INTernal", "SOFTware", "EXTernal")

    def _set_format(self, arguments: list[str]) -> None:
        self._check_idle()
        name = one(arguments)
        if name not in self._formats:
            raise ScpiError(-224)
        self._format = name

    def _set_region(self, arguments: list[str]) -> None:
        self._check_idle()
        if len(arguments) != 4:
            raise ScpiError(-109)
        x, y, width, height = (whole([part], 0, 4096) for part in arguments)
        if width < 1 or height < 1 or x + width > self._p.columns or y + height > self._p.rows:
            raise ScpiError(-222)
        self._window = (x, y, width, height)

    def _check_idle(self) -> None:
        if self._running:
            raise ScpiError(-221)

    # --- acquiring

    _running = False

    def _start(self, count: int) -> None:
        self._running = True
        self._left = count or math.inf
        # (number, when its exposure begins): those that are not fetched, in the order in which they are exposed
        self._waiting: deque[tuple[int, float]] = deque()
        self._next = self.clock.now() if self._source == "INT" else math.inf
        if self._source == "EXT":
            self._next = self._edge(self.clock.now())

    def _stop(self) -> None:
        self._running = False

    def _edge(self, after: float) -> float:
        moment = self._next_trigger(after)
        return math.inf if moment is None else moment

    def _fire(self) -> None:
        if self._source != "SOFT" or not self._running:
            raise ScpiError(-221)
        self._follow()
        now = self.clock.now()
        last = self._waiting[-1][1] if self._waiting else -math.inf
        # a trigger while the last exposure is read out is overlooked, as by real ones
        if now >= last + self._period and self._left > 0:
            self._begin(now)

    @property
    def _period(self) -> float:
        return float(max(self._exposure, self._p.readout_s))

    def _begin(self, moment: float) -> None:
        self._number += 1
        self._left -= 1
        self._waiting.append((self._number, moment))

    def _follow(self) -> None:
        """Take note of the exposures that have begun until now."""
        now = self.clock.now()
        if self._next <= now and self._source == "INT" and math.isinf(self._left):
            # those that cannot be held any more need not be counted one by one
            gone = int((now - self._next) / self._period) - 2 * self._held
            if gone > 0:
                self._number += gone
                self._next += gone * self._period
        while self._running and self._next <= now and self._left > 0:
            self._begin(self._next)
            if self._source == "INT":
                self._next += self._period
            else:
                self._next = self._edge(self._next + self._period)
        while len(self._waiting) > self._held:
            self._waiting.popleft()

    def _read(self) -> Answer:
        if not self._running:
            return "NONE"
        if self._source == "EXT" and math.isinf(self._next):
            self._next = self._edge(self.clock.now())
        self._follow()
        if not self._waiting or self.clock.now() < self._waiting[0][1] + self._exposure + self._p.readout_s - 1e-12:
            return "NONE"
        count, begin = self._waiting.popleft()
        x, y, width, height = self._window
        head = f"{count},{width},{height},{self._format},{self._exposure!r}"
        pixels = self._camera.expose(begin, begin + self._exposure, (x, y, width, height), self._gain)
        state = "OK"
        if self._world.faults.strike(FaultKind.INCOMPLETE_FRAME, ROLE) is not None:
            # as real ones are: of full size, and what was lost is black
            state = "INCOMPLETE"
            pixels[height // 2 :] = 0
        return f"{head},{state},".encode() + block(packed(pixels, self._p.bits, self._format))


def _exactly(value: object) -> str:
    return repr(value)


def packed(pixels: NDArray[np.uint16], bits: int, form: str) -> bytes:
    """Write pixels of `bits` bits in a pixel format of as many or fewer: the lowest bits are dropped."""
    wanted = int("".join(letter for letter in form if letter.isdigit()))
    values = pixels >> np.uint16(bits - wanted)
    if wanted == 8:
        return values.astype(np.uint8).tobytes()
    if form.endswith("Packed"):
        flat = np.append(values.ravel(), np.zeros(values.size % 2, dtype=np.uint16)).reshape(-1, 2)
        low = np.uint16(wanted - 8)
        mask = np.uint16(2 ** (wanted - 8) - 1)
        middle = (flat[:, 0] & mask) | (flat[:, 1] & mask) << np.uint16(4)
        return np.stack([flat[:, 0] >> low, middle, flat[:, 1] >> low], axis=1).astype(np.uint8).tobytes()
    if form.endswith("p"):
        drawn = (values.ravel()[:, None] >> np.arange(wanted, dtype=np.uint16)) & np.uint16(1)
        return np.packbits(drawn.astype(np.uint8).ravel(), bitorder="little").tobytes()
    return values.astype("<u2").tobytes()
