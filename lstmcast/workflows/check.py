"""`lstmcast check`: every fault of a config or table, and a repaired copy of the table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from lstmcast.checking.config import find_config, stopped
from lstmcast.checking.finding import Finding
from lstmcast.checking.leaks import find_leaks
from lstmcast.checking.lenient_table import View, view_table
from lstmcast.checking.repair import repair, table_text
from lstmcast.checking.stamps import find_in_time, repeats
from lstmcast.checking.table import Report, errors_first, present_roles, read_whole
from lstmcast.checking.values import find_in_values
from lstmcast.checking.windows import find_short_series, find_unknown_future
from lstmcast.config import Config
from lstmcast.errors import ConfigError, DataError
from lstmcast.pipeline.prepare import prepare
from lstmcast.pipeline.prepared import Prepared
from lstmcast.pipeline.progress import ProgressListener
from lstmcast.pipeline.reading import ReadTable
from lstmcast.pipeline.storage import in_memory
from lstmcast.proposing.propose import is_config
from lstmcast.runs.atomic import write_text
from lstmcast.tables.layout import LongTable
from lstmcast.tables.read import Table
from lstmcast.windows.windows import require_train_windows

ENOUGH = 100
"""Parameters per target value of the train rows from which a finding is reported."""


def check(source: str | Path, overrides: Sequence[str] = (), leaks: bool = False) -> Report:
    """Find every fault of a config and its table, or of a table.

    Args:
        source: A YAML config, or a CSV or Parquet file.
        overrides: `section.key=value`.
        leaks: Also test for data leakage with noise after each split.

    Raises:
        ConfigError: The config does not exist, or an override cannot be used.
    """
    report = Report(str(source))
    report.findings = errors_first(_findings(report, Path(source), overrides, leaks))
    return report


def _findings(
    report: Report, source: Path, overrides: Sequence[str], leaks: bool
) -> Iterator[Finding]:
    """All checks in order: config, table, stamps, values, windows, network, leaks."""
    config, faults, read = find_config(source, overrides)
    yield from faults
    if config is None:
        return
    try:
        table, data_config = read_whole(config.data, read)
    except DataError as error:
        yield from stopped(error)
        return
    report.table = table
    data, missing = present_roles(data_config, table)
    yield from missing
    if data is None:
        return
    numeric = [c for c in (*data.target, *data.past, *data.future, *data.static)]
    numeric = [c for c in numeric if c not in data.categorical]
    view = view_table(table, data, numeric)
    unnamed = list(_unnamed_series(view))
    yield from unnamed
    if unnamed:
        data = data.model_copy(update={"series": [unnamed[0].column]})
        data = data.model_copy(update={"target": [t for t in data.target if t not in data.series]})
        view = view_table(table, data, [c for c in numeric if c not in data.series])
    report.view = view
    seen = [*missing, *unnamed]
    for finding in _table_findings(view, config):
        seen.append(finding)
        yield finding
    stops = any(finding.severity == "error" for finding in seen)
    if not isinstance(table, LongTable):  # `prepare` reshapes a wide table itself
        config = config.model_copy(update={"data": data})
    yield from _windows(config, table, stops, is_config(source))
    if leaks:
        yield from _leaks(config, table)


def _table_findings(view: View, config: Config) -> Iterator[Finding]:
    yield from find_in_time(view)
    yield from find_in_values(view)
    yield from find_leaks(view, config.window.horizon)
    yield from find_short_series(view, config.window)


def _unnamed_series(view: View) -> Iterator[Finding]:
    """A column that makes repeated stamps unique, if data.series is empty."""
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
            words = f"{len(again):,} stamps repeat, but none within a '{name}'"
            yield Finding("LC112", f"{words}: set data.series={name}", name, (), groups)
            return


def _windows(config: Config, table: Table, stops: bool, with_network: bool) -> Iterator[Finding]:
    """Faults that appear only when the table is prepared as in `train`."""
    try:
        prepared = prepare(in_memory(config), ProgressListener(), ReadTable(table))
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
    """A network with far more parameters than train values."""
    import torch

    from lstmcast.pipeline.network import new_network, sizes_of

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


def _leaks(config: Config, table: Table) -> Iterator[Finding]:
    """Noise after each split must change nothing before it."""
    from lstmcast.checking.leak_audit import find_leaks_by_perturbation

    try:
        yield from find_leaks_by_perturbation(config, table)
    except (ConfigError, DataError) as error:
        yield from stopped(error)


def write_repaired(report: Report, path: Path) -> None:
    """Write a repaired copy of the table, if it needs repair, and note it in the report.

    Raises:
        ConfigError: The file exists.
    """
    if path.exists():
        raise ConfigError(f"--fix {path}: the file exists; name a new one")
    if report.view is None:
        report.fixed = ["Nothing was repaired: the table cannot be read."]
        return
    frame, report.fixed = repair(report.view)
    if report.fixed:
        write_text(path, table_text(report.view, frame))
        report.fixed.append(f"written: {path}")
    else:
        report.fixed = ["Nothing to repair: no file was written."]
