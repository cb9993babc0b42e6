"""Write one run file while it is measured, so that nothing recorded is lost.

How, and why so (HDF5's documentation on single-writer/multiple-reader access, and measurements with h5py 3.16):

- The whole tree is made first, then the file is switched to SWMR mode: from there on no object, attribute or
  variable-length datum is made, which SWMR does not allow, and a reader may look at any moment.
- One thread writes, in blocks, and flushes at most 0.1 s after a record; another waits for the disk every few seconds.
- One handle serves the whole run, without HDF5's file locks: no reader can make it fail, and in SWMR mode the library
  lets no second writer in. What needs more than SWMR (`storage.seal`) is done on a copy that replaces the file.
"""

import atexit
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from time import monotonic
from types import TracebackType

from storage.errors import RunFileError
from storage.journal import FAILED, SYNCED, Journal, journal_path
from storage.layout import FINAL_STATUSES, RunHeader, StreamLayout, check_streams
from storage.pending import PendingRecords, Value
from storage.seal import seal
from storage.skeleton import OpenRunFile, create_run_file, refuse_taken_name
from storage.whereabouts import Whereabouts
from storage.writer_identity import WriterIdentity, writing_begins, writing_ends

FLUSH_AFTER = 0.05
"""s from a record to the flush that takes it along; leaves as much again for the writing itself."""

SYNC_EVERY = 2.0
"""s between two waits for the disk."""

SYNC_BYTES = 64 * 1024**2
"""Bytes after which the disk is waited for at once: left to the system, a video would come to it all in the end."""

WORTH_WRITING = 16 * 1024**2
"""Bytes of waiting records that are written without waiting for more."""

MAX_PENDING_BYTES = 128 * 1024**2
"""Records that may wait in memory before `record` waits for the disk; the system's cache bridges longer delays.

To fill fresh memory takes as long as to write it: the more of it, the slower a video begins.
"""

PATIENCE = 30.0
"""s for which `record` waits for a disk that does not keep up; a run must not hang with its beam on."""


class RunWriter:
    """One run's file, from the first record to the last.

    Parameters
    ----------
    path
        Of the file, ending in .h5; neither it nor its journal may exist, the folder must.
    header
        What is known before the first record.
    streams
        At least one; the first is what a plotting program shows.
    flush_after, sync_every, max_pending_bytes, patience
        s, s, bytes, s; see the constants of this module.

    Raises
    ------
    UnwritableRunFolder
        If the file cannot be created; nothing is left behind.
    TypeError, ValueError
        If the header or a stream holds what no run file can keep.
    """

    def __init__(
        self,
        path: Path | str,
        header: RunHeader,
        streams: Sequence[StreamLayout],
        *,
        flush_after: float = FLUSH_AFTER,
        sync_every: float = SYNC_EVERY,
        max_pending_bytes: int = MAX_PENDING_BYTES,
        patience: float = PATIENCE,
    ) -> None:
        self.path = Path(path).absolute()
        check_streams(streams)
        identity = WriterIdentity.of_this_process()
        with refuse_taken_name(self.path):
            self._journal = Journal(journal_path(self.path))
            try:
                self._file: OpenRunFile = create_run_file(self.path, header, streams, identity)
                self._journal.event(0.0, "info", "writer", "run file created", asdict(identity))
            except BaseException:
                self._journal.close()
                self._journal.path.unlink(missing_ok=True)
                raise
        self._pending = {stream.name: PendingRecords(stream) for stream in streams}
        self._flush_after, self._sync_every = flush_after, sync_every
        self._max_pending_bytes, self._patience = max_pending_bytes, patience
        self._pending_bytes = self._unsynced_bytes = 0
        self._lock = threading.Lock()
        self._recorded, self._urgent, self._room, self._sync_due, self._closing = (threading.Event() for _ in range(5))
        self._stopped = self._closed = self._ended = self._sealed = False
        self._waits, self._waited = 0, 0.0
        self._error: RunFileError | None = None
        self._last_time = 0.0
        self._start_time = datetime.fromisoformat(header.start_time)
        writing_begins(self.path)
        self._writing = threading.Thread(target=self._write, name=f"writer of {self.path.name}", daemon=True)
        self._syncing = threading.Thread(target=self._sync, name=f"disk sync of {self.path.name}", daemon=True)
        self._writing.start()
        self._syncing.start()
        atexit.register(self.close)

    @property
    def error(self) -> RunFileError | None:
        """Why nothing can be recorded any more, or None."""
        return self._error

    @property
    def records(self) -> dict[str, int]:
        """Records accepted so far, by stream."""
        return {name: pending.accepted for name, pending in self._pending.items()}

    def record(self, stream: str, values: Mapping[str, Value], time: float) -> None:
        """Take one record; on disk at most 0.1 s later. May be called from any thread.

        Parameters
        ----------
        stream
            Its name.
        values
            Column name to number or array; all columns but the optional ones.
        time
            s since the start of the run, on the bench's clock.

        Raises
        ------
        ValueError
            If the record does not fit the stream; nothing of it is kept.
        RunFileError
            If the file can no longer be written, or the disk does not keep up for `patience`.
        """
        try:
            pending = self._pending[stream]
        except KeyError:
            raise ValueError(f"no stream {stream!r} in this run, only {sorted(self._pending)}") from None
        row = pending.check(values, time)
        with self._lock:
            if self._stopped:
                raise self._error or RunFileError(f"{self.path} is closed: nothing more can be recorded")
            pending.append(row)
            self._pending_bytes += row.size
            self._last_time = time
        if not self._recorded.is_set():
            self._recorded.set()
        if self._pending_bytes > WORTH_WRITING:
            self._urgent.set()
        if self._pending_bytes > self._max_pending_bytes:
            self._wait_for_room(time)

    def event(self, time: float, level: str, kind: str, message: str, **fields: object) -> None:
        """Write one event into the journal, at once.

        Never raises, because events are written while a bench is made safe: a journal that cannot be written is the
        run file's `error`, and the next record raises it.

        Parameters
        ----------
        time
            s since the start of the run, on the bench's clock.
        level
            "debug", "info", "warning" or "error".
        kind
            A lasting word for programs, such as "trip".
        message
            A line for people.
        fields
            What belongs to it, JSON-like.
        """
        try:
            self._journal.event(time, level, kind, message, fields)
        except (OSError, ValueError, TypeError) as fault:
            self._fail("the journal cannot be written", fault)

    def end_records(self) -> None:
        """Write what still waits and close the file's data, so that it can be read, and analysed, before `finish`.

        Events are still taken. Any number of times.

        Raises
        ------
        RunFileError
            If the file could not be written to its end.
        """
        self._stop()
        self._see_that_it_is_there()
        if self._error is None:
            try:
                if not self._ended:
                    self._file.sync()
                    self._file.close()
                    self._ended = True
            except (OSError, RuntimeError) as fault:
                self._fail("the run file cannot be closed", fault)
        if self._error is not None:
            raise self._error

    def finish(self, status: str, figures: Sequence[Mapping[str, object]], end_time: str) -> None:
        """Write what still waits, and seal the file: status, end time, journal, figures of merit, checksum.

        Parameters
        ----------
        status
            "completed", "aborted" or "failed".
        figures
            Figures of merit: name, at, value, uncertainty, interval, unit, method, warnings, and whatever else.
        end_time
            ISO 8601 with time zone.

        Raises
        ------
        RunFileError
            If the file could not be written to its end; what was flushed is intact and `storage.recovery` gets it.
        """
        if status not in FINAL_STATUSES:
            raise ValueError(f"a run ends {', '.join(FINAL_STATUSES)}, not {status!r}")
        if self._closed:
            raise self._error or RunFileError(f"{self.path} is closed already")
        self._stop()
        self._see_that_it_is_there()
        if datetime.fromisoformat(end_time) < self._start_time:
            why = "the computer's clock was set back during the run; the times of records count from its start"
            self.event(self._last_time, "warning", "clock_set_back", why)
        try:
            if self._error is None:
                try:
                    if not self._ended:
                        self._file.write_status(status)
                        self._file.sync()
                        self._file.close()
                    self._journal.sync()
                    seal(self.path, status, end_time, figures, self._file.digests())
                    self._sealed = True
                except (OSError, RuntimeError) as fault:
                    self._fail("the run file cannot be sealed", fault)
        finally:
            self.close()
        if self._error is not None:
            raise self._error
        self._journal.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Write what still waits and let go of the file; unless finished, it is left to be recovered."""
        if self._closed:
            return
        self._closed = True
        self._stop()
        atexit.unregister(self.close)
        try:
            self._file.close()
        except (OSError, RuntimeError) as fault:
            self._fail("the run file cannot be closed", fault)
        finally:
            self._put_back()
            self._journal.close()
            writing_ends(self.path)

    def __enter__(self) -> "RunWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _stop(self) -> None:
        with self._lock:
            self._stopped = True
        for event in (self._closing, self._urgent, self._recorded, self._room, self._sync_due):
            event.set()
        self._writing.join()
        self._syncing.join()
        if self._waits:
            said = f"the measurement waited for the disk {self._waits} times, {self._waited:.3g} s in all"
            self.event(self._last_time, "warning", "writer_waited", said, waits=self._waits, seconds=self._waited)
            self._waits = 0

    def _write(self) -> None:
        try:
            while not self._closing.is_set():
                self._recorded.wait()
                self._urgent.wait(self._flush_after)
                self._recorded.clear()
                self._urgent.clear()
                self._write_pending()
            self._write_pending()
        except BaseException as fault:
            self._fail("the run file cannot be written", fault)
            # what was flushed before is whole; recovery trusts no row beyond it
            counts = {"records": self._file.flushed(), "taken": self.records}
            self.event(self._last_time, "error", FAILED, str(self._error), **counts)

    def _write_pending(self) -> None:
        with self._lock:
            blocks = [(name, block) for name, pending in self._pending.items() if (block := pending.take())]
        if not blocks:
            return
        self._file.write(blocks)
        for name, block in blocks:
            self._pending[name].use_again(block)
        with self._lock:
            written = sum(block.size for _, block in blocks)
            self._pending_bytes -= written
            self._unsynced_bytes += written
        self._room.set()
        if self._unsynced_bytes > SYNC_BYTES:
            self._sync_due.set()

    def _wait_for_room(self, time: float) -> None:
        with self._lock:
            self._waits += 1
            first = self._waits == 1
        if first:
            self.event(time, "warning", "writer_behind", "the disk does not keep up with the measurement; it waits")
        began = monotonic()
        while not self._stopped:
            self._room.clear()
            if self._pending_bytes <= self._max_pending_bytes:
                break
            self._urgent.set()
            if not self._room.wait(self._patience):
                self._fail(f"the disk has not kept up for {self._patience:g} s", None)
        with self._lock:
            self._waited += monotonic() - began
        if self._error is not None:
            raise self._error

    def _sync(self) -> None:
        synced: dict[str, int] = {}
        while True:
            self._sync_due.wait(self._sync_every)
            if self._closing.is_set():
                return
            self._sync_due.clear()
            with self._lock:
                self._unsynced_bytes = 0
            self._see_that_it_is_there()
            if self._error is not None:
                return
            written = self._file.flushed()
            try:
                if written != synced:
                    self._file.sync()
                    self._journal.event(self._last_time, "debug", SYNCED, "records on disk", {"records": written})
                    synced = written
                self._journal.sync()
            except OSError as fault:
                self._see_that_it_is_there()
                self._fail("the disk does not take the run file", fault)
                return

    def _see_that_it_is_there(self) -> None:
        where = self._file.whereabouts()
        if where is not Whereabouts.THERE:
            self._fail(f"the run file was {where.value} during the run; recover it", None)

    def _put_back(self) -> None:
        if not self._sealed:
            try:
                self._file.put_back()
                self._journal.put_back()
            except OSError as fault:
                self._error = RunFileError(
                    f"{self.path}: the run file was deleted during the run, and cannot be written again: {fault}"
                )
        self._file.let_go()

    def _fail(self, what: str, fault: BaseException | None) -> None:
        reason = " ".join(str(fault).split())
        if isinstance(fault, OSError) and fault.errno:
            reason = os.strerror(fault.errno)
        with self._lock:
            if self._error is None:
                self._error = RunFileError(f"{self.path}: {what}{f': {reason}' if fault else ''}")
                self._error.__cause__ = fault
            self._stopped = True
        self._room.set()
