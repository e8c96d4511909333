"""Refuse targets that the transform or the head cannot use, before training."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lstmcast.config import Config
from lstmcast.errors import DataError, counted
from lstmcast.panel.blocks import row_blocks
from lstmcast.panel.panel import Panel
from lstmcast.tables.read import Table


def check_transform(config: Config, panel: Panel, table: Table) -> None:
    """Refuse targets without a logarithm, if `scale.transform` is `log1p`.

    Raises:
        DataError: Names the first one.
    """
    if config.scale.transform == "log1p":
        refuse_targets(
            panel,
            table,
            lambda targets: targets <= -1,
            "scale.transform: log1p needs values above -1",
            "none",
        )


def check_counts(config: Config, panel: Panel, table: Table) -> None:
    """Refuse targets that are not counts, if the network has a head for counts.

    Raises:
        DataError: Names the first one.
    """
    head = config.network.head
    if head in ("negative_binomial", "poisson"):
        refuse_targets(
            panel,
            table,
            lambda targets: (targets < 0) | (targets != np.rint(targets)) & ~np.isnan(targets),
            f"network.head: {head} needs whole numbers from 0",
            "student_t",
        )


def refuse_targets(
    panel: Panel,
    table: Table,
    bad: Callable[[np.ndarray], np.ndarray],
    need: str,
    instead: str,
) -> None:
    """Refuse the targets (B, C) that `bad` marks.

    Raises:
        DataError: Names the first one, the values that a setting needs, and what to set `instead`.
    """
    count, first = 0, (-1, -1)
    for begin, end in row_blocks(*panel.values.shape):
        found = bad(panel.targets[begin:end])
        if not count and found.any():
            row, column = (int(k) for k in np.argwhere(found)[0])
            first = (begin + row, column)
        count += int(found.sum())
    if count:
        row, column = first
        raise DataError(
            f"{table.name}, {table.line(int(panel.source_rows[row]))}: "
            f"'{panel.columns.targets[column]}' is {panel.values[row, column]:g}, and {need} "
            f"({counted(count, 'value')} not); set it to {instead}"
        )
