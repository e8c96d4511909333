"""Columns derived from a table: calendar, holidays, lags, masks of missing values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lstmcast.config import DataConfig
from lstmcast.errors import ConfigError
from lstmcast.panel.panel import Panel
from lstmcast.stamps.calendar import calendar_columns, holiday_column, suggested
from lstmcast.stamps.infer_frequency import DAY, Frequency

Derived = dict[str, np.ndarray]

OBSERVED = " (observed)"
"""End of the name of a mask."""


@dataclass(frozen=True)
class Wanted:
    """The derived columns that a config selects.

    Attributes:
        calendar: Names of calendar features.
        holidays: Country code; None: no holidays.
        near: Lags shorter than the horizon, known up to the origin.
        far: Other lags, known ahead.
        masks: Whether each target and past column gets a mask of its observed values.
        ahead: Rows added to each series, because derived columns are known there.
    """

    calendar: tuple[str, ...]
    holidays: str | None
    near: tuple[int, ...]
    far: tuple[int, ...]
    masks: bool
    ahead: int

    def __bool__(self) -> bool:
        """Whether there is any derived column."""
        return bool(self.calendar or self.holidays or self.near or self.far or self.masks)


def wanted(frequency: Frequency, config: DataConfig, horizon: int) -> Wanted:
    """The derived columns that a config selects for a table of a frequency."""
    names = suggested(frequency) if config.calendar == "auto" else tuple(config.calendar)
    near = tuple(lag for lag in config.lags if lag < horizon)
    far = tuple(lag for lag in config.lags if lag >= horizon)
    ahead = horizon if names or config.holidays or far else 0
    return Wanted(names, config.holidays, near, far, config.gaps == "mask", ahead)


def depends_on_horizon(config: DataConfig) -> bool:
    """Whether the columns or rows of a panel may depend on the horizon."""
    return bool(config.calendar or config.holidays or config.lags)


def derived_at(panel: Panel, want: Wanted, rows: np.ndarray) -> tuple[Derived, Derived, Derived]:
    """Derived columns at some rows (B,) of a panel, each (B,).

    Returns:
        Near lags with masks; far lags; columns made of stamps.
    """
    masks = _masks(panel, rows) if want.masks else {}
    return (
        {**_lags(panel, rows, want.near), **masks},
        _lags(panel, rows, want.far),
        _of_stamps(panel, rows, want.calendar, want.holidays),
    )


def with_names(panel: Panel, want: Wanted) -> Panel:
    """A panel with the names of its derived columns, but not their values.

    Raises:
        ConfigError: A column has the name of a derived one; the holidays are unknown, or a step is
            longer than a day.
    """
    past, far, stamps = derived_at(panel, want, np.zeros(1, dtype=np.int64))
    _refuse_same_names(panel, [*past, *stamps, *far])
    columns = replace(
        panel.columns,
        past=(*panel.columns.past, *past),
        future=(*panel.columns.future, *far, *stamps),
    )
    masks = [name for name in past if name.endswith(OBSERVED)] if want.masks else []
    lags = (*(name for name in past if name not in masks), *far)
    return replace(panel, columns=columns, lags=lags, unscaled=(*masks, *stamps))


def _masks(panel: Panel, rows: np.ndarray) -> Derived:
    """1 if a value of a target or past column is observed, 0 if it is filled."""
    columns = panel.columns.targets + panel.columns.past
    return {
        f"{name}{OBSERVED}": panel.observed[rows, k].astype(np.float64)
        for k, name in enumerate(columns)
    }


def _lags(panel: Panel, rows: np.ndarray, lags: Sequence[int]) -> Derived:
    """Each target some steps before; NaN before the first row of its series."""
    first = panel.offsets[:-1][panel.series_of(rows)]
    columns = {}
    for lag in lags:
        there = rows - lag >= first
        source = np.where(there, rows - lag, 0)
        for k, name in enumerate(panel.columns.targets):
            columns[f"{name} (lag {lag})"] = np.where(there, panel.values[source, k], np.nan)
    return columns


def _of_stamps(
    panel: Panel, rows: np.ndarray, names: tuple[str, ...], holidays: str | None
) -> Derived:
    if not (names or holidays):
        return {}
    stamps = panel.frequency.stamps(panel.ordinals(rows, panel.series_of(rows)))
    columns = calendar_columns(names, stamps)
    if holidays:
        if not _within_a_day(panel.frequency):
            raise ConfigError(
                f"data.holidays: holidays are days, but a step of this table is longer: it is "
                f"{panel.frequency.words}; remove data.holidays"
            )
        columns["holiday"] = holiday_column(holidays, stamps)
    return columns


def _within_a_day(frequency: Frequency) -> bool:
    return frequency.kind == "business" or (frequency.kind == "fixed" and frequency.every <= DAY)


def _refuse_same_names(panel: Panel, names: list[str]) -> None:
    taken = {*panel.columns.inputs, *panel.columns.static, *panel.series_columns, panel.time}
    for name in names:
        if name in taken:
            raise ConfigError(
                f"column '{name}' has the name of a column that data.calendar, data.holidays, "
                "data.lags or data.gaps adds; rename it in the table"
            )
