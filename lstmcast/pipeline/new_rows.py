"""New rows for a trained run, placed on the time grid of the run."""

from __future__ import annotations

from lstmcast.config import DataConfig
from lstmcast.errors import DataError
from lstmcast.forecasting.model_file.model import Model
from lstmcast.panel.build import build_panel
from lstmcast.panel.panel import FILLED, Panel
from lstmcast.stamps.frequency import Frequency
from lstmcast.tables.read import Table


def build_on_grid_of(model: Model, data: DataConfig, table: Table, at: str | None) -> Panel:
    """Place new rows on the grid of the run; missing rows become gaps.

    A few rows may show no frequency, or another one: five business days can be five days in a row.
    They only have to fit the grid.

    Raises:
        DataError: The rows do not fit; names both frequencies.
    """
    alias = model.frequency.alias
    if data.time is None:
        return build_panel(table, data, at, model.sizes.horizon)
    found = None
    try:
        panel = build_panel(table, data, at, model.sizes.horizon)
        found = panel.frequency
        if found.alias == alias:
            return panel
    except DataError:
        pass  # too few rows, or rows off their own grid: try the grid of the run
    try:
        on_grid = data.model_copy(update={"frequency": alias})
        panel = build_panel(table, on_grid, at, model.sizes.horizon)
    except DataError:
        if found is None:
            raise
        raise other_frequency(model, table, found) from None
    known = panel.source_rows != FILLED
    if found is not None and known.sum() > 1 and not (known[1:] & known[:-1]).any():
        raise other_frequency(model, table, found)
    return panel


def other_frequency(model: Model, table: Table, found: Frequency) -> DataError:
    """The message that names both frequencies."""
    return DataError(
        f"{table.name}: its rows are {found.words} ({found.alias}), but the run was trained on "
        f"rows that are {model.frequency.words} ({model.frequency.alias})"
    )
