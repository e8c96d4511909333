"""Frequencies: regular time stamps as integers, so that gaps and future stamps are arithmetic.

The seasonality by frequency: seconds, a minute; minutes and hours, a day; days, a week; business
days, 5 steps; weeks, 52; months, 12; quarters, 4; years, 1. For a step of several units, it is
divided by their number; if the result is not whole, it is 1.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

SECOND = 1_000_000  # microseconds
MINUTE, HOUR, DAY = 60 * SECOND, 3600 * SECOND, 86_400 * SECOND
WEEK = 7 * DAY
MONTH_END = 31
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_WEEKDAY_WORDS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_EPOCH_WEEKDAY = 3  # 1970-01-01 was a Thursday
_FIXED_UNITS = (("D", DAY), ("h", HOUR), ("min", MINUTE), ("s", SECOND), ("ms", 1000), ("us", 1))


@dataclass(frozen=True)
class Frequency:
    """A grid of time stamps: each stamp of the grid has an integer, its ordinal.

    Attributes:
        alias: Alias of pandas: "30min", "h", "D", "B", "W-SUN", "MS", "QE-DEC"; "step" for counted
            rows.
        season: Steps in one season.
        words: Text for sentences: "hourly", "weekly on Saturdays".
        kind: "fixed", "month", "business" or "step".
        every: A step, in microseconds ("fixed") or months ("month").
        phase: Offset of the grid: its first stamp from 1970 on, in units of `every`.
        day: Day of the month of every stamp; shorter months have their last day.
        clock: Time of day of every stamp, in microseconds ("month" and "business").
    """

    alias: str
    season: int
    words: str
    kind: str = "fixed"
    every: int = 1
    phase: int = 0
    day: int = 1
    clock: int = 0

    def ordinals(self, stamps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Ordinals of stamps.

        Args:
            stamps: (R,) datetime64, or row numbers for "step".

        Returns:
            (R,) int64 ordinal of the last grid stamp at or before each stamp, and (R,) whether the
            stamp is on the grid.
        """
        if self.kind == "step":
            places = stamps.astype(np.int64)
            return places, np.ones(len(places), dtype=bool)
        stamps = stamps.astype("datetime64[us]")
        if self.kind == "fixed":
            times = stamps.astype(np.int64) - self.phase
            places = times // self.every  # many times faster than divmod
            return places, places * self.every == times
        if self.kind == "business":
            days = (stamps - np.timedelta64(self.clock, "us")).astype("datetime64[D]")
            return _business_ordinals(days), self._fits(stamps)
        places = (stamps.astype("datetime64[M]").astype(np.int64) - self.phase) // self.every
        return places - (self.stamps(places) > stamps), self._fits(stamps)

    def stamps(self, ordinals: np.ndarray) -> np.ndarray:
        """datetime64[us] stamps of the given ordinals (row numbers for "step")."""
        places = np.asarray(ordinals, dtype=np.int64)
        if self.kind == "step":
            return places
        if self.kind == "fixed":
            return (places * self.every + self.phase).astype("datetime64[us]")
        if self.kind == "business":
            first = np.datetime64("1970-01-01", "D")
            days = np.asarray(np.busday_offset(first, places))
        else:
            months = (places * self.every + self.phase).astype("datetime64[M]")
            days = months.astype("datetime64[D]") + np.minimum(self.day, month_lengths(months)) - 1
        return np.asarray(days.astype("datetime64[us]") + np.timedelta64(self.clock, "us"))

    def _fits(self, stamps: np.ndarray) -> np.ndarray:
        if self.kind == "business":
            days = stamps.astype("datetime64[D]")
            return np.asarray((clocks(stamps) == self.clock) & np.is_busday(days))
        months = stamps.astype("datetime64[M]").astype(np.int64) - self.phase
        return np.asarray(
            (months % self.every == 0) & (self.stamps(months // self.every) == stamps)
        )

    def to_json(self) -> dict[str, Any]:
        """All fields, for `from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Frequency:
        """The frequency of the fields from `to_json`."""
        return cls(**fields)


STEPS = Frequency("step", 1, "counted", kind="step")
"""The grid of a table without time: ordinals are row numbers."""


def fixed(every: int, phase: int) -> Frequency:
    """Steps of equal length, in microseconds."""
    if every % WEEK == 0:
        weeks, weekday = every // WEEK, (phase // DAY + _EPOCH_WEEKDAY) % 7
        name = _WEEKDAY_WORDS[weekday]
        words = f"weekly on {name}s" if weeks == 1 else f"every {weeks} weeks on {name}s"
        alias = f"{_count(weeks)}W-{WEEKDAYS[weekday]}"
        return Frequency(alias, _share(52, weeks), words + _at(phase % DAY), "fixed", every, phase)
    unit, length = next((u, n) for u, n in _FIXED_UNITS if every % n == 0)
    count = every // length
    singular, plural = {
        "D": ("daily", "days"),
        "h": ("hourly", "hours"),
        "min": ("every minute", "minutes"),
        "s": ("every second", "seconds"),
        "ms": ("every millisecond", "milliseconds"),
        "us": ("every microsecond", "microseconds"),
    }[unit]
    words = singular if count == 1 else f"every {count} {plural}"
    season = next(span for limit, span in _SEASONS if every >= limit)
    return Frequency(
        f"{_count(count)}{unit}",
        _share(season, every),
        words + (_at(phase % DAY) if unit == "D" else ""),
        "fixed",
        every,
        phase,
    )


_SEASONS = ((DAY, WEEK), (MINUTE, DAY), (SECOND, MINUTE), (0, SECOND))


def monthly(every: int, phase: int, day: int, clock: int) -> Frequency:
    """Steps of months, on one day of the month; MONTH_END is the last day.

    Args:
        every: Months in a step.
        phase: A month on the grid, counted from January 1970, less than `every`.
        day: Day of the month.
        clock: Time of day in microseconds.
    """
    letter = "E" if day == MONTH_END else "S"
    if every % 12 == 0:
        alias = f"{_count(every // 12)}Y{letter}-{MONTHS[phase % 12]}"
        words = "yearly" if every == 12 else f"every {every // 12} years"
        words += f" in {_MONTH_WORDS[phase % 12]}"
    elif every == 3:
        # pandas names quarters by the month in which the year's first begins or its last ends
        alias = f"Q{letter}-{MONTHS[phase % 3 + (9 if letter == 'E' else 0)]}"
        words = "quarterly"
    else:
        alias = f"{_count(every)}M{letter}"
        words = "monthly" if every == 1 else f"every {every} months"
    if day == MONTH_END:
        words += " at month end"
    elif day != 1:
        words += f" on day {day}"
    return Frequency(
        alias, _share(12, every), words + _at(clock), "month", every, phase, day, clock
    )


_MONTH_WORDS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip


def business(clock: int) -> Frequency:
    """Monday to Friday at one time of day, in microseconds."""
    return Frequency("B", 5, "every business day" + _at(clock), "business", clock=clock)


def clocks(stamps: np.ndarray) -> np.ndarray:
    """Time of day of stamps, in microseconds."""
    return np.asarray(stamps.astype("datetime64[us]").astype(np.int64) % DAY)


def month_lengths(months: np.ndarray) -> np.ndarray:
    """Days in each month (datetime64[M])."""
    first = months.astype("datetime64[D]")
    return np.asarray(((months + 1).astype("datetime64[D]") - first).astype(np.int64))


def _business_ordinals(days: np.ndarray) -> np.ndarray:
    """Business days since 1970-01-01; a weekend day has the number of its Friday."""
    first = np.datetime64("1970-01-01", "D")
    friday = np.busday_offset(days, 0, roll="backward")
    return np.asarray(np.busday_count(first, friday), dtype=np.int64)


def _count(number: int) -> str:
    return "" if number == 1 else str(number)


def _share(season: int, every: int) -> int:
    return season // every if season % every == 0 else 1


def _at(clock: int) -> str:
    """Text for a time of day; empty at midnight."""
    if not clock:
        return ""
    minutes, rest = divmod(clock, MINUTE)
    return f" at {minutes // 60:02d}:{minutes % 60:02d}" + (f":{rest / SECOND:02g}" if rest else "")
