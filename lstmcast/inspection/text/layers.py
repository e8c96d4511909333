"""The table of layers, and the recurrent weights by torch's names."""

from __future__ import annotations

from dataclasses import replace

from lstmcast.errors import counted, size_words
from lstmcast.inspection.layer_table import Row, Weight
from lstmcast.inspection.result import InspectionResult
from lstmcast.inspection.text.text import (
    GAP,
    WIDTH,
    cut,
    paragraph,
    shape_words,
    table,
    table_width,
)

CELL_WORDS = {
    "LSTM": "rows: gates i, f, g, o below each other, U rows each",
    "GRU": "rows: gates r, z, n below each other, U rows each",
    "RNN": "rows: one a unit",
}


def layer_lines(found: InspectionResult) -> list[str]:
    """The table of layers and what its columns mean."""
    config, sizes = found.config, found.sizes
    network = config.network
    widths = " -> ".join(str(units) for units in network.units)
    both = ", both directions" if network.bidirectional else ""
    state = "trained" if found.trained else "untrained"
    seed = "" if found.trained else f" (first weights of seed {config.training.seed})"
    batch = config.training.batch_size
    lines = paragraph(
        f"{network.cell.upper()} {widths}{both}, {state}{seed}. One window of "
        f"{counted(sizes.lookback, 'row')} x {counted(sizes.inputs, 'column')} goes in, a forecast "
        f"of {counted(sizes.horizon, 'row')} x {counted(sizes.targets, 'target')} comes out."
    )
    total = [
        f"{sum(row.parameters for row in found.rows):,}",
        f"{sum(row.one_bias for row in found.rows):,}",
        f"{sum(row.multiply_adds or 0 for row in found.rows):,}",
        size_words(sum(row.bytes for row in found.rows)),
    ]
    titles = ["layer", "output", "parameters", "one bias", "mult-adds", "memory"]
    cells = [_cells(row) for row in found.rows]
    lines += ["", *_fitted([titles, *cells, ["total", "", *total]])]
    lines += [""]
    segments = "N segments of the horizon, " if found.config.network.decoder == "segments" else ""
    folded = "s steps in a segment, " if folds(found.rows) else ""
    lines += paragraph(
        f"B windows in a batch (training.batch_size: {batch}), T steps of lookback, {folded}F "
        f"columns, U units, H steps of horizon, {segments}C targets. 'parameters' are the numbers "
        "that training learns. torch gives each recurrent layer two biases; one is enough. 'one "
        "bias' is the count with one bias, as in Keras. 'mult-adds' are the multiplications in "
        "matrix products for one window. 'memory' is the size of each output for a batch, 4 "
        "bytes per number; training needs more."
    )
    return lines


def folds(rows: list[Row]) -> bool:
    """Whether steps are folded into segments."""
    return any(row.name.startswith("segments.") for row in rows)


def weight_lines(found: InspectionResult) -> list[str]:
    """The recurrent weights; the biases of a layer on one line with its matrices."""
    kind = found.config.network.cell.upper()
    lines = ["", *paragraph(f"The recurrent weights, by torch's names ({CELL_WORDS[kind]}):"), ""]
    cells = [["name", "shape"]]
    for weight in found.weights:
        cells.append([cut(weight.name, 48), _weight_shape(weight)])
    return lines + table(cells, left=(0, 1))


def _weight_shape(weight: Weight) -> str:
    return shape_words(weight.axes, weight.shape)


def _cells(row: Row) -> list[str]:
    named = row.name == "normalize" or row.what in ("Linear", "first state")
    if row.what.startswith("embeds "):
        named, row = True, replace(row, name=cut(row.what, 20))
    what = row.name if named else f"{row.name} {row.what}".strip()
    loops = row.calls > 1 and row.parameters and not is_layer(row)
    calls = f"{row.calls:,} x " if loops else ""
    products = "?" if row.multiply_adds is None else _count(row.multiply_adds)
    return [
        what,
        calls + shape_words(row.axes, row.shape),
        _count(row.parameters),
        _count(row.one_bias),
        products,
        size_words(row.bytes) if row.bytes else "",
    ]


def is_layer(row: Row) -> bool:
    """Whether a row is a recurrent layer, whose shape counts all its calls."""
    return row.what in CELL_WORDS


def _ending(name: str, room: int) -> str:
    """The end of a long module name; the end is what differs between modules."""
    return name if len(name) <= room else GAP + name[3 - room :]


def _count(number: int) -> str:
    return f"{number:,}" if number else ""


def _fitted(rows: list[list[str]]) -> list[str]:
    """The table; if it is too wide, with short millions and only the ends of names."""
    if table_width(rows, 0) > WIDTH:
        rows = [
            [name, shape, *map(_short, counts), memory] for name, shape, *counts, memory in rows
        ]
    gap = 2 if table_width(rows, 0) <= WIDTH else 1
    room = WIDTH - table_width([row[1:] for row in rows], gap, gap)
    return table([[_ending(row[0], max(room, 8)), *row[1:]] for row in rows], (0, 1), 0, gap)


def _short(count: str) -> str:
    """1,234,567 as 1.2 M; smaller numbers, and words, as they are."""
    digits = count.replace(",", "")
    if not digits.isdigit() or len(digits) < 7:
        return count
    return f"{int(digits) / 1e9:,.1f} G" if len(digits) > 9 else f"{int(digits) / 1e6:,.1f} M"
