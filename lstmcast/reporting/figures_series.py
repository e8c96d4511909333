"""One series at a time: its forecasts and errors.

The page holds each figure once, without numbers; its script fills in the chosen series. `meta` of a
trace names its columns; `columns_of` computes the same columns for figures saved as files.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lstmcast.reporting.axis import Axis, Names
from lstmcast.reporting.charts import (
    BAND,
    BAND_FUTURE,
    FUTURE,
    INK,
    NETWORK,
    SOFT,
    WIDE_BAND,
    WIDE_FUTURE,
    Chart,
    Figure,
    axis,
    line,
    plain,
)
from lstmcast.reporting.series_results import Item

Columns = dict[str, list[Any]]


def series_charts(levels: tuple[float, ...], dates: Axis, season: Names | None) -> list[Chart]:
    """The charts of one series, without numbers; the forecast chart is first."""
    charts = [forecast_chart(levels, dates), time_chart(dates), sizes_chart(), lags_chart()]
    return [*charts, season_chart(season)] if season is not None else charts


def forecast_chart(levels: tuple[float, ...], dates: Axis) -> Chart:
    """Actual values and forecasts."""
    shaded = ", ".join(f"{level:g} %" for level in levels)
    return Chart(
        "forecast",
        "Forecasts and actual values",
        "Past forecasts on test rows, each from the values known at its origin, and the forecast "
        "after the last row. "
        + (f"Shaded: {shaded} prediction intervals. " if levels else "No prediction intervals. ")
        + "Drag to zoom, double-click to go back.",
        "Line chart of actual values, past forecasts and the forecast after the last row.",
        forecast_figure(levels, dates),
        height=460,
    )


def time_chart(dates: Axis) -> Chart:
    """Errors over time."""
    points = line("error", [], [], NETWORK, mode="lines+markers", width=0.7, showlegend=False)
    points["marker"] = {"color": NETWORK, "size": 4}
    return Chart(
        "error-time",
        "Errors over time",
        "Forecast - actual: above 0 the forecast was too high.",
        "Chart of the errors over time.",
        {
            "data": [wanting(points, x="time", y="error")],
            "layout": {
                "xaxis": axis("", type=dates.kind),
                "yaxis": axis("forecast - actual", zeroline=True),
            },
        },
    )


def sizes_chart() -> Chart:
    """Histogram of the errors."""
    bars = {"type": "histogram", "marker": {"color": NETWORK}, "name": "errors"}
    return Chart(
        "error-sizes",
        "Distribution of errors",
        "Number of errors by size.",
        "Histogram of the errors.",
        {
            "data": [wanting(bars, x="error")],
            "layout": {
                "xaxis": axis("forecast - actual"),
                "yaxis": axis("count"),
                "bargap": 0.05,
            },
        },
    )


def lags_chart() -> Chart:
    """Autocorrelation by lag, and the band of independent errors."""
    bars = {"type": "bar", "marker": {"color": NETWORK}, "name": "autocorrelation"}
    traces = [wanting({**bars, "showlegend": False}, x="lags", y="lag_values")]
    for name in ("limit_low", "limit_high"):
        bound = line("95 % limit", [], [], SOFT, dash="dot", width=1, mode="lines")
        traces.append(
            wanting({**bound, "hoverinfo": "skip", "showlegend": False}, x="lags", y=name)
        )
    return Chart(
        "error-lags",
        "Autocorrelation of errors",
        "Correlation between an error and later ones. Errors within one forecast are correlated, "
        "so the first bars are rarely near 0; a high bar at a season means that the network "
        "misses part of it. Dotted: 95 % band of independent errors.",
        "Bar chart of the autocorrelation of the errors.",
        {
            "data": traces,
            "layout": {
                "xaxis": axis("lag in steps"),
                "yaxis": axis("correlation", range=[-1.05, 1.05]),
            },
        },
    )


def season_chart(season: Names) -> Chart:
    """Errors by season."""
    box = {"type": "box", "marker": {"color": NETWORK}, "name": "errors"}
    return Chart(
        "error-season",
        f"Errors by {season.title}",
        "The box contains the middle half of the errors, the line in it is the median.",
        f"Box chart of the errors by {season.title}.",
        {
            "data": [wanting(box, x="season", y="error")],
            "layout": {
                "xaxis": axis(
                    season.title,
                    type="category",
                    categoryorder="array",
                    categoryarray=season.labels,
                    range=[-0.6, len(season.labels) - 0.4],
                ),
                "yaxis": axis("forecast - actual", zeroline=True),
                "hovermode": "closest",
            },
        },
    )


def wanting(trace: dict[str, Any], **columns: str) -> dict[str, Any]:
    """A trace whose columns are filled in later."""
    return {**trace, "meta": columns}


def forecast_figure(levels: tuple[float, ...], dates: Axis) -> Figure:
    """Actual values, past forecasts, the next forecast, and their intervals; the widest first."""
    hover = "%{y:.5~g}" + "".join(
        f"<br>{level:g} %: %{{customdata[{2 * k}]:.5~g}} to %{{customdata[{2 * k + 1}]:.5~g}}"
        for k, level in enumerate(levels)
    )
    bands = [
        band(part, k, narrow if k == 0 else wide)
        for part, wide, narrow in (
            ("past", WIDE_BAND, BAND),
            ("future", WIDE_FUTURE, BAND_FUTURE),
        )
        for k in reversed(range(len(levels)))
    ]
    actual = line("actual", [], [], INK, mode="lines+markers", width=1.6)
    actual |= {"marker": {"color": INK, "size": 3}, "hovertemplate": "%{y:.5~g}"}
    traces = [*bands, wanting(actual, x="time", y="actual")]
    for part, name, colour in (
        ("past", "past forecasts", NETWORK),
        ("future", "forecast", FUTURE),
    ):
        made = line(name, [], [], colour, mode="lines", legendgroup=part, hovertemplate=hover)
        traces.append(wanting(made, x=f"{part}_x", y=f"{part}_y", customdata=f"{part}_bounds"))
    layout = {"xaxis": axis("", type=dates.kind), "yaxis": axis("")}
    return {"data": traces, "layout": layout}


def band(part: str, level: int, colour: str) -> dict[str, Any]:
    """The interval of one level; it is shown and hidden together with its forecasts."""
    area = line("", [], [], colour, mode="lines", width=0, fill="toself", fillcolor=colour)
    area |= {"hoverinfo": "skip", "legendgroup": part, "showlegend": False}
    return wanting(area, x=f"{part}_band_x{level}", y=f"{part}_band_y{level}")


def columns_of(item: Item, dates: Axis, season: Names | None) -> Columns:
    """The data for the traces of a series' charts."""
    count = len(item.actual)
    places = np.arange(item.first, item.first + count)
    time = [dates.marks[k] for k in places]
    errors, found = item.laid_out, item.autocorrelation
    limit = 1.96 / max(np.isfinite(errors).sum(), 1) ** 0.5
    ahead = range(item.future_first, item.future_first + len(item.future))
    future_time = [dates.marks[k] for k in ahead]
    starts = item.begins.copy()
    columns: Columns = {
        "time": time,
        "actual": plain(item.actual, 8),
        "error": plain(errors),
        "season": [] if season is None else [season.labels[k] for k in season.codes[places]],
        "lags": list(range(1, len(found) + 1)),
        "lag_values": plain(found, 3),
        "limit_low": [-limit] * len(found),
        "limit_high": [limit] * len(found),
    }
    future_starts = np.zeros(len(item.future), dtype=bool)
    for part, x, y, low, high, begins in (
        ("past", time, item.forecast, item.low, item.high, starts),
        ("future", future_time, item.future, item.future_low, item.future_high, future_starts),
    ):
        pieces = pieces_of(np.isfinite(y), begins)
        bounds = np.stack([low, high], axis=1).reshape(-1, len(y)).T  # (P, 2 L)
        columns[f"{part}_x"] = joined([[x[k] for k in piece] for piece in pieces])
        columns[f"{part}_y"] = joined([plain(y[piece], 8) for piece in pieces])
        columns[f"{part}_bounds"] = joined([[plain(b) for b in bounds[piece]] for piece in pieces])
        for k in range(len(low)):
            bounded = pieces_of(np.isfinite(y) & np.isfinite(low[k]) & np.isfinite(high[k]), begins)
            around = [[*piece, *piece[::-1]] for piece in bounded]
            columns[f"{part}_band_x{k}"] = joined([[x[j] for j in each] for each in around])
            columns[f"{part}_band_y{k}"] = joined(
                [[*plain(high[k][piece], 8), *plain(low[k][piece[::-1]], 8)] for piece in bounded]
            )
    return columns


def pieces_of(known: np.ndarray, begins: np.ndarray) -> list[np.ndarray]:
    """Runs of known positions, split where a forecast begins."""
    places = np.flatnonzero(known)
    if not len(places):
        return []
    cuts = np.flatnonzero((np.diff(places) > 1) | begins[places[1:]]) + 1
    return np.split(places, cuts)


def joined(pieces: list[list[Any]]) -> list[Any]:
    """Pieces in one list, separated by None, which breaks lines and areas."""
    return [value for k, piece in enumerate(pieces) for value in ([None] if k else []) + piece]


def filled(figure: Figure, columns: Columns) -> Figure:
    """A figure with the columns of its traces."""
    data = []
    for trace in figure["data"]:
        wanted = {key: columns[name] for key, name in trace.get("meta", {}).items()}
        data.append({**trace, **wanted})
    return {**figure, "data": data}
