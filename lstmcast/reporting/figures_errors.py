"""Errors of all series together -> charts."""

from __future__ import annotations

import numpy as np

from lstmcast.errors import counted
from lstmcast.reporting.axis import Axis, Names, calendar_names
from lstmcast.reporting.charts import BAND, NETWORK, SOFT, Chart, axis, line, plain, short
from lstmcast.reporting.error_statistics import (
    Errors,
    by_name,
    calendar,
    distribution,
    mean_autocorrelation,
    over_time,
)
from lstmcast.reporting.series_results import Item

HEAT = [
    [0, "#f3efe6"],
    [0.25, "#f2c97d"],
    [0.5, "#e08a4a"],
    [0.75, "#b8433f"],
    [1, "#5b1a4a"],
]
"""Colours of a heat map: darker is worse, also without hue."""


def pooled_charts(
    items: list[Item], errors: Errors, dates: Axis, season: Names | None
) -> list[Chart]:
    """Errors of several items: over time, by size, by lag, by season."""
    charts = [time_chart(errors, dates), sizes_chart(errors), lags_chart(items)]
    return [*charts, season_chart(errors, season)] if season is not None else charts


def time_chart(errors: Errors, dates: Axis) -> Chart:
    """Mean error by time stamp, and the range of 80 % of them."""
    frame = over_time(errors)
    x = [dates.marks[place] for place in frame.index]
    low, high, mean = plain(frame["low"]), plain(frame["high"]), plain(frame["mean"])
    widest = int(np.argmax(np.abs(frame["mean"]))) if len(frame) else 0
    band = {
        "type": "scatter",
        "mode": "lines",
        "name": "80 % of the errors",
        "x": [*x, *x[::-1]],
        "y": [*high, *low[::-1]],
        "fill": "toself",
        "fillcolor": BAND,
        "line": {"width": 0, "color": BAND},
        "hoverinfo": "skip",
    }
    said = f" The largest mean error is at {x[widest]}: {short(mean[widest])}." if x else ""
    return Chart(
        "all-time",
        "Errors over time",
        f"Mean error of {counted(errors.count, 'forecast series')} at each time stamp; above 0, "
        "forecasts were too high.",
        f"Line chart of the mean error at {len(x)} stamps, with the band of 80 % of errors.{said}",
        {
            "data": [band, line("mean", x, list(mean), NETWORK)],
            "layout": {
                "xaxis": axis("", type=dates.kind),
                "yaxis": axis(errors.unit, zeroline=True),
            },
        },
    )


def sizes_chart(errors: Errors) -> Chart:
    """Histogram of the errors."""
    middles, counts = distribution(errors)
    bars = {
        "type": "bar",
        "x": plain(middles),
        "y": counts.tolist(),
        "marker": {"color": NETWORK},
        "name": "errors",
        "hovertemplate": "%{x:.3~g}: %{y}<extra></extra>",
    }
    median = float(np.median(errors.values)) if len(errors.values) else float("nan")
    return Chart(
        "all-sizes",
        "Distribution of errors",
        "Number of errors by size; the outermost bars include all larger ones.",
        f"Histogram of {len(errors.values):,} errors; their median is {short(median)}.",
        {
            "data": [bars],
            "layout": {
                "xaxis": axis(errors.unit),
                "yaxis": axis("count"),
                "bargap": 0.05,
                "hovermode": "closest",
            },
        },
    )


def lags_chart(items: list[Item]) -> Chart:
    """Mean autocorrelation of the errors of each item."""
    found = mean_autocorrelation(items)
    lags = list(range(1, len(found) + 1))
    highest = int(np.argmax(np.abs(found))) if lags else 0
    said = f" The largest is {short(found[highest])} at lag {lags[highest]}." if lags else ""
    bars = {
        "type": "bar",
        "x": lags,
        "y": plain(found, 3),
        "marker": {"color": NETWORK},
        "name": "autocorrelation",
    }
    return Chart(
        "all-lags",
        "Autocorrelation of errors",
        "Correlation between an error and later ones, the mean over all series.",
        f"Bar chart of the autocorrelation at {len(lags)} lags.{said}",
        {
            "data": [bars],
            "layout": {
                "xaxis": axis("lag in steps"),
                "yaxis": axis("correlation", range=[-1, 1]),
            },
        },
    )


def season_chart(errors: Errors, season: Names) -> Chart:
    """Quantiles of the errors by season."""
    table = by_name(errors, season)
    low, q1, median, q3, high = (plain(table[share]) for share in (0.05, 0.25, 0.5, 0.75, 0.95))
    box = {
        "type": "box",
        "x": season.labels,
        "lowerfence": low,
        "q1": q1,
        "median": median,
        "q3": q3,
        "upperfence": high,
        "marker": {"color": NETWORK},
        "name": "errors",
    }
    spread = (table[0.75] - table[0.25]).to_numpy()
    widest = int(np.nanargmax(spread)) if np.isfinite(spread).any() else None
    said = "" if widest is None else f" The spread is largest at {season.labels[widest]}."
    return Chart(
        "all-season",
        f"Errors by {season.title}",
        "The box contains the middle half of the errors, the whiskers 90 %.",
        f"Box chart of the errors by {season.title}.{said}",
        {
            "data": [box],
            "layout": {
                "xaxis": axis(season.title, type="category"),
                "yaxis": axis(errors.unit, zeroline=True),
                "hovermode": "closest",
            },
        },
    )


def calendar_chart(errors: Errors, dates: Axis) -> Chart | None:
    """Mean absolute error on a calendar; None without a calendar."""
    names = calendar_names(dates)
    if names is None or not len(errors.values):
        return None
    rows, columns = names
    means, counts = calendar(errors, rows, columns)
    used = np.flatnonzero(counts.any(axis=0))
    kept = slice(int(used[0]), int(used[-1]) + 1)
    down = np.flatnonzero(counts.any(axis=1))
    held = slice(int(down[0]), int(down[-1]) + 1)
    means, counts = means[held, kept], counts[held, kept]
    row_labels, column_labels = rows.labels[held], columns.labels[kept]
    worst = np.unravel_index(int(np.nanargmax(means)), means.shape)
    heat = {
        "type": "heatmap",
        "x": column_labels,
        "y": row_labels,
        "z": [plain(row, 4) for row in means],
        "customdata": counts.tolist(),
        "colorscale": HEAT,
        "colorbar": {"thickness": 12, "outlinewidth": 0},
        "xgap": 1,
        "ygap": 1,
        "hoverongaps": False,
        "hovertemplate": "%{y} %{x}: %{z:.4~g}, of %{customdata}<extra></extra>",
    }
    unit = "" if errors.count == 1 else ", each divided by its series' mean seasonal change"
    where = " ".join(text for text in (row_labels[worst[0]], column_labels[worst[1]]) if text)
    return Chart(
        "calendar",
        "Calendar of errors",
        f"Mean absolute error{unit}: darker is larger.",
        f"Heat map with {len(row_labels)} rows and {len(column_labels)} columns. "
        f"The worst is {where}: {short(float(means[worst]))}.",
        {
            "data": [heat],
            "layout": {
                "xaxis": axis(columns.title, type="category", showgrid=False, nticks=14),
                "yaxis": axis(
                    rows.title, type="category", autorange="reversed", showgrid=False, color=SOFT
                ),
                "hovermode": "closest",
            },
        },
        height=min(max(24 * len(row_labels) + 110, 200), 700),
    )
