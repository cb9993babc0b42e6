"""Colours of the window, dark and light; the same places have the same meaning in both."""

from __future__ import annotations

from dataclasses import dataclass

import pyqtgraph as pg  # type: ignore[import-untyped]
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication, QWidget

SERIES_LIGHT = ("#1f5fa8", "#c8501e", "#2f8f4e", "#8b4fa8", "#8a6d00")
SERIES_DARK = ("#6fb1ff", "#ff9a62", "#6fd58f", "#d59bf2", "#e0c04a")
"""Told apart by people who do not see all colours, and in grey."""


@dataclass(frozen=True)
class Colours:
    """What a colour is for."""

    window: str
    base: str
    raised: str
    text: str
    faint: str
    line: str
    accent: str
    chunk: str
    good: str
    warning: str
    bad: str
    series: tuple[str, ...]


LIGHT = Colours(
    window="#f3f4f6",
    base="#ffffff",
    raised="#e7e9ee",
    text="#16181d",
    faint="#5a616e",
    line="#c3c8d1",
    accent="#1f5fa8",
    chunk="#a9c6e6",
    good="#1d7a3e",
    warning="#8a5a00",
    bad="#b3261e",
    series=SERIES_LIGHT,
)
DARK = Colours(
    window="#1d2026",
    base="#14161a",
    raised="#2a2f38",
    text="#eceef2",
    faint="#a3abb9",
    line="#434a57",
    accent="#6fb1ff",
    chunk="#2d5a8c",
    good="#6fd58f",
    warning="#f0b64a",
    bad="#ff8a80",
    series=SERIES_DARK,
)

BEAM_ON = ("#d11507", "#ffffff")
BEAM_OFF = ("#2e6b43", "#ffffff")
BEAM_UNKNOWN = ("#f2c200", "#000000")
NO_TUBE = ("#6b7280", "#ffffff")
"""Background and text of the beam's field; the same in dark and light, because they must never be learnt anew."""


def is_dark() -> bool:
    """Say whether the window is dark now."""
    return QApplication.palette().color(QPalette.ColorRole.Window).lightness() < 128


def colours() -> Colours:
    """Return the colours in use."""
    return DARK if is_dark() else LIGHT


def apply_theme(dark: bool) -> None:
    """Give the whole application its colours; plots hear of it as of a new palette."""
    chosen = DARK if dark else LIGHT
    palette = QPalette()
    role = QPalette.ColorRole
    for roles, colour in (
        ((role.Window, role.Button), chosen.window),
        ((role.Base, role.ToolTipBase), chosen.base),
        ((role.AlternateBase, role.Midlight), chosen.raised),
        ((role.WindowText, role.Text, role.ButtonText, role.ToolTipText, role.BrightText), chosen.text),
        ((role.PlaceholderText,), chosen.faint),
        ((role.Mid, role.Dark), chosen.line),
        ((role.Highlight, role.Link), chosen.accent),
        ((role.HighlightedText,), chosen.base),
    ):
        for one in roles:
            palette.setColor(one, QColor(colour))
    for one in (role.Text, role.ButtonText, role.WindowText):
        palette.setColor(QPalette.ColorGroup.Disabled, one, QColor(chosen.faint))
    application = QApplication.instance()
    assert isinstance(application, QApplication)  # noqa: S101
    application.setStyle("Fusion")
    application.setPalette(palette)
    application.setStyleSheet(_sheet(chosen))
    pg.setConfigOptions(background=chosen.base, foreground=chosen.text, antialias=True)


def paint_plots(view: pg.GraphicsView, *plots: pg.PlotItem) -> None:
    """Give plots that are there already the colours in use."""
    chosen = colours()
    view.setBackground(chosen.base)
    for plot in plots:
        for side in ("left", "bottom"):
            axis = plot.getAxis(side)
            axis.setPen(chosen.text)
            axis.setTextPen(chosen.text)
            axis.setLabel(axis.labelText, axis.labelUnits, color=chosen.text)


def mark(widget: QWidget, name: str, value: object) -> None:
    """Set a property that the style sheet asks for, and have it looked at again."""
    widget.setProperty(name, value)
    style = widget.style()
    style.unpolish(widget)
    style.polish(widget)


def _sheet(chosen: Colours) -> str:
    return f"""
    QToolTip {{ color: {chosen.text}; background: {chosen.raised}; border: 1px solid {chosen.line}; padding: 3px; }}
    QLabel[tone="faint"] {{ color: {chosen.faint}; }}
    QLabel[tone="bad"] {{ color: {chosen.bad}; }}
    QLabel[tone="warning"] {{ color: {chosen.warning}; }}
    QLabel[tone="good"] {{ color: {chosen.good}; }}
    QLabel[tone="heading"] {{ font-weight: bold; }}
    QLineEdit, QPlainTextEdit {{ border: 1px solid {chosen.line}; border-radius: 3px; padding: 3px 5px;
        background: {chosen.base}; color: {chosen.text}; }}
    QLineEdit:focus, QPlainTextEdit:focus {{ border: 2px solid {chosen.accent}; padding: 2px 4px; }}
    QLineEdit[invalid="true"] {{ border: 2px solid {chosen.bad}; padding: 2px 4px; }}
    QLineEdit:disabled {{ background: {chosen.window}; color: {chosen.faint}; }}
    QPushButton {{ border: 1px solid {chosen.line}; border-radius: 3px; padding: 5px 12px; background: {chosen.raised};
        color: {chosen.text}; }}
    QPushButton:hover {{ border-color: {chosen.accent}; }}
    QPushButton:focus {{ border: 2px solid {chosen.accent}; padding: 4px 11px; }}
    QPushButton:disabled {{ color: {chosen.faint}; background: {chosen.window}; }}
    QPushButton:checked {{ background: {chosen.accent}; color: {chosen.base}; }}
    QPushButton[role="primary"] {{ background: {chosen.accent}; color: {chosen.base}; font-weight: bold; }}
    QPushButton[role="primary"]:disabled {{ background: {chosen.window}; color: {chosen.faint}; }}
    QPushButton[role="stop"] {{ background: #b00000; color: white; font-weight: bold; font-size: 15pt;
        border: 2px solid #ffb4ab; border-radius: 6px; padding: 6px 18px; }}
    QPushButton[role="stop"]:hover {{ background: #d80000; }}
    QPushButton[role="confirm"] {{ background: #b00000; color: white; font-weight: bold; border: 2px solid #ffb4ab; }}
    QPushButton[role="small"] {{ padding: 2px 8px; }}
    QFrame[card="true"] {{ background: {chosen.base}; border: 1px solid {chosen.line}; border-radius: 5px; }}
    QFrame[card="question"] {{ background: {chosen.raised}; border: 2px solid {chosen.warning}; border-radius: 5px; }}
    QCheckBox::indicator:unchecked {{ border: 1px solid {chosen.faint}; border-radius: 2px; width: 12px; height: 12px;
        background: {chosen.base}; }}
    QTabBar::tab {{ padding: 6px 14px; color: {chosen.faint}; border-bottom: 3px solid transparent; }}
    QTabBar::tab:selected {{ color: {chosen.text}; border-bottom: 3px solid {chosen.accent}; }}
    QTabWidget::pane {{ border-top: 1px solid {chosen.line}; }}
    QHeaderView::section {{ background: {chosen.raised}; color: {chosen.text}; padding: 4px 6px; border: none;
        border-right: 1px solid {chosen.line}; }}
    QTableView {{ background: {chosen.base}; alternate-background-color: {chosen.window};
        gridline-color: {chosen.line}; }}
    QProgressBar {{ border: 1px solid {chosen.line}; border-radius: 3px; text-align: center; color: {chosen.text};
        background: {chosen.base}; }}
    QProgressBar::chunk {{ background: {chosen.chunk}; }}
    """
