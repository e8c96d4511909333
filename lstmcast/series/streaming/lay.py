"""A spool whose rows know their places -> the mapped arrays of a panel, gaps as NaN."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from lstmcast.errors import DataError, counted
from lstmcast.series.blocks import row_blocks
from lstmcast.series.build import GROWTH_LIMIT
from lstmcast.series.derive import Wanted, derived_at, wanted, with_names
from lstmcast.series.mapped import new_file
from lstmcast.series.panel import FILLED, Columns, Panel
from lstmcast.series.streaming.grid import Asked, Places
from lstmcast.series.streaming.spool import Spool, Spooled
from lstmcast.series.timestamps import StampStyle

VALUES, OBSERVED, SOURCE_ROWS = "values.f64", "observed.bool", "source_rows.i64"


def lay_out(
    asked: Asked,
    spool: Spool,
    places: Places,
    names: list[tuple[str, ...]],
    style: StampStyle | None,
    words: dict[str, tuple[str, ...]],
    folder: Path,
) -> Panel:
    """Write the arrays of a panel, its derived columns included, to files in a folder.

    Raises:
        ConfigError: A derived column has the name of another.
        DataError: The grid is far longer than the table, or two rows have one place.
        OSError: The disk is full.
    """
    config = asked.config
    columns = Columns(
        tuple(config.target), tuple(config.past), tuple(config.future), tuple(config.static)
    )
    used = np.flatnonzero(places.lengths)
    lengths = places.lengths[used]
    if lengths.sum() > GROWTH_LIMIT * places.kept + 10_000:
        raise _growth(asked, places, names)
    want = wanted(places.frequency, config, asked.horizon)
    offsets = np.concatenate([[0], np.cumsum(lengths + want.ahead)])
    number = np.zeros(len(places.lengths), dtype=np.int64)
    number[used] = np.arange(len(used))
    bare = Panel(
        columns=columns,
        series_columns=tuple(config.series),
        names=[names[k] for k in used],
        values=np.full((1, len(columns.inputs)), np.nan),
        observed=np.zeros((1, len(columns.inputs)), dtype=bool),
        static=places.static[used],
        offsets=offsets,
        ends=offsets[:-1] + lengths,
        starts=places.first[used],
        source_rows=np.full(1, FILLED),
        frequency=places.frequency,
        time=config.time,
        style=style,
        words=words,
    )
    panel = with_names(bare, want) if want else bare
    shape = (int(offsets[-1]), len(panel.columns.inputs))
    values = new_file(folder / VALUES, np.float64, shape)
    source = new_file(folder / SOURCE_ROWS, np.int64, shape[:1])
    observed = new_file(folder / OBSERVED, np.bool_, shape)
    whole = shape == (places.kept, len(columns.inputs))
    for begin, end in row_blocks(*shape):
        source[begin:end] = FILLED
        if not whole:
            values[begin:end] = np.nan
    base = _base_places(bare, panel)
    again = _Repeats(asked, config.duplicates)
    for block in spool.blocks():
        _place_block(block, places, bare, number, base, values, source, again)
    again.refuse()
    panel = replace(panel, values=values, observed=observed, source_rows=source)
    for begin, end in row_blocks(*shape):
        observed[begin:end] = ~np.isnan(values[begin:end])
    if want:
        _derive(panel, replace(bare, values=values, observed=observed), want)
    return panel


def _base_places(bare: Panel, panel: Panel) -> np.ndarray:
    """(F,) places of the table's own columns among all: derived ones lie behind past and future."""
    known = {name: k for k, name in enumerate(panel.columns.inputs)}
    return np.array([known[name] for name in bare.columns.inputs])


def _place_block(
    block: Spooled,
    places: Places,
    bare: Panel,
    number: np.ndarray,
    base: np.ndarray,
    values: np.ndarray,
    source: np.ndarray,
    again: _Repeats,
) -> None:
    """Put a block of rows where they belong, sorted, so that the map is swept and not searched."""
    rows = np.flatnonzero(block.codes >= 0)
    codes, ticks = block.codes[rows], block.ticks[rows]
    target = bare.offsets[number[codes]] + ticks - places.first[codes]
    if not (target[1:] >= target[:-1]).all():
        order = np.argsort(target, kind="stable")
        rows, ticks, target = rows[order], ticks[order], target[order]
    taken = source[target] != FILLED
    taken[1:] |= target[1:] == target[:-1]
    if taken.any():
        rows, ticks, target = again.choose(block.begin, rows, ticks, target, taken)
    cells = block.values[rows, : len(base)]
    if places.last is not None:
        late = ticks > places.last
        cells[late, : len(base) - len(bare.columns.future)] = np.nan
    if len(target) and target[-1] - target[0] == len(target) - 1 and len(base) == values.shape[1]:
        values[target[0] : target[-1] + 1] = cells
        source[target[0] : target[-1] + 1] = block.begin + rows
    else:
        values[target[:, None], base] = cells
        source[target] = block.begin + rows


class _Repeats:
    """Rows whose place another row has already, as `data.duplicates` says.

    Args:
        asked: For messages.
        method: `error`, `first` or `last`.
    """

    def __init__(self, asked: Asked, method: str) -> None:
        self.asked, self.method = asked, method
        self.count, self.found = 0, list[tuple[int, int]]()

    def choose(
        self,
        begin: int,
        rows: np.ndarray,
        ticks: np.ndarray,
        target: np.ndarray,
        taken: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of the rows of a block, sorted by place and then as in the file, those to write."""
        if self.method == "last":
            kept = np.append(target[1:] != target[:-1], True)
        else:
            kept = ~taken
            if self.method == "error":
                self.count += int(taken.sum())
                places = zip(target[taken][:3].tolist(), rows[taken][:3].tolist(), strict=True)
                found = [(place, begin + row) for place, row in places]
                self.found = sorted([*self.found, *found])[:3]
        return rows[kept], ticks[kept], target[kept]

    def refuse(self) -> None:
        """Refuse the table if rows repeat and are not to.

        Raises:
            DataError: As `grid.one_row_per_place` words it.
        """
        if not self.count:
            return
        shown = ", ".join(self.asked.line(row) for _, row in self.found)
        raise DataError(
            f"{self.asked.name}: {counted(self.count, 'row')} with a stamp that the series has "
            f"already: {shown}{', ...' if self.count > 3 else ''}. Remove the repeats, name the "
            "columns that tell series apart in data.series, or set data.duplicates to first or last"
        )


def _derive(panel: Panel, bare: Panel, want: Wanted) -> None:
    """Fill in what columns are made of stamps, lags and gaps, block by block."""
    place = {name: k for k, name in enumerate(panel.columns.inputs)}
    for begin, end in row_blocks(*panel.values.shape):
        rows = np.arange(begin, end)
        for made in derived_at(bare, want, rows):
            for name, column in made.items():
                panel.values[begin:end, place[name]] = column
                panel.observed[begin:end, place[name]] = ~np.isnan(column)


def _growth(asked: Asked, places: Places, names: list[tuple[str, ...]]) -> DataError:
    """Name the series whose rows lie farthest apart."""
    widest = int(np.argmax(places.lengths))
    label = " ".join(names[widest])
    ends = places.first[widest] + np.array([0, places.lengths[widest] - 1])
    first, last = places.frequency.stamps(ends)
    return DataError(
        f"{asked.name}: as a grid that is {places.frequency.words} its {places.kept:,} rows would "
        f"become {int(places.lengths.sum()):,}; {f'series {label}' if label else 'the table'} "
        f"reaches from {first} to {last}. Mend the stamp, or set data.frequency, data.start or "
        "data.end"
    )
