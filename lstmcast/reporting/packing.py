"""The series of a page as small as a page wants them: whole numbers, in a unit of their own.

A value v of an item is written as the whole number round(v * 10^digits) - base, `digits` being such
that what came spans at least SPAN of them: four digits of what a chart can show, in about as many
bytes. `report.js` turns them back.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstmcast.reporting.axis import Axis, Names
from lstmcast.reporting.errors_of import autocorrelation, lags_for
from lstmcast.reporting.items import Item, featured, ranked

SPAN = 4000
"""Whole numbers between the lowest and the highest value of an item, at least."""

MOST_NUMBERS = 700_000
"""Numbers of series on one page; about 5 bytes each."""

MOST_ROWS, FEWEST_ROWS = 5_000, 150
"""Rows of history of one item: at most, and before an item is left out altogether."""


@dataclass(frozen=True)
class Packed:
    """All series of a page.

    Attributes:
        data: For the script on the page.
        drawn: How many items have a chart.
        rows: History that each chart begins with, in rows; None where all are whole.
    """

    data: dict[str, Any]
    drawn: int
    rows: int | None


def pack(items: list[Item], levels: tuple[float, ...], dates: Axis, season: Names | None) -> Packed:
    """Items for the page: the scores of all, and the numbers of as many as it can hold."""
    rows = rows_for(items, len(levels))
    chosen = drawn(items, len(levels), rows)
    series = list(dict.fromkeys(item.name for item in items))
    targets = list(dict.fromkeys(item.target for item in items))
    places = {name: k for k, name in enumerate(series)}
    entries = []
    for number, item in enumerate(items):
        s = item.scored
        entry: dict[str, Any] = {
            "series": places[item.name],
            "target": targets.index(item.target),
            "scores": [s.points, *(_rounded(v) for v in (s.mae, s.bias, s.relative, s.coverage))],
        }
        if number in chosen:
            entry |= numbers_of(item, rows, dates.season)
        entries.append(entry)
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
    """Rows of history of each item: all, or as many as all items together can have."""
    ahead = sum(len(item.future) for item in items) * (1 + 2 * levels)
    share = (MOST_NUMBERS - ahead) // (max(len(items), 1) * (2 + 2 * levels))
    longest = max((len(item.actual) for item in items), default=0)
    return min(longest, MOST_ROWS, max(share, FEWEST_ROWS))


def drawn(items: list[Item], levels: int, rows: int) -> set[int]:
    """Numbers of the items that the page has room for: those that are shown first, the worst."""
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
    """The item that the page opens with: a typical one."""
    order = [k for k in ranked(items) if k in chosen]
    judged = [k for k in order if items[k].scored.relative is not None]
    return (judged or order or [0])[len(judged or order) // 2]


def numbers_of(item: Item, rows: int, season: int) -> dict[str, Any]:
    """The numbers of an item, of its last rows of history."""
    cut = max(len(item.actual) - rows, 0)
    digits, base = unit_of(item)

    def packed(values: np.ndarray) -> list[int | None]:
        scaled = np.round(values * 10.0**digits) - base
        known = np.abs(scaled) < 2**62  # what is farther off is not drawn, nor what is not known
        whole: list[int | None] = np.where(known, scaled, 0.0).astype(np.int64).tolist()
        for place in np.flatnonzero(~known).tolist():
            whole[place] = None
        return whole

    bounds = zip(item.low[:, cut:], item.high[:, cut:], strict=True)
    ahead = zip(item.future_low, item.future_high, strict=True)
    return {
        "unit": [digits, base],
        "from": item.first + cut,
        "actual": packed(item.actual[cut:]),
        "past": packed(item.forecast[cut:]),
        "past_bounds": [packed(bound) for pair in bounds for bound in pair],
        "begins": np.flatnonzero(item.begins[cut:]).tolist(),
        "future_from": item.future_first,
        "future": packed(item.future),
        "method": item.method,
        "future_bounds": [packed(bound) for pair in ahead for bound in pair],
        "lags": np.round(autocorrelation(item.laid_out, lags_for(season)), 3).tolist(),
        "errors": int(np.isfinite(item.laid_out).sum()),
    }


def unit_of(item: Item) -> tuple[int, int]:
    """Digits behind the decimal point, negative for tens and hundreds, and the lowest value."""
    values = np.concatenate([item.actual, item.forecast, item.future])
    known = values[np.isfinite(values)]
    if not len(known):
        return 0, 0
    span = float(known.max() - known.min()) or abs(float(known.max())) or 1.0
    digits = int(np.clip(math.ceil(math.log10(SPAN / span)), -300, 300))
    return digits, int(np.round(float(known.min()) * 10.0**digits))


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")
