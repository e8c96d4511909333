"""Config or table -> everything that is wrong with it, and a repaired copy of the table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lstmcast.config import Config, DataConfig, build_config, load_config, parse_overrides
from lstmcast.errors import ConfigError, DataError
from lstmcast.run_folder import write_text
from lstmcast.series.csv_numbers import hint
from lstmcast.series.findings import SEVERITIES, Finding
from lstmcast.series.findings_leaks import find_leaks
from lstmcast.series.findings_time import find_in_time, repeats
from lstmcast.series.findings_values import find_in_values
from lstmcast.series.findings_view import View, lenient_numbers, lenient_stamps, view_table
from lstmcast.series.findings_windows import find_short_series, find_unknown_future
from lstmcast.series.frequency import guess_time_column
from lstmcast.series.read import Table, peek, read_table
from lstmcast.series.repair import repair, table_text
from lstmcast.series.windows import require_train_windows
from lstmcast.workflows.init import as_list, is_config, propose_config
from lstmcast.workflows.prepare import Prepared, prepare
from lstmcast.workflows.watcher import Watcher

ENOUGH = 100
"""Parameters for each target value of the train rows: more are said."""


@dataclass
class Report:
    """What was found.

    Attributes:
        source: The config or table, as given.
        table: What lines refer to; None where it could not be read.
        findings: Errors first.
        view: The table as far as it could be read.
        fixed: What was mended in a copy, a sentence each; see `repair`.
    """

    source: str
    table: Table | None = None
    findings: list[Finding] = field(default_factory=list)
    view: View | None = None
    fixed: list[str] = field(default_factory=list)

    def count(self, severity: str) -> int:
        """Findings of a severity."""
        return sum(finding.severity == severity for finding in self.findings)


def check(source: str | Path, overrides: Sequence[str] = (), leaks: bool = False) -> Report:
    """Look for every fault of a config and its table, or of a table.

    Args:
        source: A YAML config, or a CSV or Parquet file.
        overrides: `section.key=value`.
        leaks: Also put noise after each cut and look for what changes before it.

    Raises:
        ConfigError: The config is not there, or an override cannot be used.
    """
    report = Report(str(source))
    report.findings = sorted(
        _findings(report, Path(source), overrides, leaks),
        key=lambda f: (SEVERITIES.index(f.severity), f.code),
    )
    return report


def _findings(
    report: Report, source: Path, overrides: Sequence[str], leaks: bool
) -> Iterator[Finding]:
    """The whole walk: config, reading, stamps, values, leaks, windows, network."""
    config, faults = _config(source, overrides)
    yield from faults
    if config is None:
        return
    try:
        table = report.table = read_table(config.data.path, text=_texts(config.data))
    except DataError as error:
        yield from _stopped(error)
        return
    data, missing = _present(config.data, table)
    yield from missing
    if data is None:
        return
    numeric = [c for c in (*data.target, *data.past, *data.future, *data.static)]
    numeric = [c for c in numeric if c not in data.categorical]
    view = view_table(table, data, numeric)
    untold = list(_untold_series(view)) if not is_config(source) else []
    yield from untold
    if untold:
        data = data.model_copy(update={"series": [untold[0].column]})
        data = data.model_copy(update={"target": [t for t in data.target if t not in data.series]})
        view = view_table(table, data, [c for c in numeric if c not in data.series])
    report.view = view
    seen = [*missing, *untold]
    for finding in _table_findings(view, config):
        seen.append(finding)
        yield finding
    stops = any(finding.severity == "error" for finding in seen)
    config = config.model_copy(update={"data": data})
    yield from _windows(config, table, stops, is_config(source))
    if leaks:
        yield from _noise(config, table)


def _table_findings(view: View, config: Config) -> Iterator[Finding]:
    yield from find_in_time(view)
    yield from find_in_values(view)
    yield from find_leaks(view, config.window.horizon)
    yield from find_short_series(view, config.window)


def _stopped(error: Exception, explained: bool = False) -> Iterator[Finding]:
    words = f"windows and network were not checked: {error}" if explained else str(error)
    yield Finding("LC100", words, severity="note" if explained else "")


def _config(source: Path, overrides: Sequence[str]) -> tuple[Config | None, list[Finding]]:
    """The config that a source stands for, and what is wrong with it."""
    if is_config(source):
        if not source.is_file():
            load_config(source, overrides)  # raises with the nearest name
        try:
            return load_config(source, overrides), []
        except ConfigError as error:
            return None, _config_faults(error)
    try:
        if not _mixed_time(source, overrides):
            return propose_config(source, overrides, Watcher()), []
    except DataError:
        pass  # the table has faults: go on with what can be guessed of it
    try:
        return _guess(source, overrides), []
    except DataError as error:
        return None, list(_stopped(error))


def _mixed_time(source: Path, overrides: Sequence[str]) -> str | None:
    """A column of stamps in so many forms that `propose_config` would count the rows instead.

    Raises:
        DataError: It is no table.
    """
    if "time" in parse_overrides(overrides).get("data", {}):
        return None
    look = peek(source)
    if guess_time_column(look) is not None:
        return None
    for name in map(str, look.frame.columns):
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
    """A config for a table that cannot be read in earnest: columns that mostly hold numbers.

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
        raise DataError(f"{source}: no column holds numbers that could be forecast")
    window = {"lookback": 1, "horizon": 1, **given.get("window", {})}
    return build_config({**given, "data": data, "window": window}, source=str(source))


def _meant_as_number(texts: np.ndarray) -> bool:
    """Whether a column holds numbers written as lstmcast does not read them: 12 %, 1,234 or $5."""
    first = next((str(text) for text in texts if str(text).strip()), "")
    return any(character.isdigit() for character in first) and "dates" not in hint(first) != ""


def _texts(data: DataConfig) -> list[str]:
    return [*([data.time] if data.time else []), *data.series, *data.categorical]


def _present(data: DataConfig, table: Table) -> tuple[DataConfig | None, list[Finding]]:
    """The roles without columns that the table lacks, and a finding for each of those."""
    findings, kept = [], {}
    known = list(table.frame.columns)
    for role in ("time", "target", "series", "past", "future", "static", "categorical"):
        names = as_list(getattr(data, role) or [])
        for name in names:
            if name not in known and role != "categorical":
                try:
                    table.require([name], f"data.{role}")
                except DataError as error:
                    words = str(error).removeprefix(f"{table.name}: ")
                    findings.append(Finding("LC113", words, name))
        kept[role] = [name for name in names if name in known]
    if not kept["target"]:
        return None, findings
    time = kept.pop("time")
    return data.model_copy(update={**kept, "time": time[0] if time else None}), findings


def _untold_series(view: View) -> Iterator[Finding]:
    """A column that makes repeated stamps unique, where no series are named."""
    if view.stamps is None or view.data.series:
        return
    again = repeats(view)
    if len(again) < len(view.rows) / 3:
        return
    frame, time = view.table.frame, view.data.time
    stamps = view.stamps.values
    for name in map(str, frame.columns):
        if name == time or frame[name].dtype.kind == "f":
            continue
        groups = frame[name].nunique()
        keys = np.unique(frame[name].astype(str).to_numpy(), return_inverse=True)[1]
        pairs = np.unique(np.stack([stamps.astype(np.int64), keys]), axis=1).shape[1]
        if 1 < groups <= len(frame) / 3 and pairs == len(frame):
            words = f"{len(again):,} stamps repeat, and none does within a '{name}'"
            yield Finding("LC112", f"{words}: set data.series={name}", name, (), groups)
            return


def _windows(config: Config, table: Table, stops: bool, with_network: bool) -> Iterator[Finding]:
    """What shows only in earnest: prepare everything as `train` would."""
    try:
        prepared = prepare(config, Watcher())
        yield from find_unknown_future(prepared.panel, table, config.window.horizon)
        window = config.window
        try:
            require_train_windows(
                prepared.panel, prepared.cuts, prepared.windows, window.lookback, window.horizon,
                window.pad,
            )  # fmt: skip
        except DataError as error:
            if not stops:
                yield Finding("LC302", str(error).removeprefix("no training window: "))
            return
        if with_network:
            yield from _parameters(prepared)
    except (ConfigError, DataError) as error:
        yield from _stopped(error, stops)


def _parameters(prepared: Prepared) -> Iterator[Finding]:
    """A network that has far more parameters than there are values to learn from."""
    import torch

    from lstmcast.workflows.network import new_network, sizes_of

    network = new_network(prepared, sizes_of(prepared), torch.device("cpu"))
    parameters = sum(p.numel() for p in network.parameters() if p.requires_grad)
    rows, cuts = prepared.panel.targets_observed, prepared.cuts
    places = np.arange(len(rows))
    trained = places < cuts.train[prepared.panel.series_of(places)]
    values = int(rows[trained].sum())
    if parameters > ENOUGH * values:
        words = (
            f"{parameters:,} parameters for {values:,} target values in "
            f"{len(prepared.windows.train):,} train windows"
        )
        yield Finding("LC308", words, "", (), parameters)


def _noise(config: Config, table: Table) -> Iterator[Finding]:
    """Noise after each cut must change nothing before it."""
    from lstmcast.workflows.noise import find_changes

    try:
        yield from find_changes(config, table)
    except (ConfigError, DataError) as error:
        yield from _stopped(error)


def write_repaired(report: Report, path: Path) -> None:
    """Write a repaired copy of the table, if there is something to mend, and say so in the report.

    Raises:
        ConfigError: There is such a file.
    """
    if path.exists():
        raise ConfigError(f"--fix {path}: there is such a file; name a new one")
    if report.view is None:
        report.fixed = ["Nothing was mended: the table could not be read."]
        return
    frame, report.fixed = repair(report.view)
    if report.fixed:
        write_text(path, table_text(report.view, frame))
        report.fixed.append(f"written: {path}")
    else:
        report.fixed = ["Nothing to mend: no file was written."]
