"""A column of time stamps -> datetime64 and their style, decided on all rows."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lstmcast.errors import DataError
from lstmcast.stamps.stamp_patterns import ACCEPTED, EPOCHS, patterns_of
from lstmcast.stamps.stamp_reading import Reading, read_stamps, zone_minutes
from lstmcast.stamps.stamp_style import StampStyle, check_pattern, tokens
from lstmcast.tables.csv_numbers import quoted

__all__ = ["StampStyle", "Stamps", "parse_stamp", "parse_stamps"]

_PROBES = 100
_DAY = 86_400_000_000  # microseconds


@dataclass(frozen=True)
class Stamps:
    """A column of time stamps.

    Attributes:
        values: (R,) datetime64[us]: wall time; UTC if zones change and steps are below a day.
        style: How the column writes them.
    """

    values: np.ndarray
    style: StampStyle


def parse_stamps(
    texts: np.ndarray | pa.Array,
    time_format: str = "auto",
    where: Callable[[int], str] = lambda row: f"row {row + 1}",
    column: str = "time",
    table: str = "",
) -> Stamps:
    """Parse a column of time stamps, all in one format.

    All rows decide whether 03/04/2020 is in March or in April: by a number above 12, otherwise by
    the reading that gives a regular sequence.

    Args:
        texts: (R,) object array of str, or Arrow array of strings.
        time_format: `auto`, `day_first`, `month_first` or a strptime pattern.
        where: Text for a row, counted from 0.
        column: Name of the column, for messages.
        table: Name of the table, for messages.

    Raises:
        DataError: Some rows are not stamps or differ in format, or the format is ambiguous.
        ConfigError: `time_format` is not a pattern.
    """
    place = f"{table}: column '{column}'" if table else f"column '{column}'"
    cells = _cells(texts)
    patterns = _candidates(cells, time_format)
    if not patterns:
        raise DataError(_no_pattern(_objects(texts), time_format, where, place))
    readings = [read_stamps(cells, pattern) for pattern in patterns]
    most = max(int(reading.good.sum()) for reading in readings)
    readings = [reading for reading in readings if reading.good.sum() == most]
    if most < len(texts):
        raise DataError(_faults(_objects(texts), readings[0], where, place))
    first = readings[0]
    differ = [reading for reading in readings[1:] if (reading.values != first.values).any()]
    if differ:
        first = _most_regular([first, *differ], _objects(texts), place)
    return _settle_zone(first)


def glance(texts: np.ndarray) -> Reading | None:
    """The most likely reading of a column that may hold time stamps; None if there is none."""
    return next(iter(possible_readings(texts)), None)


def possible_readings(texts: np.ndarray | pa.Array, time_format: str = "auto") -> list[Reading]:
    """All likely readings of a column; the first fits most rows, perhaps not all."""
    cells = _cells(texts)
    readings = [read_stamps(cells, pattern) for pattern in _candidates(cells, time_format)]
    return sorted(readings, key=lambda reading: -int(reading.good.sum()))


def parse_stamp(text: str, style: StampStyle | None = None) -> np.datetime64:
    """Parse one time stamp from the user, such as a split's first day.

    Args:
        text: A stamp in the column's format, or in any unambiguous format.
        style: Style of the column to compare the stamp with.

    Returns:
        datetime64[us] on the column's clock; a text without zone is in the column's zone.

    Raises:
        DataError: The text is not a time stamp, or is ambiguous.
    """
    cells = pa.array([text.strip()], pa.string())
    patterns = patterns_of(text.strip())
    readings = [read_stamps(cells, pattern) for pattern in patterns]
    own = "" if style is None else style.pattern.replace("%-", "%")
    if own and (own not in EPOCHS or own in patterns):  # any number could be seconds
        reading = read_stamps(cells, own)
        readings = [reading] if reading.good[0] else readings
    values = {reading.values[0]: reading for reading in readings if reading.good[0]}
    if not values:
        raise DataError(f"'{text}' is not a time stamp: write it as {ACCEPTED}")
    if len(values) > 1:
        raise DataError(f"'{text}' is ambiguous: write it as 2020-12-31")
    stamp, reading = values.popitem()
    if style is None:
        return np.datetime64(stamp, "us")
    if reading.offsets is not None and style.zone and not style.zone_changes:
        ahead = zone_minutes(style.zone) - int(reading.offsets[0])
        stamp = stamp + np.timedelta64(ahead, "m")
    return np.datetime64(stamp - np.timedelta64(style.shift, "m"), "us")


def _candidates(cells: pa.Array, time_format: str) -> list[str]:
    """The patterns that fit most of about a hundred cells, or nearly as many."""
    if time_format not in ("auto", "day_first", "month_first"):
        check_pattern(time_format)
        return [time_format]
    step = max(1, len(cells) // _PROBES)
    probes = pc.unique(cells.take(pa.array(np.arange(0, len(cells), step))))
    possible = dict.fromkeys(p for text in probes.to_pylist() for p in patterns_of(text))
    if time_format != "auto":
        possible = {p: None for p in possible if _order(p) == time_format}
    fits = {pattern: int(read_stamps(probes, pattern).good.sum()) for pattern in possible}
    most = max(fits.values(), default=0)
    if not most:
        return list(possible)[:1]
    close = sorted((p for p in fits if fits[p] >= 0.9 * most), key=lambda p: -fits[p])
    # 2020010123 could be seconds, but seconds rarely look like dates.
    return [p for p in close if p not in EPOCHS] or close


def _order(pattern: str) -> str:
    """`day_first`, `month_first` or empty."""
    letters = [token[-1] for token in tokens(pattern) if token[0] == "%"]
    if "d" not in letters:
        return ""
    return {"d": "day_first", "m": "month_first", "b": "month_first", "B": "month_first"}.get(
        letters[0], ""
    )


def _most_regular(readings: list[Reading], texts: np.ndarray, place: str) -> Reading:
    """The reading whose stamps have the fewest gaps, otherwise the only one in rising order.

    Example: with days and months swapped, the first days of all months of two years become twelve
    days in each of two Januaries, with eleven empty months between them.
    """
    fills = np.array([_fill(reading.values) for reading in readings])
    best, second = np.sort(fills)[::-1][:2]
    if best >= 0.5 and best >= 2 * second:
        return readings[int(fills.argmax())]
    rising = [
        reading for reading in readings if (np.diff(reading.values.view(np.int64)) >= 0).all()
    ]
    if len(rising) == 1 and len(texts) > 2:
        return rising[0]
    words = " and ".join(reading.style.words for reading in readings)
    raise DataError(
        f"{place}: time stamps like '{texts[0]}' can be read as {words}, and no row decides "
        "between them: set data.time_format to day_first, month_first or a strptime pattern"
    )


def _fill(stamps: np.ndarray) -> float:
    """Share of the steps between first and last stamp that have a stamp."""
    known = np.unique(stamps)
    if len(known) < 3:
        return 1.0
    months = known.astype("datetime64[M]")
    if len(np.unique(known - months.astype("datetime64[us]"))) == 1:
        known = months  # the same day each time: steps are months
    ticks = known.astype(np.int64)
    steps, counts = np.unique(np.diff(ticks), return_counts=True)
    return float((len(ticks) - 1) * steps[np.argmax(counts)] / (ticks[-1] - ticks[0]))


def _settle_zone(reading: Reading) -> Stamps:
    """Choose between wall time and UTC, and choose the zone for writing stamps."""
    if reading.offsets is None or reading.zones is None:
        return Stamps(reading.values, reading.style)
    universal = reading.values - reading.offsets.astype("timedelta64[m]")
    last = int(np.flatnonzero(universal == universal.max())[-1])
    style = replace(reading.style, zone=str(reading.zones[last]))
    if (reading.offsets == reading.offsets[0]).all():
        return Stamps(reading.values, style)
    steps = np.diff(np.unique(universal))
    if len(steps) and np.median(steps.astype(np.int64)) > 0.9 * _DAY:  # days of 23 to 25 hours
        return Stamps(reading.values, replace(style, zone_changes=_zone_changes(reading)))
    return Stamps(universal, replace(style, shift=int(reading.offsets[last])))


def _zone_changes(reading: Reading) -> tuple[tuple[np.datetime64, str], ...]:
    """The first stamp of each zone, in order of time."""
    assert reading.zones is not None
    order = np.argsort(reading.values, kind="stable")
    values, zones = reading.values[order], reading.zones[order]
    begins = np.flatnonzero(np.append(True, zones[1:] != zones[:-1]))
    return tuple((values[k], str(zones[k])) for k in begins)


def _cells(texts: np.ndarray | pa.Array | pa.ChunkedArray) -> pa.Array:
    """(R,) strings in one array, without surrounding spaces."""
    if isinstance(texts, pa.ChunkedArray):  # `pa.array` would convert it string by string
        texts = pa.concat_arrays(texts.chunks) if texts.num_chunks else pa.array([], pa.string())
    cells = texts.cast(pa.string()) if isinstance(texts, pa.Array) else pa.array(texts, pa.string())
    return pc.utf8_trim_whitespace(cells)


def _objects(texts: np.ndarray | pa.Array | pa.ChunkedArray) -> np.ndarray:
    """(R,) object array of str, for messages."""
    return texts if isinstance(texts, np.ndarray) else np.array(texts.to_pylist(), dtype=object)


def _faults(texts: np.ndarray, reading: Reading, where: Callable[[int], str], place: str) -> str:
    rows = np.flatnonzero(~reading.good)
    shown = ", ".join(f"{where(int(row))} {quoted(texts[row])}" for row in rows[:3])
    words = reading.style.words
    return (
        f"{place}: {len(rows):,} of {len(texts):,} time stamps do not have the form {words}: "
        f"{shown}{', ...' if len(rows) > 3 else ''}: correct them, or set data.time_format"
    )


def _no_pattern(
    texts: np.ndarray, time_format: str, where: Callable[[int], str], place: str
) -> str:
    rows = [row for row, text in enumerate(texts) if text.strip()] or [0]
    if not len(texts):
        return f"{place}: there are no rows"
    shown = f"{where(rows[0])} {quoted(texts[rows[0]])}"
    if time_format != "auto" and patterns_of(texts[rows[0]].strip()):
        return (
            f"{place}: time stamps like {shown} cannot be read {time_format.replace('_', ' ')}: "
            "set data.time_format to auto"
        )
    if re.fullmatch(r"[1-9]\d{4}(\.\d+)?", texts[rows[0]].strip()):
        return f"{place}: {shown} may be an Excel day number: save the column as a date"
    return (
        f"{place}: {shown} is not a time stamp: write stamps as {ACCEPTED}, or set "
        "data.time_format to a strptime pattern"
    )
