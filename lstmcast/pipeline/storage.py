"""Choose the storage of a table, memory or disk, and open a table on disk."""

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
"""Folder of the tables on disk."""

SHARE = 0.2
"""Largest text file, as a fraction of the memory: its rows need up to four times its size."""

MEGABYTE = 1_000_000

PACKED = 5
"""Assumed compression factor of a gzip or Parquet file."""


def storage_of(config: Config, listener: ProgressListener | None = None) -> str:
    """`memory` or `disk`, from the config or the size of the file; results do not depend on it.

    Raises:
        ConfigError: A table on disk does not support a setting of the config.
    """
    data = config.data
    path = Path(data.path)
    folder = data.path != "-" and path.is_dir()
    if data.storage == "memory":
        if folder:
            raise ConfigError(
                f"{path} is a folder, and its table needs storage on disk; set data.storage: disk, "
                "or name one file"
            )
        return "memory"
    large, free = "", data.storage == "auto" and not folder
    if free:
        large = why_not_in_memory(path, config) if data.path != "-" else ""
        if not large:
            return "memory"
    if faults := not_on_disk(data, folder):
        if free:
            return "memory"
        raise join(ConfigError, faults)
    if large and listener is not None:
        listener.note(f"{large}, so its rows are stored on disk (data.storage).")
    return "disk"


def in_memory(config: Config) -> Config:
    """The config with all rows in memory, for backtests and checks; results do not change.

    Raises:
        ConfigError: The rows do not fit into memory.
    """
    path = Path(config.data.path)
    if config.data.path != "-" and path.is_dir():
        raise ConfigError(
            f"{path} is a folder, but this command needs all rows in memory; name one file, or "
            "join the files"
        )
    check_file(path, config)
    return config.model_copy(update={"data": config.data.model_copy(update={"storage": "memory"})})


def why_not_in_memory(path: Path, config: Config) -> str:
    """The reason why a file is too large for memory; empty if it is not."""
    limit = memory_budget(config)
    if limit is None or not path.is_file():
        return ""
    packed = path.suffix.lower() in (".gz", ".parquet", ".pq")
    size = path.stat().st_size * (PACKED if packed else 1)
    if size <= SHARE * limit:
        return ""
    return f"{path.name} has {gigabytes(path.stat().st_size)} and the memory {gigabytes(limit)}"


def not_on_disk(data: DataConfig, folder: bool) -> list[str]:
    """Settings that a table on disk, a file or a folder, does not support yet: a sentence each."""
    faults = []
    memory = "join the files into one" if folder else "set data.storage: memory"

    def refuse(field: str, what: str, instead: str) -> None:
        faults.append(
            f"data.{field}: {what} does not work with a table on disk yet: {instead}, or {memory}"
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
    """The folder of the tables on disk."""
    return TABLES if data.tables is None else Path(data.tables)


def open_stored(
    config: Config, listener: ProgressListener, until: str | None = None
) -> tuple[Panel, StreamedTable]:
    """The panel of a table on disk; streamed to disk first, unless an earlier command did so.

    Rows after the time stamp `until` are left out; see `stored_panel`.

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
