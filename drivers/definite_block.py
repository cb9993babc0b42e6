"""IEEE 488.2 definite-length blocks: ``#``, the number of digits, the length, the bytes."""

from __future__ import annotations

from drivers.errors import ConnectionLost
from drivers.wire import Wire


def ask_block(wire: Wire, question: str) -> bytes:
    """Ask for a block and take its bytes out of it.

    It is read by count and not to a line end, because its bytes may be anything.

    Raises
    ------
    BadReply
        If the answer is no definite-length block, or breaks off.
    ConnectionLost
        If nothing comes.
    """
    wire.write(question)
    start = bytes(wire.read_bytes(2))
    if start[:1] != b"#" or not start[1:].isdigit() or start[1:] == b"0":
        raise wire.bad("the answer is no definite-length block", repr(start))
    try:
        header = wire.read_bytes(int(start[1:]))
        if not header.isdigit():
            raise wire.bad("the block's length is no number", repr(start + header))
        length = int(header)
        content = bytes(wire.read_bytes(length + 1))
    except ConnectionLost as error:
        raise wire.bad("the block breaks off", repr(start)) from error
    if len(content) != length + 1 or content[-1:] != b"\n":
        raise wire.bad(f"the block does not end after its {length} bytes", repr(start + header))
    return content[:-1]
