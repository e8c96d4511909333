"""One window step by step through a network, from the rows of the table to the forecast."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pandas as pd

from lstmcast.errors import counted
from lstmcast.inspection.layer_table import Row
from lstmcast.inspection.result import ColumnScale, InspectionResult, WindowTrace
from lstmcast.inspection.text.categories import (
    UNKNOWN,
    coded,
    static_words,
    unknown_category,
    vector_lines,
)
from lstmcast.inspection.text.folding import (
    apart,
    channel_words,
    folds,
    read_columns,
    segment_words,
    segments_of,
)
from lstmcast.inspection.text.level import level_lines
from lstmcast.inspection.text.outcome import back_lines, equal_lines, head_lines
from lstmcast.inspection.text.recurrent import layer_sections
from lstmcast.inspection.text.text import (
    GAP,
    amount,
    cut,
    ends,
    heading,
    minus,
    number,
    paragraph,
    table,
)

COLUMNS_SHOWN = 3
"""Number of the user's columns that a table shows."""

SCALE_WORDS = {
    "standard": "mean and deviation",
    "minmax": "lowest value and range",
    "robust": "median and interquartile range",
}


def window_lines(found: InspectionResult) -> list[str]:
    """All sections, numbered."""
    assert found.traced is not None
    numbers = count(1)
    lines: list[str] = []
    for title, body in _sections(found, found.traced):
        lines += [*heading(next(numbers), title), *body]
    return lines


def _sections(found: InspectionResult, traced: WindowTrace) -> Iterator[tuple[str, list[str]]]:
    yield "THE WINDOW", _window(found, traced)
    yield "SCALED", _scaled(found, traced)
    if traced.trace.level is not None:
        yield "WINDOW NORMALIZATION", level_lines(found, traced)
    between = _between(found, traced)
    if between:
        yield "WHAT THE LAYERS READ", between
    yield from layer_sections(found, traced)
    yield "WHAT EQUALS WHAT", equal_lines(traced)
    yield "THE HEAD: ONE SUM A NUMBER", head_lines(found, traced)
    yield "BACK IN THE UNITS OF THE DATA", back_lines(found, traced)


def _window(found: InspectionResult, traced: WindowTrace) -> list[str]:
    sizes, series = found.sizes, f" of series {traced.series}" if traced.series else ""
    lines = paragraph(
        f"A network never sees the whole table. It reads {counted(sizes.lookback, 'row')} (the "
        f"lookback) and forecasts the next {sizes.horizon:,} (the horizon). Together they are a "
        f"window. This is window {traced.number:,} of {traced.windows:,} (counted from 0), from "
        f"the {traced.split} rows{series}. t counts its steps from the oldest row."
    )
    inputs = traced.rows[traced.rows["part"] == "input"]
    ahead = traced.rows[traced.rows["part"] == "target"]
    padded = sizes.lookback - len(inputs)
    if padded:
        lines += paragraph(
            f"The series begins inside this window: steps 0 to {padded - 1} are padding. No layer "
            "reads them."
        )
    first = [f"{padded + k}" for k in range(len(inputs))]
    lines += ["", *_rows(traced, inputs, first)]
    unseen = "The actual next rows; the network does not see them:"
    if traced.trace.batch.future is not None:
        unseen = "The actual next rows; the network sees only their future covariates:"
    lines += ["", unseen, ""]
    return lines + _rows(traced, ahead, [f"+{k + 1}" for k in range(len(ahead))])


def _rows(traced: WindowTrace, frame: pd.DataFrame, steps: list[str]) -> list[str]:
    """Some rows of the user's table, with time stamps and the first columns."""
    names = [column.name for column in traced.columns]
    if steps and steps[0].startswith("+"):
        names = [name for name in names if _known(frame[name])] or names[:1]
    shown = names[:COLUMNS_SHOWN]
    more = len(names) - len(shown)
    time = traced.time or "step"
    cells = [["t", cut(time, 19), "row", *(cut(name, 12) for name in shown)]]
    if more:
        cells[0].append(f"({more} more)")
    for k in ends(len(frame), 3, 2):
        if k is None:
            cells.append([GAP] * len(cells[0]))
            continue
        row = frame.iloc[k]
        source = "" if pd.isna(row["row"]) else f"{row['row']}"
        values = [_cell(row[name]) for name in shown]
        cells.append([steps[k], str(row[time]), source, *values, *([GAP] if more else [])])
    return table(cells, left=(1,))


def _known(values: pd.Series) -> bool:
    """Whether a column has values; past covariates have none over the horizon."""
    return bool((values.notna() & (values != "")).any())


def _cell(value: object) -> str:
    """A value of the table: a number, or the word of a category."""
    return cut(value, 12) if isinstance(value, str) else amount(float(str(value)))


def _scaled(found: InspectionResult, traced: WindowTrace) -> list[str]:
    config, sizes = found.config.scale, found.sizes
    if config.method == "none":
        lines = paragraph("scale.method is none: the values stay as they are.")
    else:
        whose = "each series separately" if config.per == "series" else "all series together"
        lines = paragraph(
            "Weights start small, so inputs should be near 1 in size. Each column has a center "
            f"and a scale, here the {SCALE_WORDS[config.method]} of its train rows ({whose}); "
            "the network reads (value - center) / scale. The first row:"
        )
        lines += [""]
        first = traced.rows[traced.rows["part"] == "input"].iloc[0]
        step = sizes.lookback - int((traced.rows["part"] == "input").sum())
        shown = traced.columns[:COLUMNS_SHOWN]
        for k, column in enumerate(shown):
            result = float(traced.trace.batch.inputs[0, step, k])
            lines.append(f"  {cut(column.name, 20)}: {_scaling(column, first, result)}")
        if len(traced.columns) > len(shown):
            more = counted(len(traced.columns) - len(shown), "more column")
            lines.append(f"  {GAP} ({more})")
    lines += [""]
    lines += paragraph(
        f"The whole window is a block of numbers, (T, F) = ({sizes.lookback:,}, "
        f"{len(traced.columns)}): T steps, F columns. A batch of B windows is (B, T, F); "
        "here B is 1."
    )
    names, values = (
        [column.name for column in traced.columns],
        traced.trace.batch.inputs[0].tolist(),
    )
    lines += ["", *_block(names, values, traced)]
    static = traced.trace.batch.static
    if static is not None:
        lines += [""]
        lines += paragraph(
            f"It also reads the static covariates: {cut(', '.join(static_words(traced)), 160)}."
        )
    if unknown_category(traced):
        lines += ["", *paragraph(UNKNOWN)]
    if traced.trace.batch.future is not None:
        shape = tuple(traced.trace.batch.future.shape[1:])
        lines += [""]
        lines += paragraph(
            f"It also reads the future covariates over the horizon: (H, F') = {shape}."
        )
    return lines


def _scaling(column: ColumnScale, row: pd.Series, result: float) -> str:
    if column.words:
        return f"'{cut(str(row[column.name]), 30)}' is category {amount(result)}"
    value, center = amount(float(row[column.name])), column.center
    if column.logged:
        value = f"log(1 + {value})"
    elif column.center == 0 and column.scale == 1:
        return f"{value}, not scaled"
    return f"({value} {minus(center)}) / {amount(column.scale)} = {amount(result)}"


def _block(names: list[str], block: list[list[float]], traced: WindowTrace) -> list[str]:
    """Some steps of a (T, F) block; a category shows its code and its word."""
    named = names if len(block[0]) == len(names) else [f"[{k}]" for k in range(len(block[0]))]
    shown = named[: COLUMNS_SHOWN + 1]
    more = len(named) - len(shown)
    cells = [["t", *(cut(name, 12) for name in shown), *([f"({more} more)"] if more else [])]]
    for t in ends(len(block), 3, 2):
        if t is None:
            cells.append([GAP] * len(cells[0]))
        else:
            row = zip(shown, block[t], strict=False)
            values = [
                cut(coded(traced, name, value), 14) if name in traced.words else number(value)
                for name, value in row
            ]
            cells.append([str(t), *values, *([GAP] if more else [])])
    return table(cells, left=())


def _between(found: InspectionResult, traced: WindowTrace) -> list[str]:
    """The modules and columns between the scaled block and the first layer."""
    read = traced.trace.context.inputs
    rows = [row for row in _rows_before(found.rows) if row.parameters]
    if read.shape[2] == len(traced.columns) and not rows:
        return []
    says = [
        f"A step now has {counted(read.shape[2], 'number')}, computed from the "
        f"{counted(len(traced.columns), 'column')} above."
    ]
    if found.sizes.categories:
        fixed = all(category.fixed for category in found.sizes.categories)
        learned = "was set before training" if fixed else "training learns"
        says.append(f"An embedding maps each category to a vector that {learned}.")
    if apart(found):
        says.append(channel_words(found, traced))
    if traced.static:
        says.append(
            f"Each {'segment' if folds(traced) else 'step'} also has the static covariates."
        )
    lines = paragraph(" ".join(says))
    cells = [
        [cut(row.name, 30), cut(row.what, 24), f"{row.parameters:,} parameters"] for row in rows
    ]
    if cells:
        lines += ["", *table(cells, left=(0, 1))]
    values: list[list[float]] = read[0].tolist()
    if found.sizes.categories:
        lines += ["", *vector_lines(found, traced)]
    lines += ["", *_block(_wide_names(found, traced), values, traced)]
    if folds(traced):
        folded = segments_of(traced)
        lines += ["", *paragraph(segment_words(traced)), ""]
        lines += _block([f"[{k}]" for k in range(len(folded[0]))], folded, traced)
    return lines


def _wide_names(found: InspectionResult, traced: WindowTrace) -> list[str]:
    """Names of the numbers of a step: an embedding is `name.0`, `name.1`, ...; static ones last."""
    widths = {category.column: category.width for category in found.sizes.categories}
    names: list[str] = []
    for name in [*read_columns(found, traced), *(() if folds(traced) else traced.static)]:
        names += [f"{name}.{k}" for k in range(widths[name])] if name in widths else [name]
    return names


def _rows_before(rows: list[Row]) -> list[Row]:
    names = [row.name for row in rows]
    return [row for row in rows[: names.index("l0")] if not row.name.startswith("encoder.")]
