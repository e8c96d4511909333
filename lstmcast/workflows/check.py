"""Config or table -> everything that is wrong with it, and a repaired copy of the table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lstmcast.config import Config, DataConfig
from lstmcast.errors import ConfigError, DataError
from lstmcast.series.build import layout_of, read_columns
from lstmcast.series.findings import SEVERITIES, Finding
from lstmcast.series.findings_leaks import find_leaks
from lstmcast.series.findings_time import find_in_time, repeats
from lstmcast.series.findings_values import find_in_values
from lstmcast.series.findings_view import View, view_table
from lstmcast.series.findings_windows import find_short_series, find_unknown_future
from lstmcast.series.layout import LongTable
from lstmcast.series.read import Table, read_table
from lstmcast.series.repair import repair, table_text
from lstmcast.series.windows import require_train_windows
from lstmcast.whole_file import write_text
from lstmcast.workflows.check_config import find_config, stopped
from lstmcast.workflows.prepare import prepare
from lstmcast.workflows.prepared import Prepared
from lstmcast.workflows.propose import as_list, is_config
from lstmcast.workflows.reading import ReadTable
from lstmcast.workflows.storage import in_memory
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
    report.findings = _sorted(_findings(report, Path(source), overrides, leaks))
    return report


def _findings(
    report: Report, source: Path, overrides: Sequence[str], leaks: bool
) -> Iterator[Finding]:
    """The whole walk: config, reading, stamps, values, leaks, windows, network."""
    config, faults, read = find_config(source, overrides)
    yield from faults
    if config is None:
        return
    try:
        table, data_config = _read(config.data, read)
    except DataError as error:
        yield from stopped(error)
        return
    report.table = table
    data, missing = _present(data_config, table)
    yield from missing
    if data is None:
        return
    numeric = [c for c in (*data.target, *data.past, *data.future, *data.static)]
    numeric = [c for c in numeric if c not in data.categorical]
    view = view_table(table, data, numeric)
    untold = list(_untold_series(view))
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
    if not isinstance(table, LongTable):  # prepare lays such a table out by itself
        config = config.model_copy(update={"data": data})
    yield from _windows(config, table, stops, is_config(source))
    if leaks:
        yield from _noise(config, table)


def _table_findings(view: View, config: Config) -> Iterator[Finding]:
    yield from find_in_time(view)
    yield from find_in_values(view)
    yield from find_leaks(view, config.window.horizon)
    yield from find_short_series(view, config.window)


def _read(data: DataConfig, before: ReadTable | None = None) -> tuple[Table, DataConfig]:
    """The whole table; one of another layout as a long one, with the config of that."""
    texts, repeated = _texts(data), _texts(data) if data.series else []
    if before is not None:
        table = before.taken()
        if isinstance(table, LongTable):
            return _as_long(table, data)
        return table.with_columns([str(name) for name in table.frame], texts, repeated), data
    if layout_of(data) != "long":
        return _as_long(read_columns(data), data)
    return read_table(data.path, text=texts, repeated=repeated), data


def _as_long(table: Table, data: DataConfig) -> tuple[Table, DataConfig]:
    """A table, laid out as a long one, with the config of that."""
    if not isinstance(table, LongTable):
        return table, data
    data = table.long_config(data)
    columns: dict[str, Any] = {name: table.text(name) for name in _texts(data)}
    frame = pd.DataFrame(columns | {table.value_column: table.values})
    return replace(table, frame=frame), data


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
        prepared = prepare(in_memory(config), Watcher(), ReadTable(table))
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
        yield from stopped(error, stops)


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
        yield from stopped(error)


def check_rows(prepared: Prepared) -> Report:
    """Look at the stamps and values of a table that can be trained on; quicker than `check`.

    Not looked for is what takes long: covariates that know the target, noise after the cuts.

    Raises:
        DataError: The table is not held, and cannot be read again.
    """
    config, cells = prepared.config, prepared.cells
    if cells is None or config.data.duplicates != "error":
        table, data_config = _read(config.data)  # of rows that repeat, all columns are compared
    else:
        table, data_config = _as_long(cells, config.data)
    data, _ = _present(data_config, table)
    assert data is not None, "it was trained on"
    numeric = (*data.target, *data.past, *data.future, *data.static)
    view = view_table(table, data, [name for name in numeric if name not in data.categorical])
    rows = [*find_in_time(view), *find_in_values(view), *find_short_series(view, config.window)]
    return Report(config.data.path, table, _sorted(rows), view)


def _sorted(findings: Iterable[Finding]) -> list[Finding]:
    """Errors first, then by code."""
    return sorted(findings, key=lambda f: (SEVERITIES.index(f.severity), f.code))


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
