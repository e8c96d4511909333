"""Forecasts as plots of characters: the last season, the forecast, its prediction interval.

Braille characters draw lines, with two by four dots each; terminals without Braille get letters.
The interval is shaded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING

import numpy as np
from rich.text import Text

from lstmcast.errors import counted
from lstmcast.forecasting.frames import bound_names

if TYPE_CHECKING:
    import pandas as pd

    from lstmcast.panel.panel import Panel
    from lstmcast.workflows.predict import Predicted

MOST = 3
"""Most plots that are drawn."""

ROWS = 12
"""Height of a plot in characters."""

ACROSS, DOWN = 2, 4
"""Dots in a Braille character."""

DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Bit of each dot in the character U+2800, by row and column (Unicode, Braille Patterns)."""


@dataclass(frozen=True)
class Plot:
    """One target of one series; N rows of history, H forecast steps.

    Attributes:
        title: Series, target, horizon and interval level.
        history: (N,) NaN if missing.
        forecast: (H,)
        low: (H,) NaN without intervals.
        high: (H,)
        stamps: Time stamps of the first and last row of history and the last forecast step.
    """

    title: str
    history: np.ndarray
    forecast: np.ndarray
    low: np.ndarray
    high: np.ndarray
    stamps: tuple[str, str, str]


def plots_of(predicted: Predicted) -> Iterator[Plot]:
    """One plot for each forecast series and target."""
    panel, model = predicted.panel, predicted.model
    wide = model.config.data.layout == "wide"
    horizon, level = model.sizes.horizon, min(model.levels, default=None)
    for series in range(panel.series_count):
        rows = predicted.forecast.iloc[series * horizon : (series + 1) * horizon]
        for place, target in enumerate(panel.columns.targets):
            column = panel.names[series][0] if wide else target
            frame = predicted.forecast.dropna(subset=[column]) if wide else rows
            yield _plot(panel, series, place, frame, column, level)


def _plot(
    panel: Panel, series: int, place: int, rows: pd.DataFrame, column: str, level: float | None
) -> Plot:
    horizon, end = len(rows), int(panel.ends[series])
    count = max(panel.frequency.season, 2 * horizon)
    first = max(end - count, int(panel.offsets[series]))
    known = panel.targets_observed[first:end, place]
    history = np.where(known, panel.targets[first:end, place], np.nan)
    forecast = rows[column].to_numpy(dtype=np.float64)
    low = high = np.full(horizon, np.nan)
    shaded = ""
    if level is not None:
        names = bound_names(column, [level])
        low, high = (rows[name].to_numpy(dtype=np.float64) for name in names)
        shaded = f", shaded: {level:g} % interval"
    at = np.array([first, end - 1, end - 1 + horizon])
    stamps = panel.format_times(panel.ordinals(at, np.full(3, series)))
    name = panel.describe(series)
    title = " ".join(dict.fromkeys(part for part in (name, column) if part))
    return Plot(
        f"{title}: {counted(horizon, 'step')} after {stamps[1]}{shaded}",
        history,
        forecast,
        low,
        high,
        (stamps[0], stamps[1], stamps[2]),
    )


def drawn(predicted: Predicted, width: int, braille: bool) -> list[Text]:
    """The first plots, and the number of others.

    Args:
        predicted: Forecasts, and their panel and model.
        width: Width of the terminal in characters.
        braille: Whether the terminal shows Braille characters; letters otherwise.
    """
    plots = list(plots_of(predicted))
    parts = [draw(plot, width, braille).append("\n") for plot in plots[:MOST]]
    if len(plots) > MOST:
        parts.append(Text(f"{MOST} of {len(plots):,} plots are drawn; report.html has the others."))
    return parts


def draw(plot: Plot, width: int, braille: bool) -> Text:
    """A plot as lines of text, no wider than the terminal."""
    values = np.concatenate([plot.history, plot.forecast, plot.low, plot.high])
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    if low == high:
        low, high = low - 0.5, high + 0.5
    labels = [f"{value:.4g}" for value in (high, (low + high) / 2, low)]
    margin = max(map(len, labels)) + 1
    columns = max(width - margin - 1, 10)
    grid = _Grid(columns, low, high, len(plot.history) + len(plot.forecast), braille)
    after = len(plot.history)
    grid.shade(after, plot.low, plot.high)
    if after and np.isfinite(plot.history[-1]):
        grid.line(after - 1, np.array([plot.history[-1], *plot.forecast]), "forecast")
    else:
        grid.line(after, plot.forecast, "forecast")
    grid.line(0, plot.history, "history")
    middle = (ROWS - 1) // 2
    named = {0: labels[0], middle: labels[1], ROWS - 1: labels[2]}
    lines = wrap(plot.title, width, break_on_hyphens=False)
    text = Text("\n".join(lines) + "\n", no_wrap=True)
    for row in range(ROWS):
        text.append(f"{named.get(row, ''):>{margin - 1}} ").append_text(grid.row(row)).append("\n")
    return text.append(" " * margin + _axis(plot.stamps, grid.column(after - 1), columns))


def _axis(stamps: tuple[str, str, str], middle: int, columns: int) -> str:
    """First, middle and last time stamp at their positions, as far as there is room."""
    first, known, last = stamps
    line = [" "] * columns
    starts = {0: first, columns - len(last): last, middle - len(known) // 2: known}
    taken = 0
    for start, text in starts.items():
        if start < 0 or start + len(text) > columns:
            continue
        around = line[max(start - 1, 0) : start + len(text) + 1]
        if not taken or all(letter == " " for letter in around):
            line[start : start + len(text)] = text
            taken += 1
    return "".join(line).rstrip()


class _Grid:
    """A grid of characters, some of them made of dots.

    Args:
        columns: Characters across.
        low: Value at the bottom.
        high: Value at the top.
        points: Rows of the table from left to right.
        braille: Whether to draw Braille dots.
    """

    def __init__(self, columns: int, low: float, high: float, points: int, braille: bool) -> None:
        self.across, self.down = (ACROSS, DOWN) if braille else (1, 1)
        self.low, self.high, self.points, self.braille = low, high, max(points, 2), braille
        self.width, self.height = columns * self.across, ROWS * self.down
        self.dots = {
            kind: np.zeros((self.height, self.width), dtype=bool)
            for kind in ("interval", "forecast", "history")
        }

    def column(self, point: int) -> int:
        """The character that contains a point."""
        return int(self._x(np.array([point]))[0]) // self.across

    def _x(self, points: np.ndarray) -> np.ndarray:
        return np.round(points * (self.width - 1) / (self.points - 1)).astype(int)

    def _y(self, values: np.ndarray) -> np.ndarray:
        share = (self.high - values) / (self.high - self.low)
        return np.clip(np.round(share * (self.height - 1)), 0, self.height - 1).astype(int)

    def line(self, first: int, values: np.ndarray, kind: str) -> None:
        """Join points; a missing one leaves a gap."""
        known = np.flatnonzero(np.isfinite(values))
        x = self._x(first + np.arange(len(values)))
        dots = self.dots[kind]
        dots[self._y(values[known]), x[known]] = True
        for k in known[:-1][np.diff(known) == 1]:
            steps = max(x[k + 1] - x[k], abs(int(np.diff(self._y(values[k : k + 2]))[0])), 1)
            share = np.linspace(0, 1, steps + 1)
            across = np.round(x[k] + share * (x[k + 1] - x[k])).astype(int)
            dots[self._y(values[k] + share * (values[k + 1] - values[k])), across] = True

    def shade(self, first: int, low: np.ndarray, high: np.ndarray) -> None:
        """Fill the area between bounds."""
        known = np.flatnonzero(np.isfinite(low) & np.isfinite(high))
        if not len(known):
            return
        x = self._x(first + np.arange(len(low)))
        for column in range(x[known[0]], x[known[-1]] + 1):
            bottom, top = (np.interp(column, x[known], bound[known]) for bound in (low, high))
            rows = self._y(np.array([top, bottom]))
            self.dots["interval"][rows[0] : rows[1] + 1, column] = True

    def row(self, row: int) -> Text:
        """One line of coloured characters."""
        text = Text()
        for column in range(self.width // self.across):
            text.append(*self._cell(row, column))
        text.rstrip()
        return text

    def _cell(self, row: int, column: int) -> tuple[str, str]:
        """A character and its style; lines hide the interval, history hides the forecast."""
        here = (
            slice(row * self.down, (row + 1) * self.down),
            slice(column * self.across, (column + 1) * self.across),
        )
        for kind, letter, style in (("history", "*", ""), ("forecast", "o", "bold cyan")):
            dots = self.dots[kind][here]
            if dots.any():
                return self._dotted(dots) if self.braille else letter, style
        shade = "░" if self.braille else "."
        return (shade, "cyan") if self.dots["interval"][here].mean() >= 0.5 else (" ", "")

    @staticmethod
    def _dotted(dots: np.ndarray) -> str:
        return chr(0x2800 + int((np.array(DOTS) * dots).sum()))
