"""Scores and training history -> charts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from lstmcast.reporting.charts import (
    FORECASTERS,
    NETWORK,
    SOFT,
    Chart,
    Table,
    axis,
    line,
    plain,
    short,
)

SHOWN = 12
"""Steps of the horizon in a table."""


def style_of(name: str) -> tuple[str, str]:
    """Colour and dash of a forecaster."""
    colour, _, dash = FORECASTERS.get(name, (SOFT, "", "dot"))
    return colour, dash


def forecaster_lines(x: list[Any], values: dict[str, list[float | None]]) -> list[dict[str, Any]]:
    """A line for each forecaster; the network's is thicker and on top."""
    traces = []
    for name, y in reversed(values.items()):
        colour, dash = style_of(name)
        width = 3 if name == "lstmcast" else 1.7
        traces.append(line(name, x, plain(y_or_nan(y)), colour, dash=dash, width=width))
    return traces


def y_or_nan(values: list[float | None]) -> list[float]:
    """Values, NaN for missing ones."""
    return [float("nan") if value is None else value for value in values]


def step_chart(scores: dict[str, Any]) -> Chart:
    """Mean absolute error of each forecaster by step of the horizon."""
    values = {name: score["per_step"]["mae"] for name, score in scores.items()}
    steps = list(range(1, len(values["lstmcast"]) + 1))
    shown = sorted({round(1 + k * (len(steps) - 1) / (SHOWN - 1)) for k in range(SHOWN)})
    first, last = values["lstmcast"][0], values["lstmcast"][-1]
    best = [
        min((y[k] for y in values.values() if y[k] is not None), default=None)
        for k in range(len(steps))
    ]
    ahead = sum(b is not None and b == y for b, y in zip(best, values["lstmcast"], strict=True))
    return Chart(
        "steps",
        "Error by step of the horizon",
        "Mean absolute error one step ahead, two steps ahead, and so on, over all test windows.",
        f"Line chart. The network's mean absolute error goes from {short(first)} at step 1 to "
        f"{short(last)} at step {len(steps)}; it is the lowest of all at {ahead} of "
        f"{len(steps)} steps.",
        {
            "data": forecaster_lines(steps, values),
            "layout": {
                "xaxis": axis("step of the horizon"),
                "yaxis": axis("mean absolute error", rangemode="tozero"),
                "legend": {"traceorder": "reversed"},
            },
        },
        Table(
            ["step", *values],
            [[str(step), *(short(y[step - 1]) for y in values.values())] for step in shown],
        ),
    )


def levels_of(scores: dict[str, Any]) -> list[str]:
    """Levels of the scored intervals, as texts."""
    known = scores["lstmcast"]
    return [name.removeprefix("coverage_") for name in known if name.startswith("coverage_")]


def coverage_chart(scores: dict[str, Any]) -> Chart | None:
    """Observed coverage of the prediction intervals, against their levels."""
    levels = levels_of(scores)
    if not levels:
        return None
    promised = [float(level) for level in levels]
    traces = [line("nominal", [0, 100], [0, 100], SOFT, dash="dot", width=1.5, hoverinfo="skip")]
    values = {
        name: [share(score.get(f"coverage_{level}")) for level in levels]
        for name, score in scores.items()
    }
    for name, y in reversed(values.items()):
        colour, dash = style_of(name)
        wide = name == "lstmcast"
        made = line(name, promised, plain(y_or_nan(y)), colour, dash=dash, mode="lines+markers")
        traces.append({**made, "marker": {"color": colour, "size": 11 if wide else 7}})
    said = [
        f"{short(y)} % within {level} %"
        for level, y in zip(levels, values["lstmcast"], strict=True)
    ]
    low = max(
        0, min([*promised, *(y for row in values.values() for y in row if y is not None)]) - 8
    )
    return Chart(
        "coverage",
        "Coverage by level",
        "Observed coverage: the share of actual values within the interval, against its level. "
        "Below the dotted line, intervals are too narrow; above it, too wide.",
        f"Chart of observed coverage by level. The network: {'; '.join(said)}.",
        {
            "data": traces,
            "layout": {
                "xaxis": axis("level, %", range=[low, 100.5]),
                "yaxis": axis("observed coverage, %", range=[low, 101.5]),
                "hovermode": "closest",
                "legend": {"traceorder": "reversed"},
            },
        },
        Table(
            ["", *(f"within {level} %" for level in levels)],
            [[name, *(f"{short(y)} %" for y in row)] for name, row in values.items()],
        ),
    )


def coverage_step_chart(scores: dict[str, Any]) -> Chart | None:
    """The network's coverage by step of the horizon."""
    levels, steps = levels_of(scores), scores["lstmcast"]["per_step"]
    if not levels or f"coverage_{levels[0]}" not in steps:
        return None
    values = {level: [share(v) for v in steps[f"coverage_{level}"]] for level in levels}
    x = list(range(1, len(values[levels[0]]) + 1))
    dashes = ("solid", "dash", "dot", "dashdot")
    traces = []
    for k, (level, y) in enumerate(values.items()):
        dash = dashes[k % len(dashes)]
        traces.append(line(f"within {level} %", x, plain(y_or_nan(y)), NETWORK, dash=dash))
        promised = [float(level)] * len(x)
        traces.append(
            line(
                "nominal",
                x,
                promised,
                SOFT,
                width=1,
                dash=dash,
                hoverinfo="skip",
                showlegend=not k,
            )
        )
    lowest = {
        level: min((v for v in y if v is not None), default=None) for level, y in values.items()
    }
    said = [f"{level} % interval: no lower than {short(low)} %" for level, low in lowest.items()]
    return Chart(
        "coverage-steps",
        "Coverage by step of the horizon",
        "The observed coverage of the network, step by step; the thin lines are the levels.",
        f"Line chart of the network's coverage by step. {'; '.join(said)}.",
        {
            "data": traces,
            "layout": {"xaxis": axis("step of the horizon"), "yaxis": axis("observed coverage, %")},
        },
    )


def share(value: float | None) -> float | None:
    """A share in percent."""
    return None if value is None else 100 * value


def learning_chart(history: pd.DataFrame, bests: Sequence[int], refit: bool) -> Chart:
    """Train and validation loss by epoch, of every member of an ensemble.

    Args:
        history: As in history.csv.
        bests: Best epoch of each member; its weights were kept.
        refit: Whether the network was then trained again on all rows.
    """
    members = [part for _, part in history.groupby("member")] if "member" in history else [history]
    judged = bool(history["validation_loss"].notna().any())
    traces, said = [], []
    for number, (part, best) in enumerate(zip(members, bests, strict=False), start=1):
        name = f", member {number}" if len(members) > 1 else ""
        traces += member_traces(part, best, judged, name)
        losses = {"train": part["train_loss"]}
        if judged:
            losses["validation"] = part["validation_loss"]
        said.append(f"Epoch {best} of {len(part)} gave the weights{name}.")
        for kind, loss in losses.items():
            said.append(
                f"The {kind} loss goes from {short(loss.iloc[0])} to {short(loss.iloc[-1])}."
            )
    again = " The network was then trained once more on all rows." if refit else ""
    columns = [name for name in HISTORY if name in history]
    return Chart(
        "learning",
        "Learning curves",
        f"Loss after each epoch; the star marks the epoch whose weights were kept.{again}",
        f"Line chart of the loss by epoch. {' '.join(said)}",
        {
            "data": traces,
            "layout": {
                "xaxis": axis("epoch", dtick=max(1, round(history["epoch"].max() / 12))),
                "yaxis": axis("loss, scaled units"),
            },
        },
        Table(
            [name.replace("_", " ") for name in columns],
            [[short(value) for value in row] for row in history[columns].to_numpy().tolist()],
        ),
    )


HISTORY = ("member", "epoch", "train_loss", "validation_loss", "learning_rate", "seconds")
"""Columns of history.csv that the table shows."""


def member_traces(part: pd.DataFrame, best: int, judged: bool, name: str) -> list[dict[str, Any]]:
    """Losses of one member, and a star at its best epoch."""
    x = part["epoch"].tolist()
    train, validation = plain(part["train_loss"]), plain(part["validation_loss"])
    rates = [f"{rate:.2g}" for rate in part["learning_rate"]]
    more = {
        "customdata": rates,
        "hovertemplate": "%{y:.4~g} (learning rate %{customdata})",
        "mode": "lines+markers" if len(x) < 40 else "lines",
    }
    traces = [line(f"train{name}", x, train, SOFT, dash="dash", **more)]
    if judged:
        traces.append(line(f"validation{name}", x, validation, NETWORK, **more))
    if best in x:
        kept = (validation if judged else train)[x.index(best)]
        star = line(f"kept{name}", [best], [kept], NETWORK, hoverinfo="skip", showlegend=False)
        traces.append({**star, "marker": {"color": NETWORK, "size": 15, "symbol": "star"}})
    return traces


def fold_chart(folds: list[dict[str, Any]]) -> Chart:
    """Mean absolute error of each forecaster, fold by fold of a backtest."""
    names = list(dict.fromkeys(name for fold in folds for name in fold["mae"]))
    x = [fold["origin"] for fold in folds]
    values = {name: [fold["mae"].get(name) for fold in folds] for name in names}
    traces = forecaster_lines(x, values)
    for trace in traces:
        trace["mode"] = "lines+markers"
    ahead = sum(
        fold["mae"].get("lstmcast") is not None
        and fold["mae"]["lstmcast"] <= min(v for v in fold["mae"].values() if v is not None)
        for fold in folds
    )
    return Chart(
        "folds",
        "Error by fold",
        "Mean absolute error of the forecasts from each origin.",
        f"Line chart over {len(folds)} folds; the network has the lowest error in {ahead}.",
        {
            "data": traces,
            "layout": {
                "xaxis": axis("forecast origin", type="category"),
                "yaxis": axis("mean absolute error", rangemode="tozero"),
                "legend": {"traceorder": "reversed"},
            },
        },
        Table(
            ["origin", "trained", "series", *names],
            [
                [fold["origin"], "yes" if fold["trained"] else "no", f"{fold['series']:,}",
                 *(short(fold["mae"].get(name)) for name in names)]
                for fold in folds
            ],
        ),
    )  # fmt: skip
