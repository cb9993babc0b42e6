"""Run files as damage or malice leaves them, each from its seed.

Run as a program, it reads such files as a user would, one after the other, and says what became of each:
``python -m tests.storage.mutations FOLDER FIRST LAST``. What the HDF5 library does to the process is then the parent's
to see.
"""

import random
import signal
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import h5py
import numpy as np

from config.mistake import UserMistake
from storage.errors import RunFileError, UnreadableRunFile
from storage.glance import glance
from storage.journal import journal_path
from storage.layout import AxisLayout, ColumnLayout, RunHeader, StreamLayout
from storage.notes import add_note
from storage.reader import open_run, verify
from storage.recovery import recover
from storage.unclosed import lookup3
from storage.writer import RunWriter

SECRET = b"nobody but its owner may see this"
WORK_ALLOWED, TIME_ALLOWED = 10, 120
"""s of a processor, and s, for a file: a busy disk may let one wait, none works for ever."""
MEMORY_ALLOWED = 3 * 1024**3

_START = "2025-03-01T12:00:00+01:00"
_NUMBERS = (0, 1, 2, 7, 8, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1, 2**48, 2**63, 2**64 - 1)


def make_originals(folder: Path) -> None:
    """Make the run files that are mutated: one that has ended, one that was cut short, both with packed frames."""
    header = RunHeader("t", "p", "u", _START, {"a": (1.0, "V"), "b": ([1, None, "x"], None)}, {"name": "s"})
    sweep = StreamLayout("sweep", (ColumnLayout("x", "V"), ColumnLayout("y", "A")), primary=("x", "y"))
    wavelengths = AxisLayout("wavelength", "nm", np.linspace(400, 700, 16))
    spectra = StreamLayout("spectra", (ColumnLayout("counts", "1", (16,), axes=("wavelength",)),), (wavelengths,))
    image = ColumnLayout("image", "count", (24, 32), "u2", compression="bitshuffle-lz4")
    video = StreamLayout("video", (image, ColumnLayout("plain", "count", (8, 8), "u2")))
    rng = np.random.default_rng(0)
    paths = [folder / "ended.h5", folder / "cut_short.h5"]
    for path in paths:
        with RunWriter(path, header, [sweep, spectra, video]) as writer:
            for n in range(6):
                writer.record("sweep", {"x": n, "y": n * n}, n)
                writer.record("spectra", {"counts": rng.normal(size=16)}, n)
                frames = {"image": rng.poisson(9, (24, 32)).astype("u2"), "plain": np.full((8, 8), n, "u2")}
                writer.record("video", frames, n)
            if path is paths[0]:
                writer.finish("completed", [{"name": "slope", "value": 1.0}], _START)
    add_note(paths[0], "a note", "nobody")


def mutated(ended: Path, cut_short: Path, path: Path, secret: Path, seed: int) -> str:
    """Write a mutation of one of two run files, and the journal that belongs to it; return what was done."""
    chance = random.Random(seed)
    kind = chance.choice([*_BYTES, *_HEADERS, *_TREES])
    # HDF5 opens only the one that has ended to change its tree
    original = ended if kind in _TREES else chance.choice((ended, cut_short))
    journal_path(path).unlink(missing_ok=True)
    if original is cut_short:
        journal_path(path).write_bytes(journal_path(original).read_bytes())
    content = bytearray(original.read_bytes())
    if kind in _TREES:
        path.write_bytes(content)
        with h5py.File(path, "r+", locking=False) as file, suppress(KeyError):  # a cycle to what was just deleted
            _TREES[kind](file, chance, secret)
        return kind
    content = _BYTES[kind](content, chance) if kind in _BYTES else _HEADERS[kind](content, chance)
    path.write_bytes(content)
    return kind


# --- bytes


def _flip(content: bytearray, chance: random.Random) -> bytearray:
    for _ in range(chance.choice((1, 2, 8, 64))):
        content[chance.randrange(len(content))] ^= chance.randrange(1, 256)
    return content


def _cut(content: bytearray, chance: random.Random) -> bytearray:
    return content[: chance.randrange(len(content))]


def _wipe(content: bytearray, chance: random.Random) -> bytearray:
    start, length = chance.randrange(len(content)), chance.choice((8, 512, 4096))
    content[start : start + length] = bytes([chance.choice((0, 0xFF))]) * len(content[start : start + length])
    return content


def _shift(content: bytearray, chance: random.Random) -> bytearray:
    start = chance.randrange(len(content))
    return content[:start] + bytes(chance.randrange(1, 64)) + content[start:]


def _number(content: bytearray, chance: random.Random) -> bytearray:
    place = chance.randrange(len(content) - 8)
    struct.pack_into("<Q", content, place, chance.choice(_NUMBERS))
    return content


def _packed_lengths(content: bytearray, chance: random.Random) -> bytearray:
    # the chunks begin with the size of the frame, 24 * 32 * 2 bytes
    places = [n for n in range(len(content) - 12) if content[n : n + 8] == struct.pack(">Q", 1536)]
    place = chance.choice(places) + chance.choice((0, 4, 8, 12, 40))
    struct.pack_into(">I", content, place, chance.choice(_NUMBERS) & 0xFFFFFFFF)
    return content


_BYTES: dict[str, Callable[[bytearray, random.Random], bytearray]] = {
    "bytes flipped": _flip,
    "cut off": _cut,
    "wiped": _wipe,
    "shifted": _shift,
    "a number replaced": _number,
    "lengths in a packed frame": _packed_lengths,
}


# --- object headers, with the checksum that belongs to the lie


def _headers(content: bytearray) -> list[tuple[int, int, int]]:
    found, place = [(0, 0, 44)], content.find(b"OHDR")
    while place >= 0:
        flags = content[place + 5]
        start = place + 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
        width = 1 << (flags & 3)
        length = int.from_bytes(content[start : start + width], "little")
        if start + width + length + 4 <= len(content):
            found.append((place, start, start + width + length))
        place = content.find(b"OHDR", place + 4)
    return found


def _lying_header(
    content: bytearray, chance: random.Random, change: Callable[[bytearray, int, int], None]
) -> bytearray:
    for _ in range(chance.choice((1, 1, 2))):
        begin, start, end = chance.choice(_headers(content))
        change(content, start, end)
        struct.pack_into("<I", content, end, lookup3(bytes(content[begin:end])))
    return content


def _lying_byte(content: bytearray, chance: random.Random) -> bytearray:
    def change(content: bytearray, start: int, end: int) -> None:
        content[chance.randrange(start, end)] = chance.choice((0, 1, 2, 3, 0x7F, 0x80, 0xFF, chance.randrange(256)))

    return _lying_header(content, chance, change)


def _lying_number(content: bytearray, chance: random.Random) -> bytearray:
    def change(content: bytearray, start: int, end: int) -> None:
        width = chance.choice((2, 4, 8))
        place = chance.randrange(start, max(start + 1, end - width))
        content[place : place + width] = (chance.choice(_NUMBERS) % 2 ** (8 * width)).to_bytes(width, "little")

    return _lying_header(content, chance, change)


_HEADERS: dict[str, Callable[[bytearray, random.Random], bytearray]] = {
    "a byte of a header, checksum mended": _lying_byte,
    "a number of a header, checksum mended": _lying_number,
}


# --- what another program could have written

Change = Callable[[h5py.File, random.Random, Path], None]

_DATASETS = (
    "status", "title", "sweep/x", "sweep/time", "spectra/counts", "spectra/wavelength", "video/image", "video/plain",
    "checksum/digests", "parameters/a", "sample/name", "journal/data", "notes/0001/data", "provenance", "sweep",
)  # fmt: skip


def _replaced(make: Callable[[h5py.Group, str, random.Random, Path], None]) -> Change:
    def change(file: h5py.File, chance: random.Random, secret: Path) -> None:
        path = f"entry/{chance.choice(_DATASETS)}"
        group, _, name = path.rpartition("/")
        if path in file:
            del file[path]
        if group in file:
            make(file[group], name, chance, secret)

    return change


def _virtual(group: h5py.Group, name: str, secret: Path) -> None:
    layout = h5py.VirtualLayout((4,), "u1")
    layout[:] = h5py.VirtualSource(str(secret), "secret", (4,))
    group.create_virtual_dataset(name, layout)


def _filtered(group: h5py.Group, name: str, number: int, settings: tuple[int, ...]) -> None:
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_chunk((1, 24, 32))
    space = h5py.h5s.create_simple((6, 24, 32), (h5py.h5s.UNLIMITED, 24, 32))
    properties.set_filter(number, h5py.h5z.FLAG_OPTIONAL, settings)
    made = h5py.h5d.create(group.id, name.encode(), h5py.h5t.STD_U16LE, space, properties)
    for n in range(6):
        made.write_direct_chunk((n, 0, 0), bytes(range(256)) * 6)


def _attribute(file: h5py.File, chance: random.Random, secret: Path) -> None:
    target = file[
        f"entry/{chance.choice(('sweep', 'sweep/x', 'video', 'format'))}" if chance.random() < 0.9 else "entry"
    ]
    name = chance.choice(("columns", "signal", "units", "default", "NX_class", "optional", "x", "version", "encoding"))
    target.attrs.create(
        name,
        chance.choice(
            (
                np.zeros(3, dtype=[("a", "f8"), ("b", "S3")]),
                h5py.Empty("f8"),
                ["x"] * 5000,
                b"\xff\xfe",
                "json",
                np.nan,
                -1,
                file["entry"].ref,
                "../../../etc/passwd",
                np.zeros(7000),
            )
        ),
    )


_TREES: dict[str, Change] = {
    "external link": _replaced(lambda g, n, _, s: g.__setitem__(n, h5py.ExternalLink(str(s), "secret"))),
    "soft link": _replaced(
        lambda g, n, c, _: g.__setitem__(n, h5py.SoftLink(c.choice(("/entry", "/etc/passwd", ".", "/entry/sweep/y"))))
    ),
    "raw data elsewhere": _replaced(lambda g, n, _, s: g.create_dataset(n, (33,), "u1", external=[(str(s), 0, 33)])),
    "virtual data": _replaced(lambda g, n, _, s: _virtual(g, n, s)),
    "a cycle": _replaced(lambda g, n, c, _: g.__setitem__(n, g.file[c.choice(("entry", "/", "entry/sweep"))])),
    "a huge shape": _replaced(
        lambda g, n, c, _: g.create_dataset(
            n, (2 ** c.choice((31, 40, 60)),), c.choice(("f8", "S8", "u1")), chunks=(64,)
        )
    ),
    "a huge picture": _replaced(
        lambda g, n, _, s: g.create_dataset(n, (2**20, 2**14, 2**14), "u2", chunks=(1, 2**13, 2**13))
    ),
    "a huge chunk": _replaced(lambda g, n, _, s: g.create_dataset(n, (8,), "f8", chunks=(2**27,), maxshape=(None,))),
    "much from little": _replaced(
        lambda g, n, _, s: g.create_dataset(n, (2**30,), "u1", chunks=(2**28,), compression="gzip", fillvalue=7)
    ),
    "text of any length": _replaced(lambda g, n, _, s: g.create_dataset(n, data=["x" * 100] * 1000)),
    "a compound": _replaced(
        lambda g, n, _, s: g.create_dataset(n, data=np.zeros(6, [("a", "f8"), ("b", "u1", (3, 3))]))
    ),
    "an enumeration": _replaced(lambda g, n, _, s: g.create_dataset(n, (6,), h5py.enum_dtype({"a": 1}))),
    "references": _replaced(lambda g, n, _, s: g.create_dataset(n, data=[g.ref] * 6, dtype=h5py.ref_dtype)),
    "an array type": _replaced(lambda g, n, _, s: g.create_dataset(n, (6,), np.dtype(("f8", (1000, 1000))))),
    "half and long floats": _replaced(lambda g, n, c, _: g.create_dataset(n, (6,), c.choice(("f2", "f16", "c16")))),
    "an unknown filter": _replaced(lambda g, n, _, s: _filtered(g, n, 31999, ())),
    "another known filter": _replaced(lambda g, n, c, _: _filtered(g, n, c.choice((1, 2, 3, 5, 6)), (1,))),
    "settings that the filter did not make": _replaced(
        lambda g, n, c, _: _filtered(g, n, 32008, tuple(c.choice(_NUMBERS) & 0xFFFF for _ in range(c.randrange(9))))
    ),
    "JSON that is none": _replaced(
        lambda g, n, c, _: g.create_dataset(
            n, data=c.choice((b"{[", b"[" * 100_000, b"1e999", b"NaN", b"\xff", b"null"))
        )
    ),
    "an attribute": _attribute,
    "deep groups": _replaced(lambda g, n, _, s: g.create_group("/".join([n] * 200))),
    "many members": _replaced(lambda g, n, _, s: [g.create_group(f"{n}{i}") for i in range(300)] and None),
    "nothing": _replaced(lambda g, n, _, s: None),
}


# --- reading them


def outcome(path: Path) -> str:
    """Read a file in every way that a user can; return "read", "refused" or what went wrong."""
    try:
        with open_run(path) as run:
            seen = repr((run.parameters, run.sample, run.user, run.provenance, run.instruments, run.geometry))
            for stream in run.streams.values():
                for column in stream:
                    seen += repr(stream[column].tobytes()[:100])
            seen += repr((run.status, run.journal, run.analyses, run.digests, run.writer, run.notes, run.tags))
            run.verify()
        verdict = "read"
    except UserMistake as fault:
        seen, verdict = str(fault), "refused"
        if "\n" in seen or len(seen) > 2000:
            return f"not one line: {seen[:300]!r}"
    try:
        seen += repr(glance(path))
    except UnreadableRunFile as fault:
        seen += str(fault)
        if "\n" in str(fault):
            return f"not one line: {fault!s:.300}"
        if verdict == "read":
            return f"a glance refuses what the reader reads: {fault}"
    copy = path.with_name(f"{path.stem}.recovered{path.suffix}")
    copy.unlink(missing_ok=True)
    try:
        recovered = recover(path)
        if recovered != path and not verify(recovered):
            return "a recovered file that is not whole"
    except (UserMistake, RunFileError) as fault:
        seen += str(fault)
        if "\n" in str(fault):
            return f"not one line: {fault!s:.300}"
    if SECRET.decode() in seen or (copy.exists() and SECRET in copy.read_bytes()):
        return "another file was read"
    return verdict


def main(folder: Path, first: int, last: int) -> None:
    """Mutate and read, a line each."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_ALLOWED, MEMORY_ALLOWED))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    path = folder / "work" / "run.h5"
    if not path.parent.exists():  # by a process that will not live as long as the files are read
        make_originals(folder)
        path.parent.mkdir()
    for seed in range(first, last):
        kind = mutated(folder / "ended.h5", folder / "cut_short.h5", path, folder / "secret.bin", seed)
        print(seed, kind, sep="\t", end="\t", flush=True)  # noqa: T201
        signal.alarm(TIME_ALLOWED)
        signal.setitimer(signal.ITIMER_PROF, WORK_ALLOWED)
        try:
            said = outcome(path)
        except BaseException as fault:
            said = f"{type(fault).__name__}: {fault}"
        signal.alarm(0)
        signal.setitimer(signal.ITIMER_PROF, 0)
        print(" ".join(said.split()), flush=True)  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
