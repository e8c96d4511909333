"""Open a run, and the table that its forecast continues."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from lstmcast.config import Config, DataConfig, load_config
from lstmcast.errors import ConfigError, DataError, RunError
from lstmcast.forecasting.model_file.model import Model, load_model
from lstmcast.network.threads import use_threads
from lstmcast.panel.gaps import fill_gaps
from lstmcast.panel.panel import Panel
from lstmcast.panel.splits import no_cuts
from lstmcast.pipeline.new_rows import build_on_grid_of, other_frequency
from lstmcast.pipeline.prepared import unknown_notes
from lstmcast.pipeline.progress import ProgressListener
from lstmcast.pipeline.reading import read_with_progress
from lstmcast.pipeline.storage import open_stored, storage_of
from lstmcast.pipeline.target_checks import check_transform
from lstmcast.runs.folder import RunFolder
from lstmcast.tables.joined import join_rows
from lstmcast.tables.read import Table, read_table


def open_table(
    run: Path,
    data: str | None,
    at: str | None,
    future: str | None,
    device: torch.device,
    listener: ProgressListener,
) -> tuple[Model, Panel, dict[str, Any]]:
    """The model, the panel without gaps to continue, and the sources; see `predict`."""
    model, config = open_run(run, data, device)
    if storage_of(config, listener) == "disk":
        return open_from_disk(model, config, at, future, listener)
    table = read_with_progress(config.data, listener)
    sources = {"data": fingerprint(table)}
    if future is not None:
        ahead = read_future(config.data, future)
        sources["future"] = fingerprint(ahead)
        table = join_rows(table, ahead)
    as_read = build_on_grid_of(model, config.data, table, at)
    listener.read(table, as_read)
    panel = model.recoded(as_read)
    for text in unknown_notes(model.vocabulary, as_read):
        listener.note(text)
    check_transform(config, panel, table)
    filled = fill_gaps(panel, config.data.gaps, no_cuts(panel), table)
    for name in filled.left_out[:3]:
        listener.note(f"{' '.join(name)} has no complete row, so it has no forecast.")
    return model, filled, sources


def open_from_disk(
    model: Model, config: Config, at: str | None, future: str | None, listener: ProgressListener
) -> tuple[Model, Panel, dict[str, Any]]:
    """The same for a table on disk, whose gaps were filled when it was written."""
    if future is not None:
        raise ConfigError(
            "--future does not work with a table on disk yet: add its rows to the table, with "
            "empty targets"
        )
    alias = model.frequency.alias
    as_read, table = open_stored(config, listener, at)
    if as_read.frequency.alias != alias:
        on_grid = with_data(config, {"frequency": alias})
        try:
            as_read, table = open_stored(on_grid, listener, at)
        except DataError:
            raise other_frequency(model, table, as_read.frequency) from None
    for text in unknown_notes(model.vocabulary, as_read):
        listener.note(text)
    check_transform(config, as_read, table)
    return model, model.recoded(as_read), {"data": fingerprint(table)}


def fingerprint(table: Table) -> dict[str, Any]:
    """Path, checksum and number of rows, which identify a table."""
    return {"path": table.name, "sha256": table.sha256, "rows": len(table.frame)}


def read_future(config: DataConfig, path: str) -> Table:
    """The table of the future covariates, with the time and series columns.

    Raises:
        ConfigError: The run has no future covariates.
        DataError: The table cannot be read or lacks a column.
    """
    if not config.future:
        raise ConfigError(
            "--future: the run was trained without data.future, so it needs no future values; "
            "leave it out"
        )
    texts = [*([config.time] if config.time else []), *config.series, *config.categorical]
    wanted = [*([config.time] if config.time else []), *config.series, *config.future]
    return read_table(path, columns=wanted, text=texts)


def open_run(run: Path, data: str | None, device: torch.device) -> tuple[Model, Config]:
    """The model of a run, and its config with the path of the table to read."""
    if not run.exists():
        raise RunError(f"{run} does not exist; `lstmcast train` creates a run folder")
    model = load_model(RunFolder(run).model if run.is_dir() else run, device)
    use_threads(model.config.network, model.config.training, model.config.window.pad)
    if data is None:
        if not run.is_dir():
            raise ConfigError(
                f"{run} is a model without data: name a table, `lstmcast predict {run} DATA`"
            )
        return model, with_data(model.config, location_of_table(RunFolder(run)))
    # The limits of the training table do not apply to another table.
    path = data if data == "-" else str(Path(data).resolve())
    changes = {"path": path, "start": None, "end": None}
    if run.is_dir():
        changes["tables"] = location_of_table(RunFolder(run))["tables"]
    return model, with_data(model.config, changes)


def location_of_table(run: RunFolder) -> dict[str, str | None]:
    """Path of the table of a training, and the storage of its rows.

    Raises:
        RunError: The config of the run is missing or damaged.
    """
    try:
        data = load_config(run.config).data
    except ConfigError as error:
        raise RunError(f"{run.path} is damaged: {error}") from error
    return {"path": data.path, "storage": data.storage, "tables": data.tables}


def with_data(config: Config, changes: dict[str, str | None]) -> Config:
    """The config with other values in its data section."""
    return config.model_copy(update={"data": config.data.model_copy(update=changes)})
