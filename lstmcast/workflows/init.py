"""Look at a table and propose a config for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from lstmcast.config import Config, build_config, parse_overrides
from lstmcast.errors import DataError
from lstmcast.series.build import read_panel
from lstmcast.series.csv_numbers import to_numbers
from lstmcast.series.frequency import guess_time_column
from lstmcast.series.layout import VALUE, has_rows_header
from lstmcast.series.panel import Panel
from lstmcast.series.read import Table, peek, read_table
from lstmcast.workflows.watcher import Watcher

LONGEST_HORIZON = 96
"""Steps: a season longer than this is not proposed as a horizon."""


def is_config(path: str | Path) -> bool:
    """Whether a path names a config rather than a table."""
    return Path(path).suffix.lower() in (".yaml", ".yml")


def propose_config(path: str | Path, overrides: Sequence[str], watcher: Watcher) -> Config:
    """A config for a table that has none: what the overrides do not say is looked up in the table.

    Args:
        path: A CSV or Parquet file.
        overrides: `section.key=value`, applied before anything is inferred.
        watcher: Is told which columns were left out.

    Raises:
        ConfigError: An override cannot be used.
        DataError: The table cannot be read, or has no column to forecast.
    """
    given = parse_overrides(overrides)
    data: dict[str, Any] = {"path": str(Path(path).resolve()), **given.get("data", {})}
    look = peek(Path(path))
    if data.get("layout", "auto") == "auto" and looks_like_rows(look, data):
        data["layout"] = "rows"
    if data.get("layout") == "rows":
        data.setdefault("target", VALUE)
        data.setdefault("time", None)
        look = replace(look, frame=look.frame.iloc[:, :0])
    if "time" not in data:
        data["time"] = guess_time_column(look)
    given_roles = ("target", "series", "past", "future", "static")
    used = [data["time"], *(name for role in given_roles for name in as_list(data.get(role, [])))]
    others = [str(name) for name in look.frame.columns if name not in used]
    if "target" not in data:
        data["target"] = _numeric_columns(Path(path), others, watcher)
    elif left := others:
        watcher.note(f"Columns without a role were left out: {', '.join(left)}.")
    window = given.get("window", {})
    if not {"lookback", "horizon"} <= window.keys():
        # The path and the target are all that a first reading needs; sizes follow from its length.
        panel, _ = read_panel(build_config({"data": data}).data)
        window = {**propose_window(panel, window), **window}
    network = {"preset": "auto", **given.get("network", {})}
    values = {**given, "data": data, "window": window, "network": network}
    return build_config(values, source=str(path))


def looks_like_rows(look: Table, data: Mapping[str, Any]) -> bool:
    """Whether a table nobody said anything about is of names and values, a series to a row."""
    header = [str(name) for name in look.frame.columns]
    roles = [data.get(role) for role in ("time", "series", "past", "future", "static")]
    if not has_rows_header(header) or any(roles):
        return False
    if as_list(data.get("target", [VALUE]))[0] in header:
        return False
    first = look.frame[header[0]].to_numpy()
    return guess_time_column(replace(look, frame=look.frame[header[:1]])) is None and bool(
        to_numbers(first, ".")[1].all()
    )


def as_list(names: str | list[str]) -> list[str]:
    """Column names as an override gives them: one, or a list."""
    return [names] if isinstance(names, str) else names


def _numeric_columns(path: Path, names: Sequence[str], watcher: Watcher) -> list[str]:
    """Every usable numeric column; the others are named to the watcher."""
    table = read_table(path, columns=names)
    usable: list[str] = []
    left_out: list[str] = []
    for name in names:
        why = _unusable(table, name)
        if why:
            left_out.append(f"{name} ({why})")
        else:
            usable.append(name)
    if not usable:
        raise DataError(
            f"{path}: no column holds numbers that could be forecast: "
            f"{', '.join(left_out) or 'there is none'}"
        )
    if left_out:
        watcher.note(f"Columns left out: {', '.join(left_out)}.")
    return usable


def _unusable(table: Table, name: str) -> str:
    """Why a column cannot be forecast; empty if it can.

    Raises:
        DataError: Most of its cells are numbers, and some are not: a fault to be mended.
    """
    try:
        numbers = table.numbers(name)
    except DataError:
        decimal = "." if table.csv is None else table.csv.dialect.decimal
        values, _ = to_numbers(table.text(name), decimal)
        if np.isfinite(values).mean() > 0.5:
            raise
        return "not numbers"
    known = numbers[~np.isnan(numbers)]
    if not known.size:
        return "empty"
    if known.min() == known.max():
        return "one value only"
    numbers_rows = bool((numbers - numbers[0] == np.arange(len(numbers))).all())
    if numbers_rows and numbers[0] in (0, 1) and name == table.frame.columns[0]:
        return "counts the rows"
    return ""


def propose_window(panel: Panel, given: Mapping[str, Any]) -> dict[str, int]:
    """Lookback and horizon from season and length.

    The horizon is one season, where that is 2 to 96 steps, else 12 steps, but at most a tenth of
    the longest series. The lookback is two seasons or three horizons, whichever is longer, but at
    most half of what training leaves beside one horizon.
    """
    season, length = panel.frequency.season, int(panel.lengths.max())
    horizon = given.get(
        "horizon", max(1, min(season if 1 < season <= LONGEST_HORIZON else 12, length // 10))
    )
    train_rows = length - max(length // 5, horizon) - max(length // 10, horizon)
    seasons = 2 * season if season <= LONGEST_HORIZON else 0
    lookback = max(1, min(max(seasons, 3 * horizon), (train_rows - horizon) // 2))
    return {"lookback": lookback, "horizon": horizon}
