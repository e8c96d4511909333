"""Findings about time stamps: unreadable, duplicate, missing, off the grid, out of order."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from lstmcast.checking.finding import Finding, found
from lstmcast.checking.lenient_table import View
from lstmcast.errors import counted
from lstmcast.stamps.infer_frequency import HOUR
from lstmcast.tables.csv_numbers import quoted


def find_in_time(view: View) -> Iterator[Finding]:
    """All findings about the time column and the order of rows."""
    yield from _nameless_series(view)
    if view.stamps is None or view.data.time is None:
        return
    yield from _unread(view)
    yield from _unsorted(view)
    again = repeats(view)
    missing = _missing_steps(view)
    odd = _odd_series(view)
    yield from _frequencies(view, odd)
    yield from _off_grid(view, odd)
    repeated, absent = _clock_changes(view, again, missing)
    yield from _clock_findings(view, again[repeated], np.flatnonzero(missing)[absent])
    yield from _repeated(view, again[~repeated])
    gaps = np.flatnonzero(missing)[~absent]
    yield from _gaps(view, gaps[~np.isin(view.codes[view.rows[gaps]], odd)])


def _nameless_series(view: View) -> Iterator[Finding]:
    for name in view.data.series:
        numbers, texts = view.table.coded(name)
        rows = np.flatnonzero((texts == "")[numbers])
        if len(rows):
            words = f"{counted(len(rows), 'row')} without a name of its series"
            yield found("LC114", words, name, rows)


def _unread(view: View) -> Iterator[Finding]:
    stamps, time = view.stamps, view.data.time or ""
    assert stamps is not None
    texts = view.table.strings(time)
    form = f" of the format {stamps.words}" if stamps.words else ""
    for code, mask, words in (
        ("LC101", ~stamps.good, f"cannot be read as a time stamp{form}"),
        ("LC102", stamps.other, f"can be read as a time stamp, but not{form}"),
    ):
        rows = np.flatnonzero(mask)
        if len(rows):
            shown = ", ".join(quoted(texts[int(row)].as_py() or "") for row in rows[:3])
            words = f"{counted(len(rows), 'cell')} of {len(mask):,} {words}: {shown}"
            yield found(code, words + (", ..." if len(rows) > 3 else ""), time, rows)
    if stamps.twofold:
        words = stamps.twofold.removeprefix("column 'time': ")
        yield Finding("LC111", words.partition(": set ")[0], time, (0,), len(stamps.good))


def _unsorted(view: View) -> Iterator[Finding]:
    assert view.stamps is not None
    keep = np.flatnonzero(view.stamps.good)
    back = earlier_than_above(view, keep)
    if len(back):
        words = f"{counted(len(back), 'row')} with an earlier time stamp than the row above"
        yield found("LC110", f"{words} of the same series", view.data.time or "", keep[back])


def earlier_than_above(view: View, keep: np.ndarray) -> np.ndarray:
    """Indices into `keep` of rows that are earlier than the row above in the same series."""
    assert view.stamps is not None
    order = np.argsort(view.codes[keep], kind="stable")
    ticks = view.stamps.values[keep][order].astype(np.int64)
    same = np.diff(view.codes[keep][order]) == 0
    return np.sort(order[1:][same & (np.diff(ticks) < 0)])


def repeats(view: View) -> np.ndarray:
    """Indices into `view.rows` of rows with the time stamp and series of the row before."""
    assert view.stamps is not None
    ticks = view.stamps.values[view.rows].astype(np.int64)
    return 1 + np.flatnonzero((np.diff(ticks) == 0) & (np.diff(view.codes[view.rows]) == 0))


def copies(view: View, again: np.ndarray) -> np.ndarray:
    """(len(again),) whether a repeated row is an earlier row in every cell."""
    if not len(again):
        return np.zeros(0, dtype=bool)
    places = np.unique(np.concatenate([again, again - 1]))
    rows = np.sort(view.rows[places])
    same: pd.Series[bool] = view.table.frame.iloc[rows].duplicated()
    return np.isin(view.rows[again], rows[same.to_numpy()])


def _repeated(view: View, again: np.ndarray) -> Iterator[Finding]:
    exact = copies(view, again)
    rows = view.rows
    time = view.data.time or ""
    treated = "" if view.data.duplicates == "error" else "note"
    so = f"; data.duplicates: {view.data.duplicates} handles them" if treated else ""
    if exact.any():
        count = int(exact.sum())
        verb = "repeats" if count == 1 else "repeat"
        words = f"{counted(count, 'row')} {verb} an earlier row in every cell{so}"
        yield found("LC104", words, "", np.sort(rows[again[exact]]), treated)
    if not exact.all():
        words = (
            f"{counted(int((~exact).sum()), 'row')} with a time stamp that the series already has"
        )
        yield found("LC103", words + so, time, np.sort(rows[again[~exact]]), treated)


def _missing_steps(view: View) -> np.ndarray:
    """(G,) number of missing steps before each row."""
    missing = np.zeros(len(view.rows), dtype=np.int64)
    if view.frequency is not None and len(view.rows):
        same = np.diff(view.codes[view.rows]) == 0
        missing[1:] = np.where(same, np.maximum(np.diff(view.ordinals) - 1, 0), 0)
    return missing


def _gaps(view: View, gaps: np.ndarray) -> Iterator[Finding]:
    if not len(gaps) or view.frequency is None:
        return
    sizes = _missing_steps(view)[gaps]
    widest = int(gaps[np.argmax(sizes)])
    rows = view.rows[gaps]
    where = view.table.line(int(view.rows[widest]))
    words = (
        f"the rows are {view.frequency.words}, but {counted(int(sizes.sum()), 'step')} "
        f"{'is' if sizes.sum() == 1 else 'are'} missing, in {counted(len(gaps), 'gap')}; the "
        f"longest, {counted(int(sizes.max()), 'step')}, "
        f"ends at {where}"
    )
    treat = "error" if view.data.gaps == "error" else ""
    yield found("LC105", words, view.data.time or "", np.sort(rows), treat)


def _clock_changes(
    view: View, again: np.ndarray, missing: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Which duplicates and gaps are hours that daylight saving time (DST) repeats or skips."""
    gaps = np.flatnonzero(missing)
    nothing = np.zeros(len(again), dtype=bool), np.zeros(len(gaps), dtype=bool)
    frequency = view.frequency
    if frequency is None or frequency.kind != "fixed" or frequency.every > HOUR:
        return nothing
    assert view.stamps is not None
    values = view.stamps.values[view.rows]
    repeated = _is_change(values[again], (4, 9, 10, 11))
    skipped = values[gaps] - np.timedelta64(HOUR, "us")
    absent = _is_change(skipped, (3, 4, 9, 10)) & (missing[gaps] * frequency.every == HOUR)
    return repeated, absent


def _is_change(stamps: np.ndarray, months: tuple[int, ...]) -> np.ndarray:
    """Whether time stamps are in hours 0 to 3 of a Sunday in one of these months."""
    days = stamps.astype("datetime64[D]")
    hours = (stamps.astype("datetime64[h]") - days.astype("datetime64[h]")).astype(int)
    month = stamps.astype("datetime64[M]").astype(int) % 12 + 1
    sunday = (days.astype(int) + 3) % 7 == 6
    changed: np.ndarray = sunday & np.isin(month, months) & (hours <= 3)
    return changed


def _clock_findings(view: View, again: np.ndarray, gaps: np.ndarray) -> Iterator[Finding]:
    rows = np.sort(np.concatenate([view.rows[again], view.rows[gaps]]))
    if not len(rows):
        return
    said = [f"{counted(len(gaps), 'hour')} skipped"] if len(gaps) else []
    said += [f"{counted(len(again), 'row')} in a repeated hour"] if len(again) else []
    stops = len(again) and view.data.duplicates == "error"
    words = f"{' and '.join(said)} on Sundays when daylight saving time begins or ends"
    yield found("LC107", words, view.data.time or "", rows, "error" if stops else "")


def _odd_series(view: View) -> np.ndarray:
    """Series whose median step is at least 1.5 times as long, or shorter, than that of most."""
    if view.stamps is None or len(view.names) < 2:
        return np.zeros(0, dtype=np.int64)
    steps, codes = _steps(view)
    usual = pd.Series(steps).groupby(codes).median()
    if not len(usual):
        return np.zeros(0, dtype=np.int64)
    ratio = usual / usual.median()
    return usual.index[(ratio >= 1.5) | (ratio <= 1 / 1.5)].to_numpy()


def _steps(view: View) -> tuple[np.ndarray, np.ndarray]:
    """Positive steps from row to row within a series, in microseconds, and their series."""
    assert view.stamps is not None
    codes = view.codes[view.rows]
    steps = np.diff(view.stamps.values[view.rows].astype(np.int64))
    inside = (np.diff(codes) == 0) & (steps > 0)
    return steps[inside], codes[1:][inside]


def _frequencies(view: View, odd: np.ndarray) -> Iterator[Finding]:
    if len(odd):
        first = pd.Series(view.rows).groupby(view.codes[view.rows]).min()
        shown = ", ".join(view.names[code] for code in odd[:3])
        words = (
            f"{len(odd):,} of {len(view.names):,} series have another frequency than most: {shown}"
            f"{', ...' if len(odd) > 3 else ''}"
        )
        yield found("LC109", words, view.data.time or "", first[odd].to_numpy())


def _off_grid(view: View, odd: np.ndarray) -> Iterator[Finding]:
    if view.frequency is None:
        return
    off = np.flatnonzero(~view.on_grid.astype(bool))
    off = off[~np.isin(view.codes[view.rows[off]], odd)] if len(odd) else off
    if len(off):
        assert view.stamps is not None
        rows = np.sort(view.rows[off])
        shown = str(view.stamps.values[rows[0]].astype("datetime64[s]")).replace("T", " ")
        words = (
            f"{len(off):,} of {len(view.rows):,} time stamps are off the grid of the others, "
            f"which is {view.frequency.words}; the first is {shown}"
        )
        yield found("LC108", words, view.data.time or "", rows)
