"""Where the rows of a table are held, in memory or on disk, and the way to those on disk."""

from __future__ import annotations

from pathlib import Path

from lstmcast.config import Config, DataConfig
from lstmcast.errors import ConfigError, join
from lstmcast.panel.build import layout_of
from lstmcast.panel.on_disk.stored import stored_panel
from lstmcast.panel.on_disk.table import StreamedTable
from lstmcast.panel.panel import Panel
from lstmcast.pipeline.free_memory import check_file, gigabytes, memory_budget
from lstmcast.pipeline.progress import ProgressListener

TABLES = Path("runs") / ".tables"
"""Folder of the tables on disk, beside the runs."""

SHARE = 0.2
"""Part of the memory at hand that a file of text may have: read, its rows take up to four times
as much."""

MEGABYTE = 1_000_000

PACKED = 5
"""Times its size that a gzip or Parquet file is taken for."""


def storage_of(config: Config, listener: ProgressListener | None = None) -> str:
    """`memory` or `disk`, as the config says or as the size of the file suggests.

    No number depends on it.

    Raises:
        ConfigError: What the config asks for cannot be had on disk.
    """
    data = config.data
    path = Path(data.path)
    folder = data.path != "-" and path.is_dir()
    if data.storage == "memory":
        if folder:
            raise ConfigError(
                f"{path} is a folder: the table of its files is held on disk; set data.storage: "
                "disk, or name one file"
            )
        return "memory"
    large, free = "", data.storage == "auto" and not folder
    if free:
        large = beyond(path, config) if data.path != "-" else ""
        if not large:
            return "memory"
    if faults := not_on_disk(data, folder):
        if free:
            return "memory"
        raise join(ConfigError, faults)
    if large and listener is not None:
        listener.note(f"{large}, so its rows are held on disk (data.storage).")
    return "disk"


def in_memory(config: Config) -> Config:
    """The config with all rows in memory, where folds are cut; what is found there is the same.

    Raises:
        ConfigError: They cannot be held there.
    """
    path = Path(config.data.path)
    if config.data.path != "-" and path.is_dir():
        raise ConfigError(
            f"{path} is a folder: its rows would have to be held in memory here; name one file, or "
            "join the files"
        )
    check_file(path, config)
    return config.model_copy(update={"data": config.data.model_copy(update={"storage": "memory"})})


def beyond(path: Path, config: Config) -> str:
    """Why a file is too large to be held in memory; empty where it is not."""
    limit = memory_budget(config)
    if limit is None or not path.is_file():
        return ""
    packed = path.suffix.lower() in (".gz", ".parquet", ".pq")
    size = path.stat().st_size * (PACKED if packed else 1)
    if size <= SHARE * limit:
        return ""
    return f"{path.name} has {gigabytes(path.stat().st_size)} and {gigabytes(limit)} are at hand"


def not_on_disk(data: DataConfig, folder: bool) -> list[str]:
    """What a config asks for that a table on disk does not have yet, a sentence each.

    Args:
        data: The section.
        folder: Whether the table is one of several files, which memory does not have.
    """
    faults = []
    memory = "join the files into one" if folder else "set data.storage: memory"

    def refuse(field: str, what: str, instead: str) -> None:
        faults.append(
            f"data.{field}: {what} cannot be had of a table on disk yet: {instead}, or {memory}"
        )

    if data.path == "-":
        refuse("path", "standard input", "save it as a file")
    layout = layout_of(data) if data.layout == "auto" and not folder else data.layout
    if layout in ("wide", "rows"):
        refuse("layout", f"the layout {layout}", "write the table long")
    coded = [name for name in data.categorical if name not in data.static]
    if coded:
        refuse("categorical", f"'{coded[0]}', a category that changes,", "leave it out")
    if data.duplicates == "mean":
        refuse("duplicates", "the mean of rows of one stamp", "set it to first or last")
    return faults


def tables_folder(data: DataConfig) -> Path:
    """The folder that tables on disk are in."""
    return TABLES if data.tables is None else Path(data.tables)


def open_stored(
    config: Config, listener: ProgressListener, until: str | None = None
) -> tuple[Panel, StreamedTable]:
    """The panel of a table on disk; streamed, where no earlier command has.

    Args:
        config: The table, and the horizon.
        listener: Is told how far it is.
        until: Leave out what comes after this stamp; see `stored_panel`.

    Raises:
        DataError: The table has a fault.
        RunError: The folder cannot be written.
    """
    begun = []

    def reading(size: int) -> None:
        begun.append(size)
        listener.task_started("streaming the table to disk, MB", size // MEGABYTE)

    try:
        return stored_panel(
            config.data,
            tables_folder(config.data),
            config.window.horizon,
            until,
            lambda done: listener.task_advanced(done // MEGABYTE),
            reading,
        )
    finally:
        if begun:
            listener.task_finished()
