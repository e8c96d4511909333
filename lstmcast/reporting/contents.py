"""The files of a run folder, or of a backtest's, as data for a page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from lstmcast.config import Config, load_config
from lstmcast.errors import ConfigError, RunError
from lstmcast.reporting.rows import Layout, Rows, read_future, read_layout, read_recent, read_test
from lstmcast.runs.folder import RunFolder
from lstmcast.runs.reading import inside, read_object


@dataclass(frozen=True)
class Contents:
    """Source data of a page.

    Attributes:
        path: The folder.
        is_backtest: Whether it is a backtest folder.
        config: Config of the run.
        config_text: Text of the config file.
        metrics: Content of metrics.json.
        scores: Scores by forecaster, on the test rows or the folds; None without a test.
        manifest: Content of manifest.json; may be empty.
        history: Content of history.csv; None without it.
        notes: Sentences about the table.
        findings: Findings of `check`; None if it did not run.
        layout: Column roles of backtest.csv.
        test: Test forecasts.
        recent: The last rows of history.
        future: The forecast after them; None without one.
        backtests: metrics.json of the run's backtests, by folder name.
    """

    path: Path
    is_backtest: bool
    config: Config
    config_text: str
    metrics: dict[str, Any]
    scores: dict[str, Any] | None
    manifest: dict[str, Any]
    history: pd.DataFrame | None
    notes: list[str]
    findings: list[dict[str, Any]] | None
    layout: Layout
    test: Rows
    recent: Rows | None
    future: Rows | None
    backtests: dict[str, Any]


def read_contents(path: Path) -> Contents:
    """Read a run folder or a backtest folder.

    Raises:
        RunError: It is no such folder, or a file in it is damaged.
    """
    if not path.is_dir():
        raise RunError(f"{path} does not exist; `lstmcast train` creates a run folder")
    folder = RunFolder(path)
    metrics = read_object(folder.metrics)
    is_backtest = "folds" in metrics
    run = RunFolder(path.resolve().parents[1]) if is_backtest else folder
    config_file = folder.config if folder.config.is_file() else run.config
    try:
        config = load_config(config_file)
        config_text = config_file.read_text(encoding="utf-8")
    except (ConfigError, OSError) as error:
        raise RunError(f"{path} is damaged: {error}") from error
    of_run = not is_backtest or (not folder.config.is_file() and run.manifest.is_file())
    layout = read_layout(folder.backtest)
    found = read_object(run.findings) if of_run else {}
    return Contents(
        path=path,
        is_backtest=is_backtest,
        config=config,
        config_text=config_text,
        metrics=metrics,
        scores=metrics["scores"] if is_backtest else metrics.get("test"),
        manifest=read_object(run.manifest) if of_run else {},
        history=read_history(run.history) if of_run else None,
        notes=list(found.get("notes", [])),
        findings=found.get("findings"),
        layout=layout,
        test=read_test(folder.backtest, layout),
        recent=read_recent(run.recent, layout) if of_run and run.recent.is_file() else None,
        future=(
            read_future(run.forecast, layout, config.data.layout == "wide")
            if not is_backtest and run.forecast.is_file()
            else None
        ),
        backtests={} if is_backtest else read_backtests(folder),
    )


def read_backtests(run: RunFolder) -> dict[str, Any]:
    """metrics.json of each backtest of a run."""
    found = sorted(run.backtests.glob("*/metrics.json"))
    names = [path.parent.name for path in found]
    return {name: read_object(inside(run.path, f"backtests/{name}/metrics.json")) for name in names}


def read_history(path: Path) -> pd.DataFrame:
    """A row per epoch."""
    try:
        return pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise RunError(f"{path} is missing or damaged: {error}") from error
