"""One window on its way through a network, from the rows of the table to the forecast."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pandas as pd

from lstmcast.explain.recurrent import layer_sections
from lstmcast.explain.text import (
    GAP,
    amount,
    cut,
    difference,
    ends,
    heading,
    number,
    paragraph,
    table,
    vector,
)
from lstmcast.network.layer_table import Row
from lstmcast.workflows.inspect import ColumnScale, Inspection, Walk

COLUMNS_SHOWN = 3
"""Columns of the user's table that stand side by side."""

SCALE_WORDS = {
    "standard": "mean and deviation",
    "minmax": "lowest value and range",
    "robust": "median and interquartile range",
}


def walk_lines(found: Inspection) -> list[str]:
    """All sections, numbered."""
    assert found.walk is not None
    numbers = count(1)
    lines: list[str] = []
    for title, body in _sections(found, found.walk):
        lines += [*heading(next(numbers), title), *body]
    return lines


def _sections(found: Inspection, walk: Walk) -> Iterator[tuple[str, list[str]]]:
    yield "The window", _window(found, walk)
    yield "Scaled", _scaled(found, walk)
    if walk.trace.level is not None:
        yield "Freed of its own level", _level(found, walk)
    between = _between(found, walk)
    if between:
        yield "What the layers read", between
    yield from layer_sections(found, walk)
    yield "What equals what", _equal(walk)
    yield "The head: one sum a number", _head(found, walk)
    yield "Back in the units of the data", _back(found, walk)


def _window(found: Inspection, walk: Walk) -> list[str]:
    sizes, series = found.sizes, f" of series {walk.series}" if walk.series else ""
    lines = paragraph(
        f"A network never sees the whole table. It is given {sizes.lookback:,} rows and asked for "
        f"the {sizes.horizon:,} after them: a window. This is window {walk.number:,} of "
        f"{walk.windows:,} (counted from 0), from the {walk.split} rows{series}. "
        f"t counts its steps from the oldest row."
    )
    inputs = walk.rows[walk.rows["part"] == "input"]
    ahead = walk.rows[walk.rows["part"] == "target"]
    padded = sizes.lookback - len(inputs)
    if padded:
        lines += paragraph(
            f"The series begins inside of this window: steps 0 to {padded - 1} are padding, which "
            "no layer ever reads."
        )
    first = [f"{padded + k}" for k in range(len(inputs))]
    lines += ["", *_rows(walk, inputs, first)]
    lines += ["", "What came next; the network does not see it:", ""]
    return lines + _rows(walk, ahead, [f"+{k + 1}" for k in range(len(ahead))])


def _rows(walk: Walk, frame: pd.DataFrame, steps: list[str]) -> list[str]:
    """Some rows of the user's table, with stamps and the first of its columns."""
    names = [column.name for column in walk.columns]
    if steps and steps[0].startswith("+"):
        names = [name for name in names if frame[name].notna().any()] or names[:1]
    shown = names[:COLUMNS_SHOWN]
    more = len(names) - len(shown)
    time = walk.time or "step"
    cells = [["t", cut(time, 19), "row", *(cut(name, 12) for name in shown)]]
    if more:
        cells[0].append(f"({more} more)")
    for k in ends(len(frame), 3, 2):
        if k is None:
            cells.append([GAP] * len(cells[0]))
            continue
        row = frame.iloc[k]
        source = "" if pd.isna(row["row"]) else f"{row['row']}"
        values = [amount(float(row[name])) for name in shown]
        cells.append([steps[k], str(row[time]), source, *values, *([GAP] if more else [])])
    return table(cells, left=(1,))


def _scaled(found: Inspection, walk: Walk) -> list[str]:
    config, sizes = found.config.scale, found.sizes
    if config.method == "none":
        lines = paragraph("scale.method is none: the values stay as they are.")
    else:
        whose = "each series by itself" if config.per == "series" else "all series together"
        lines = paragraph(
            "Weights start small, so inputs should be of the size of 1. Each column has a center "
            f"and a scale, here the {SCALE_WORDS[config.method]} of its train rows ({whose}); "
            "(value - center) / scale is what the network gets. The first row:"
        )
        lines += [""]
        first = walk.rows[walk.rows["part"] == "input"].iloc[0]
        step = sizes.lookback - int((walk.rows["part"] == "input").sum())
        shown = walk.columns[:COLUMNS_SHOWN]
        for k, column in enumerate(shown):
            result = float(walk.trace.batch.inputs[0, step, k])
            lines.append(f"  {cut(column.name, 20)}: {_scaling(column, first, result)}")
        if len(walk.columns) > len(shown):
            lines.append(f"  {GAP} ({len(walk.columns) - len(shown)} more columns)")
    lines += [""]
    lines += paragraph(
        f"The whole window is a block of numbers, (T, F) = ({sizes.lookback:,}, "
        f"{len(walk.columns)}): T steps, F columns. A batch of B windows is (B, T, F); here B is 1."
    )
    lines += ["", *_block(walk, walk.trace.batch.inputs[0].tolist())]
    static = walk.trace.batch.static
    if static is not None:
        lines += paragraph(f"Beside it, the static columns, scaled: {vector(static[0].tolist())}")
    if walk.trace.batch.future is not None:
        shape = tuple(walk.trace.batch.future.shape[1:])
        lines += paragraph(
            f"Beside it, the columns that are known ahead, over the horizon: (H, F') = {shape}."
        )
    return lines


def _scaling(column: ColumnScale, row: pd.Series, result: float) -> str:
    value, center = float(row[column.name]), column.center
    return f"({amount(value)} {_minus(center)}) / {amount(column.scale)} = {amount(result)}"


def _block(walk: Walk, block: list[list[float]]) -> list[str]:
    """Some steps of a (T, F) block."""
    names = [column.name for column in walk.columns]
    named = names if len(block[0]) == len(names) else [f"[{k}]" for k in range(len(block[0]))]
    shown = named[: COLUMNS_SHOWN + 1]
    more = len(named) - len(shown)
    cells = [["t", *(cut(name, 12) for name in shown), *([f"({more} more)"] if more else [])]]
    for t in ends(len(block), 3, 2):
        if t is None:
            cells.append([GAP] * len(cells[0]))
        else:
            values = [number(value) for value in block[t][: len(shown)]]
            cells.append([str(t), *values, *([GAP] if more else [])])
    return table(cells, left=())


def _level(found: Inspection, walk: Walk) -> list[str]:
    level, inputs = walk.trace.level, walk.trace.batch.inputs[0]
    assert level is not None
    center, scale = float(level.center[0, 0, 0]), float(level.scale[0, 0, 0])
    after = _normalized(found, walk)
    name = cut(walk.columns[0].name, 20)
    if found.config.network.normalize == "last":
        text = (
            f"normalize: last. A window is read relative to its last row: the last {name}, "
            f"{amount(center)}, is taken off every step, and added to the forecast again."
        )
        sums = f"{amount(float(inputs[walk.padded, 0]))} {_minus(center)} = {amount(after[walk.padded])}"
    else:
        text = (
            f"normalize: standard. A window is read relative to itself: the mean of its {name}, "
            f"{amount(center)}, is taken off every step, and what is left divided by their "
            f"deviation, {amount(scale)}. The forecast gets both back."
        )
        first = amount(float(inputs[walk.padded, 0]))
        sums = f"({first} {_minus(center)}) / {amount(scale)} = {amount(after[walk.padded])}"
    lines = paragraph(text)
    lines += ["", f"  t = {walk.padded}: {sums}", f"  all t: {vector(after, 70)}"]
    if found.sizes.targets > 1:
        lines += paragraph(f"The same is done to each of the {found.sizes.targets} targets.")
    return lines


def _normalized(found: Inspection, walk: Walk) -> list[float]:
    """The first target as `normalize` leaves it."""
    level = walk.trace.level
    assert level is not None
    values = level.remove(walk.trace.batch.inputs[:, :, : found.sizes.targets])[0, :, 0]
    if walk.trace.batch.mask is not None:
        values = values * walk.trace.batch.mask[0]
    result: list[float] = values.tolist()
    return result


def _minus(value: float) -> str:
    return f"- {amount(value)}" if value >= 0 else f"+ {amount(-value)}"


def _between(found: Inspection, walk: Walk) -> list[str]:
    """What stands between the scaled block and the first layer: modules, joined columns."""
    read = walk.trace.context.inputs
    rows = [row for row in _rows_before(found.rows) if row.parameters]
    if read.shape[2] == len(walk.columns) and not rows:
        return []
    lines = paragraph(
        f"The first layer reads {read.shape[2]} numbers a step, made of the {len(walk.columns)} "
        "columns above."
    )
    cells = [[row.name, row.what, f"{row.parameters:,} parameters"] for row in rows]
    if cells:
        lines += ["", *table(cells, left=(0, 1))]
    values: list[list[float]] = read[0].tolist()
    return [*lines, "", *_block(walk, values)]


def _rows_before(rows: list[Row]) -> list[Row]:
    names = [row.name for row in rows]
    return rows[: names.index("l0")]


def _equal(walk: Walk) -> list[str]:
    lines = paragraph(
        "out is the output of the last layer at all steps, h its state at the end. Batches come "
        "first here, out is (B, T, U); tutorials that put time first have (T, B, U), and write "
        "out[-1] for what is out[:, -1] here."
    )
    for equal in walk.equal:
        said = "the same" if equal.expected else "not the same"
        apart = difference(equal.difference)
        lines += ["", f"  {cut(equal.here, 50)}   {said} (difference {apart})"]
        if equal.time_first:
            lines.append(f"    time first: {cut(equal.time_first, 60)}")
        lines += paragraph(equal.why, indent=4)
    return lines


HEAD_WORDS = {
    "direct": "One linear layer makes all {numbers} numbers of the forecast at once, each a sum of "
    "its own. The first, step 1 of {target}: every number of {source} times its weight, and a bias "
    "at the end, w . h + b.",
    "recursive": "A linear layer makes one step of the forecast. It is fed back as if it had come, "
    "the layers run one step more, and the same weights make the next. Step 1 of {target}: every "
    "number of {source} times its weight, and a bias at the end, w . h + b.",
    "seq2seq": "The decoder runs once for each step of the horizon, and is given its own last "
    "forecast; a linear layer makes the forecast of its h. Step 1 of {target}: every number of "
    "{source} times its weight, and a bias at the end, w . h + b.",
    "every_step": "One linear layer makes all {numbers} numbers of the forecast, after every step; "
    "the forecast is what it makes after the last. Step 1 of {target}: every number of {source} "
    "times its weight, and a bias at the end, w . h + b.",
}


def _head(found: Inspection, walk: Walk) -> list[str]:
    head, sizes = walk.head, found.sizes
    lines = paragraph(
        HEAD_WORDS[found.config.network.decoder].format(
            numbers=f"{sizes.horizon * sizes.targets:,}",
            target=cut(walk.columns[0].name, 20),
            source=head.source,
        )
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
    return [*lines, "", *table(cells)]


def _back(found: Inspection, walk: Walk) -> list[str]:
    column, level = walk.columns[0], walk.trace.level
    scaled, result = float(walk.trace.forecast[0, 0, 0]), float(walk.forecast[0, 0])
    lines = paragraph("Everything that was taken off is put back, in reverse. The first number:")
    lines.append("")
    if level is not None:
        center, scale = float(level.center[0, 0, 0]), float(level.scale[0, 0, 0])
        stretched = f" * {amount(scale)}" if scale != 1 else ""
        lines.append(
            f"  level:  {_bracket(walk.head.total)}{stretched} {_plus(center)} = {amount(scaled)}"
        )
    lines.append(
        f"  scale:  {_bracket(scaled)} * {amount(column.scale)} {_plus(column.center)} = "
        f"{amount(scaled * column.scale + column.center)}"
    )
    minimum = found.config.forecast.minimum
    if minimum is not None and result > scaled * column.scale + column.center:
        lines.append(f"  forecast.minimum raises it to {amount(result)}")
    lines += ["", *_forecast(found, walk)]
    if not found.trained:
        lines += [""]
        lines += paragraph(
            "The network is untrained: these are its first, random weights, and the forecast is "
            "worth nothing yet. `lstmcast train` makes a run, and `lstmcast inspect RUN --trace` "
            "shows the same with trained weights."
        )
    return lines


def _plus(value: float) -> str:
    return f"- {amount(-value)}" if value < 0 else f"+ {amount(value)}"


def _bracket(value: float) -> str:
    return f"({amount(value)})" if value < 0 else amount(value)


def _forecast(found: Inspection, walk: Walk) -> list[str]:
    """Forecast beside what came, of the first targets."""
    shown = min(found.sizes.targets, 2)
    more = found.sizes.targets - shown
    ahead = walk.rows[walk.rows["part"] == "target"]
    time = walk.time or "step"
    titles = ["step", cut(time, 19)]
    for column in walk.columns[:shown]:
        titles += [cut(column.name, 14), "actual", "error"]
    cells = [titles]
    for k in ends(found.sizes.horizon, 4, 2):
        if k is None:
            cells.append([GAP] * len(titles))
            continue
        row = [str(k + 1), str(ahead.iloc[k][time])]
        for c in range(shown):
            forecast, actual = float(walk.forecast[k, c]), float(walk.actual[k, c])
            row += [amount(forecast), amount(actual), f"{forecast - actual:.3g}".replace("nan", "")]
        cells.append(row)
    lines = table(cells, left=(1,))
    return lines + ([f"  {GAP} ({more} more targets)"] if more else [])
