"""A table in memory -> its rows: series as codes, stamps parsed, cells as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import partial

import numpy as np
import pandas as pd

from lstmcast.config import DataConfig
from lstmcast.errors import DataError
from lstmcast.panel.categories import encode
from lstmcast.panel.table_rows import HeldRows, RowBlock, TableRows
from lstmcast.stamps.timestamps import StampStyle, parse_stamps
from lstmcast.tables.read import Table


def hold_rows(table: Table, config: DataConfig) -> TableRows:
    """Turn columns into codes, ticks and numbers; raises DataError if a cell has a fault."""
    codes, names = _series_codes(table, config.series)
    ticks, style = _ticks(table, config)
    words: dict[str, tuple[str, ...]] = {}
    inputs = [*config.target, *config.past, *config.future]
    values = _matrix(table, inputs, config, words)
    static = _matrix(table, config.static, config, words)
    store = HeldRows(RowBlock(0, codes, ticks, values, static))
    return TableRows(table, store, names, style, words)


def _series_codes(table: Table, columns: Sequence[str]) -> tuple[np.ndarray, list[tuple[str, ...]]]:
    """(R,) number of each row's series, in the order of the names; and the names."""
    codes = np.zeros(len(table.frame), dtype=np.int64)
    names: list[tuple[str, ...]] = [()]
    for column in columns:
        numbers, texts = table.coded(column)
        empty = np.flatnonzero((texts == "")[numbers])
        if len(empty):
            raise DataError(
                f"{table.name}, {table.line(int(empty[0]))}: column '{column}' names the series "
                f"and is empty ({len(empty)} such rows)"
            )
        order = np.argsort(texts, kind="stable")
        ranks = np.empty(len(order), dtype=np.int64)
        ranks[order] = np.arange(len(order))
        codes *= len(order)
        codes += ranks[numbers]
        # Only the pairs that occur get a number; of a single column all words occur.
        found = pd.unique(codes) if len(names) > 1 else np.arange(len(order))
        found = np.sort(found)
        if len(names) > 1:
            codes = np.searchsorted(found, codes)
        last = texts[order][found % len(order)]
        before = (names[k] for k in (found // len(order)).tolist())
        names = [(*name, text) for name, text in zip(before, last, strict=True)]
    return codes, names


def _ticks(table: Table, config: DataConfig) -> tuple[np.ndarray, StampStyle | None]:
    """(R,) int64 microseconds of each row's stamp, and their format."""
    if config.time is None:
        return np.empty(len(table.frame), dtype=np.int64), None
    read = partial(
        parse_stamps, time_format=config.time_format, column=config.time, table=table.name
    )
    if config.series:
        places, texts = table.coded(config.time)
        if 2 * len(texts) < len(places):
            # If a stamp has a fault, all rows are read for the message.
            with suppress(DataError):
                stamps = read(texts)
                return stamps.values.astype("datetime64[us]").view(np.int64)[places], stamps.style
    stamps = read(table.strings(config.time), where=table.line)
    ticks = stamps.values.astype("datetime64[us]", copy=False).view(np.int64)
    return np.require(ticks, requirements="W"), stamps.style


def _matrix(
    table: Table, columns: Sequence[str], config: DataConfig, words: dict[str, tuple[str, ...]]
) -> np.ndarray:
    """(R, columns) numbers of columns; adds the texts of categories to `words`."""
    matrix = np.empty((len(table.frame), len(columns)))
    for k, name in enumerate(columns):
        matrix[:, k] = _cells(table, name, config, words)
    return matrix


def _cells(
    table: Table, name: str, config: DataConfig, words: dict[str, tuple[str, ...]]
) -> np.ndarray:
    """(R,) numbers of a column, or codes of its categories, with their texts added to `words`."""
    if name in config.categorical:
        codes, words[name] = encode(table, name)
        return codes
    try:
        return table.numbers(name)
    except DataError as error:
        if name in config.target:
            raise
        raise DataError(f"{error}. If it holds categories, list it in data.categorical") from None
