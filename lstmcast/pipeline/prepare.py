"""A table becomes indexed windows: split, fill gaps, scale, index."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np

from lstmcast.config import Config
from lstmcast.errors import ConfigError
from lstmcast.forecasting.frames import bound_names
from lstmcast.panel.categories import fit_vocabulary
from lstmcast.panel.gaps import fill_gaps, usable_origins
from lstmcast.panel.panel import Panel
from lstmcast.panel.splits import Cuts, cut_series, no_cuts
from lstmcast.panel.vectors import read_vectors
from lstmcast.pipeline.prepared import Prepared
from lstmcast.pipeline.progress import ProgressListener
from lstmcast.pipeline.reading import ReadTable, build_training_panel, read_training_table
from lstmcast.pipeline.target_checks import check_counts, check_transform
from lstmcast.tables.layout import LongTable
from lstmcast.tables.read import Table
from lstmcast.windows.scaling import Scaler, fit_scaler
from lstmcast.windows.windows import split_windows

OWN_COLUMNS = ("method", "origin", "step")
"""Columns that forecast.csv and backtest.csv add to those of the table."""

MOST_HELD = 2_000_000
"""Most cells of a table kept in addition to its panel: 20 MB of numbers, or 70 MB of text."""


def prepare(
    config: Config, listener: ProgressListener, before: ReadTable | None = None
) -> Prepared:
    """Read the table of a config, unless it was read before, and prepare its windows.

    Raises:
        ConfigError: A column has a name that lstmcast's output files use.
        DataError: The table has a fault.
    """
    refuse_own_names(config)
    table = read_training_table(config, listener, before)
    return prepare_windows(table, build_training_panel(table, config), config, listener)


def prepare_windows(
    read: ReadTable, unfilled: Panel, config: Config, listener: ProgressListener
) -> Prepared:
    """Split a panel, encode its categories, fill its gaps, scale it, and index its windows.

    Args:
        read: Its table; the cells are released here.
        unfilled: The panel, with gaps as NaN.
        config: Settings of each step.
        listener: Receives the result and notes.

    Raises:
        DataError: The table has a fault.
    """
    cells = read.taken()
    table = cells.without_cells()
    if isinstance(cells, LongTable):  # record the layout that auto detected
        data = config.data.model_copy(update={"layout": cells.layout})
        config = config.model_copy(update={"data": data})
    check_transform(config, unfilled, table)
    check_counts(config, unfilled, table)
    cuts = cut_series(unfilled, config.split, config.window.horizon)
    prepared = index_windows(config, table, unfilled, cuts)
    if unfilled.store is None and cells.frame.size <= MOST_HELD:
        prepared = replace(prepared, cells=cells)
    listener.prepared(prepared)
    for text in prepared.notes:
        listener.note(text)
    return prepared


def prepare_all_rows(prepared: Prepared) -> Prepared:
    """The same table with every row as a train row, for a refit on all rows."""
    config, panel = prepared.config, prepared.unfilled
    again = index_windows(config, prepared.table, panel, no_cuts(panel))
    if config.training.max_steps is None:
        return again
    # An epoch has more steps now: raise max_steps to keep the number of epochs.
    more = len(again.windows.train) / len(prepared.windows.train)
    steps = math.ceil(config.training.max_steps * more)
    training = config.training.model_copy(update={"max_steps": steps})
    return replace(again, config=config.model_copy(update={"training": training}))


def index_windows(config: Config, table: Table, unfilled: Panel, cuts: Cuts) -> Prepared:
    """Encode categories of a panel, fill its gaps, scale it, and index its windows."""
    scale, window = config.scale, config.window
    vocabulary = fit_vocabulary(unfilled, cuts.starts, cuts.train, config.network.embed_series)
    panel = fill_gaps(vocabulary.recode(unfilled), config.data.gaps, cuts, table)
    scaler = fit_scaler(
        scale.method,
        scale.per,
        panel.values,
        panel.observed,
        cuts.starts,
        cuts.train,
        panel.target_like if scale.transform == "log1p" else (),
    ).leaving(panel.unscaled_inputs)
    windows = split_windows(
        cuts,
        lookback=window.lookback,
        horizon=window.horizon,
        pad=window.pad,
        stride=window.stride,
        judge_stride=window.judge_stride,
        usable=usable_origins(panel, config.data.gaps),
    )
    static_scaler = _static_scaler(config, panel)
    vectors = {
        column: read_vectors(Path(path), vocabulary.words[column], column)
        for column, path in config.data.vectors.items()
    }
    return Prepared(
        config, table, panel, cuts, scaler, static_scaler, windows, unfilled, vocabulary, vectors
    )


def _static_scaler(config: Config, panel: Panel) -> Scaler | None:
    """One scaler over all series: static columns have no time, so data leakage is impossible."""
    if not panel.columns.static:
        return None
    known = np.ones(panel.static.shape, dtype=bool)
    ends = np.array([len(panel.static)])
    method = config.scale.method
    scaler = fit_scaler(method, "all", panel.static, known, np.array([0]), ends)
    return scaler.leaving(panel.coded_static)


def refuse_own_names(config: Config) -> None:
    """Refuse target, series and time columns with a name that the output files use.

    Raises:
        ConfigError: Names the first such column.
    """
    data = config.data
    written = dict.fromkeys([*data.series, *([data.time] if data.time else []), *data.target])
    taken = [name for name in written if name in OWN_COLUMNS]
    levels = config.forecast.levels
    added = [[f"{name}_actual", *bound_names(name, levels)] for name in data.target]
    if data.layout == "wide":
        added += [[f"{name}_method"] for name in data.target]
    taken += [name for names in added for name in names if name in written]
    if taken:
        raise ConfigError(
            f"column '{taken[0]}' has a name that lstmcast's output files use "
            f"({', '.join(OWN_COLUMNS)}, <target>_actual, <target>_lo80 and the like); rename it "
            "in the table"
        )
