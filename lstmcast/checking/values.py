"""Findings about numbers: text, infinite, missing and constant values, jumps, outliers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lstmcast.checking.finding import Finding, found
from lstmcast.checking.lenient_table import View
from lstmcast.errors import counted
from lstmcast.tables.csv_numbers import hint, quoted

JUMP = 5.0
"""Times larger or smaller: a change of scale."""

AROUND = 100
"""Rows before and after a change that are compared; at least a tenth of them must be there."""

FAR = 5.0
"""Times the range of the middle 90 % of the values: values farther away are outliers."""

FEWEST = 20
"""Fewest values of a series that can have an outlier."""


def find_in_values(view: View) -> Iterator[Finding]:
    """All findings about columns of numbers."""
    for name, values in view.values.items():
        yield from _wrong_cells(view, name, values)
        finite = np.isfinite(values)
        if not finite.any():
            if not view.wrong[name].any() and not np.isinf(values).any():
                yield from _empty(view, name)
            continue
        low, high = values[finite].min(), values[finite].max()
        if low == high and finite.sum() > 1:
            severity = "" if view.role(name) else "note"
            words = f"every value is {low:g}"
            yield Finding("LC203", words, name, (), int(finite.sum()), severity)
            continue
        if view.role(name) == "target" and len(view.names) > 1:
            yield from _constant_series(view, name, values)
        if view.role(name) in ("target", "past", "future"):
            yield from _missing(view, name, values)
            if view.role(name) == "target" or len(np.unique(values[finite][:1000])) > 10:
                yield from _jumps(view, name, values)
                yield from _outliers(view, name, values)


def _wrong_cells(view: View, name: str, values: np.ndarray) -> Iterator[Finding]:
    wrong = np.flatnonzero(view.wrong[name])
    infinite = np.flatnonzero(np.isinf(values))
    if not len(wrong) and not len(infinite):
        return
    texts = view.table.text(name)
    for code, rows, what in (("LC201", wrong, "not a number"), ("LC202", infinite, "infinite")):
        if len(rows):
            shown = ", ".join(quoted(str(texts[row])) for row in rows[:3])
            verb = "is" if len(rows) == 1 else "are"
            words = f"{counted(len(rows), 'cell')} {verb} {what}: {shown}"
            more = ", ..." if len(rows) > 3 else ""
            yield found(code, words + more + hint(str(texts[rows[0]])), name, rows)


def _empty(view: View, name: str) -> Iterator[Finding]:
    severity = "" if view.role(name) else "note"
    yield Finding("LC204", "no cell has a value", name, (), len(view.codes), severity)


def _constant_series(view: View, name: str, values: np.ndarray) -> Iterator[Finding]:
    """Series of a target that never change, while others do."""
    known = view.rows[np.isfinite(values[view.rows])]
    codes, size = view.codes[known], len(view.names)
    low, high = np.full(size, np.inf), np.full(size, -np.inf)
    np.minimum.at(low, codes, values[known])
    np.maximum.at(high, codes, values[known])
    constant = np.flatnonzero((low == high) & (np.bincount(codes, minlength=size) > 1))
    if not len(constant):
        return
    shown = ", ".join(f"{view.names[k]} is {low[k]:g}" for k in constant[:3].tolist())
    words = f"{len(constant):,} of {size:,} series never change: {shown}"
    firsts = known[np.unique(codes, return_index=True)[1]]
    rows = firsts[np.isin(view.codes[firsts], constant)]
    yield found("LC207", words + (", ..." if len(constant) > 3 else ""), name, np.sort(rows))


def _missing(view: View, name: str, values: np.ndarray) -> Iterator[Finding]:
    """Empty cells up to each series' last target: later rows are rows of the future."""
    known = np.zeros(len(view.rows), dtype=bool)
    for target in view.data.target:
        if target in view.values:
            known |= ~np.isnan(view.values[target][view.rows])
    codes = view.codes[view.rows]
    places = np.arange(len(codes))
    last = np.full(len(view.names), -1)
    np.maximum.at(last, codes[known], places[known])
    missing = np.isnan(values[view.rows]) & ~view.wrong[name][view.rows] & (places <= last[codes])
    if missing.any():
        share = missing.sum() / max(1, int((places <= last[codes]).sum()))
        words = f"{counted(int(missing.sum()), 'cell')} empty, {100 * share:.2g} % of its rows"
        severity = "error" if view.data.gaps == "error" else "warning" if share > 0.2 else ""
        yield found("LC106", words, name, np.sort(view.rows[missing]), severity)


def _jumps(view: View, name: str, values: np.ndarray) -> Iterator[Finding]:
    """Jumps by a factor, if all values shortly before are below all values shortly after."""
    places = np.flatnonzero(np.isfinite(values[view.rows]))
    ordered = values[view.rows][places]
    codes = view.codes[view.rows][places]
    size = np.log(np.where(ordered != 0, np.abs(ordered), np.nan))
    step = np.abs(np.diff(size))
    step[np.diff(codes) != 0] = np.nan
    likely = 1 + np.flatnonzero(step >= np.log(JUMP))
    likely = likely[np.argsort(-step[likely - 1], kind="stable")][:1000]
    if not len(likely):
        return
    after = _around(ordered, codes, likely, np.arange(AROUND))
    before = _around(ordered, codes, likely, -1 - np.arange(AROUND))
    enough = np.minimum(*((~np.isnan(part)).sum(axis=1) for part in (before, after)))
    keep = enough >= AROUND // 10
    likely, before, after = likely[keep], before[keep], after[keep]
    if not len(likely):
        return
    # Of one sign on both sides, without zeros: a series around zero has no scale to change.
    signs = np.sign(np.concatenate([before, after], axis=1))
    kept = (np.nanmin(signs, axis=1) == np.nanmax(signs, axis=1)) & (np.nanmin(signs, axis=1) != 0)
    if not kept.any():
        return
    likely, before, after = likely[kept], np.abs(before[kept]), np.abs(after[kept])
    factor = np.nanmedian(after, axis=1) / np.nanmedian(before, axis=1)
    apart = np.maximum(
        np.nanmin(after, axis=1) - np.nanmax(before, axis=1),
        np.nanmin(before, axis=1) - np.nanmax(after, axis=1),
    )
    real = (apart > 0) & (np.abs(np.log(factor)) >= np.log(JUMP))
    if real.any():
        first = int(np.argmax(real))
        times = factor[first] if factor[first] > 1 else 1 / factor[first]
        way = "larger" if factor[first] > 1 else "smaller"
        rows = view.rows[places[likely[real]]]
        words = f"from here on the values are about {times:.3g} times {way} than before"
        more = f" ({len(rows):,} such changes in all)" if len(rows) > 1 else ""
        yield found("LC205", words + more, name, rows)


def _around(
    values: np.ndarray, codes: np.ndarray, places: np.ndarray, steps: np.ndarray
) -> np.ndarray:
    """(K, steps) the values some steps away; NaN where another series begins."""
    at = places[:, None] + steps
    inside = (at >= 0) & (at < len(values))
    at = np.clip(at, 0, len(values) - 1)
    return np.where(inside & (codes[at] == codes[places][:, None]), values[at], np.nan)


def _outliers(view: View, name: str, values: np.ndarray) -> Iterator[Finding]:
    finite = np.flatnonzero(np.isfinite(values))
    numbers, codes = values[finite], view.codes[finite]
    low, high, count = quantiles(numbers, codes, len(view.names))
    spread = high - low
    usable = (spread > 0) & (count >= FEWEST)
    far = (numbers < (low - FAR * spread)[codes]) | (numbers > (high + FAR * spread)[codes])
    rows = finite[far & usable[codes]]
    if len(rows):
        largest = int(rows[np.argmax(np.abs(values[rows]))])
        words = (
            f"{counted(len(rows), 'value')} far from the others; the largest, "
            f"{values[largest]:g}, is at {view.table.line(largest)}"
        )
        yield found("LC206", words, name, rows)


def quantiles(
    values: np.ndarray, codes: np.ndarray, series: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(S,) the 5 % and 95 % quantiles of each series, and how many values it has."""
    ordered = values[np.argsort(codes, kind="stable")]
    counts = np.bincount(codes, minlength=series)
    starts = np.cumsum(counts) - counts
    low, high = np.full(series, np.nan), np.full(series, np.nan)
    for count in np.unique(counts[counts > 0]).tolist():  # series of the same length at once
        alike = np.flatnonzero(counts == count)
        rows = np.sort(ordered[starts[alike][:, None] + np.arange(count)], axis=1)
        low[alike], high[alike] = (rows[:, int(share * (count - 1))] for share in (0.05, 0.95))
    return low, high, counts
