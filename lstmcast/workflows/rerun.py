"""`lstmcast rerun`: train a run again, and verify that the result is the same."""

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
from lstmcast.pipeline.manifest import environment_differences, read_manifest
from lstmcast.pipeline.new_run import Trained
from lstmcast.pipeline.progress import ProgressListener
from lstmcast.pipeline.reproducibility import Difference, compare_runs
from lstmcast.pipeline.run_identity import DATA_FIELDS, EarlierRun, RunIdentity, without_paths
from lstmcast.proposing.source import choose_device, config_of_run, run_folder_for
from lstmcast.runs.folder import RunFolder
from lstmcast.workflows.train import train


@dataclass(frozen=True)
class Rerun:
    """Result of training again.

    Attributes:
        run: The original run.
        trained: The result of the new training; its folder no longer exists if `kept` is false.
        kept: Whether the new run folder stays.
        unlike: Differences in machine and versions, in words; if empty, every bit must be equal.
        differences: Between the two runs; None if they were not compared.
    """

    run: Path
    trained: Trained
    kept: bool
    unlike: list[str]
    differences: list[Difference] | None

    @property
    def same(self) -> bool:
        """Whether no difference exceeds its bound."""
        return not any(difference.counts for difference in self.differences or ())


def rerun(
    run: Path, again: Path | None, verify: bool, device: str, listener: ProgressListener
) -> Rerun:
    """Train a run again from its own config and data.

    Args:
        run: The folder of a complete run; it is only read.
        again: Run folder to create; None: the next free one under `runs/`, or with `verify` a
            temporary one.
        verify: Compare weights, scores and forecasts.
        device: Value of `--device`; `auto` is the device of the run, if this machine has it.
        listener: Receives progress.

    Raises:
        ConfigError: The device does not exist.
        Diverged: Training diverged.
        RunError: The run is incomplete or damaged, or its config or data has changed.
    """
    folder = RunFolder(run)
    manifest = read_manifest(folder)
    config = config_of_run(folder)
    with folder_for_rerun(folder, again, verify) as made:
        chosen = device_of(manifest, device)
        earlier = inputs_of_run(folder, manifest, kept=again is not None or not verify)
        trained = train(config, made, chosen, listener, earlier=earlier)
        made = trained.run
        unlike = environment_differences(manifest, read_manifest(made))
        differences = compare_runs(folder, made, exact=not unlike) if verify else None
    return Rerun(run, trained, made.path.exists(), unlike, differences)


def device_of(manifest: dict[str, Any], name: str) -> torch.device:
    """The named device; for `auto` that of the run, if this machine has it.

    Raises:
        ConfigError: The device does not exist.
    """
    if name != "auto":
        return choose_device(name)
    try:
        return choose_device(str(manifest["device"]))
    except ConfigError:
        return choose_device("auto")


@contextlib.contextmanager
def folder_for_rerun(folder: RunFolder, again: Path | None, verify: bool) -> Iterator[RunFolder]:
    """The folder of the new run; with `verify` and no name, a temporary one."""
    name = folder.path.resolve().name
    if again is not None or not verify:
        stem, _, number = name.rpartition("-")
        yield run_folder_for(stem if number.isdigit() and stem else name, again)
        return
    with tempfile.TemporaryDirectory(prefix="lstmcast-rerun-") as parent:
        yield RunFolder(Path(parent) / name)


def inputs_of_run(folder: RunFolder, manifest: dict[str, Any], kept: bool) -> EarlierRun:
    """The config and data of a run, which the new run must share."""
    # Before the new network: building one draws from the random generator of dropout.
    trained_by = without_paths(load_model(folder.model, torch.device("cpu")).config)
    data = manifest["data"]
    was: RunIdentity = {
        "config": trained_by,
        "data": {name: data.get(name) for name in DATA_FIELDS},
    }
    if data.get("vectors") is not None:  # versions before 0.2 record neither these nor init_from
        was["vectors"] = data["vectors"]
    if "init_from" in manifest:
        was["init_from"] = manifest["init_from"]
    return EarlierRun(was, str(folder.config), resumed=False, kept=kept)
