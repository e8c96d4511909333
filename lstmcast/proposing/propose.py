"""A table -> the config that `init` proposes for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lstmcast.config import Config, build_config, parse_overrides
from lstmcast.errors import DataError, counted
from lstmcast.panel.build import build_panel, read_columns
from lstmcast.panel.derive import wanted
from lstmcast.panel.panel import Panel
from lstmcast.panel.splits import Cuts, cut_series
from lstmcast.pipeline.prepare import refuse_own_names
from lstmcast.pipeline.progress import ProgressListener
from lstmcast.pipeline.reading import ReadTable
from lstmcast.proposing.columns import Roles, assign_roles, time_columns
from lstmcast.proposing.proposal import Line, Proposal, arrange, full_path
from lstmcast.proposing.series_columns import find_series
from lstmcast.proposing.sizing import (
    calendar_lines,
    forecast_lines,
    network_lines,
    season_line,
    training_lines,
    window_lines,
)
from lstmcast.stamps.frequency import guess_time_column
from lstmcast.tables.csv_numbers import to_numbers
from lstmcast.tables.layout import VALUE, has_rows_header
from lstmcast.tables.peek import peek
from lstmcast.tables.raw import read_bytes
from lstmcast.tables.read import Table, read_table
from lstmcast.windows.windows import SplitWindows, require_train_windows, split_windows

FEWEST_ROWS = 4
"""One step in and one step out for training, and one step each for validation and test."""

ROLES = ("target", "series", "past", "future", "static")

Given = Mapping[str, Mapping[str, Any]]


def is_config(path: str | Path) -> bool:
    """Whether a path names a config rather than a table."""
    return Path(path).suffix.lower() in (".yaml", ".yml")


def propose_config(
    path: str | Path, overrides: Sequence[str], listener: ProgressListener
) -> tuple[Config, ReadTable]:
    """The config that `init` proposes for a table, and the table, read whole.

    Args:
        path: A CSV or Parquet file.
        overrides: `section.key=value`, applied before anything is inferred.
        listener: Receives a note about the columns left out.

    Raises:
        ConfigError: An override cannot be used.
        DataError: The table cannot be read, or has no column to forecast.
    """
    proposal, panel, table = _propose(path, parse_overrides(overrides), listener)
    config = proposal.config()
    named = replace(table, name=config.data.path)
    return config, ReadTable(named, panel if _is_panel_of(panel, config) else None)


def _is_panel_of(panel: Panel, config: Config) -> bool:
    """Whether a proposed config gives the same panel that it was derived from.

    The season, and perhaps the calendar, were proposed after that panel was built: its calendar
    columns can be missing.
    """
    data = config.data
    same_season = data.season in ("auto", panel.frequency.season)
    return same_season and not wanted(panel.frequency, data, config.window.horizon)


def given_by(overrides: Sequence[str], target: Sequence[str], horizon: int | None) -> Given:
    """The values that the flags of `init` set, by section and key.

    Raises:
        ConfigError: An override or the horizon cannot be used.
    """
    steps = [] if horizon is None else [f"window.horizon={horizon}"]
    given = parse_overrides([*overrides, *steps])
    if target:
        given["data"] = {**given.get("data", {}), "target": list(target)}
    return given


def propose(path: str | Path, given: Given, listener: ProgressListener) -> Proposal:
    """A config for a table, ready to train.

    Args:
        path: A CSV or Parquet file.
        given: Section -> key -> value, as `parse_overrides` returns it.
        listener: Receives a note about the columns left out.

    Raises:
        ConfigError: What is given cannot be used.
        DataError: The table cannot be read, has no column to forecast, or is too short.
    """
    proposal, panel, _ = _propose(path, given, listener)
    config, window = proposal.config(), proposal.config().window
    refuse_own_names(config)
    cuts, windows = _windows(panel, config)
    require_train_windows(panel, cuts, windows, window.lookback, window.horizon, window.pad)
    return proposal


def _propose(
    path: str | Path, given: Given, listener: ProgressListener
) -> tuple[Proposal, Panel, Table]:
    """A proposal, the panel, and the table as read; what is not given is inferred."""
    if str(path) == "-":
        raise DataError(
            "standard input can be read only once, but a proposed config names a file: save the "
            "table as a file, and name that file"
        )
    data, raw = given.get("data", {}), read_bytes(path)
    in_rows = is_in_rows(Path(path), data, raw)
    read = _read_rows if in_rows else _read
    roles, rivals, table = read(Path(path), data, raw)
    if not in_rows and len(table.frame) < FEWEST_ROWS:
        raise DataError(
            f"{table.name}: {counted(len(table.frame), 'row')} are too few to train and test: "
            f"{FEWEST_ROWS} are the minimum, and at least 50 are useful"
        )
    lines = [Line("data.path", full_path(path)), *_role_lines(roles, data)]
    if in_rows:
        lines.append(Line("data.layout", "rows", "one series per row: a name, then its values"))
        lines.append(Line("data.target", roles.target[0], "name for the values"))

    def so_far() -> Config:
        return Proposal(Path(path), (), arrange(lines, given)).config()

    if so_far().data.layout == "wide":
        table = read_columns(so_far().data, raw=raw)
    del raw  # it can be as large as the panel
    panel = build_panel(table, so_far().data)
    lines += [*_time_lines(roles, rivals, panel), *forecast_lines(panel)]
    lines += window_lines(panel, so_far(), given.get("window", {}))
    windows = len(_windows(panel, so_far())[1].train)
    lines += network_lines(windows, panel.frequency.season, so_far().window.lookback)
    lines += training_lines(windows, panel, so_far(), given.get("training", {}))
    _tell(roles, listener)
    return Proposal(Path(path), _about(table, panel, roles), arrange(lines, given)), panel, table


def is_in_rows(path: Path, data: Mapping[str, Any], raw: bytes) -> bool:
    """Whether every row of a table is, or looks like, a series: a name and its values."""
    if data.get("layout", "auto") != "auto":
        return bool(data["layout"] == "rows")
    look = peek(path, raw=raw)
    header = [str(name) for name in look.frame.columns]
    roles = [data.get(role) for role in ("time", "series", "past", "future", "static")]
    if not has_rows_header(header) or any(roles):
        return False
    if as_list(data.get("target", [VALUE]))[0] in header:
        return False
    names = replace(look, frame=look.frame[header[:1]])
    if guess_time_column(names) is not None:
        return False
    return bool(to_numbers(names.text(header[0]), ".")[1].all())


def _read_rows(path: Path, data: Mapping[str, Any], raw: bytes) -> tuple[Roles, list[str], Table]:
    """The same as `_read`, for a table with one series per row."""
    target = as_list(data.get("target", VALUE))
    values = {**data, "path": full_path(path), "layout": "rows", "target": target}
    table = read_columns(build_config({"data": values}).data, raw=raw)
    return Roles(None, [], target), [], table


def _read(path: Path, data: Mapping[str, Any], raw: bytes) -> tuple[Roles, list[str], Table]:
    """The roles of the columns, other columns that could be the time, and the whole table."""
    look = peek(path, raw=raw)
    times = time_columns(look)
    time = data["time"] if "time" in data else next(iter(times), None)
    given = {role: as_list(data.get(role, [])) for role in ROLES}
    target, series = given["target"], given["series"]
    used = [name for names in given.values() for name in names]
    used += [] if time is None else [time]
    texts = [time, *given["series"], *as_list(data.get("categorical", []))]
    table = read_table(path, text=[name for name in texts if name is not None], raw=raw)
    for role, names in given.items():
        table.require(names, f"data.{role}")
    table.require([] if time is None else [time], "data.time")
    others = [str(name) for name in table.frame.columns if name not in used]
    rivals = [name for name in times if name != time and name in others]
    others = [name for name in others if name not in rivals]
    if "series" not in data and time is not None:
        series = find_series(table, time, others)
    roles = Roles(time, series, target)
    free = [name for name in others if name not in series]
    assign_roles(table, roles, free, data.get("time_format", "auto"))
    roles.left_out |= dict.fromkeys(rivals, "stamps, too")
    return roles, rivals, table


def as_list(names: Any) -> list[str]:
    """Column names, given as one name or a list."""
    return [names] if isinstance(names, str) else list(names)


def _time_lines(roles: Roles, rivals: list[str], panel: Panel) -> list[Line]:
    """The time column and its seasonality."""
    if roles.time is None:
        return [season_line(panel.frequency)]
    others = f"; {', '.join(rivals)} could be the time too" if rivals else ""
    words = f"time stamps, {panel.frequency.words}{others}"
    frequency = panel.frequency
    return [
        Line("data.time", roles.time, words),
        season_line(frequency),
        *calendar_lines(frequency),
    ]


def _role_lines(roles: Roles, data: Mapping[str, Any]) -> list[Line]:
    """The columns by role, and the others as suggestions."""
    lines = [Line("data.time", roles.time)] if roles.time is not None else []
    why = "every usable numeric column; --target NAME selects one"
    if len(roles.target) == 1:
        why = "the only usable numeric column"
    lines.append(Line("data.target", _short(roles.target), why))
    if roles.series:
        lines.append(Line("data.series", _short(roles.series), "identifies the series"))
    hints = {
        "past": "known up to the forecast origin",
        "future": "known after the last target",
        "static": "one value per series",
        "categorical": "those of them that contain text",
    }
    for role, reason in hints.items():
        names = getattr(roles, role)
        if names and role not in data:
            lines.append(Line(f"data.{role}", names, reason, active=False))
    return lines


def _short(names: list[str]) -> str | list[str]:
    """One name as text, several as a list."""
    return names[0] if len(names) == 1 else names


def _windows(panel: Panel, config: Config) -> tuple[Cuts, SplitWindows]:
    """The windows of each split; missing values are ignored."""
    window = config.window
    cuts = cut_series(panel, config.split, window.horizon)
    windows = split_windows(
        cuts,
        lookback=window.lookback,
        horizon=window.horizon,
        pad=window.pad,
        stride=window.stride,
    )
    return cuts, windows


def _about(table: Table, panel: Panel, roles: Roles) -> tuple[str, ...]:
    """One or two sentences about the table, and the columns that are not read."""
    first = panel.format_times(panel.starts.min(keepdims=True))[0]
    last = panel.format_times((panel.starts + panel.lengths - 1).max(keepdims=True))[0]
    series = f", {panel.series_count:,} series" if panel.series_columns else ""
    rows = counted(len(table.frame), "row")
    name = Path(table.name).name
    about = [f"{name}: {rows}{series}, {panel.frequency.words}.", f"From {first} to {last}."]
    if panel.time is None:
        about = [f"{name}: {rows}{series} without time stamps, read as equally spaced steps."]
    if left := [f"{name} ({why})" for name, why in roles.left_out.items()]:
        about.append(f"Not read: {', '.join(left)}.")
    if roles.past or roles.future or roles.static:
        about.append("Lines after # are possible covariates: remove the # to read them.")
    return tuple(about)


def _tell(roles: Roles, listener: ProgressListener) -> None:
    """Report the columns that are not read."""
    left = [*roles.past, *roles.future, *roles.static]
    left += [f"{name} ({why})" for name, why in roles.left_out.items()]
    if left:
        listener.note(f"Columns left out: {', '.join(left)}.")
