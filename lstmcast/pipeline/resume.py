"""Resume: what an interrupted run was made of, and which run a restarted process resumes."""

from __future__ import annotations

import contextlib
from pathlib import Path

from lstmcast.config import Config, load_config
from lstmcast.errors import ConfigError, RunError
from lstmcast.parallel import ranks
from lstmcast.pipeline.run_identity import (
    RunIdentity,
    read_identity,
    refuse_changes,
    without_paths,
)
from lstmcast.runs.folder import RunFolder
from lstmcast.training.checkpoint import remove_checkpoints


def read_beginning(folder: RunFolder) -> tuple[RunIdentity, RunIdentity | None, bool] | None:
    """Config and record of a run, as JSON, and whether it lacks only its page; None: not even that.

    Raises:
        RunError: The config has changed since the run began.
    """
    folder.sweep()
    record = read_identity(folder.begun)
    if folder.is_complete and record is None:
        remove_checkpoints(folder.checkpoint)
        return None
    return read_config(folder, record).model_dump(mode="json"), record, folder.is_complete


def unfinished(name: str, run: Path | None) -> Path | None:
    """The run to go on with where torchrun starts a `train` again after a process has died.

    Args:
        name: Of the config.
        run: What `--run` says.

    Returns:
        The run that the same torchrun began; None where it had not come so far.
    """
    if not ranks().restarts:
        return None
    found = None
    if ranks().first:
        begun = [RunFolder(run)] if run is not None else [*numbered_runs(name)][::-1]
        found = next((str(each.path) for each in begun if began_here(each)), None)
    told = ranks().broadcast(found)
    return None if told is None else Path(told)


def numbered_runs(name: str, parent: Path = Path("runs")) -> list[RunFolder]:
    """All `runs/<name>-0001`, `-0002`, ... that there are, in the order of their numbers."""
    entries = [*parent.iterdir()] if parent.is_dir() else []
    found = {
        int(entry.name.rpartition("-")[2]): RunFolder(entry)
        for entry in entries
        if entry.name.rpartition("-")[0] == name and entry.name.rpartition("-")[2].isdigit()
    }
    return [found[number] for number in sorted(found)]


def began_here(folder: RunFolder) -> bool:
    """Whether the torchrun that started this process began a run, as far as can be told."""
    if not folder.config.is_file():
        return False
    with contextlib.suppress(RunError):
        record = read_identity(folder.begun)
        return record is not None and record.get("launch") == ranks().launch
    return False


def read_config(folder: RunFolder, record: RunIdentity | None) -> Config:
    """The config of a run, as it was when the run began.

    Raises:
        RunError: It has changed since.
    """
    try:
        config = load_config(folder.config)
    except ConfigError as error:
        raise RunError(f"the config has changed since the run began: {error}") from error
    if record is not None:
        now = without_paths(config)
        if config.data.layout == "auto":  # the record has what was found, and so will have `train`
            now["data"]["layout"] = record["config"]["data"]["layout"]
        refuse_changes(record["config"], now, str(folder.config))
    return config
