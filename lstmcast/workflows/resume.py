"""`lstmcast train --resume`: an interrupted run goes on, and ends as if nothing had happened."""

from __future__ import annotations

import contextlib
from pathlib import Path

from lstmcast.config import Config, load_config
from lstmcast.errors import ConfigError, RunError
from lstmcast.ranks import ranks
from lstmcast.run_folder import RunFolder
from lstmcast.training.checkpoint import remove_checkpoints
from lstmcast.workflows.begun import (
    EarlierRun,
    Record,
    describe_beginning,
    read_record,
    refuse_changes,
    same_data_as,
    without_paths,
)
from lstmcast.workflows.entry import choose_device
from lstmcast.workflows.new_run import Trained, reopened
from lstmcast.workflows.prepare import prepare
from lstmcast.workflows.run_page import complete
from lstmcast.workflows.train import train
from lstmcast.workflows.watcher import Watcher


def resume(run: Path, device: str, watcher: Watcher) -> Trained | None:
    """Go on with a run from its last checkpoint; without one, start over.

    Args:
        run: The folder of a run that was interrupted.
        device: As `--device` names it; `auto` is the device that the run began on.
        watcher: Is told how it goes.

    Returns:
        What training gave; None where the run was complete already.

    Raises:
        ConfigError: There is no such device.
        Diverged: Training ran away.
        RunError: The folder is no run, another process writes there, or its config or data has
            changed since it began.
    """
    folder = RunFolder(run)
    if ranks().first and not folder.config.is_file() and folder.writer() is None:
        raise RunError(
            f"{run} has no config.yaml, and so is no run that could go on; begin one with "
            f"`lstmcast train CONFIG --run {run}`"
        )
    with reopened(folder) as folder:
        beginning = ranks().tell(read_beginning(folder) if ranks().first else None)
        if beginning is None:
            return None
        values, record, lacks_page = beginning
        config = Config.model_validate(values)
        if device == "auto" and record is not None:
            device = record["made_with"]["device"]
        chosen = choose_device(device)
        earlier = EarlierRun(record, str(folder.config), goes_on=True)
        if not lacks_page:
            return train(config, folder, chosen, watcher, earlier=earlier)
        with same_data_as(earlier):
            prepared = prepare(config, watcher)
        earlier.refuse_changes(describe_beginning(prepared, chosen), config.data.path)
        complete(folder, prepared)
        return None


def read_beginning(folder: RunFolder) -> tuple[Record, Record | None, bool] | None:
    """Config and record of a run, as JSON, and whether it lacks only its page; None: not even that.

    Raises:
        RunError: The config has changed since the run began.
    """
    folder.sweep()
    record = read_record(folder.begun)
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
    told = ranks().tell(found)
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
        record = read_record(folder.begun)
        return record is not None and record.get("launch") == ranks().launch
    return False


def read_config(folder: RunFolder, record: Record | None) -> Config:
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
