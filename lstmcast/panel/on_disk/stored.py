"""Tables in files: one folder for each, made once, found again by what it was made of.

The folder is whole or not there: it is written under another name, put on the disk, and renamed.
Its arrays are mapped, and never held: how much of them is in memory is the kernel's decision.
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
"""Of the folder: another is made anew."""

DESCRIBED = "table.json"

ARRAYS = {"offsets": np.int64, "ends": np.int64, "starts": np.int64, "static": np.float64}
"""Arrays of one number, or a few, for each series."""

BESIDE = ("path", "vectors", "storage", "tables")
"""Fields of the data section that do not decide what is in the table."""


def stored_panel(
    config: DataConfig,
    tables: Path,
    horizon: int,
    until: str | None = None,
    watch: Watch = lambda done: None,
    reading: Callable[[int], None] = lambda size: None,
) -> tuple[Panel, StreamedTable]:
    """The panel of a table, in files: as it was left by an earlier command, or streamed now.

    Args:
        config: Path, columns by role and how to treat faults.
        tables: The folder that the folders of all tables are in; it is made if it is not there.
        horizon: H, steps that columns made of stamps are to go on.
        until: Leave out what comes after this stamp (or row number), but for future columns.
        watch: Is told how many bytes have been read.
        reading: Is told before that how many there are; not called where the table is there.

    Raises:
        DataError: The table has a fault.
        RunError: The folder cannot be written.
    """
    files = files_of(config.path)
    kinds = config.model_dump(mode="json", exclude=set(BESIDE))
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
        raise RunError(f"cannot make {tables}: {error.strerror}; set data.tables") from error
    with locked(tables / f".{folder.name}.lock", wait=True):
        if (found := _open(folder, config.path, files)) is not None:
            return found  # another process has just made it
        for left in tables.glob(f".{folder.name}.*.part"):
            shutil.rmtree(left, ignore_errors=True)  # of one that was killed
        reading(sum(path.stat().st_size for path in files))
        _write(folder, config, files, horizon, until, watch)
        remove_unneeded(tables, DESCRIBED, keep=folder)
    made = _open(folder, config.path, files)
    if made is None:
        raise RunError(f"{folder} has changed while it was written: is the table being written to?")
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
            f"cannot write {folder.parent}: {error.strerror or error}; data.tables names another "
            "folder"
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _open(folder: Path, name: str, files: list[Path]) -> tuple[Panel, StreamedTable] | None:
    """What a folder holds; None where there is none, or the files have changed since."""
    if not (folder / DESCRIBED).is_file():
        return None
    described = read_object(folder / DESCRIBED)
    try:
        if described["format"] != FORMAT:
            return None
        states = [_state(path) for path in files]
        if states != described["states"]:  # touched, copied, or changed: the bytes tell
            table = described["table"]
            if table["sha256"] != _fingerprint(files):
                return None
        with contextlib.suppress(OSError):  # the time of the last use, for `remove_unneeded`
            os.utime(folder / DESCRIBED)
        panel = _panel(folder, described["panel"], int(described["filled"]))
        return panel, StreamedTable.from_json(described["table"], name, files)
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise RunError(
            f"{folder} is damaged ({error}); remove it to read the table anew"
        ) from error


def _state(path: Path) -> list[int]:
    """What changes when a file is written to."""
    found = path.stat()
    return [found.st_size, found.st_mtime_ns]


def _fingerprint(files: list[Path]) -> str:
    """As `StreamedTable.sha256`."""
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
