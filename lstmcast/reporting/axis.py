"""The time axis of all charts of a page, and the calendar names of its positions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lstmcast.errors import ConfigError, DataError
from lstmcast.stamps.frequency import infer_frequency
from lstmcast.stamps.timestamps import parse_stamps

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
HOURS = tuple(f"{hour:02}" for hour in range(24))
QUARTERS = ("Q1", "Q2", "Q3", "Q4")

_UNITS = {"us": "h", "ms": "h", "s": "h", "min": "h", "h": "h", "D": "D", "B": "D", "W": "W"}


@dataclass(frozen=True)
class Axis:
    """Every time stamp of a page once, in order.

    Attributes:
        kind: "date", "linear" (counted rows) or "category" (time stamps that cannot be parsed).
        texts: (P,) as the table writes them.
        marks: (P,) as plotly takes them.
        stamps: (P,) datetime64[us]; None unless dates.
        unit: "h", "D", "W", "M", "Q" or "Y" of dates; "h" also for shorter steps.
        season: Steps in a season.
    """

    kind: str
    texts: list[str]
    marks: list[str] | list[int]
    stamps: np.ndarray | None
    unit: str
    season: int

    def places(self, times: pd.Categorical) -> np.ndarray:
        """Positions of time stamps on the axis, which contains all of them."""
        return np.asarray(pd.Index(self.texts).get_indexer(times.categories)[times.codes])


@dataclass(frozen=True)
class Names:
    """Names of positions, such as their weekday.

    Attributes:
        title: Kind of the names.
        labels: (K,) names in order.
        codes: (P,) number of each place's label.
    """

    title: str
    labels: list[str]
    codes: np.ndarray


def axis_of(
    tables: Sequence[np.ndarray], timed: bool, time_format: str, alias: str, season: int
) -> Axis:
    """The axis for columns of time stamps.

    Args:
        tables: Stamps of each table, as it writes them, each at least once.
        timed: Whether they are stamps; otherwise row numbers.
        time_format: As `data.time_format` says.
        alias: Of the frequency; empty: infer it.
        season: Steps in a season; 0: infer it.
    """
    texts = pd.unique(np.concatenate([np.asarray(table, dtype=object) for table in tables]))
    if not timed:
        rows = np.sort(texts.astype(np.int64))
        return Axis("linear", [str(r) for r in rows], rows.tolist(), None, "", max(season, 1))
    stamps = read_times(texts, time_format)
    if stamps is None:
        return Axis("category", list(texts), list(texts), None, "", max(season, 1))
    order = np.argsort(stamps, kind="stable")
    stamps = stamps[order]
    if not alias:
        alias, season = presumed(stamps)
    marks = np.datetime_as_string(stamps, unit="s" if _has_clock(stamps) else "D")
    if (stamps != stamps.astype("datetime64[s]")).any():
        marks = np.datetime_as_string(stamps, unit="us")
    return Axis(
        "date", [texts[k] for k in order], marks.tolist(), stamps, unit_of(alias), max(season, 1)
    )


def read_times(texts: np.ndarray, time_format: str) -> np.ndarray | None:
    """datetime64[us]; None if the time stamps do not show which part is the day."""
    for form in dict.fromkeys((time_format, "day_first", "month_first")):
        try:
            return parse_stamps(texts, form).values
        except (DataError, ConfigError):
            continue
    return None


def presumed(stamps: np.ndarray) -> tuple[str, int]:
    """Frequency alias and season of sorted stamps."""
    try:
        found = infer_frequency(stamps, np.zeros(len(stamps), dtype=np.int64))
    except DataError:
        return "D", 1
    return found.alias, found.season


def unit_of(alias: str) -> str:
    """The calendar unit of a frequency's steps."""
    name = re.sub(r"^\d+", "", alias).partition("-")[0]
    return _UNITS.get(name, name[:1])


def _has_clock(stamps: np.ndarray) -> bool:
    return bool((stamps != stamps.astype("datetime64[D]")).any())


def season_names(axis: Axis) -> Names | None:
    """The step of the season of each position; None without a season."""
    if axis.stamps is None:
        if axis.season < 2:
            return None
        codes = np.arange(len(axis.texts)) % axis.season
        if axis.kind == "linear":
            codes = (np.array(axis.marks) - 1) % axis.season
        return Names("step of the season", [str(k + 1) for k in range(axis.season)], codes)
    parts = {
        "h": ("hour of the day", HOURS, hours(axis.stamps)),
        "D": ("day of the week", WEEKDAYS, weekdays(axis.stamps)),
        "W": ("month", MONTHS, months(axis.stamps)),
        "M": ("month", MONTHS, months(axis.stamps)),
        "Q": ("quarter", QUARTERS, months(axis.stamps) // 3),
    }
    if axis.unit not in parts:
        return None
    title, labels, codes = parts[axis.unit]
    return Names(title, list(labels), codes)


def calendar_names(axis: Axis) -> tuple[Names, Names] | None:
    """Rows and columns of a calendar; None for a table without time and season."""
    if axis.stamps is None:
        within = season_names(axis)
        if within is None:
            return None
        number = np.arange(len(axis.texts)) // axis.season
        if axis.kind == "linear":
            number = (np.array(axis.marks) - 1) // axis.season
        return _numbered("season", number, 1), within
    if axis.unit == "h":
        return Names("", list(WEEKDAYS), weekdays(axis.stamps)), Names(
            "hour of the day", list(HOURS), hours(axis.stamps)
        )
    if axis.unit == "D":
        days = axis.stamps.astype("datetime64[D]")
        mondays, codes = np.unique(days - weekdays(axis.stamps), return_inverse=True)
        return Names("", list(WEEKDAYS), weekdays(axis.stamps)), Names(
            "week of", [str(day) for day in mondays], codes
        )
    years = _numbered("", axis.stamps.astype("datetime64[Y]").astype(np.int64), 1970)
    if axis.unit == "W":
        days = axis.stamps.astype("datetime64[D]")
        weeks = (days - days.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64) // 7
        return years, Names("week of the year", [str(k + 1) for k in range(53)], weeks)
    within = season_names(axis)
    if within is not None:
        return years, within
    return Names("", [""], np.zeros(len(axis.texts), dtype=np.int64)), years


def _numbered(title: str, numbers: np.ndarray, first: int) -> Names:
    """Whole numbers from the lowest to the highest as names."""
    low, high = int(numbers.min()), int(numbers.max())
    return Names(title, [str(k + first) for k in range(low, high + 1)], numbers - low)


def weekdays(stamps: np.ndarray) -> np.ndarray:
    """0 for Monday; 1970 began on a Thursday."""
    return np.asarray((stamps.astype("datetime64[D]").astype(np.int64) + 3) % 7)


def hours(stamps: np.ndarray) -> np.ndarray:
    """0 to 23."""
    return np.asarray(stamps.astype("datetime64[h]").astype(np.int64) % 24)


def months(stamps: np.ndarray) -> np.ndarray:
    """0 for January."""
    return np.asarray(stamps.astype("datetime64[M]").astype(np.int64) % 12)
