"""`lstmcast rerun`: a run's config and data once more, and whether the same comes of it."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from lstmcast.config import Config, dump_config
from lstmcast.errors import ConfigError, DataError, RunError
from lstmcast.forecasting.model import load_model
from lstmcast.run_folder import RunFolder
from lstmcast.whole_file import write_text
from lstmcast.workflows.begun import beginnings, describe_beginning, refuse_changes, without_paths
from lstmcast.workflows.entry import choose_device, config_of_run, run_folder_for
from lstmcast.workflows.manifest import read_manifest, unlike_machine
from lstmcast.workflows.sameness import Difference, compare_runs
from lstmcast.workflows.train import Ready, Trained, carry_out, get_ready, resumable
from lstmcast.workflows.watcher import Watcher

ADVICE = "Put it back to train the run again, or train anew with `lstmcast train`"


@dataclass(frozen=True)
class Rerun:
    """What training again gave.

    Attributes:
        run: The run that was there.
        trained: What came of it now; its folder is gone where `kept` is false.
        kept: Whether the new run folder stays.
        unlike: In what machine and versions differ, in words; where nothing does, every bit must
            be the same.
        differences: Between the two runs; None where they were not compared.
    """

    run: Path
    trained: Trained
    kept: bool
    unlike: list[str]
    differences: list[Difference] | None

    @property
    def same(self) -> bool:
        """Whether the two runs are as alike as they must be."""
        return not any(difference.counts for difference in self.differences or ())


def rerun(run: Path, again: Path | None, verify: bool, device: str, watcher: Watcher) -> Rerun:
    """Train a run again from its own config and data.

    Args:
        run: The folder of a complete run; it is only read.
        again: Run folder to make; None: the next free one under `runs/`, or with `verify` one that
            goes again.
        verify: Compare weights, scores and forecasts.
        device: As `--device` names it; `auto` is the one that the run was trained on, if it is
            here.
        watcher: Is told how it goes.

    Raises:
        ConfigError: There is no such device.
        Diverged: Training ran away.
        RunError: The run is not complete or damaged, or its config or data has changed since.
    """
    began = time.monotonic()
    folder = RunFolder(run)
    manifest = read_manifest(folder)
    config = config_of_run(folder)
    with place_for(folder, again, verify) as made:
        ready = get_ready_as_then(config, folder, manifest, device_of(manifest, device), watcher)
        trained = train_there(ready, config, made, verify and again is None, watcher, began)
        unlike = unlike_machine(manifest, read_manifest(made))
        differences = compare_runs(folder, made, exact=not unlike) if verify else None
    return Rerun(run, trained, made.path.exists(), unlike, differences)


def device_of(manifest: dict[str, Any], name: str) -> torch.device:
    """The device that is asked for, or that of the run where it is here.

    Raises:
        ConfigError: There is no such device.
    """
    if name != "auto":
        return choose_device(name)
    try:
        return choose_device(str(manifest["device"]))
    except ConfigError:
        return choose_device("auto")


@contextlib.contextmanager
def place_for(folder: RunFolder, again: Path | None, verify: bool) -> Iterator[RunFolder]:
    """Where the run is trained again; a folder that nobody named goes with the comparison."""
    name = folder.path.resolve().name
    if again is not None or not verify:
        stem, _, number = name.rpartition("-")
        yield run_folder_for(stem if number.isdigit() and stem else name, again)
        return
    with tempfile.TemporaryDirectory(prefix="lstmcast-rerun-") as place:
        yield RunFolder(Path(place) / name)


def get_ready_as_then(
    config: Config,
    folder: RunFolder,
    manifest: dict[str, Any],
    device: torch.device,
    watcher: Watcher,
) -> Ready:
    """Read the data and build the network, if both are those of the run.

    Raises:
        RunError: The config or the data has changed since.
    """
    # Before the new network: to build one draws from the generator that dropout draws from too.
    trained_by = without_paths(load_model(folder.model, torch.device("cpu")).config)
    try:
        ready = get_ready(config, device, watcher)
    except DataError as error:
        raise RunError(f"the data has changed since the run: {error}") from error
    now = describe_beginning(ready.prepared, device)
    refuse_changes(trained_by, now["config"], str(folder.config), ADVICE)
    was = {name: manifest["data"].get(name) for name in now["data"]}
    refuse_changes(was, now["data"], config.data.path, ADVICE)
    vectors = manifest["data"].get("vectors")
    if vectors is not None:  # runs of before 0.2 noted neither these nor init_from
        refuse_changes(vectors, now["vectors"], "a file of data.vectors", ADVICE)
    if "init_from" in manifest:
        refuse_changes(*beginnings(manifest, now), "training.init_from", ADVICE)
    return ready


def train_there(
    ready: Ready,
    config: Config,
    made: RunFolder,
    passing: bool,
    watcher: Watcher,
    began: float,
) -> Trained:
    """Train into a new folder; one that stays can be resumed."""
    with made.created() as there, contextlib.nullcontext() if passing else resumable(there):
        write_text(there.config, dump_config(config))
        return carry_out(ready, there, watcher, began)
