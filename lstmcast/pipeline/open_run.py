"""A run, and the table that it is to forecast from."""

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
    """A model, the filled table that it is to go on from, and of what; see `predict`."""
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
        listener.note(f"{' '.join(name)} has no complete row and is not forecast.")
    return model, filled, sources


def open_from_disk(
    model: Model, config: Config, at: str | None, future: str | None, listener: ProgressListener
) -> tuple[Model, Panel, dict[str, Any]]:
    """The same of a table on disk, which was filled when it was written."""
    if future is not None:
        raise ConfigError(
            "--future cannot be read beside a table on disk yet: add its rows to the table, with "
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
    """What tells a table that was read from any other."""
    return {"path": table.name, "sha256": table.sha256, "rows": len(table.frame)}


def read_future(config: DataConfig, path: str) -> Table:
    """The table of what is known ahead: time, series and future columns.

    Raises:
        ConfigError: The run has no future columns.
        DataError: The table cannot be read or lacks a column.
    """
    if not config.future:
        raise ConfigError(
            "--future: the run was trained without data.future, so nothing ahead is asked for; "
            "leave it out"
        )
    texts = [*([config.time] if config.time else []), *config.series, *config.categorical]
    wanted = [*([config.time] if config.time else []), *config.series, *config.future]
    return read_table(path, columns=wanted, text=texts)


def open_run(run: Path, data: str | None, device: torch.device) -> tuple[Model, Config]:
    """The model of a run, and its config with the path of the table to read."""
    if not run.exists():
        raise RunError(f"{run} does not exist; a run folder is made by `lstmcast train`")
    model = load_model(RunFolder(run).model if run.is_dir() else run, device)
    use_threads(model.config.network, model.config.training, model.config.window.pad)
    if data is None:
        if not run.is_dir():
            raise ConfigError(
                f"{run} is a model without data: name a table, `lstmcast predict {run} DATA`"
            )
        return model, with_data(model.config, place_of_table(RunFolder(run)))
    # Limits of the training table mean nothing to another one.
    path = data if data == "-" else str(Path(data).resolve())
    changes = {"path": path, "start": None, "end": None}
    if run.is_dir():
        changes["tables"] = place_of_table(RunFolder(run))["tables"]
    return model, with_data(model.config, changes)


def place_of_table(run: RunFolder) -> dict[str, str | None]:
    """Path of the table that a run was trained on, and where its rows were held.

    Raises:
        RunError: Its config is missing or damaged.
    """
    try:
        data = load_config(run.config).data
    except ConfigError as error:
        raise RunError(f"{run.path} is damaged: {error}") from error
    return {"path": data.path, "storage": data.storage, "tables": data.tables}


def with_data(config: Config, changes: dict[str, str | None]) -> Config:
    """The config with other values in its data section."""
    return config.model_copy(update={"data": config.data.model_copy(update=changes)})
