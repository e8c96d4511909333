"""Targets that a transform or a head cannot do with are refused before training."""

from __future__ import annotations

import numpy as np

from lstmcast.config import Config
from lstmcast.errors import DataError, counted
from lstmcast.series.panel import Panel
from lstmcast.series.read import Table


def check_transform(config: Config, panel: Panel, table: Table) -> None:
    """Refuse targets that have no logarithm, where one is asked for.

    Raises:
        DataError: Names the first of them.
    """
    if config.scale.transform == "log1p":
        refuse_targets(
            panel,
            table,
            panel.targets <= -1,
            "scale.transform: log1p needs values above -1",
            "none",
        )


def check_counts(config: Config, panel: Panel, table: Table) -> None:
    """Refuse targets that are no counts, where a head for counts is to learn them.

    Raises:
        DataError: Names the first of them.
    """
    head, targets = config.network.head, panel.targets
    if head in ("negative_binomial", "poisson"):
        bad = (targets < 0) | (targets != np.rint(targets)) & ~np.isnan(targets)
        refuse_targets(
            panel, table, bad, f"network.head: {head} needs whole numbers from 0", "student_t"
        )


def refuse_targets(panel: Panel, table: Table, bad: np.ndarray, need: str, instead: str) -> None:
    """Refuse some targets (R, C).

    Raises:
        DataError: Names the first of them, what is needed, and what to set instead.
    """
    places = np.argwhere(bad)
    if len(places):
        row, column = (int(k) for k in places[0])
        raise DataError(
            f"{table.name}, {table.line(int(panel.source_rows[row]))}: "
            f"'{panel.columns.targets[column]}' is {panel.values[row, column]:g}, and {need} "
            f"({counted(len(places), 'value')} not); set it to {instead}"
        )
