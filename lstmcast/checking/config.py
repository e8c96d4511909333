"""Config or table -> the config to check, and its own faults."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lstmcast.checking.finding import Finding
from lstmcast.checking.lenient_table import lenient_numbers, lenient_stamps
from lstmcast.config import Config, build_config, load_config, parse_overrides
from lstmcast.errors import ConfigError, DataError
from lstmcast.pipeline.progress import ProgressListener
from lstmcast.pipeline.reading import ReadTable
from lstmcast.proposing.propose import as_list, is_config, propose_config
from lstmcast.stamps.frequency import guess_time_column
from lstmcast.tables.csv_numbers import hint
from lstmcast.tables.peek import peek
from lstmcast.tables.read import read_table


def find_config(
    source: Path, overrides: Sequence[str]
) -> tuple[Config | None, list[Finding], ReadTable | None]:
    """The config of a source, its faults, and the table if it was read."""
    if is_config(source):
        if not source.is_file():
            load_config(source, overrides)  # raises with the nearest name
        try:
            return load_config(source, overrides), [], None
        except ConfigError as error:
            return None, _config_faults(error), None
    if not source.is_file():
        peek(source)  # raises with the nearest name
    try:
        if not _mixed_time(source, overrides):
            config, table = propose_config(source, overrides, ProgressListener())
            return config, [], table
    except DataError:
        pass  # the table has faults: continue with a guess of its config
    try:
        return _guess(source, overrides), [], None
    except DataError as error:
        return None, list(stopped(error)), None


def _mixed_time(source: Path, overrides: Sequence[str]) -> str | None:
    """A time column with so many formats that `propose_config` would number the rows instead.

    Raises:
        DataError: It is no table.
    """
    if "time" in parse_overrides(overrides).get("data", {}):
        return None
    look = peek(source)
    if guess_time_column(look) is not None:
        return None
    for name in map(str, look.frame.columns):
        if not np.isnan(lenient_numbers(look, name)[0]).mean() > 0.5:
            continue  # numbers that could be years are numbers, as for `init`
        if lenient_stamps(look.strings(name), "auto").good.mean() >= 0.8:
            return name
    return None


def _config_faults(error: ConfigError) -> list[Finding]:
    lines = [line.strip() for line in str(error).splitlines()]
    lines = lines[1:] if len(lines) > 1 and lines[0].endswith("faults:") else lines
    return [Finding(_config_code(line), line) for line in lines]


def _config_code(line: str) -> str:
    roles = [f"data.{role}" for role in ("past", "future", "static")]
    shared = "a column has one role only" in line and "data.target" in line
    return "LC304" if shared and any(role in line for role in roles) else "LC001"


def _guess(source: Path, overrides: Sequence[str]) -> Config:
    """A config for a table that the strict reader refuses: its mostly numeric columns.

    Raises:
        DataError: It is no table, or holds no numbers.
    """
    given = parse_overrides(overrides)
    data: dict[str, Any] = {"path": str(source.resolve()), **given.get("data", {})}
    look = peek(source)
    if "time" not in data:
        data["time"] = guess_time_column(look) or _mixed_time(source, overrides)
    roles = ("target", "series", "past", "future", "static")
    used = [data["time"], *(name for role in roles for name in as_list(data.get(role, [])))]
    others = [str(name) for name in look.frame.columns if name not in used]
    if "target" not in data:
        table = read_table(source, columns=others)
        shares = {name: np.mean(~np.isnan(lenient_numbers(table, name)[0])) for name in others}
        data["target"] = [name for name, share in shares.items() if share > 0.5] or [
            name for name in others if _meant_as_number(look.text(name))
        ]
    if not data["target"]:
        raise DataError(f"{source}: no column has numbers to forecast")
    window = {"lookback": 1, "horizon": 1, **given.get("window", {})}
    return build_config({**given, "data": data, "window": window}, source=str(source))


def _meant_as_number(texts: np.ndarray) -> bool:
    """Whether a column has numbers in a format that lstmcast does not read: 12 %, 1,234 or $5."""
    first = next((str(text) for text in texts if str(text).strip()), "")
    return any(character.isdigit() for character in first) and "dates" not in hint(first) != ""


def stopped(error: Exception, explained: bool = False) -> Iterator[Finding]:
    """The finding for a step that cannot continue; a note if other errors explain it."""
    words = f"windows and network were not checked: {error}" if explained else str(error)
    yield Finding("LC100", words, severity="note" if explained else "")
