"""A report as one HTML page that asks nobody for anything: plots are drawn into it, and text stays text."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

from app.report.picture import figure_of
from app.report.sections import Plots, Report

if TYPE_CHECKING:
    from markupsafe import Markup

_PROLOGUE = re.compile(r"\A.*?(?=<svg)", re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_METADATA = re.compile(r"<metadata>.*?</metadata>", re.DOTALL)


def html(report: Report) -> str:
    """Make the page."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("page.html").render(report=report, pictures=_pictures)


def _pictures(section: Plots) -> list[Markup]:
    from markupsafe import Markup

    # matplotlib escapes the text that it draws, and draws it as outlines
    return [Markup(svg(section, number)) for number in range(len(section.drawings))]  # noqa: S704


def svg(section: Plots, number: int) -> str:
    """Draw one of the plots as an SVG element without comments, metadata or references to elsewhere."""
    from matplotlib import rc_context

    written = io.StringIO()
    # outlines instead of fonts: the page looks the same everywhere; the salt keeps plots of one page apart
    with rc_context({"svg.fonttype": "path", "svg.hashsalt": f"{section.heading}{number}{id(section)}"}):
        figure_of(section.drawings[number], section.figures).savefig(written, format="svg", metadata={"Date": None})
    return _METADATA.sub("", _COMMENT.sub("", _PROLOGUE.sub("", written.getvalue())))
