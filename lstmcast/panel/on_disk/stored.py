"""Tables on disk: one folder for each, written once and found again by a hash of its sources.

The folder is complete or absent: it is written under another name, flushed to the disk, and
renamed. Its arrays are memory-mapped.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from lstmcast.config import DataConfig
from lstmcast.errors import RunError
from lstmcast.panel.derive import depends_on_horizon
from lstmcast.panel.mapped import map_file, sync_file
from lstmcast.panel.on_disk.cleaning import remove_unneeded, sources_of
from lstmcast.panel.on_disk.stream import Watch, stream_panel
from lstmcast.panel.on_disk.table import StreamedTable, files_of
from lstmcast.panel.panel import Columns, Panel
from lstmcast.panel.write_panel import OBSERVED, SOURCE_ROWS, VALUES
from lstmcast.runs.lock import locked
from lstmcast.runs.reading import read_object
from lstmcast.stamps.frequency import Frequency
from lstmcast.stamps.timestamps import StampStyle

FORMAT = 2
"""Format of the folder; a folder in another format is written again."""

DESCRIBED = "table.json"

ARRAYS = {"offsets": np.int64, "ends": np.int64, "starts": np.int64, "static": np.float64}
"""Arrays with one or a few numbers for each series."""

CONTENT_NEUTRAL = ("path", "vectors", "storage", "tables")
"""Fields of the data section that do not change the panel."""


def stored_panel(
    config: DataConfig,
    tables: Path,
    horizon: int,
    until: str | None = None,
    watch: Watch = lambda done: None,
    reading: Callable[[int], None] = lambda size: None,
) -> tuple[Panel, StreamedTable]:
    """The panel of a table in files, from an earlier command or streamed now.

    Args:
        config: Path, columns by role and the treatment of faults.
        tables: Folder with a subfolder for each table; created if absent.
        horizon: H, steps after the table for which columns made of stamps are computed.
        until: Last stamp (or row number) used of the columns other than future covariates.
        watch: Receives the number of bytes read so far.
        reading: Receives the number of bytes to read, first; not called if the panel exists.

    Raises:
        DataError: The table has a fault.
        RunError: The folder cannot be written.
    """
    files = files_of(config.path)
    kinds = config.model_dump(mode="json", exclude=set(CONTENT_NEUTRAL))
    made_of = {
        "format": FORMAT,
        "files": [[path.name, path.stat().st_size] for path in files],
        "data": kinds,
        "horizon": horizon if depends_on_horizon(config) else None,
        "until": until,
    }
    digest = hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()
    folder = tables / digest[:16]
    if (found := _open(folder, config.path, files)) is not None:
        return found
    try:
        tables.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(
            f"cannot create {tables}: {error.strerror}; set data.tables to another folder"
        ) from error
    with locked(tables / f".{folder.name}.lock", wait=True):
        if (found := _open(folder, config.path, files)) is not None:
            return found  # another process has just made it
        for left in tables.glob(f".{folder.name}.*.part"):
            shutil.rmtree(left, ignore_errors=True)  # of a killed process
        reading(sum(path.stat().st_size for path in files))
        _write(folder, config, files, horizon, until, watch)
        remove_unneeded(tables, DESCRIBED, keep=folder)
    made = _open(folder, config.path, files)
    if made is None:
        raise RunError(
            f"{config.path} has changed while it was read: try again when it is complete"
        )
    return made


def _write(
    folder: Path,
    config: DataConfig,
    files: list[Path],
    horizon: int,
    until: str | None,
    watch: Watch,
) -> None:
    """Stream a table into a folder that appears only when it is complete."""
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".part", dir=folder.parent))
    try:
        states = [_state(path) for path in files]
        panel, table, missing = stream_panel(config, files, part, horizon, until, watch)
        for name, kind in ARRAYS.items():
            (part / name).write_bytes(np.ascontiguousarray(getattr(panel, name), kind).tobytes())
        described = {
            "format": FORMAT,
            "states": states,
            "sources": sources_of(files),
            "filled": missing,
            "table": table.to_json(),
            "panel": _panel_json(panel),
        }
        text = json.dumps(described, ensure_ascii=False, allow_nan=False)
        (part / DESCRIBED).write_text(text, encoding="utf-8")
        del panel
        for path in part.iterdir():
            sync_file(path)
        part.chmod(0o755)
        shutil.rmtree(folder, ignore_errors=True)  # of a table that has changed since
        os.replace(part, folder)
        sync_file(folder.parent)
    except OSError as error:
        raise RunError(
            f"cannot write {folder.parent}: {error.strerror or error}; set data.tables to another "
            "folder"
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _open(folder: Path, name: str, files: list[Path]) -> tuple[Panel, StreamedTable] | None:
    """The panel and table of a folder; None if there is none or the files have changed."""
    if not (folder / DESCRIBED).is_file():
        return None
    described = read_object(folder / DESCRIBED)
    try:
        if described["format"] != FORMAT:
            return None
        states = [_state(path) for path in files]
        if states != described["states"]:  # touched, copied or changed: compare the bytes
            table = described["table"]
            if table["sha256"] != _fingerprint(files):
                return None
        with contextlib.suppress(OSError):  # the time of the last use, for `remove_unneeded`
            os.utime(folder / DESCRIBED)
        panel = _panel(folder, described["panel"], int(described["filled"]))
        return panel, StreamedTable.from_json(described["table"], name, files)
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise RunError(
            f"{folder} is damaged ({error}); remove it to read the table again"
        ) from error


def _state(path: Path) -> list[int]:
    """Size and modification time of a file."""
    found = path.stat()
    return [found.st_size, found.st_mtime_ns]


def _fingerprint(files: list[Path]) -> str:
    """The same hash as `StreamedTable.sha256`."""
    digests = []
    for path in files:
        with path.open("rb") as file:
            digests.append(hashlib.file_digest(file, "sha256").hexdigest())
    if len(files) == 1:
        return digests[0]
    lines = [f"{digest} {path.name}" for digest, path in zip(digests, files, strict=True)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _panel_json(panel: Panel) -> dict[str, Any]:
    style = panel.style
    return {
        "rows": len(panel.values),
        "columns": asdict(panel.columns),
        "series_columns": panel.series_columns,
        "names": panel.names,
        "frequency": panel.frequency.to_json(),
        "time": panel.time,
        "style": None if style is None else {**asdict(style), "zone_changes": []},
        "words": dict(panel.words),
        "lags": panel.lags,
        "unscaled": panel.unscaled,
        "left_out": panel.left_out,
        "begins_late": panel.begins_late,
        "latest_column": panel.latest_column,
    }


def _panel(folder: Path, state: dict[str, Any], filled: int) -> Panel:
    columns = Columns(**{role: tuple(names) for role, names in state["columns"].items()})
    rows, width, count = int(state["rows"]), len(columns.inputs), len(state["names"])
    shapes = {"offsets": (count + 1,), "static": (count, len(columns.static))}
    arrays = {
        name: np.fromfile(folder / name, dtype=kind).reshape(shapes.get(name, (count,)))
        for name, kind in ARRAYS.items()
    }
    style = state["style"]
    return Panel(
        columns=columns,
        series_columns=tuple(state["series_columns"]),
        names=[tuple(name) for name in state["names"]],
        values=map_file(folder / VALUES, np.float64, (rows, width)),
        observed=map_file(folder / OBSERVED, np.bool_, (rows, width)),
        source_rows=map_file(folder / SOURCE_ROWS, np.int64, (rows,)),
        frequency=Frequency.from_json(state["frequency"]),
        time=state["time"],
        style=None if style is None else StampStyle(**{**style, "zone_changes": ()}),
        words={name: tuple(words) for name, words in state["words"].items()},
        lags=tuple(state["lags"]),
        unscaled=tuple(state["unscaled"]),
        left_out=tuple(tuple(name) for name in state["left_out"]),
        begins_late=int(state["begins_late"]),
        latest_column=state["latest_column"],
        store=folder,
        filled=filled,
        **arrays,
    )
