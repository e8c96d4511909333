"""A column of stamps -> datetime64 and the way they are written, decided on all rows."""

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
    """A column of stamps.

    Attributes:
        values: (R,) datetime64[us]: wall time; UTC where zones change within a day's steps.
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
    """Read a column of stamps, all of one form.

    Whether 03/04/2020 is in March or in April is decided on all rows: by a part above 12, else by
    the reading that gives a regular sequence.

    Args:
        texts: (R,) object array of str, or Arrow array of strings.
        time_format: `auto`, `day_first`, `month_first` or a strptime pattern.
        where: Words for a row, counted from 0.
        column: Its name, for messages.
        table: Its table, for messages.

    Raises:
        DataError: Some rows are no stamps or of another form, or the form has two readings.
        ConfigError: `time_format` is no pattern.
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
    """The likeliest reading of a column that may or may not hold stamps; None if none does."""
    return next(iter(possible_readings(texts)), None)


def possible_readings(texts: np.ndarray | pa.Array, time_format: str = "auto") -> list[Reading]:
    """Every likely reading of a column, the one that most rows fit first; rows may not fit."""
    cells = _cells(texts)
    readings = [read_stamps(cells, pattern) for pattern in _candidates(cells, time_format)]
    return sorted(readings, key=lambda reading: -int(reading.good.sum()))


def parse_stamp(text: str, style: StampStyle | None = None) -> np.datetime64:
    """Read one stamp given by the user, such as a split's first day.

    Args:
        text: In the column's form, or any other that can be read one way only.
        style: Of the column that the stamp is compared with.

    Returns:
        datetime64[us] on the column's clock; a text without zone is in the column's zone.

    Raises:
        DataError: The text is no stamp, or may be read two ways.
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
        raise DataError(f"'{text}' is no stamp: write it as {ACCEPTED}")
    if len(values) > 1:
        raise DataError(f"'{text}' has two readings: write it as 2020-12-31")
    stamp, reading = values.popitem()
    if style is None:
        return np.datetime64(stamp, "us")
    if reading.offsets is not None and style.zone and not style.zone_changes:
        ahead = zone_minutes(style.zone) - int(reading.offsets[0])
        stamp = stamp + np.timedelta64(ahead, "m")
    return np.datetime64(stamp - np.timedelta64(style.shift, "m"), "us")


def _candidates(cells: pa.Array, time_format: str) -> list[str]:
    """The patterns that (nearly) as many of some hundred cells fit as fit any."""
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
    # 2020010123 could be seconds, but counts of seconds hardly ever look like dates.
    return [p for p in close if p not in EPOCHS] or close


def _order(pattern: str) -> str:
    """`day_first`, `month_first` or nothing."""
    letters = [token[-1] for token in tokens(pattern) if token[0] == "%"]
    if "d" not in letters:
        return ""
    return {"d": "day_first", "m": "month_first", "b": "month_first", "B": "month_first"}.get(
        letters[0], ""
    )


def _most_regular(readings: list[Reading], texts: np.ndarray, place: str) -> Reading:
    """The reading whose stamps fill their span most densely, else the only one in rising order.

    Read with days and months swapped, the first of every month of two years are twelve days in
    each of two Januaries, with eleven empty months between them.
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
        f"{place}: stamps like '{texts[0]}' can be read as {words}, and no row decides between "
        "these: set data.time_format to day_first, to month_first or to a strptime pattern"
    )


def _fill(stamps: np.ndarray) -> float:
    """Share of the places between first and last stamp that have one; a step is the commonest."""
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
    """Decide between wall time and UTC, and on the zone that stamps are written with."""
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
    """From which stamp on each zone holds, in order of time."""
    assert reading.zones is not None
    order = np.argsort(reading.values, kind="stable")
    values, zones = reading.values[order], reading.zones[order]
    begins = np.flatnonzero(np.append(True, zones[1:] != zones[:-1]))
    return tuple((values[k], str(zones[k])) for k in begins)


def _cells(texts: np.ndarray | pa.Array | pa.ChunkedArray) -> pa.Array:
    """(R,) strings in one piece, without surrounding blanks."""
    if isinstance(texts, pa.ChunkedArray):  # `pa.array` would take it string by string
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
        f"{place}: {len(rows):,} of {len(texts):,} stamps are not of the form {words}: {shown}"
        f"{', ...' if len(rows) > 3 else ''}: correct them, or set data.time_format"
    )


def _no_pattern(
    texts: np.ndarray, time_format: str, where: Callable[[int], str], place: str
) -> str:
    rows = [row for row, text in enumerate(texts) if text.strip()] or [0]
    if not len(texts):
        return f"{place}: there is no row"
    shown = f"{where(rows[0])} {quoted(texts[rows[0]])}"
    if time_format != "auto" and patterns_of(texts[rows[0]].strip()):
        return (
            f"{place}: stamps like {shown} cannot be read {time_format.replace('_', ' ')}: "
            "set data.time_format to auto"
        )
    if re.fullmatch(r"[1-9]\d{4}(\.\d+)?", texts[rows[0]].strip()):
        return f"{place}: {shown} may be an Excel day number: save the column as a date"
    return (
        f"{place}: {shown} is no stamp: write stamps as {ACCEPTED}, or set data.time_format to a "
        "strptime pattern"
    )
