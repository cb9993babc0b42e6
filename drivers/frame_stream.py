"""A camera reached over a socket: any that a group serves by a script of its own, a readout panel, the simulated one.

The protocol is SCPI in style, in lines that end in a line feed. Whoever serves it answers these (a camera that lacks
something answers ``MISSING``; a command has no answer, and what is wrong with it is in ``SYST:ERR?``):

==============================  =====================================================================================
``*IDN?``                       maker,model,serial,firmware
``SYST:PROT?``                  ``FRAMES,1``
``SYST:ERR?``                   number,"text" of the oldest error, 0 if there is none; it is taken out of the queue
``SENS:SIZE?``                  columns,rows of the whole sensor
``SENS:PIX?``                   distance of its pixels, m
``SENS:OBJ?``                   distance of its pixels in the object's plane, m, where whoever serves it knows the lens
``EXP s``, ``EXP?``             exposure time, s; ``EXP:LIM?`` answers shortest,longest
``GAIN dB``, ``GAIN?``          gain; ``GAIN:LIM?`` answers smallest,largest
``PIX:FORM name``               Mono8, Mono10, Mono12, Mono16, Mono10p, Mono12p, ... (PFNC); ``PIX:FORM?`` answers it,
                                ``PIX:FORM:LIST?`` all that there are, with commas
``REG x,y,width,height``        part that is read out, in pixels; ``REG?`` answers it
``TRIG:SOUR name``              ``INT``, ``SOFT`` or ``EXT``; ``TRIG:SOUR?`` answers it, ``TRIG`` fires
``ACQ:STAR count``              forget what was taken, and take that many frames, 0: without end; ``ACQ:STOP`` ends it
``FRAM:READ?``                  ``number,columns,rows,format,exposure,state,#<n><length><bytes>``: the oldest frame that
                                was not fetched; number counts every frame that was exposed, state is ``OK`` or
                                ``INCOMPLETE``; ``NONE`` where no frame is complete yet
==============================  =====================================================================================
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from config.mistake import UserMistake
from drivers.errors import BadReply, InstrumentError, WrongInstrument
from drivers.frame_socket import FrameSocket
from drivers.pixel_formats import pixel_format, unpack
from drivers.roles.camera import Camera, CameraOptions, Frame, Region, Trigger
from drivers.roles.role import DriverOptions, Identity, Surroundings, exclusive
from drivers.scpi import OVERFLOW

PROTOCOL = "FRAMES,1"
_TRIGGERS: dict[str, Trigger] = {"INT": "internal", "SOFT": "software", "EXT": "external"}
_SHORTEST_LOOK_S, _LONGEST_LOOK_S = 0.5e-3, 20e-3
_MOST_ERRORS = 50
LONGEST_EXPOSURE_S = 86_400.0
"""Beyond what any camera exposes"""


class FrameStreamOptions(CameraOptions):
    """What a bench file may say of a camera behind a socket."""

    transfer_timeout_s: float = Field(
        15.0, gt=0, le=600, description="how long the bytes of a frame that is complete may take, s"
    )


class FrameStreamCamera(Camera):
    """A camera behind the protocol above.

    Parameters
    ----------
    resource
        ``TCPIP::host::port::SOCKET``.
    options
        See `FrameStreamOptions`.
    surroundings
        Of the bench.

    Raises
    ------
    ConnectionLost
        If nobody is at the address.
    WrongInstrument
        If somebody is who does not speak this protocol.
    """

    Options: ClassVar[type[DriverOptions]] = FrameStreamOptions
    options: FrameStreamOptions

    frame_command = "FRAM:READ?"

    def __init__(
        self, resource: str, options: DriverOptions | None = None, surroundings: Surroundings | None = None
    ) -> None:
        super().__init__(resource, options, surroundings)
        self._socket = FrameSocket(resource, self.name, self.options.timeout_s)
        try:
            self._identity = self._identify()
            self._errors()
            columns, rows = (int(number) for number in self._numbers("SENS:SIZE?", 2))
            self._shape = (rows, columns)
            self._pixel = self._number_or_none("SENS:PIX?")
            self._object_pixel = self._number_or_none("SENS:OBJ?")
            self._region = self._read_region()
            self._trigger = self._read_trigger()
            self._exposure = self._number_or_none("EXP?")
            self._format = self._text("PIX:FORM?")
            if self.options.pixel_format:
                self.set_pixel_format(self.options.pixel_format)
        except BaseException:
            self._socket.close()
            raise

    def _identify(self) -> Identity:
        who = ""
        try:
            who = self._socket.ask("*IDN?")
            protocol = self._socket.ask("SYST:PROT?")
        except InstrumentError as error:
            if not who:
                raise
            raise WrongInstrument(
                self.name, f"is no camera that sends frames but '{who[:100]}'", "SYST:PROT?", error.reply
            ) from error
        if protocol.strip() != PROTOCOL:
            raise WrongInstrument(
                self.name, f"is no camera that sends frames but '{who[:100]}'", "SYST:PROT?", protocol
            )
        fields = [field.strip() for field in who.split(",")] + [""] * 4
        return Identity(*fields[:4])

    @property
    def identity(self) -> Identity:
        """Who answered when the connection was opened."""
        return self._identity

    def settings(self) -> Mapping[str, float | str | bool]:
        """Return what was set last; nothing is asked for."""
        found: dict[str, float | str | bool] = {
            "pixel_format": self._format,
            "x": self._region.x,
            "y": self._region.y,
            "width": self._region.width,
            "height": self._region.height,
            "trigger": self._trigger,
            "incomplete_frames": self.incomplete_frames,
            "lost_frames": self.lost_frames,
        }
        if self._exposure is not None:
            found["exposure_time_s"] = self._exposure
        return found

    # --- asking

    def _text(self, question: str, purpose: str = "") -> str:
        reply = self._socket.ask(question).strip()
        if reply == "MISSING":
            raise UserMistake(f"{self.name} has no {purpose or 'such feature'} ({question} is missing)")
        return reply

    def _numbers(self, question: str, count: int, purpose: str = "") -> list[float]:
        reply = self._text(question, purpose)
        try:
            values = [float(field) for field in reply.split(",")]
        except ValueError:
            raise self._socket.bad("the answer is no number", reply) from None
        if len(values) != count or not all(math.isfinite(value) and abs(value) < OVERFLOW for value in values):
            raise self._socket.bad(f"the answer is not {count} finite numbers", reply)
        return values

    def _number_or_none(self, question: str) -> float | None:
        try:
            return self._numbers(question, 1)[0]
        except UserMistake:
            return None

    def _errors(self) -> list[str]:
        found: list[str] = []
        for _ in range(_MOST_ERRORS):
            reply = self._socket.ask("SYST:ERR?")
            try:
                if int(reply.split(",")[0]) == 0:
                    break
            except ValueError:
                raise self._socket.bad("the error queue's answer has no number", reply) from None
            found.append(reply)
        return found

    def _send(self, command: str) -> None:
        self._socket.send(command)
        refused = self._errors()
        if refused:
            raise InstrumentError(self.name, f"refused: {'; '.join(refused)}", command)

    # --- sensor and settings

    @property
    def sensor_shape(self) -> tuple[int, int]:
        """Rows and columns of the whole sensor."""
        return self._shape

    @property
    def sensor_pixel_size(self) -> float | None:
        """Distance of the sensor's pixels, m; None where the camera does not know it."""
        return self._pixel

    @property
    def pixel_size(self) -> float:
        """Distance of the pixels in the object's plane, m: the bench file's, the one that is served, the sensor's own.

        Raises
        ------
        UserMistake
            If nobody says.
        """
        said = self.options.model_fields_set & {"pixel_size_um", "magnification"}
        return super().pixel_size if said or self._object_pixel is None else self._object_pixel

    @property
    def exposure_limits(self) -> tuple[float, float]:
        """Shortest and longest exposure, s."""
        with self.lock:
            low, high = self._numbers("EXP:LIM?", 2, "exposure time that can be set")
        return low, high

    @property
    def exposure_time(self) -> float:
        """Exposure that is set, s."""
        with self.lock:
            seconds = self._numbers("EXP?", 1, "exposure time that can be read")[0]
            if not 0 < seconds <= LONGEST_EXPOSURE_S:
                raise self._socket.bad(f"{seconds:g} s is no exposure time", f"{seconds:g}")
            self._exposure = seconds
        return self._exposure

    def _send_exposure(self, seconds: float) -> None:
        self._send(f"EXP {seconds!r}")
        self._exposure = self._numbers("EXP?", 1)[0]
        if not math.isclose(self._exposure, seconds, rel_tol=0.05, abs_tol=1e-5):
            raise InstrumentError(self.name, f"exposes {self._exposure:g} s and not {seconds:g} s as set", "EXP")

    @property
    def gain_limits(self) -> tuple[float, float]:
        """Smallest and largest gain, dB."""
        with self.lock:
            low, high = self._numbers("GAIN:LIM?", 2, "gain that can be set")
        return low, high

    @property
    def gain(self) -> float:
        """Gain that is set, dB."""
        with self.lock:
            return self._numbers("GAIN?", 1, "gain that can be read")[0]

    def _send_gain(self, gain: float) -> None:
        self._send(f"GAIN {gain!r}")

    @property
    def pixel_formats(self) -> tuple[str, ...]:
        """The monochrome formats that it can send and that are understood here."""
        with self.lock:
            names = self._text("PIX:FORM:LIST?", "list of pixel formats").split(",")
        return tuple(name.strip() for name in names if pixel_format(name.strip()) is not None)

    @property
    def pixel_format(self) -> str:
        """Format that is set."""
        return self._format

    def _send_pixel_format(self, name: str) -> None:
        self._send(f"PIX:FORM {name}")
        self._format = self._text("PIX:FORM?")

    @property
    def region(self) -> Region:
        """Part of the sensor that is read out."""
        return self._region

    def _read_region(self) -> Region:
        return Region(*(int(number) for number in self._numbers("REG?", 4)))

    def _send_region(self, region: Region) -> None:
        self._send(f"REG {region.x},{region.y},{region.width},{region.height}")
        self._region = self._read_region()

    @property
    def trigger(self) -> Trigger:
        """What begins a frame."""
        return self._trigger

    def _read_trigger(self) -> Trigger:
        reply = self._socket.ask("TRIG:SOUR?").strip()
        if reply == "MISSING":
            return "internal"
        if reply not in _TRIGGERS:
            raise self._socket.bad(f"the trigger is none of {', '.join(_TRIGGERS)}", reply)
        return _TRIGGERS[reply]

    def _send_trigger(self, trigger: Trigger) -> None:
        word = next(word for word, meaning in _TRIGGERS.items() if meaning == trigger)
        self._text("TRIG:SOUR?", "trigger")
        self._send(f"TRIG:SOUR {word}")
        self._trigger = self._read_trigger()

    # --- frames

    _first = True

    def _start(self, count: int) -> None:
        # without end: what is lost or incomplete is taken once more
        del count
        self._first = True
        self._send("ACQ:STAR 0")

    def _fire(self) -> None:
        self._socket.send("TRIG")

    def _fetch(self, timeout: float) -> Frame | None:
        deadline = self.clock.now() + timeout
        exposure = self._exposure or 0.0
        if self._first:
            # nothing can be there before the exposure is over
            self._first = False
            self.wait(min(exposure, timeout))
        look = min(max(exposure / 50.0, _SHORTEST_LOOK_S), _LONGEST_LOOK_S)
        while True:
            head, content = self._socket.ask_frame(self.frame_command, self.options.transfer_timeout_s)
            if head != "NONE":
                return self._frame_of(head, content)
            if self.clock.now() >= deadline:
                raise TimeoutError
            self.wait(look)

    def _frame_of(self, head: str, content: bytearray) -> Frame | None:
        fields = [field.strip() for field in head.split(",")]
        try:
            number, width, height = (int(field) for field in fields[:3])
            name, exposure, state = fields[3], float(fields[4]), fields[5]
        except (ValueError, IndexError):
            raise self._socket.bad("the frame's description cannot be read", head) from None
        form = pixel_format(name)
        if form is None:
            raise BadReply(self.name, f"sends {name}, which is no monochrome format known here", "FRAM:READ?", head)
        if state != "OK":
            return None
        if (width, height) != (self._region.width, self._region.height):
            raise self._socket.bad(f"the frame is {width} x {height} and not {self._region}", head)
        try:
            pixels = unpack(memoryview(content), form, width, height)
        except ValueError:
            return None  # cut short on its way: incomplete, whatever it says of itself
        return Frame(pixels, self.full_scale_of(form.full_scale), exposure, number, self.clock.now())

    def _stop(self) -> None:
        self._socket.send("ACQ:STOP")

    @exclusive
    def close(self) -> None:
        """Close the connection; any number of times."""
        self._socket.close()
