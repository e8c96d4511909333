"""The last sections of a traced window: equal slices, the head's sum, the forecast."""

from __future__ import annotations

import math

from lstmcast.errors import counted
from lstmcast.inspection.result import InspectionResult, WindowTrace
from lstmcast.inspection.text.text import (
    GAP,
    WIDTH,
    amount,
    bracket,
    cut,
    difference,
    ends,
    formula,
    number,
    paragraph,
    plus,
    table,
    table_width,
)


def equal_lines(traced: WindowTrace) -> list[str]:
    """Which slices of outputs and states are the same numbers."""
    lines = paragraph(
        "out is the output of the last layer at all steps; h is its state at the end of the "
        "window. Here the batch axis is first: out is (B, T, U). In tutorials that put time first, "
        "out is (T, B, U), and out[:, -1] is written out[-1]."
    )
    for equal in traced.equal:
        said = "the same" if equal.same else "not the same"
        apart = difference(equal.difference)
        lines += ["", *formula(f"{equal.here}: {said} (difference {apart})")]
        if equal.time_first:
            lines.append(f"    time first: {cut(equal.time_first, 60)}")
        lines += paragraph(equal.why, indent=4)
        if equal.same != equal.expected:
            lines += paragraph(CHANCE if equal.same else MISMATCH, indent=4)
    return lines


MISMATCH = "THEY SHOULD BE THE SAME, but they are not."
CHANCE = "In general they differ; in this window they happen to be the same."

HEAD_WORDS = {
    "direct": "One linear layer computes the whole forecast ({numbers}) at once, each number by a "
    "separate sum.",
    "recursive": "A linear layer computes one step of the forecast. The network reads this step as "
    "if it were an actual value, runs one more step, and computes the next step the same way.",
    "seq2seq": "The decoder runs once for each step of the horizon and reads its previous "
    "forecast; a linear layer computes the forecast from its h.",
    "segments": "A linear layer computes each segment of the forecast from the h of that segment.",
    "every_step": "One linear layer computes a whole forecast ({numbers}) after every step and "
    "uses the last one.",
}


def head_lines(found: InspectionResult, traced: WindowTrace) -> list[str]:
    """The weighted sum that makes the first number of the forecast."""
    head, sizes = traced.head, found.sizes
    words = HEAD_WORDS.get(found.config.network.decoder, "A linear layer computes the forecast.")
    lines = paragraph(
        words.format(numbers=counted(sizes.horizon * sizes.targets, "number"))
        + f" The first number, step 1 of {cut(traced.columns[0].name, 20)}, is w . h + b: multiply "
        f"every number of {head.source} by its weight, add the products, then add the bias."
    )
    if head.width > 1:
        lines += paragraph(
            f"For each step and target the layer computes {head.width} numbers. The head turns "
            f"them into the forecast {number(head.point)}; this is number {head.place} of them."
        )
    inputs, weights = head.inputs.tolist(), head.weights.tolist()
    products = [one * other for one, other in zip(inputs, weights, strict=True)]
    cells = [["k", "h[k]", "w[k]", "w[k] * h[k]"]]
    for k in ends(head.state, 3, 2):
        if k is None:
            cells.append([GAP] * 4)
        else:
            cells.append([str(k), number(inputs[k]), number(weights[k]), number(products[k])])
    cells.append([f"sum of {head.state:,}", "", "", number(sum(products[: head.state]))])
    if len(products) > head.state:
        more = len(products) - head.state
        outside = number(sum(products[head.state :]))
        cells.append([f"sum of {more:,} covariates", "", "", outside])
    cells.append(["bias b", "", "", number(head.bias)])
    cells.append(["total", "", "", number(head.total)])
    lines += ["", *table(cells)]
    if found.config.network.skip == "linear":
        lines += [""]
        both = found.config.network.normalize == "difference"
        differences = " and over its differences" if both else ""
        lines += paragraph(
            f"The linear path, a sum over the target's {counted(sizes.lookback, 'step')}"
            f"{differences}, adds "
            f"{number(head.skip)}. The result is {number(head.total + head.skip)}."
        )
    return lines


def back_lines(found: InspectionResult, traced: WindowTrace) -> list[str]:
    """The forecast in the units of the data, next to the actual values."""
    column, level = traced.columns[0], traced.trace.level
    scaled, result = float(traced.trace.forecast[0, 0, 0]), float(traced.forecast[0, 0])
    lines = paragraph("Each transformation is inverted, the last one first. The first number:")
    lines.append("")
    if not math.isfinite(scaled):
        return [*lines, *paragraph("There is no result: the forecast is inf or nan.", indent=2)]
    if level is not None:
        center, scale = float(level.center[0, 0, 0]), float(level.scale[0, 0, 0])
        first = bracket(traced.head.point) if scale != 1 else amount(traced.head.point)
        stretched = f" * {amount(scale)}" if scale != 1 else ""
        lines.append(f"  level:  {first}{stretched} {plus(center)} = {amount(scaled)}")
    value = scaled * column.scale + column.center
    lines.append(
        f"  scale:  {bracket(scaled)} * {amount(column.scale)} {plus(column.center)} = "
        f"{amount(value)}"
    )
    if column.logged:
        lines.append(f"  log:    exp({amount(value)}) - 1 = {amount(math.expm1(value))}")
        value = math.expm1(value)
    minimum = found.config.forecast.minimum
    if minimum is not None and value < minimum:
        lines.append(f"  forecast.minimum raises it to {amount(result)}")
    lines += ["", *_forecast(found, traced)]
    if not found.trained:
        lines += [""]
        lines += paragraph(
            "The network is untrained: its weights are random, so the forecast means nothing yet. "
            "Train a run with `lstmcast train`; `lstmcast inspect RUN --trace` then shows this "
            "page with the trained weights."
        )
    return lines


def _forecast(found: InspectionResult, traced: WindowTrace) -> list[str]:
    """Forecasts and actual values of two targets, or of one if two are too wide."""
    shown = min(found.sizes.targets, 2)
    cells = _forecast_cells(found, traced, shown)
    if table_width(cells) > WIDTH:
        shown = 1
        cells = _forecast_cells(found, traced, shown)
    lines, more = table(cells, left=(1,)), found.sizes.targets - shown
    return lines + ([f"  {GAP} ({counted(more, 'more target')})"] if more else [])


def _forecast_cells(found: InspectionResult, traced: WindowTrace, shown: int) -> list[list[str]]:
    ahead = traced.rows[traced.rows["part"] == "target"]
    time = traced.time or "step"
    titles = ["step", cut(time, 19)]
    for column in traced.columns[:shown]:
        titles += [cut(column.name, 14), "actual", "error"]
    cells = [titles]
    for k in ends(found.sizes.horizon, 4, 2):
        if k is None:
            cells.append([GAP] * len(titles))
            continue
        row = [str(k + 1), str(ahead.iloc[k][time])]
        for c in range(shown):
            forecast, actual = float(traced.forecast[k, c]), float(traced.actual[k, c])
            row += [amount(forecast), amount(actual), f"{forecast - actual:.3g}".replace("nan", "")]
        cells.append(row)
    return cells
