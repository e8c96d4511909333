"""Findings about covariates that leak the target: shifted copies and rolling means of it.

Every covariate is held against the mean of the target over the rows t+first .. t+last, for many
such spans (a copy is a span of one row), by the correlation of their steps from row to row: steps,
since two columns that merely grow together correlate whatever the shift.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lstmcast.checking.finding import Finding
from lstmcast.checking.lenient_table import View

ROWS_HELD = 20_000
"""Rows that are compared: what holds for so many consecutive rows holds for the column."""

FEWEST = 12
"""Pairs of rows that can show a copy."""

SAME = 1e-3
"""Largest 1 - r^2 (correlation) of a copy; rounded copies are found too."""

REACH = 48
"""Smallest shift searched, in steps; the horizon if it is longer."""

WIDEST = 61
"""Rows of a rolling mean, at most."""


def find_leaks(view: View, horizon: int) -> Iterator[Finding]:
    """Find covariates that leak the target of other rows.

    Args:
        view: The table.
        horizon: H; a known-future column may know the target of H rows ago and before.
    """
    covariates = [c for c in (*view.data.past, *view.data.future) if c in view.values]
    grid = _grid(view)
    for target in [c for c in view.data.target if c in view.values] if covariates else []:
        spans = _spans(_on_grid(view, target, grid), max(REACH, horizon))
        for column in covariates:
            span = _same_course(_on_grid(view, column, grid), spans)
            if span is not None:
                yield from _finding(view, column, target, span, horizon)


def _finding(
    view: View, column: str, target: str, span: tuple[int, int], horizon: int
) -> Iterator[Finding]:
    first, last = span
    ahead = column in view.data.future
    if last <= (-horizon if ahead else -1):
        return  # the past only
    count = len(view.codes)
    if first == last:
        if last == 0 and not ahead:
            words = f"moves exactly with the target '{target}'"
            yield Finding("LC307", words, column, (), count)
            return
        where = (
            "the same row" if not last else f"{abs(last)} steps {'later' if last > 0 else 'before'}"
        )
        words = f"is the target '{target}' of {where}"
        if last <= 0:
            words += ", and known ahead: of rows that are yet to be forecast"
        yield Finding("LC305", words, column, (), count)
    elif last > 0 or ahead:
        kind = "centred mean" if first == -last else "mean"
        words = f"is the {kind} of the target '{target}' over rows t{first:+d} to t{last:+d}"
        yield Finding("LC306", words, column, (), count)


def _grid(view: View) -> np.ndarray:
    """(P,) row of the table at each place of a dense grid, -1 where there is none.

    Series lie one behind the other with an empty place between them, up to ROWS_HELD rows.
    """
    rows, places = view.rows[:ROWS_HELD], view.ordinals[:ROWS_HELD]
    if not len(places):
        return np.zeros(0, dtype=np.int64)
    fresh = np.diff(view.codes[rows], prepend=-1) != 0
    steps = np.where(fresh, 2, np.clip(np.diff(places, prepend=places[0]), 0, 50))
    at = np.cumsum(steps)
    grid = np.full(at[-1] + 1, -1)
    grid[at] = rows
    return grid


def _on_grid(view: View, column: str, grid: np.ndarray) -> np.ndarray:
    """(P,) values of a column on the grid, NaN where there is none."""
    values = view.values[column]
    held = np.where(grid >= 0, values[np.maximum(grid, 0)], np.nan)
    return np.where(np.isfinite(held), held, np.nan)


def _spans(target: np.ndarray, reach: int) -> dict[tuple[int, int], np.ndarray]:
    """Mean of the target over t+first .. t+last for each span, those of the past first."""
    spans = {(k, k): _shifted(target, k) for k in (0, *range(-1, -reach - 1, -1))}
    spans |= {(1 - w, 0): _shifted(_mean(target, w), 0) for w in range(2, WIDEST + 1)}
    spans |= {(-w, -1): _shifted(_mean(target, w), -1) for w in range(2, WIDEST + 1)}
    spans |= {(k, k): _shifted(target, k) for k in range(1, reach + 1)}
    spans |= {(-h, h): _shifted(_mean(target, 2 * h + 1), h) for h in range(1, WIDEST // 2 + 1)}
    spans |= {(-h, h - 1): _shifted(_mean(target, 2 * h), h - 1) for h in range(2, WIDEST // 2 + 1)}
    spans |= {(1, w): _shifted(_mean(target, w), w) for w in range(2, WIDEST + 1)}
    return spans | {(0, w - 1): _shifted(_mean(target, w), w - 1) for w in range(2, WIDEST + 1)}


def _shifted(values: np.ndarray, steps: int) -> np.ndarray:
    """The value `steps` places later, NaN beyond the ends."""
    moved = np.full(len(values), np.nan)
    if abs(steps) < len(values):
        if steps >= 0:
            moved[: len(values) - steps] = values[steps:]
        else:
            moved[-steps:] = values[:steps]
    return moved


def _mean(values: np.ndarray, width: int) -> np.ndarray:
    """Mean of the last `width` places, NaN where one of them is unknown."""
    known = ~np.isnan(values)
    centre = values[known].mean() if known.any() else 0.0  # keeps the sums small, and so exact
    sums = np.cumsum(np.concatenate([[0.0], np.where(known, values - centre, 0.0)]))
    counts = np.cumsum(np.concatenate([[0], known]))
    means = np.full(len(values), np.nan)
    if width <= len(values):
        full = counts[width:] - counts[:-width] == width
        means[width - 1 :] = np.where(full, (sums[width:] - sums[:-width]) / width, np.nan)
    return means


def _same_course(
    column: np.ndarray, spans: dict[tuple[int, int], np.ndarray]
) -> tuple[int, int] | None:
    """The span whose steps correlate best with those of a column, where that is (nearly) wholly.

    Of two that fit alike, as in a target that repeats itself, the earlier in `spans` holds.
    """
    steps = np.diff(column)
    best, closest = None, SAME
    for span, values in spans.items():
        other = np.diff(values)
        both = ~np.isnan(steps) & ~np.isnan(other)
        if both.sum() < FEWEST:
            continue
        a, b = steps[both] - steps[both].mean(), other[both] - other[both].mean()
        size = float((a @ a) * (b @ b))
        away = 1 - float(a @ b) ** 2 / size if size > 0 else 1.0
        if away < closest:
            best, closest = span, 0.5 * away
    return best
