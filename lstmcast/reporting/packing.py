"""The series of a page in few bytes: whole numbers, each series in a unit of its own.

A value v of an item is written as the whole number round(v * 10^digits) - base, `digits` being such
that the actual values span at least SPAN of them: the four digits that a chart can show, in about
as many bytes. `report.js` turns them back.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, islice, pairwise
from typing import Any

import numpy as np

from lstmcast.reporting.axis import Axis, Names
from lstmcast.reporting.series_results import Item, featured, ranked

SPAN = 4000
"""Whole numbers between the lowest and the highest value of an item, at least."""

MOST_NUMBERS = 700_000
"""Numbers of series on one page; about 5 bytes each."""

MOST_ROWS, FEWEST_ROWS = 5_000, 150
"""Rows of history of one item: maximum, and minimum for an item with a chart."""


@dataclass(frozen=True)
class Packed:
    """All series of a page.

    Attributes:
        data: Data for the page's script.
        drawn: Number of items with a chart.
        rows: Maximum rows of history per chart; None if no history is cut.
    """

    data: dict[str, Any]
    drawn: int
    rows: int | None


def pack(items: list[Item], levels: tuple[float, ...], dates: Axis, season: Names | None) -> Packed:
    """Items for the page: scores of all, numbers of as many as fit."""
    rows = rows_for(items, len(levels))
    chosen = drawn(items, len(levels), rows)
    series = list(dict.fromkeys(item.name for item in items))
    targets = list(dict.fromkeys(item.target for item in items))
    places = {name: k for k, name in enumerate(series)}
    entries = []
    for item in items:
        s = item.scored
        entry: dict[str, Any] = {
            "series": places[item.name],
            "target": targets.index(item.target),
            "scores": [s.points, *(_rounded(v) for v in (s.mae, s.bias, s.relative, s.coverage))],
        }
        entries.append(entry)
    for k, numbers in zip(chosen, numbers_of([items[k] for k in chosen], rows), strict=True):
        entries[k] |= numbers
    longest = max((len(item.actual) for item in items), default=0)
    data = {
        "marks": dates.marks,
        "season": None if season is None else [season.labels, season.codes.tolist()],
        "levels": len(levels),
        "first_level": f"{levels[0]:g}" if levels else "",
        "names": series,
        "targets": targets,
        "items": entries,
        "first": first_shown(items, chosen),
    }
    return Packed(data, len(chosen), rows if longest > rows else None)


def rows_for(items: list[Item], levels: int) -> int:
    """Rows of history of each item: all, or an equal share of the page's limit."""
    ahead = sum(len(item.future) for item in items) * (1 + 2 * levels)
    share = (MOST_NUMBERS - ahead) // (max(len(items), 1) * (2 + 2 * levels))
    longest = max((len(item.actual) for item in items), default=0)
    return min(longest, MOST_ROWS, max(share, FEWEST_ROWS))


def drawn(items: list[Item], levels: int, rows: int) -> set[int]:
    """Numbers of the items that fit on the page: those shown first, the worst."""
    order = [k for group in featured(items).values() for k in group] + ranked(items)
    chosen: set[int] = set()
    used = 0
    for k in dict.fromkeys(order):
        item = items[k]
        size = min(len(item.actual), rows) * (2 + 2 * levels) + len(item.future) * (1 + 2 * levels)
        if used + size > MOST_NUMBERS and chosen:
            break
        used += size
        chosen.add(k)
    return chosen


def first_shown(items: list[Item], chosen: set[int]) -> int:
    """The item that the page shows first: a typical one."""
    order = [k for k in ranked(items) if k in chosen]
    judged = [k for k in order if items[k].scored.relative is not None]
    return (judged or order or [0])[len(judged or order) // 2]


def numbers_of(items: list[Item], rows: int) -> Iterator[dict[str, Any]]:
    """The numbers of each item, for its last rows of history."""
    cuts = [max(len(item.actual) - rows, 0) for item in items]
    units = [unit_of(item) for item in items]
    columns = [columns_of(item, cut) for item, cut in zip(items, cuts, strict=True)]
    packed = iter(whole_numbers(columns, units))
    for item, cut, unit in zip(items, cuts, units, strict=True):
        bounds = 2 * len(item.low)
        yield {
            "unit": list(unit),
            "from": item.first + cut,
            "actual": next(packed),
            "past": next(packed),
            "past_bounds": list(islice(packed, bounds)),
            "begins": np.flatnonzero(item.begins[cut:]).tolist(),
            "future_from": item.future_first,
            "future": next(packed),
            "method": item.method,
            "future_bounds": list(islice(packed, bounds)),
            "lags": np.round(item.autocorrelation, 3).tolist(),
            "errors": int(np.isfinite(item.laid_out).sum()),
        }


def columns_of(item: Item, cut: int) -> list[np.ndarray]:
    """Values of an item from row `cut` on, in the order of the page."""
    past = [bound[cut:] for pair in zip(item.low, item.high, strict=True) for bound in pair]
    ahead = [
        bound for pair in zip(item.future_low, item.future_high, strict=True) for bound in pair
    ]
    return [item.actual[cut:], item.forecast[cut:], *past, item.future, *ahead]


def whole_numbers(
    columns: list[list[np.ndarray]], units: list[tuple[int, int]]
) -> list[list[int | None]]:
    """Every column of every item in its item's unit; one call for all, as columns are short.

    Args:
        columns: Columns of each item.
        units: Unit of each item; see `unit_of`.
    """
    sizes = [sum(map(len, each)) for each in columns]
    scales, bases = ([10.0**digits for digits, _ in units], [float(base) for _, base in units])
    each_column = [column for each in columns for column in each]
    values = np.concatenate([np.empty(0), *each_column])
    scaled = np.rint(values * np.repeat(scales, sizes)) - np.repeat(bases, sizes)
    known = np.abs(scaled) < 2**62  # larger and unknown values are not drawn
    whole: list[int | None] = np.where(known, scaled, 0.0).astype(np.int64).tolist()
    for place in np.flatnonzero(~known).tolist():
        whole[place] = None
    ends = list(accumulate(map(len, each_column), initial=0))
    return [whole[begin:end] for begin, end in pairwise(ends)]


def unit_of(item: Item) -> tuple[int, int]:
    """Decimal digits, negative for tens and hundreds, and the lowest value in that unit."""
    values = np.concatenate([item.actual, item.forecast, item.future])
    known = values[np.isfinite(values)]
    if not len(known):
        return 0, 0
    low, high = float(known.min()), float(known.max())
    span = high - low or abs(high) or 1.0
    digits = min(max(math.ceil(math.log10(SPAN / span)), -300), 300)
    return digits, round(low * 10.0**digits)


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")
