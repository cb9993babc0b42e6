"""Runs a subcommand and turns what goes wrong into one line and an exit status."""

from __future__ import annotations

import argparse
import logging
import sys
import traceback
from collections.abc import Callable

from app.cli.main import EXIT_ABORTED, EXIT_FAILED, EXIT_USER
from config.mistake import UserMistake


def carry_out(command: Callable[[argparse.Namespace], int], given: argparse.Namespace) -> int:
    """Run a subcommand.

    Returns
    -------
    int
        The exit status.
    """
    # what a run has to say reaches the operator through its events; the log is for whoever debugs
    logging.basicConfig(level=logging.DEBUG if given.debug else logging.CRITICAL, stream=sys.stderr)
    try:
        return command(given)
    except UserMistake as mistake:
        _say(str(mistake))
        return EXIT_USER
    except KeyboardInterrupt:
        _say("interrupted")
        return EXIT_ABORTED
    except BrokenPipeError:
        # whoever read our output has seen enough
        sys.stderr.close()
        return EXIT_FAILED
    except Exception as error:
        if given.debug:
            traceback.print_exc()
        _say(_of_an_instrument(error) or f"{type(error).__name__}: {' '.join(str(error).split())}")
        return EXIT_FAILED


def _of_an_instrument(error: Exception) -> str:
    """Say what an instrument did, and what to look at where it does not answer; nothing for other errors."""
    from drivers.errors import ConnectionLost, InstrumentError

    if not isinstance(error, InstrumentError):
        return ""
    text = " ".join(str(error).split())
    if isinstance(error, ConnectionLost):
        return f"{text}: is it switched on and connected, and is 'resource' in the bench file its address?"
    return text


def _say(line: str) -> None:
    print(f"xraybench: {line}", file=sys.stderr)  # noqa: T201
