"""Data leakage audit: with noise after a cut, nothing before the cut may change by a bit.

The table is written twice, as it is and with noise from each series' cut on, and both go the whole
way: reading, panel, filling, scaling, windows, forecasts of an untrained network with the config's
seed. What lies before the cut is then compared byte by byte.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from lstmcast.checking.finding import Finding
from lstmcast.checking.lenient_table import lenient_numbers
from lstmcast.config import Config
from lstmcast.panel.panel import FILLED
from lstmcast.pipeline.prepare import prepare
from lstmcast.pipeline.prepared import Prepared
from lstmcast.pipeline.progress import ProgressListener
from lstmcast.tables.read import Table
from lstmcast.windows.windows import WindowIndex

WINDOWS_HELD = 512
"""Windows of each split that are forecast and compared, spread over all of them."""


def find_leaks_by_perturbation(config: Config, table: Table) -> Iterator[Finding]:
    """Find what changes before a split when the values after it are replaced with noise.

    Args:
        config: With the roles of columns.
        table: All its columns.

    Raises:
        ConfigError: The network does not fit into memory.
        DataError: The table has a fault.
    """
    cells = _cells(config, table)
    with tempfile.TemporaryDirectory() as folder:
        clean = _prepared(config, cells, Path(folder) / "clean.parquet")
        for cut in ("validation", "test"):
            begins = clean.cuts.train if cut == "validation" else clean.cuts.validation
            if (begins >= clean.cuts.test).all():
                continue
            noisy_cells = _perturbed(config, clean, cells, begins)
            noisy = _prepared(config, noisy_cells, Path(folder) / f"{cut}.parquet")
            changed = _changed(clean, noisy, begins, cut)
            if changed:
                words = f"with noise from the first {cut} row on, {changed}"
                yield Finding("LC401", f"{words} before that row")


def _cells(config: Config, table: Table) -> pd.DataFrame:
    """The columns that the config names: numbers as numbers, all else as text."""
    data = config.data
    texts = [*([data.time] if data.time else []), *data.series, *data.categorical]
    numbers = [*data.target, *data.past, *data.future, *data.static]
    cells = {name: table.text(name) for name in texts}
    cells |= {name: lenient_numbers(table, name)[0] for name in numbers if name not in texts}
    return pd.DataFrame(cells)


def _prepared(config: Config, cells: pd.DataFrame, path: Path) -> Prepared:
    cells.to_parquet(path, index=False)
    data = config.data.model_copy(update={"path": str(path), "storage": "memory"})
    return prepare(config.model_copy(update={"data": data}), ProgressListener())


def _perturbed(
    config: Config, clean: Prepared, cells: pd.DataFrame, begins: np.ndarray
) -> pd.DataFrame:
    """The cells with noise in every row at or after each series' cut; empty cells stay empty."""
    panel = clean.unfilled
    rows = np.arange(len(panel.values))
    source = panel.source_rows[rows >= begins[panel.series_of(rows)]]
    places = source[source != FILLED]
    rng = np.random.default_rng(config.training.seed)
    perturbed = cells.copy()
    for name in (*config.data.target, *config.data.past, *config.data.future):
        held = cells[name].to_numpy()
        changed = held.copy()
        if name in config.data.categorical:
            changed[places] = np.where(held[places] == "", "", "never seen before")
        else:
            # Above all real values: valid for logarithms, counts and a minimum.
            size = 1 + np.nanmax(np.abs(held), initial=0.0)
            changed[places] = np.where(
                np.isnan(held[places]), np.nan, size * rng.uniform(2, 9, len(places))
            )
        perturbed[name] = changed
    return perturbed


def _changed(clean: Prepared, noisy: Prepared, begins: np.ndarray, cut: str) -> str:
    """The first result of the pipeline that differs before the cut; empty if none does."""
    panel, other = clean.panel, noisy.panel
    if not np.array_equal(panel.offsets, other.offsets):
        return "the panel has other rows"
    if not _same(clean.scaler.center, noisy.scaler.center) or not _same(
        clean.scaler.scale, noisy.scaler.scale
    ):
        differ = (clean.scaler.center != noisy.scaler.center) | (
            clean.scaler.scale != noisy.scaler.scale
        )
        names = [panel.columns.inputs[k] for k in np.flatnonzero(differ.any(axis=0))]
        return f"the scale of {', '.join(names)} changes"
    if dict(clean.vocabulary.words) != dict(noisy.vocabulary.words):
        return "the categories change"
    rows = np.arange(len(panel.values))
    before = rows < begins[panel.series_of(rows)]
    if not _same(panel.values[before], other.values[before]):
        return "filled or derived values change"
    for name in ("train", "validation")[: 1 if cut == "validation" else 2]:
        index, again = clean.windows.by_name()[name], noisy.windows.by_name()[name]
        if not all(_same(a, b) for a, b in zip(index.all(), again.all(), strict=True)):
            return f"the {name} windows change"
        if not _same(_forecasts(clean, index), _forecasts(noisy, again)):
            return f"forecasts of {name} windows change"
    if not panel.columns.future:
        origins = WindowIndex(*_at_cut(clean, begins))
        if not _same(_forecasts(clean, origins), _forecasts(noisy, origins)):
            return "the forecasts at the cut change"
    return ""


def _same(one: np.ndarray, two: np.ndarray) -> bool:
    return one.shape == two.shape and one.tobytes() == two.tobytes()


def _at_cut(prepared: Prepared, begins: np.ndarray) -> tuple[np.ndarray, ...]:
    """One origin, at the cut, for each series with enough rows before it."""
    window, starts = prepared.config.window, prepared.panel.offsets[:-1]
    enough = begins - starts >= (1 if window.pad else window.lookback)
    series = np.flatnonzero(enough & (begins < prepared.panel.ends))
    once = np.ones(len(series), dtype=np.int64)
    return series, begins[series], once, once


def _forecasts(prepared: Prepared, index: WindowIndex) -> np.ndarray:
    """(B, H, C) forecasts of an untrained network, the same for both tables."""
    import torch

    from lstmcast.forecasting.model_file.model import Model
    from lstmcast.forecasting.predict import NetworkForecast
    from lstmcast.pipeline.network import new_network, sizes_of

    sizes = sizes_of(prepared)
    network = new_network(prepared, sizes, torch.device("cpu"))
    model = Model(
        members=(network.eval(),),
        config=prepared.config,
        sizes=sizes,
        frequency=prepared.panel.frequency,
        names=prepared.panel.names,
        scaler=prepared.scaler,
        static_scaler=prepared.static_scaler,
        vocabulary=prepared.vocabulary,
        fallbacks=(),
    )
    some = np.unique(np.linspace(0, max(len(index) - 1, 0), WINDOWS_HELD).astype(np.int64))
    origins, series = index.locate(some[: len(index)])
    return NetworkForecast(model, prepared.panel, prepared.scaler)(origins, series).point
