"""Config -> everything that windows are made of: read, cut, fill, scale, index."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from lstmcast.config import Config
from lstmcast.errors import ConfigError, counted
from lstmcast.series.build import read_panel
from lstmcast.series.gaps import fill_gaps, usable_origins
from lstmcast.series.panel import Panel
from lstmcast.series.read import Table
from lstmcast.series.scaling import Scaler, fit_scaler
from lstmcast.series.splits import Cuts, cut_series, no_cuts
from lstmcast.series.windows import SplitWindows, split_windows
from lstmcast.workflows.watcher import Watcher

OWN_COLUMNS = ("method", "origin", "step")
"""Columns that forecast.csv and backtest.csv add to the user's own."""


@dataclass(frozen=True)
class Prepared:
    """A table ready for windows.

    Attributes:
        config: What it was made by.
        table: As read.
        panel: Filled.
        cuts: Where the splits end.
        scaler: Fitted on train rows.
        static_scaler: For static columns; None without them.
        windows: The index of each split.
        unfilled: The panel with its gaps as NaN.
    """

    config: Config
    table: Table
    panel: Panel
    cuts: Cuts
    scaler: Scaler
    static_scaler: Scaler | None
    windows: SplitWindows
    unfilled: Panel

    def filled_to_the_end(self) -> Panel:
        """The panel as a forecast after its last row sees it: no cut is in the way of a fill."""
        method = self.config.data.gaps
        return fill_gaps(self.unfilled, method, no_cuts(self.unfilled), self.table)

    @property
    def notes(self) -> list[str]:
        """What the user should know of the table, a sentence each."""
        return notes_about(self)

    @property
    def first(self) -> str:
        """Earliest stamp of all series, as the table writes it."""
        return self.panel.format_times(self.panel.starts.min(keepdims=True))[0]

    @property
    def last(self) -> str:
        """Latest stamp of history of all series, as the table writes it."""
        lasts = self.panel.starts + self.panel.lengths - 1
        return self.panel.format_times(lasts.max(keepdims=True))[0]


def prepare(config: Config, watcher: Watcher) -> Prepared:
    """Read the table of a config and make it ready for windows.

    Raises:
        ConfigError: A column has a name that lstmcast's own files use.
        DataError: The table has a fault.
    """
    refuse_own_names(config)
    panel, table = read_panel(config.data)
    cuts = cut_series(panel, config.split, config.window.horizon)
    filled = fill_gaps(panel, config.data.gaps, cuts, table)
    prepared = prepare_windows(config, table, filled, cuts, panel)
    watcher.prepared(prepared)
    for text in prepared.notes:
        watcher.note(text)
    return prepared


def prepare_all_rows(prepared: Prepared) -> Prepared:
    """The same table with every row a train row: for training once more on all of it."""
    config, panel = prepared.config, prepared.filled_to_the_end()
    again = prepare_windows(config, prepared.table, panel, no_cuts(panel), prepared.unfilled)
    if config.training.max_steps is None:
        return again
    # An epoch has more steps now: a limit of steps stays the same number of epochs.
    more = len(again.windows.train) / len(prepared.windows.train)
    steps = math.ceil(config.training.max_steps * more)
    training = config.training.model_copy(update={"max_steps": steps})
    return replace(again, config=config.model_copy(update={"training": training}))


def prepare_windows(
    config: Config, table: Table, panel: Panel, cuts: Cuts, unfilled: Panel
) -> Prepared:
    """Scale and index a filled panel."""
    scale, window = config.scale, config.window
    scaler = fit_scaler(
        scale.method, scale.per, panel.values, panel.observed, cuts.starts, cuts.train
    )
    windows = split_windows(
        cuts,
        lookback=window.lookback,
        horizon=window.horizon,
        pad=window.pad,
        stride=window.stride,
        usable=usable_origins(panel, config.data.gaps),
    )
    static_scaler = _static_scaler(config, panel)
    return Prepared(config, table, panel, cuts, scaler, static_scaler, windows, unfilled)


def _static_scaler(config: Config, panel: Panel) -> Scaler | None:
    """One scaler over the series; static columns have no time, and so no look-ahead."""
    if not panel.columns.static:
        return None
    known = np.ones(panel.static.shape, dtype=bool)
    ends = np.array([len(panel.static)])
    return fit_scaler(config.scale.method, "all", panel.static, known, np.array([0]), ends)


def refuse_own_names(config: Config) -> None:
    """Refuse columns that would collide with those that lstmcast writes beside them.

    Raises:
        ConfigError: Such a name is a target, series or time column.
    """
    data = config.data
    written = [*data.series, *([data.time] if data.time else []), *data.target]
    taken = [name for name in written if name in OWN_COLUMNS]
    taken += [f"{name}_actual" for name in data.target if f"{name}_actual" in written]
    if taken:
        raise ConfigError(
            f"column '{taken[0]}' has a name that lstmcast's own files need "
            f"({', '.join(OWN_COLUMNS)}, <target>_actual); rename it in the table"
        )


def notes_about(prepared: Prepared) -> list[str]:
    """What the user should know of the table, a sentence each."""
    panel, window = prepared.panel, prepared.config.window
    notes = []
    missing = ~prepared.unfilled.observed & ~np.isnan(panel.values)
    if panel.begins_late:
        notes.append(
            f"{counted(panel.begins_late, 'row')} left out at the start of series, where "
            f"'{panel.latest_column}' or another column has no value yet."
        )
    if missing.any():
        notes.append(
            f"{counted(int(missing.sum()), 'missing value')} filled "
            f"(data.gaps: {prepared.config.data.gaps})."
        )
    if panel.left_out:
        shown = ", ".join(" ".join(name) for name in panel.left_out[:3])
        notes.append(
            f"{len(panel.left_out):,} series have no complete row and were left out: {shown}."
        )
    short = int((panel.lengths < (1 if window.pad else window.lookback)).sum())
    if 0 < short < panel.series_count:
        notes.append(
            f"{short:,} of {panel.series_count:,} series are shorter than the lookback of "
            f"{window.lookback} steps; a baseline forecasts them (or set window.pad: true)."
        )
    return notes
