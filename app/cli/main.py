"""The command ``xraybench``: reads its arguments, and nothing heavier until it knows what to do."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import NoReturn

COMMANDS = {
    "demo": "the main job on the simulated bench, start to finish",
    "run": "run a procedure into a run file and print its figures of merit",
    "analyse": "analyse run files again, from the files alone",
    "show": "show what a run file holds",
    "runs": "find run files by sample, procedure, date, tag, status or figure of merit",
    "compare": "compare the figures of merit of several runs, and draw them over one another",
    "report": "write runs as one page, HTML or PDF, and their plots and streams for a paper",
    "export": "write the images and numbers of a run for other programs, as TIFF and CSV",
    "campaign": "carry out a list of runs, unattended; taken up again where it was left",
    "literature": "list published detectors, and draw new ones among them",
    "reproduce": "measure published results again on the simulated bench, and judge them row by row",
    "import": "make a run file of data that was measured elsewhere, and analyse it",
    "attenuation": "tell what a layer takes out of a beam, by energy",
    "tube-spectrum": "tell mean energy and fluence per kerma of a tube's spectrum",
    "recover": "recover run files whose writer was killed",
    "check": "open a bench, ask every instrument who it is, switch nothing on",
    "sim": "serve a simulated bench and print its addresses",
    "gui": "open the window",
    "procedures": "list the procedures and their parameters",
    "presets": "list the presets",
    "samples": "list the sample files",
    "drivers": "list the drivers",
    "benches": "list the bench files",
}
"""Every command, and the line that describes it; each is ``app.cli.NAME`` with ``arguments`` and ``main``."""

MODULES = {"import": "import_data"}
"""Modules that cannot be named as their command: that is a word of Python."""

EXIT_FAILED, EXIT_USER, EXIT_ABORTED = 1, 2, 3


class OneLineParser(argparse.ArgumentParser):
    """An argument parser whose complaint is one line."""

    def refuse_unknown(self, words: Sequence[str]) -> NoReturn:
        """Complain about words that no argument takes; name the option that was meant."""
        from config.mistake import nearest

        option = next((word.partition("=")[0] for word in words if word.startswith("-")), None)
        if option is None:
            self.error(f"{' '.join(words)}: nothing is expected there")
        options = [name for name in self._option_string_actions if name.startswith("--")]
        self.error(f"no option is named {option}: {nearest(option, options)}")

    def error(self, message: str) -> NoReturn:
        """Print one line and exit with 2."""
        if "invalid choice" in message and "argument COMMAND" in message:
            from config.mistake import nearest

            given = message.split("'")[1]
            message = f"no command is named '{given}': {nearest(given, COMMANDS)}"
        self.exit(EXIT_USER, f"xraybench: {message}; see {self.prog} --help\n")


def module_of(command: str) -> str:
    """Return the module of a command."""
    return f"app.cli.{MODULES.get(command, command.replace('-', '_'))}"


def parser(wanted: str | None = None) -> OneLineParser:
    """Make the parser of all commands.

    Parameters
    ----------
    wanted
        The one command whose module is imported for its arguments.
    """
    return parsers(wanted)[0]


def parsers(wanted: str | None = None) -> tuple[OneLineParser, dict[str, OneLineParser]]:
    """Make the parser of all commands, and give those of the single ones as well."""
    top = OneLineParser(
        prog="xraybench",
        description="Measure X-ray detectors and scintillators, and return figures of merit with their uncertainty.",
        epilog="Software is not the interlock: the door switch and the tube's own protection decide.",
    )
    top.add_argument("--version", action="store_true", help="print the version and exit")
    top.add_argument("--debug", action="store_true", help="show the traceback of a failure")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", parser_class=OneLineParser)
    for name, line in COMMANDS.items():
        command: OneLineParser = commands.add_parser(name, help=line, description=line[:1].upper() + line[1:] + ".")
        command.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        if name == wanted:
            importlib.import_module(module_of(name)).arguments(command)
    return top, commands.choices


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns
    -------
    int
        0 completed, 1 failed, 2 the user's input, 3 aborted or tripped.
    """
    try:
        return _main(list(sys.argv[1:] if arguments is None else arguments))
    except KeyboardInterrupt:
        # before a run has begun to look after signals itself: half a second goes into imports
        print("xraybench: interrupted", file=sys.stderr)  # noqa: T201
        return EXIT_ABORTED


def _main(words: list[str]) -> int:
    if words[:1] == ["help"]:
        words = [*words[1:2], "--help"]
    wanted = next((word for word in words if not word.startswith("-")), None)
    top, commands = parsers(wanted)
    given, unknown = top.parse_known_args(words)
    if unknown:
        commands.get(given.command, top).refuse_unknown(unknown)
    if given.version:
        from importlib.metadata import version

        print(f"xraybench {version('xraybench')}")  # noqa: T201
        return 0
    if given.command is None:
        parser().print_help()
        return EXIT_USER
    from app.cli.carry_out import carry_out

    return carry_out(importlib.import_module(module_of(given.command)).main, given)
