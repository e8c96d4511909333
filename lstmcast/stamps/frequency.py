"""Time stamps -> their frequency: inferred from all rows, or given by the user."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

import numpy as np

from lstmcast.errors import ConfigError, DataError
from lstmcast.stamps.infer_frequency import (
    DAY,
    HOUR,
    MINUTE,
    MONTH_END,
    MONTHS,
    SECOND,
    STEPS,
    WEEK,
    WEEKDAYS,
    Frequency,
    business,
    clocks,
    fixed,
    month_lengths,
    monthly,
)
from lstmcast.stamps.stamp_patterns import EPOCHS
from lstmcast.stamps.timestamps import glance
from lstmcast.tables.read import Table

__all__ = [
    "Frequency",
    "frequency_from_alias",
    "guess_time_column",
    "infer_frequency",
    "likely_frequency",
    "off_grid",
    "stamp_text",
]

_FIXED = {"us": 1, "ms": 1000, "s": SECOND, "min": MINUTE, "h": HOUR, "D": DAY, "W": WEEK}
_MONTHLY = {"M": 1, "Q": 3, "Y": 12}
# Spellings of older pandas, and other cases; "m" is missing: it may mean minutes or months.
_OTHER_NAMES = {
    "S": "s", "sec": "s", "T": "min", "t": "min", "Min": "min", "MIN": "min", "H": "h", "d": "D",
    "b": "B", "w": "W", "q": "Q", "y": "Y", "a": "Y", "A": "Y", "AS": "YS", "L": "ms", "U": "us",
    "qs": "QS", "ys": "YS", "me": "ME", "qe": "QE", "ye": "YE", "hour": "h", "day": "D",
}  # fmt: skip
_ACCEPTED = "s, min, h, D, B, W, W-SUN, MS, ME, QS, QE, YS, YE, each also with a number (15min, 2W)"


def infer_frequency(
    stamps: np.ndarray,
    series: np.ndarray,
    where: Callable[[int], str] = lambda row: f"row {row + 1}",
    table: str = "the table",
) -> Frequency:
    """The grid of all rows; its step is the most common step within the series.

    Gaps are whole numbers of steps. Months, quarters and years take precedence over fixed steps;
    business days over days, if no row is on a weekend and the rows skip at least two weekends.

    Args:
        stamps: (R,) datetime64, in any order; duplicates are allowed.
        series: (R,) number of each row's series.
        where: Text for a row, counted from 0.
        table: Name of the table for messages.

    Raises:
        DataError: There are fewer than three stamps, or rows are off the grid.
    """
    stamps = stamps.astype("datetime64[us]")
    frequency = likely_frequency(stamps, series, table)
    off = np.flatnonzero(~frequency.ordinals(stamps)[1])
    if len(off):
        shown = [f"{where(int(row))} {stamp_text(stamps[row])}" for row in off[:3]]
        raise off_grid(table, frequency, len(off), len(stamps), shown)
    return frequency


def off_grid(
    table: str, frequency: Frequency, off: int, rows: int, shown: Sequence[str]
) -> DataError:
    """The error for rows off an inferred grid; `shown` has the first three."""
    return DataError(
        f"{table}: {off:,} of {rows:,} time stamps do not fit the frequency of the others, which "
        f"seem to be {frequency.words} ({frequency.alias}): {', '.join(shown)}"
        f"{', ...' if off > 3 else ''}: correct these rows, or set data.frequency"
    )


def likely_frequency(
    stamps: np.ndarray, series: np.ndarray, table: str, partly: bool = False
) -> Frequency:
    """The grid of most steps; some rows may be off it.

    Args:
        stamps: (R,) datetime64, as in `infer_frequency`.
        series: (R,) number of each row's series.
        table: Name of the table for messages.
        partly: Whether the table has more rows than these.

    Raises:
        DataError: There are fewer than three stamps, or no series has two.
    """
    times, steps, ends = _steps(stamps.astype("datetime64[us]").astype(np.int64), series)
    if len(times) >= 3 and len(steps):
        return _presumed(times, steps, ends)
    first = f" among the first {len(stamps):,} rows" if partly else ""
    other = ", or sort the table by series" if partly else ""
    raise DataError(
        f"{table}: {len(times)} different time stamps{first} are too few to infer the frequency: "
        f"set data.frequency ({_ACCEPTED}){other}"
    )


def frequency_from_alias(alias: str, stamps: np.ndarray | None) -> Frequency:
    """The grid of a frequency that the user gives, at the offset that most stamps have.

    Args:
        alias: Alias of pandas, also of older pandas; "step" for counted rows.
        stamps: (R,) datetime64; None for "step". Some may be off the grid.

    Raises:
        ConfigError: The alias is unknown.
    """
    if alias == "step":
        return STEPS
    assert stamps is not None and len(stamps)
    # More than six digits would exceed 64 bits of microseconds.
    found = re.fullmatch(r"(\d{0,6}) ?([A-Za-z]+?)(?:-([A-Za-z]{3}))?", alias.strip())
    count, name, anchor = found.groups() if found else ("", "", None)
    count, name = int(count or 1), _OTHER_NAMES.get(name, name)
    anchor = anchor.upper() if anchor else None
    times = stamps.astype("datetime64[us]").astype(np.int64)
    if count and name == "W" and anchor in (None, *WEEKDAYS):
        return _weekly(times, count, anchor)
    if count and name in _FIXED and anchor is None:
        every = count * _FIXED[name]
        return fixed(every, _commonest(times % every))
    if name == "B" and count == 1 and anchor is None:
        return business(_commonest(clocks(stamps)))
    rule = re.fullmatch("([MQY])([SE]?)", name)
    if count and rule and anchor in (None, *MONTHS) and not (anchor and rule[1] == "M"):
        month = MONTHS.index(anchor) if anchor else None
        return _on_months(times, _MONTHLY[rule[1]] * count, rule[2], month)
    hint = "; write min for minutes, MS or ME for months" if name in ("m", "ms", "mS") else ""
    raise ConfigError(f"data.frequency: '{alias}' is not a frequency; known: {_ACCEPTED}{hint}")


def _steps(times: np.ndarray, series: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sorted stamps without duplicates in a series; steps between them; the end of each step."""
    jumps, steps = np.diff(series), np.diff(times)
    within, rising = jumps == 0, steps > 0
    if within.all() and rising.all():  # one series, in order
        return times, steps, times[1:]
    if not ((jumps >= 0).all() and rising[within].all()):
        by_time = (steps >= 0).all()
        order = np.argsort(series, kind="stable") if by_time else np.lexsort((times, series))
        times, series = times[order], series[order]
        within, steps = np.diff(series) == 0, np.diff(times)
        rising = steps > 0
    new = np.concatenate([[True], ~within | rising])[: len(times)]
    inside = within & rising
    return times[new], steps[inside], times[1:][inside]


def _presumed(times: np.ndarray, steps: np.ndarray, ends: np.ndarray) -> Frequency:
    """The frequency of most steps; some rows may be off it."""
    step = _commonest(steps)
    stamps = times.astype("datetime64[us]")
    if step >= 28 * DAY:
        months = _month_index(ends) - _month_index(ends - steps)
        frequency = _on_months(times, max(1, _commonest(months)))
        # Months have unequal lengths: if most stamps keep their day, the steps are months.
        if frequency.ordinals(stamps)[1].mean() > 0.8:
            return frequency
    if step == DAY:
        weekdays = np.is_busday(stamps.astype("datetime64[D]"))
        days = ends.astype("datetime64[us]").astype("datetime64[D]")
        mondays = np.is_busday(days) & ~np.is_busday(days - 1)
        weekends = len(np.unique(days[mondays & (steps == 3 * DAY)]))
        if weekdays.all() and weekends >= 2:
            return business(_commonest(clocks(stamps)))
    return fixed(step, _commonest(times % step))


def _on_months(
    times: np.ndarray, every: int, rule: str = "", month: int | None = None
) -> Frequency:
    """A grid of months, at the offset that most stamps have.

    Args:
        times: (R,) microseconds since 1970.
        every: Months in a step.
        rule: "S" for a day of the month, "E" for its end, "" for either.
        month: A month of the year on the grid, from 0 (January); None for the most common.
    """
    index = _month_index(times)
    if month is not None:
        named = index[(index - month) % math.gcd(every, 12) == 0]
        index = named if len(named) else np.array([month])
    stamps = times.astype("datetime64[us]")
    day, clock = _day_of_month(stamps, rule), _commonest(clocks(stamps))
    return monthly(every, _commonest(index % every), day, clock)


def _day_of_month(stamps: np.ndarray, rule: str) -> int:
    """The day of the month of most stamps; short months have their last day instead."""
    if rule == "E":
        return MONTH_END
    months = stamps.astype("datetime64[M]")
    days = (stamps.astype("datetime64[D]") - months.astype("datetime64[D]")).astype(np.int64) + 1
    lengths = month_lengths(months)
    if rule == "S":
        day = _commonest(days)
        return day if day <= 28 and (days == day).mean() > 0.5 else 1
    choices = [1, MONTH_END, *np.unique(days).tolist()]
    hits = [int((days == np.minimum(day, lengths)).sum()) for day in choices]
    return int(choices[int(np.argmax(hits))])


def _month_index(times: np.ndarray) -> np.ndarray:
    """Microseconds since 1970 -> months since January 1970."""
    return np.asarray(times.astype("datetime64[us]").astype("datetime64[M]").astype(np.int64))


def _weekly(times: np.ndarray, count: int, anchor: str | None) -> Frequency:
    every = count * WEEK
    if anchor is None:
        return fixed(every, _commonest(times % every))
    clock = _commonest(times % DAY)
    weekday = (WEEKDAYS.index(anchor) - 3) % 7 * DAY + clock  # 1970 began on a Thursday
    here = times[times % WEEK == weekday]
    return fixed(every, _commonest(here % every) if len(here) else weekday)


def _commonest(values: np.ndarray) -> int:
    """The most common value; the smallest one if several are equally common."""
    if len(values) and (values == values[0]).all():  # the usual case, without sorting
        return int(values[0])
    found, counts = np.unique(values, return_counts=True)
    return int(found[np.argmax(counts)])


def stamp_text(stamp: np.datetime64) -> str:
    """A stamp for messages, to the second."""
    return str(np.datetime_as_string(stamp, unit="s")).replace("T", " ")


_TIME_WORDS = frozenset({
    "date", "dates", "time", "times", "timestamp", "timestamps", "datetime", "ds", "stamp",
    "year", "years", "quarter", "quarters", "month", "months", "week", "weeks", "day", "days",
    "hour", "period", "epoch", "unix", "utc", "datum", "zeit", "zeitstempel", "zeitpunkt",
    "jahr", "quartal", "monat", "woche", "tag", "fecha", "data", "mois",
})  # fmt: skip
_COUNTS = ("%Y", "%Y%m", *EPOCHS)  # numbers that need a name to be stamps


def guess_time_column(table: Table) -> str | None:
    """The first column of time stamps, sorted or not; names like `date` take precedence.

    Years, months as 202001 and seconds since 1970 are numbers: the column needs such a name.
    A column with such a name may have a few faulty stamps: reading it reports them.

    Args:
        table: Table of texts, from `peek`.
    """
    fallback = None
    for column in map(str, table.frame.columns):
        words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+", column)
        named = any(word.lower() in _TIME_WORDS for word in [*words, column])
        reading = glance(table.text(column))
        if reading is None or not (named or reading.style.pattern not in _COUNTS):
            continue
        if reading.good.mean() < (0.8 if named else 1.0):
            continue
        if named:
            return column
        fallback = fallback or column
    return fallback
