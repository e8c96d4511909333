"""The end of a window's way: what equals what, the head's sum, the forecast."""

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
        "out is the output of the last layer at all steps, h its state at the end of the "
        "window. Batches come first here, out is (B, T, U); tutorials that put time first have "
        "(T, B, U), and write out[-1] for what is out[:, -1] here."
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


MISMATCH = "THEY SHOULD BE THE SAME, and are not."
CHANCE = "So it is in general; in this window they happen to be the same."

HEAD_WORDS = {
    "direct": "One linear layer makes all of the forecast ({numbers}) at once, each number a sum "
    "of its own.",
    "recursive": "A linear layer makes one step of the forecast. It is fed back as if it had come, "
    "the layers run one step more, and the same weights make the next.",
    "seq2seq": "The decoder runs once for each step of the horizon, and is given its own last "
    "forecast; a linear layer makes the forecast of its h.",
    "segments": "A linear layer makes each segment of the forecast of that segment's h.",
    "every_step": "One linear layer makes all of the forecast ({numbers}) after every step; what "
    "it makes after the last is the forecast.",
}


def head_lines(found: InspectionResult, traced: WindowTrace) -> list[str]:
    """The weighted sum that makes the first number of the forecast."""
    head, sizes = traced.head, found.sizes
    words = HEAD_WORDS.get(found.config.network.decoder, "A linear layer makes the forecast.")
    lines = paragraph(
        words.format(numbers=counted(sizes.horizon * sizes.targets, "number"))
        + f" The first, step 1 of {cut(traced.columns[0].name, 20)}: every number of {head.source} "
        "times its weight, and a bias at the end, w . h + b."
    )
    if head.width > 1:
        lines += paragraph(
            f"For each step and target the layer makes {head.width} numbers, of which the head "
            f"makes the forecast {number(head.point)}; this is number {head.place} of them."
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
        cells.append([f"sum of {more:,} known ahead or static", "", "", outside])
    cells.append(["bias b", "", "", number(head.bias)])
    cells.append(["together", "", "", number(head.total)])
    lines += ["", *table(cells)]
    if found.config.network.skip == "linear":
        lines += [""]
        both = found.config.network.normalize == "difference"
        differences = " and over its differences" if both else ""
        lines += paragraph(
            f"The linear path, a sum over the target's {counted(sizes.lookback, 'step')}"
            f"{differences}, adds "
            f"{number(head.skip)}, which makes {number(head.total + head.skip)}."
        )
    return lines


def back_lines(found: InspectionResult, traced: WindowTrace) -> list[str]:
    """The forecast in the units of the data, next to the actual values."""
    column, level = traced.columns[0], traced.trace.level
    scaled, result = float(traced.trace.forecast[0, 0, 0]), float(traced.forecast[0, 0])
    lines = paragraph("Everything that was taken off is put back, in reverse. The first number:")
    lines.append("")
    if not math.isfinite(scaled):
        return [*lines, *paragraph("There is none: the forecast is inf or nan.", indent=2)]
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
            "The network is untrained: these are its first, random weights, and the forecast is "
            "worth nothing yet. `lstmcast train` makes a run, and `lstmcast inspect RUN --trace` "
            "shows the same with trained weights."
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
