"""The parts of every chart: a title, a sentence, a text alternative, and the figure.

A figure is plotly's `{"data": [...], "layout": {...}}` in plain lists, so that writing a page does
not load plotly. Colours are for a light page; `DARK` maps them to a dark one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

Figure = dict[str, Any]

INK, SOFT = "#1c2733", "#66727f"
NETWORK = "#0b5fa5"
WIDE_BAND, BAND = "rgba(11,95,165,0.13)", "rgba(11,95,165,0.26)"
FUTURE = "#b4420f"
WIDE_FUTURE, BAND_FUTURE = "rgba(180,66,15,0.13)", "rgba(180,66,15,0.26)"

FORECASTERS = {
    "lstmcast": (NETWORK, "#6cb6ff", "solid"),
    "naive": ("#8a5a00", "#e3b04b", "dot"),
    "seasonal_naive": ("#a8326e", "#ff93c9", "dash"),
    "drift": ("#5f6b7a", "#b1bcc8", "dashdot"),
    "linear": ("#0a7150", "#52d3a2", "longdash"),
    "auto_ets": ("#6b3fa0", "#c6a6f7", "dot"),
    "auto_arima": ("#9c2b1f", "#ff9f8c", "dash"),
    "theta": ("#4a6a00", "#b6d957", "dashdot"),
}
"""Light colour, dark colour and dash of each forecaster's line."""

DARK = {
    INK: "#e8edf2",
    SOFT: "#9aa7b4",
    WIDE_BAND: "rgba(108,182,255,0.16)",
    BAND: "rgba(108,182,255,0.30)",
    FUTURE: "#ff9a66",
    WIDE_FUTURE: "rgba(255,154,102,0.16)",
    BAND_FUTURE: "rgba(255,154,102,0.30)",
    **{light: dark for light, dark, _ in FORECASTERS.values()},
}
"""Colour on a dark page for each colour on a light page."""


@dataclass(frozen=True)
class Table:
    """The numbers of a chart as a table."""

    header: list[str]
    rows: list[list[str]]


@dataclass(frozen=True)
class Chart:
    """One chart of the page.

    Attributes:
        key: Its id.
        title: Heading above it.
        about: What it shows, in a sentence or two.
        words: Text alternative of the picture.
        figure: For plotly.
        table: Its numbers; None where there are too many to read.
        height: In pixels.
    """

    key: str
    title: str
    about: str
    words: str
    figure: Figure
    table: Table | None = None
    height: int = 340


@dataclass(frozen=True)
class Section:
    """Charts under one heading."""

    key: str
    title: str
    about: str
    charts: list[Chart] = field(default_factory=list)


def line(name: str, x: list[Any], y: list[Any], colour: str, **more: Any) -> dict[str, Any]:
    """A line; `dash` and `width` set its style, the rest goes to the trace."""
    style = {"color": colour, "width": more.pop("width", 2), "dash": more.pop("dash", "solid")}
    mode = more.pop("mode", "lines" if len(x) != 1 else "markers")
    trace = {"type": "scatter", "mode": mode, "name": name, "x": x, "y": y, "line": style}
    return {**trace, "marker": {"color": colour}, **more}


def axis(title: str, **more: Any) -> dict[str, Any]:
    """An axis with its title."""
    return {"title": {"text": title}, **more}


def axis_style() -> dict[str, Any]:
    """Style of the axes of a single chart; on a page, the page's style applies."""
    return {
        "gridcolor": "#e6eaee",
        "zerolinecolor": SOFT,
        "linecolor": "#d9dfe5",
        "automargin": True,
        "title": {"standoff": 8},
    }


def plain(values: Iterable[Any], digits: int = 5) -> list[float | None]:
    """Numbers for JSON, with some significant digits; None if not finite."""
    return [float(f"{v:.{digits}g}") if math.isfinite(v) else None for v in map(float, values)]


def short(value: float | None) -> str:
    """A number as text; a dash if there is none."""
    return "-" if value is None or not math.isfinite(value) else f"{value:.4g}"
