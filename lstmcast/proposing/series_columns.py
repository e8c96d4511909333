"""The columns that identify the series of a long table."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from lstmcast.errors import DataError
from lstmcast.tables.read import Table

PARTS = frozenset({"year", "quarter", "month", "week", "day", "hour", "minute"})
"""Names of columns that together can be one time stamp."""


def find_series(table: Table, time: str, names: Sequence[str]) -> list[str]:
    """The fewest columns that, together with the time, identify each row of a long table.

    Columns of text or whole numbers are tried, alone and up to three together; whole numbers only
    where they make about as many series as there are rows with one stamp, since any column of
    counts tells rows apart here and there. A few repeats are left for the reader to report.

    Args:
        table: With the time as text.
        time: The column of stamps.
        names: The columns that may be meant.

    Returns:
        Nothing where no stamp repeats, or where nothing explains that they do.

    Raises:
        DataError: Several choices are as good, or the stamps are spread over several columns.
    """
    stamps = codes_of(table, time)
    rows, per_stamp = len(stamps), np.bincount(stamps)
    repeats = rows - len(per_stamp)
    if not repeats:
        return []
    _refuse_parts(table, time, stamps, names)
    codes = {name: codes_of(table, name) for name in names if _may_name_series(table, name)}
    codes = {name: code for name, code in codes.items() if 1 < code.max() + 1 <= rows / 2}
    allowed = min(repeats // 10, rows // 100)
    for size in (1, 2, 3):
        found: dict[tuple[str, ...], np.ndarray] = {}
        for chosen in combinations(codes, size):
            groups = joint_codes([codes[name] for name in chosen])
            left = rows - len(np.unique(joint_codes([groups, stamps])))
            numbers = any(is_numeric(table, name) for name in chosen)
            if left <= allowed and not (numbers and groups.max() + 1 > 2 * per_stamp.max()):
                found[chosen] = groups
        found = _different(_best(table, found))
        if len(found) > 1:
            words = " or ".join(f"'{', '.join(chosen)}'" for chosen in found)
            raise DataError(
                f"{table.name}: time stamps of '{time}' repeat, and {words} could identify the "
                f"series; choose with -s data.series={','.join(next(iter(found)))}"
            )
        if found:
            return list(next(iter(found)))
    return []


def _refuse_parts(table: Table, time: str, stamps: np.ndarray, names: Sequence[str]) -> None:
    """Refuse columns such as year and month that are one time stamp together."""
    parts = [name for name in names if name.strip().lower() in PARTS]
    parts = [name for name in parts if is_numeric(table, name)]
    if not parts:
        return
    joint = joint_codes([stamps, *(codes_of(table, name) for name in parts)])
    if joint.max() > stamps.max():
        listed = ", ".join(f"'{name}'" for name in (time, *parts))
        raise DataError(
            f"{table.name}: the time stamps are spread over the columns {listed}; join them in "
            "one column, such as 2024-01-31 or 2024-01-31 13:00"
        )


def is_numeric(table: Table, name: str) -> bool:
    """Whether a column was read as numbers."""
    return pd.api.types.is_numeric_dtype(table.frame[name].dtype)


def _may_name_series(table: Table, name: str) -> bool:
    """Whether a column is text or whole numbers, without an empty cell."""
    cells = table.frame[name]
    if pd.api.types.is_float_dtype(cells.dtype) or pd.api.types.is_bool_dtype(cells.dtype):
        return False
    return not (cells.isna().any() or (not is_numeric(table, name) and (cells == "").any()))


def codes_of(table: Table, name: str) -> np.ndarray:
    """(R,) a number for each different cell of a column, from 0."""
    codes = pd.factorize(table.frame[name], use_na_sentinel=False)[0]
    return np.asarray(codes, dtype=np.int64)


def joint_codes(codes: Sequence[np.ndarray]) -> np.ndarray:
    """(R,) a number for each different combination of codes, from 0."""
    joint = codes[0]
    for code in codes[1:]:
        joint = np.unique(joint * (code.max() + 1) + code, return_inverse=True)[1]
    return joint


def _best(
    table: Table, found: dict[tuple[str, ...], np.ndarray]
) -> dict[tuple[str, ...], np.ndarray]:
    """The choices that consist of text columns only, if any; else all."""
    texts = {
        chosen: groups
        for chosen, groups in found.items()
        if not any(is_numeric(table, name) for name in chosen)
    }
    return texts or found


def _different(found: dict[tuple[str, ...], np.ndarray]) -> dict[tuple[str, ...], np.ndarray]:
    """Choices that divide the table differently, without those that only refine another."""
    kept: dict[tuple[str, ...], np.ndarray] = {}
    for chosen, groups in sorted(found.items(), key=lambda item: int(item[1].max())):
        if all(joint_codes([groups, other]).max() > groups.max() for other in kept.values()):
            kept[chosen] = groups
    return kept
