"""Resume: the config and inputs of an interrupted run, and the run of a restarted process."""

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


def read_interrupted_run(folder: RunFolder) -> tuple[RunIdentity, RunIdentity | None, bool] | None:
    """Config and identity of a run, as JSON, and whether only its page is missing; None: complete.

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
    """The run that the same torchrun began, if it restarts `train` after a process has died.

    It is `run`, the value of `--run`, or else one of the numbered runs of the config `name`.
    """
    if not ranks().restarts:
        return None
    found = None
    if ranks().first:
        begun = [RunFolder(run)] if run is not None else [*numbered_runs(name)][::-1]
        found = next((str(each.path) for each in begun if started_by_this_torchrun(each)), None)
    found = ranks().broadcast(found)
    return None if found is None else Path(found)


def numbered_runs(name: str, parent: Path = Path("runs")) -> list[RunFolder]:
    """All runs `runs/<name>-0001`, `-0002`, ... in the order of their numbers."""
    entries = [*parent.iterdir()] if parent.is_dir() else []
    found = {
        int(entry.name.rpartition("-")[2]): RunFolder(entry)
        for entry in entries
        if entry.name.rpartition("-")[0] == name and entry.name.rpartition("-")[2].isdigit()
    }
    return [found[number] for number in sorted(found)]


def started_by_this_torchrun(folder: RunFolder) -> bool:
    """Whether the torchrun that started this process began the run."""
    if not folder.config.is_file():
        return False
    with contextlib.suppress(RunError):
        record = read_identity(folder.begun)
        return record is not None and record.get("launch") == ranks().launch
    return False


def read_config(folder: RunFolder, record: RunIdentity | None) -> Config:
    """The config of a run, verified against its identity.

    Raises:
        RunError: The config has changed since the run began.
    """
    try:
        config = load_config(folder.config)
    except ConfigError as error:
        raise RunError(f"the config has changed since the run began: {error}") from error
    if record is not None:
        now = without_paths(config)
        if config.data.layout == "auto":  # the record has the detected layout, as `train` will
            now["data"]["layout"] = record["config"]["data"]["layout"]
        refuse_changes(record["config"], now, str(folder.config))
    return config
