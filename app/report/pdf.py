"""A report as PDF."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from app.report.picture import figure_of
from app.report.sections import Chapter, Plots, Report, Table, Text

_FONT = "DejaVu"
_LONGEST_CELL = 2500
"""Characters: a row of a table must fit onto a page."""


def write_pdf(report: Report, path: Path) -> None:
    """Write the pages, in A4."""
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.units import cm
    from reportlab.platypus import PageBreak, SimpleDocTemplate

    styles = _styles()
    document = SimpleDocTemplate(
        str(path), pagesize=A4, leftMargin=1.6 * cm, rightMargin=1.6 * cm, topMargin=1.5 * cm, bottomMargin=1.6 * cm,
        title=report.title, creator="xraybench",
    )  # fmt: skip
    story: list[Any] = [_paragraph(report.title, styles["Title"])]
    for number, chapter in enumerate(report.chapters):
        if number:
            story.append(PageBreak())
        story += _chapter(chapter, styles, document.width)
    story.append(_paragraph(report.footer, styles["Small"]))

    def number_page(canvas: Any, _: object) -> None:
        canvas.setFont(_FONT, 7)
        canvas.drawRightString(A4[0] - 1.6 * cm, 0.9 * cm, f"{report.title[:80]}   {canvas.getPageNumber()}")

    document.build(story, onFirstPage=number_page, onLaterPages=number_page)


def _chapter(chapter: Chapter, styles: Any, width: float) -> list[Any]:
    from reportlab.platypus import Preformatted, Spacer

    story: list[Any] = [_paragraph(chapter.title, styles["Heading1"])]
    story += [_paragraph(line, styles["Small"]) for line in chapter.lines]
    story += [_paragraph(warning, styles["Warning"]) for warning in chapter.warnings]
    for section in chapter.sections:
        story.append(_paragraph(section.heading, styles["Heading2"]))
        if isinstance(section, Table):
            story.append(_table(section, styles, width))
            if section.note:
                story.append(_paragraph(section.note, styles["Small"]))
        elif isinstance(section, Text):
            # Preformatted prints text as it is, markup and all
            story.append(Preformatted(section.text, styles["Typed"], maxLineLength=110))
        else:
            story += _plots(section, width)
        story.append(Spacer(1, 4))
    return story


def _plots(section: Plots, width: float) -> list[Any]:
    from reportlab.platypus import Image

    found = []
    for drawing in section.drawings:
        page = figure_of(drawing, section.figures)
        written = io.BytesIO()
        page.savefig(written, format="png", dpi=220)
        written.seek(0)
        size = page.get_size_inches()
        shown = 0.78 * width
        found.append(Image(written, shown, shown * size[1] / size[0]))
    return found


def _table(table: Table, styles: Any, width: float) -> Any:
    from reportlab.lib.colors import HexColor
    from reportlab.platypus import Table as PrintedTable

    # columns as wide as their text wants, within reason
    wanted = [
        min(45, max(11, *(len(str(row[column])) for row in [table.columns, *table.rows])))
        for column in range(len(table.columns))
    ]
    rows = [[_paragraph(cell, styles["Head"]) for cell in table.columns]]
    rows += [[_paragraph(cell[:_LONGEST_CELL], styles["Cell"]) for cell in row] for row in table.rows]
    style: list[tuple[Any, ...]] = [
        ("LINEBELOW", (0, 0), (-1, -1), 0.3, HexColor("#c5ccd4")),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LEFTPADDING", (0, 0), (-1, -1), 0),
        *((side, (0, 0), (-1, -1), 2) for side in ("TOPPADDING", "BOTTOMPADDING")),
        *(
            ("BACKGROUND", (0, number + 1), (-1, number + 1), HexColor({"bad": "#fdf0e6", "good": "#edf7f0"}[mark]))
            for number, mark in enumerate(table.marks)
            if mark
        ),
    ]
    return PrintedTable(rows, [width * one / sum(wanted) for one in wanted], repeatRows=1, style=style)


def _paragraph(text: str, style: Any) -> Any:
    from reportlab.platypus import Paragraph

    # reportlab reads paragraphs as markup
    return Paragraph(escape(text).replace("\n", "<br/>"), style)


def _styles() -> Any:
    from matplotlib import font_manager
    from reportlab.lib.colors import HexColor
    from reportlab.lib.styles import ParagraphStyle, StyleSheet1
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    # matplotlib brings a font that has Greek and the sign ±; those of PDF itself have not
    for name, weight in ((_FONT, "normal"), (f"{_FONT}-Bold", "bold")):
        pdfmetrics.registerFont(TTFont(name, font_manager.findfont(f"DejaVu Sans:{weight}", fallback_to_default=True)))
    styles = StyleSheet1()
    for name, size, bold, colour, more in (
        ("Title", 16, True, "#000000", {"spaceAfter": 6}),
        ("Heading1", 12.5, True, "#1f5fa8", {"spaceBefore": 6, "spaceAfter": 3, "keepWithNext": 1}),
        ("Heading2", 10, True, "#000000", {"spaceBefore": 7, "spaceAfter": 2, "keepWithNext": 1}),
        ("Small", 7.5, False, "#4a5360", {"spaceBefore": 2}),
        ("Warning", 8.5, True, "#a33c10", {"spaceBefore": 3}),
        ("Cell", 7, False, "#000000", {"wordWrap": "CJK"}),
        ("Head", 7, True, "#000000", {}),
        ("Typed", 6.5, False, "#000000", {}),
    ):
        styles.add(
            ParagraphStyle(
                name,
                fontName=f"{_FONT}-Bold" if bold else _FONT,
                fontSize=size,
                leading=1.25 * size,
                textColor=HexColor(colour),
                **more,
            )
        )
    return styles
