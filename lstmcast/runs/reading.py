"""Safe reading of an untrusted run folder: no links out of it, no oversized files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lstmcast.errors import RunError

MAX_JSON = 1 << 28
"""Most bytes of a JSON file: the scores of many thousand series take a hundredth of it."""


def inside(folder: Path, name: str) -> Path:
    """The path of an entry of a run folder.

    Args:
        folder: The run folder; it may be a link itself.
        name: Path of the entry, relative to the folder.

    Raises:
        RunError: The entry is a link that leads out of the folder, or neither file nor folder:
            access through it could leak or damage other files.
    """
    path = folder / name
    try:
        real = path.resolve()
        leads_out = not real.is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # links in a circle
        real, leads_out = path, True
    if leads_out:
        raise RunError(
            f"{path} is a link that leads out of the run folder; nothing was read or written. "
            "Replace the link by the file itself, if you trust it"
        )
    if real.exists() and not (real.is_file() or real.is_dir()):
        raise RunError(f"{path} is neither a file nor a folder; remove it")
    return path


def read_object(path: Path) -> dict[str, Any]:
    """A file that holds one JSON object.

    Raises:
        RunError: The file is missing or damaged.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_JSON + 1)
        if len(data) > MAX_JSON:
            raise RunError(f"{path} is damaged: it has over {MAX_JSON:,} bytes")
        value = json.loads(data)
        if not isinstance(value, dict):
            raise RunError(f"{path} is damaged: it is not a JSON object")
        return value
    except RecursionError:
        raise RunError(f"{path} is damaged: it is nested too deeply") from None
    except (OSError, ValueError) as error:
        raise RunError(f"{path} is missing or damaged: {error}") from error
