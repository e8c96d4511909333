"""`lstmcast train --resume`: an interrupted run goes on, and ends as if nothing had happened."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import torch

from lstmcast.config import Config, load_config
from lstmcast.errors import ConfigError, DataError, RunError
from lstmcast.ranks import ranks
from lstmcast.run_folder import RunFolder
from lstmcast.training.checkpoint import remove_checkpoints
from lstmcast.workflows.begun import (
    Record,
    beginnings,
    describe_beginning,
    read_record,
    refuse_changes,
    without_paths,
)
from lstmcast.workflows.entry import choose_device
from lstmcast.workflows.train import (
    Ready,
    Trained,
    carry_out,
    complete,
    get_ready,
    made_by_first,
    resumable,
)
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
    began = time.monotonic()
    folder = RunFolder(run)
    if ranks().first and not folder.config.is_file() and folder.writer() is None:
        raise RunError(
            f"{run} has no config.yaml, and so is no run that could go on; begin one with "
            f"`lstmcast train CONFIG --run {run}`"
        )
    with made_by_first(lambda: lock(folder)) as folder, resumable(folder):
        beginning = ranks().tell(read_beginning(folder) if ranks().first else None)
        if beginning is None:
            return None
        values, record, lacks_page = beginning
        config = Config.model_validate(values)
        if device == "auto" and record is not None:
            device = record["made_with"]["device"]
        ready = get_ready_again(config, choose_device(device), record, watcher)
        if folder.is_complete:
            complete(folder, ready.prepared)
            return None
        if lacks_page:
            if ranks().first:
                complete(folder, ready.prepared)
            return None
        return carry_out(ready, folder, watcher, began)


@contextlib.contextmanager
def lock(folder: RunFolder) -> Iterator[RunFolder]:
    """The folder of a run that was interrupted, ours alone."""
    with folder.locked():
        yield folder


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
        refuse_changes(record["config"], without_paths(config), str(folder.config))
    return config


def get_ready_again(
    config: Config, device: torch.device, record: Record | None, watcher: Watcher
) -> Ready:
    """Read the data and build the network as at the beginning.

    Raises:
        RunError: The data has changed since.
    """
    if record is None:
        return get_ready(config, device, watcher)
    try:
        ready = get_ready(config, device, watcher)
    except DataError as error:
        raise RunError(f"the data has changed since the run began: {error}") from error
    now = describe_beginning(ready.prepared, device)
    refuse_changes(record["data"], now["data"], config.data.path)
    refuse_changes(record["vectors"], now["vectors"], "a file of data.vectors")
    refuse_changes(*beginnings(record, now), "training.init_from")
    for name, was in record["made_with"].items():
        if now["made_with"].get(name) != was:
            watcher.note(
                f"The run began with {name} {was} and goes on with {now['made_with'].get(name)}: "
                "the last digits may differ from those of a run never interrupted."
            )
    return ready
