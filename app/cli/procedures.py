"""``xraybench procedures``: what can be measured, and what each procedure can be told."""

from __future__ import annotations

import argparse
from typing import Any

from app.cli import arguments as shared
from app.cli.tables import print_json, print_table
from procedures.parameters import allowed
from procedures.procedure import Procedure
from procedures.registry import ANALYSES, procedure_class, procedures


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("name", nargs="?", metavar="PROCEDURE", help="show the parameters of this one")
    shared.add_json(parser)


def main(given: argparse.Namespace) -> int:
    """List, return the exit status."""
    if given.name:
        document = describe(procedure_class(given.name))
        if given.json:
            print_json(document)
            return 0
        print_table(
            f"{document['name']}: {document['description']}",
            ("parameter", "default", "unit", "allowed", "what"),
            [
                (name, _default(one["default"]), one["unit"], one["allowed"], _what(one["title"], one["description"]))
                for name, one in document["parameters"].items()
            ],
        )
        if any(one["allowed"].startswith("numbers ") for one in document["parameters"].values()):
            print("Numbers: one by one, 0.2,0.4,0.8, or from, to and how many, 0.2:2.4:12")  # noqa: T201
        return 0
    documents = [describe(procedure_class(name)) for name in procedures()]
    if given.json:
        print_json(documents)
        return 0
    print_table(
        "Procedures (xraybench procedures NAME shows the parameters)",
        ("name", "what", "needs"),
        [(one["name"], one["description"], ", ".join(one["needs"])) for one in documents],
    )
    print_table(
        "Analyses of data from elsewhere (xraybench import FILE --as NAME)",
        ("name", "what"),
        [(name, procedure_class(name).description()) for name in ANALYSES],
    )
    return 0


def _default(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _what(title: str, description: str) -> str:
    return f"{title}: {description}" if description else title


def describe(procedure: type[Procedure]) -> dict[str, Any]:
    """Describe a procedure as a document."""
    return {
        "name": procedure.name,
        "description": procedure.description(),
        "needs": [role.role for role in procedure.needs],
        "parameters": {
            name: {
                "title": parameter.name,
                "description": parameter.description or "",
                "default": parameter.default,
                "unit": getattr(parameter, "units", None) or "",
                "allowed": allowed(parameter),
            }
            for name, parameter in procedure.declared_parameters().items()
        },
        "streams": {stream.name: stream.scalars for stream in procedure.streams()},
    }
