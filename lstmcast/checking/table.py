"""Findings in the time stamps and values of a table, without its windows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from lstmcast.checking.codes import SEVERITIES
from lstmcast.checking.finding import Finding
from lstmcast.checking.lenient_table import View, view_table
from lstmcast.checking.stamps import find_in_time
from lstmcast.checking.values import find_in_values
from lstmcast.checking.windows import find_short_series
from lstmcast.config import DataConfig
from lstmcast.errors import DataError
from lstmcast.panel.build import layout_of, read_columns
from lstmcast.pipeline.prepared import Prepared
from lstmcast.pipeline.reading import ReadTable
from lstmcast.proposing.propose import as_list
from lstmcast.tables.layout import LongTable
from lstmcast.tables.read import Table, read_table


@dataclass
class Report:
    """The findings of a table.

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


def read_whole(data: DataConfig, before: ReadTable | None = None) -> tuple[Table, DataConfig]:
    """The whole table; another layout as a long table, with the config for it."""
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
    """A table as a long table, with the config for it."""
    if not isinstance(table, LongTable):
        return table, data
    data = table.long_config(data)
    columns: dict[str, Any] = {name: table.text(name) for name in _texts(data)}
    frame = pd.DataFrame(columns | {table.value_column: table.values})
    return replace(table, frame=frame), data


def _texts(data: DataConfig) -> list[str]:
    return [*([data.time] if data.time else []), *data.series, *data.categorical]


def present_roles(data: DataConfig, table: Table) -> tuple[DataConfig | None, list[Finding]]:
    """The roles without the columns that the table lacks, and a finding for each of these."""
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


def check_rows(prepared: Prepared) -> Report:
    """Check time stamps and values of a table that was trained on; faster than `check`.

    Not looked for is what takes long: covariates that know the target, noise after the cuts.

    Raises:
        DataError: The table is not held, and cannot be read again.
    """
    config, cells = prepared.config, prepared.cells
    if cells is None or config.data.duplicates != "error":
        # Of rows that repeat, all columns are compared.
        table, data_config = read_whole(config.data)
    else:
        table, data_config = _as_long(cells, config.data)
    data, _ = present_roles(data_config, table)
    assert data is not None, "it was trained on"
    numeric = (*data.target, *data.past, *data.future, *data.static)
    view = view_table(table, data, [name for name in numeric if name not in data.categorical])
    rows = [*find_in_time(view), *find_in_values(view), *find_short_series(view, config.window)]
    return Report(config.data.path, table, errors_first(rows), view)


def errors_first(findings: Iterable[Finding]) -> list[Finding]:
    """Errors first, then by code."""
    return sorted(findings, key=lambda f: (SEVERITIES.index(f.severity), f.code))
