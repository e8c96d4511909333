"""Time stamps -> calendar features, which are known for future steps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lstmcast.errors import ConfigError, nearest
from lstmcast.stamps.infer_frequency import DAY, HOUR, WEEK, Frequency, clocks, month_lengths


def suggested(frequency: Frequency) -> tuple[str, ...]:
    """The calendar features that suit this frequency."""
    if frequency.kind == "fixed" and frequency.every < DAY:
        return ("hour", "day_of_week")
    if frequency.kind == "business" or (frequency.kind == "fixed" and frequency.every < WEEK):
        return ("day_of_week", "day_of_year")
    if frequency.kind == "fixed":
        return ("day_of_year",)
    return ("month",) if frequency.kind == "month" and frequency.every < 12 else ()


def calendar_columns(names: Sequence[str], stamps: np.ndarray) -> dict[str, np.ndarray]:
    """Calendar features of time stamps.

    A periodic feature becomes the sine and cosine of an angle, so that 23:00 is close to 0:00.
    `year` is in decades since 2000; `weekend` is 1 on weekends.

    Args:
        names: Features, as in `data.calendar`.
        stamps: (R,) datetime64[us].

    Returns:
        (R,) float64 from about -1 to 1, by column name: `hour (sin)`, `hour (cos)`.
    """
    columns: dict[str, np.ndarray] = {}
    for name in names:
        if name == "year":
            columns[name] = (_years(stamps) - 2000) / 10
        elif name == "weekend":
            columns[name] = (_weekdays(stamps) >= 5).astype(np.float64)
        else:
            angle = 2 * np.pi * _turns(name, stamps)
            columns[f"{name} (sin)"], columns[f"{name} (cos)"] = np.sin(angle), np.cos(angle)
    return columns


def _turns(name: str, stamps: np.ndarray) -> np.ndarray:
    """(R,) share of the period that has passed at each stamp, from 0 to below 1."""
    days = stamps.astype("datetime64[D]")
    months = stamps.astype("datetime64[M]")
    day_of_month = (days - months.astype("datetime64[D]")).astype(np.int64)
    first = stamps.astype("datetime64[Y]").astype("datetime64[D]")
    day_of_year = (days - first).astype(np.int64)
    month = months.astype(np.int64) % 12
    year_length = 365 + _leap(_years(stamps))
    parts = {
        "minute": clocks(stamps) % HOUR / HOUR,
        "hour": clocks(stamps) / DAY,
        "day_of_week": _weekdays(stamps) / 7,
        "day_of_month": day_of_month / month_lengths(months),
        "day_of_year": day_of_year / year_length,
        "week": day_of_year // 7 / 53,
        "month": month / 12,
        "quarter": month // 3 / 4,
    }
    return np.asarray(parts[name])


def _weekdays(stamps: np.ndarray) -> np.ndarray:
    """(R,) 0 for Monday to 6 for Sunday; 1970-01-01 was a Thursday."""
    return np.asarray((stamps.astype("datetime64[D]").astype(np.int64) + 3) % 7)


def _years(stamps: np.ndarray) -> np.ndarray:
    return np.asarray(stamps.astype("datetime64[Y]").astype(np.int64) + 1970)


def _leap(years: np.ndarray) -> np.ndarray:
    return np.asarray((years % 4 == 0) & ((years % 100 != 0) | (years % 400 == 0)))


def holiday_column(place: str, stamps: np.ndarray) -> np.ndarray:
    """(R,) 1 on the public holidays of a country, or a part of it, and 0 on other days.

    Args:
        place: A name of the package `holidays`, such as `DE` or `US-CA`.
        stamps: (R,) datetime64[us].

    Raises:
        ConfigError: The package is missing, or does not know the place.
    """
    try:
        import holidays
    except ImportError:
        raise ConfigError(
            "data.holidays needs the package holidays: pip install 'lstmcast[holidays]'"
        ) from None
    country, _, part = place.partition("-")
    known = holidays.list_supported_countries()
    if country not in known:
        raise ConfigError(
            f"data.holidays: there is no country '{country}'; {nearest(country, known)}"
        )
    if part and part not in known[country]:
        raise ConfigError(
            f"data.holidays: {country} has no part '{part}'; {nearest(part, known[country])}"
        )
    years = range(int(_years(stamps.min())), int(_years(stamps.max())) + 1)
    days = holidays.country_holidays(country, subdiv=part or None, years=years)
    listed = np.array(sorted(days), dtype="datetime64[D]")
    return np.isin(stamps.astype("datetime64[D]"), listed).astype(np.float64)
