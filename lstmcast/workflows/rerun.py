"""`lstmcast rerun`: a run's config and data once more, and whether the same comes of it."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from lstmcast.errors import ConfigError
from lstmcast.forecasting.model_file.model import load_model
from lstmcast.pipeline.manifest import read_manifest, unlike_machine
from lstmcast.pipeline.new_run import Trained
from lstmcast.pipeline.progress import ProgressListener
from lstmcast.pipeline.reproducibility import Difference, compare_runs
from lstmcast.pipeline.run_identity import TOLD_OF_DATA, EarlierRun, RunIdentity, without_paths
from lstmcast.proposing.source import choose_device, config_of_run, run_folder_for
from lstmcast.runs.folder import RunFolder
from lstmcast.workflows.train import train


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


def rerun(
    run: Path, again: Path | None, verify: bool, device: str, listener: ProgressListener
) -> Rerun:
    """Train a run again from its own config and data.

    Args:
        run: The folder of a complete run; it is only read.
        again: Run folder to make; None: the next free one under `runs/`, or with `verify` one that
            goes again.
        verify: Compare weights, scores and forecasts.
        device: As `--device` names it; `auto` is the one that the run was trained on, if it is
            here.
        listener: Is told how it goes.

    Raises:
        ConfigError: There is no such device.
        Diverged: Training ran away.
        RunError: The run is not complete or damaged, or its config or data has changed since.
    """
    folder = RunFolder(run)
    manifest = read_manifest(folder)
    config = config_of_run(folder)
    with place_for(folder, again, verify) as made:
        where = device_of(manifest, device)
        earlier = what_it_was_made_of(folder, manifest, kept=again is not None or not verify)
        trained = train(config, made, where, listener, earlier=earlier)
        made = trained.run
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


def what_it_was_made_of(folder: RunFolder, manifest: dict[str, Any], kept: bool) -> EarlierRun:
    """What a run's config and data must be the same as."""
    # Before the new network: to build one draws from the generator that dropout draws from too.
    trained_by = without_paths(load_model(folder.model, torch.device("cpu")).config)
    data = manifest["data"]
    was: RunIdentity = {
        "config": trained_by,
        "data": {name: data.get(name) for name in TOLD_OF_DATA},
    }
    if data.get("vectors") is not None:  # runs of before 0.2 noted neither these nor init_from
        was["vectors"] = data["vectors"]
    if "init_from" in manifest:
        was["init_from"] = manifest["init_from"]
    return EarlierRun(was, str(folder.config), goes_on=False, kept=kept)
