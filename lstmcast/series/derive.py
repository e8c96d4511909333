"""Columns that a panel is given beside those of its table: calendar, holidays, lags, masks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lstmcast.config import DataConfig
from lstmcast.errors import ConfigError
from lstmcast.series.calendar import calendar_columns, holiday_column, suggested
from lstmcast.series.panel import FILLED, Panel
from lstmcast.series.spacing import DAY, Frequency

Derived = dict[str, np.ndarray]


def derive(panel: Panel, config: DataConfig, horizon: int) -> Panel:
    """Add the columns that a config asks for.

    What is known ahead gets rows ahead: every series goes on for one horizon after its last row.

    Args:
        panel: On its grid, with gaps as NaN.
        config: Which columns.
        horizon: H, steps.

    Raises:
        ConfigError: A column has the name of a derived one; holidays are asked for that are not
            known, or of steps longer than a day.
    """
    names = suggested(panel.frequency) if config.calendar == "auto" else tuple(config.calendar)
    if not (names or config.holidays or config.lags or config.gaps == "mask"):
        return panel
    near = [lag for lag in config.lags if lag < horizon]
    far = [lag for lag in config.lags if lag >= horizon]
    if (names or config.holidays or far) and horizon:
        panel = _go_on(panel, horizon)
    masks = _masks(panel) if config.gaps == "mask" else {}
    known_ahead = _of_stamps(panel, names, config.holidays)
    near_lags, far_lags = _lags(panel, near), _lags(panel, far)
    _refuse_twins(panel, [*masks, *known_ahead, *near_lags, *far_lags])
    columns = replace(
        panel.columns,
        past=(*panel.columns.past, *near_lags, *masks),
        future=(*panel.columns.future, *far_lags, *known_ahead),
    )
    split = len(panel.columns.targets + panel.columns.past)
    values = np.column_stack(
        [
            panel.values[:, :split],
            *near_lags.values(),
            *masks.values(),
            panel.values[:, split:],
            *far_lags.values(),
            *known_ahead.values(),
        ]
    )
    return replace(
        panel,
        columns=columns,
        values=values,
        observed=~np.isnan(values),
        lags=(*near_lags, *far_lags),
        unscaled=(*masks, *known_ahead),
    )


def _go_on(panel: Panel, horizon: int) -> Panel:
    """The panel with H more rows behind every series, in which nothing is known."""
    lengths = np.diff(panel.offsets)
    offsets = np.concatenate([[0], np.cumsum(lengths + horizon)])
    places = np.arange(len(panel.values)) + np.repeat(offsets[:-1] - panel.offsets[:-1], lengths)
    values = np.full((offsets[-1], panel.values.shape[1]), np.nan)
    values[places] = panel.values
    source_rows = np.full(offsets[-1], FILLED, dtype=np.int64)
    source_rows[places] = panel.source_rows
    return replace(
        panel,
        values=values,
        observed=~np.isnan(values),
        offsets=offsets,
        ends=offsets[:-1] + panel.ends - panel.offsets[:-1],
        source_rows=source_rows,
    )


def _masks(panel: Panel) -> Derived:
    """1 where a target or past column was observed, 0 where it is filled."""
    columns = panel.columns.targets + panel.columns.past
    return {
        f"{name} (observed)": panel.observed[:, k].astype(np.float64)
        for k, name in enumerate(columns)
    }


def _lags(panel: Panel, lags: list[int]) -> Derived:
    """Each target a number of steps before; NaN where the series had not begun."""
    rows = np.arange(len(panel.values))
    first = panel.offsets[:-1][panel.series_of(rows)]
    columns = {}
    for lag in lags:
        there = rows - lag >= first
        source = np.where(there, rows - lag, 0)
        for k, name in enumerate(panel.columns.targets):
            columns[f"{name} (lag {lag})"] = np.where(there, panel.values[source, k], np.nan)
    return columns


def _of_stamps(panel: Panel, names: tuple[str, ...], holidays: str | None) -> Derived:
    if not (names or holidays):
        return {}
    rows = np.arange(len(panel.values))
    stamps = panel.frequency.stamps(panel.ordinals(rows, panel.series_of(rows)))
    columns = calendar_columns(names, stamps)
    if holidays:
        if not _within_a_day(panel.frequency):
            raise ConfigError(
                f"data.holidays: holidays are days, and a step of this table is longer: it is "
                f"{panel.frequency.words}; leave it out"
            )
        columns["holiday"] = holiday_column(holidays, stamps)
    return columns


def _within_a_day(frequency: Frequency) -> bool:
    return frequency.kind == "business" or (frequency.kind == "fixed" and frequency.every <= DAY)


def _refuse_twins(panel: Panel, names: list[str]) -> None:
    taken = {*panel.columns.inputs, *panel.columns.static, *panel.series_columns, panel.time}
    for name in names:
        if name in taken:
            raise ConfigError(
                f"column '{name}' has the name of a column that data.calendar, data.holidays, "
                "data.lags or data.gaps makes; rename it in the table"
            )
