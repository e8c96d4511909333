"""Roles of the columns of an unknown table: time, series, targets, possible covariates."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from lstmcast.errors import DataError, join
from lstmcast.proposing.series_columns import codes_of, is_numeric, joint_codes
from lstmcast.stamps.frequency import guess_time_column
from lstmcast.stamps.timestamps import parse_stamps
from lstmcast.tables.csv_numbers import to_numbers
from lstmcast.tables.read import Table

MOST_CATEGORIES = 50
"""Most different cells of a text column that counts as categorical."""
ID_WORDS = frozenset({"id", "uuid", "index", "key", "row", "no", "nr"})
"""Words in the names of columns that may number the rows."""


@dataclass
class Roles:
    """The roles of the columns of a table.

    Attributes:
        time: The column of stamps; None: there is none.
        series: Columns that tell the series of a long table apart.
        target: Columns to forecast.
        past: Columns that might help, numbers or categories.
        future: Those that are known beyond the last row with a target.
        static: Those with one value in each series.
        categorical: Those of the three above that hold text.
        left_out: The others, each with the reason.
    """

    time: str | None
    series: list[str]
    target: list[str]
    past: list[str] = field(default_factory=list)
    future: list[str] = field(default_factory=list)
    static: list[str] = field(default_factory=list)
    categorical: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)


def time_columns(look: Table) -> list[str]:
    """The columns that can be the time, the likeliest first."""
    found: list[str] = []
    while (column := guess_time_column(look)) is not None:
        found.append(column)
        look = replace(look, frame=look.frame.drop(columns=column))
    return found


def assign_roles(
    table: Table, roles: Roles, names: Sequence[str], time_format: str = "auto"
) -> None:
    """Sort the columns without a role into `roles`, in place.

    Without a target every usable column of numbers becomes one, but for those that are known ahead
    of the others. With targets, columns of numbers and of few texts become suggestions.

    Args:
        table: All columns.
        roles: With time and series, and the targets if they are known.
        names: The columns without a role.
        time_format: How the stamps are written, as in `data.time_format`.

    Raises:
        DataError: No column can be forecast, or one of numbers holds some text.
    """
    series = joint_codes([codes_of(table, name) for name in roles.series]) if roles.series else None
    choose = not roles.target
    others: list[str] = []
    for name in names:
        why = _unusable(table, name, strict=choose)
        if why == "text":
            why = _uncategorical(table, name)
            if not why:
                roles.categorical.append(name)
        if why:
            roles.left_out[name] = why
        elif choose and name not in roles.categorical and not _is_static(table, name, series):
            roles.target.append(name)
        else:
            others.append(name)
    if not roles.target:
        _refuse_without_target(table, roles)
    ends = _Ends(table, roles, series, time_format)
    if choose:
        ahead = ends.ahead_of_all(roles.target)
        roles.target = [name for name in roles.target if name not in ahead]
        others = [name for name in names if name in (*others, *ahead)]
    for name in others:
        if _is_static(table, name, series):
            roles.static.append(name)
        elif ends.is_ahead(name, roles.target):
            roles.future.append(name)
        else:
            roles.past.append(name)


def _refuse_without_target(table: Table, roles: Roles) -> None:
    reasons = [f"{name} ({why})" for name, why in roles.left_out.items()]
    reasons += [f"{name} (text)" for name in roles.categorical]
    reasons += [f"{name} (time stamps)" for name in (roles.time,) if name is not None]
    faults = [f"{table.name}: no column has numbers to forecast: {', '.join(reasons)}"]
    words = [name for name, why in roles.left_out.items() if why == "not numbers"]
    if len(words) == 1:  # perhaps it was meant to be one: say what hinders it
        try:
            table.numbers(words[0])
        except DataError as error:
            faults.append(str(error))
    raise join(DataError, faults)


class _Ends:
    """The last known row of columns in each series, to find those that are known ahead."""

    def __init__(
        self, table: Table, roles: Roles, series: np.ndarray | None, time_format: str
    ) -> None:
        self.table, self.time, self.time_format = table, roles.time, time_format
        rows = len(table.frame)
        self.series = np.zeros(rows, dtype=np.int64) if series is None else series

    @cached_property
    def places(self) -> np.ndarray:
        """(R,) rank of each row in the order of time."""
        if self.time is None:
            return np.arange(len(self.series))
        stamps = parse_stamps(
            self.table.strings(self.time),
            self.time_format,
            where=self.table.line,
            column=self.time,
            table=self.table.name,
        )
        return np.unique(stamps.values, return_inverse=True)[1]

    def of(self, names: Sequence[str]) -> np.ndarray:
        """(S,) last rank of each series at which one of the columns is known; -1 if never."""
        known = ~np.logical_and.reduce([_empty(self.table, name) for name in names])
        last = np.full(self.series.max() + 1, -1)
        np.maximum.at(last, self.series[known], self.places[known])
        return last

    def ahead_of_all(self, names: Sequence[str]) -> list[str]:
        """Columns that continue for two steps or more after another has ended, in every series.

        One step may be a value that came late.
        """
        if not any(_empty(self.table, name).any() for name in names):
            return []
        ends = {name: self.of([name]) for name in names}
        first = np.minimum.reduce(list(ends.values()))
        return [name for name, end in ends.items() if (end >= first + 2).all()]

    def is_ahead(self, name: str, targets: Sequence[str]) -> bool:
        """Whether a column is known in every row after the last row with a target."""
        if not _empty(self.table, targets[0]).any():
            return False
        beyond = self.places > self.of(targets)[self.series]
        return bool(beyond.any() and not _empty(self.table, name)[beyond].any())


def _unusable(table: Table, name: str, strict: bool) -> str:
    """Why a column is not a numeric input; empty if it is one.

    Raises:
        DataError: Most of its cells are numbers, and some are not: a fault to be mended.
    """
    try:
        numbers = table.numbers(name)
    except DataError:
        decimal = "." if table.csv is None else table.csv.dialect.decimal
        values, _ = to_numbers(table.text(name), decimal)
        if strict and np.isfinite(values).mean() > 0.5:
            raise
        return "text"
    known = numbers[~np.isnan(numbers)]
    if not known.size:
        return "empty"
    if known.min() == known.max():
        return "one value only"
    if len(known) < len(numbers) / 2:
        return "mostly empty"
    names_rows = any(word.lower() in ID_WORDS for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name))
    if (names_rows or name == table.frame.columns[0]) and (np.diff(numbers) == 1).all():
        return "numbers the rows"
    if names_rows and len(np.unique(numbers)) == len(numbers):
        return "a different number in each row"
    return ""


def _uncategorical(table: Table, name: str) -> str:
    """Why a text column is not categorical; empty if it is."""
    count = int(codes_of(table, name).max()) + 1
    if count == 1:
        return "one value only"
    return "" if count <= min(MOST_CATEGORIES, len(table.frame) / 5) else "not numbers"


def _is_static(table: Table, name: str, series: np.ndarray | None) -> bool:
    """Whether a column has one value in each series."""
    if series is None:
        return False
    return bool(joint_codes([series, codes_of(table, name)]).max() == series.max())


def _empty(table: Table, name: str) -> np.ndarray:
    """(R,) whether a cell is empty."""
    cells = table.frame[name]
    return np.asarray(cells.isna() if is_numeric(table, name) else table.text(name) == "")
