"""Checkpoints: all state that an exact resume needs; written atomically, the last two are kept."""

from __future__ import annotations

import contextlib
import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lstmcast.errors import RunError
from lstmcast.parallel import Ranks
from lstmcast.runs.atomic import make_folder, remove_file
from lstmcast.runs.folder import BEGUN
from lstmcast.runs.tensors import TensorFile, write_tensors

FORMAT = 2
"""Version of the checkpoint format; a checkpoint of another version is not resumed."""

KEY = "lstmcast_checkpoint"

KEPT = 2
"""The last checkpoint, and the one before in case the last is damaged."""


@dataclass(frozen=True)
class Checkpoint:
    """The state of a training between two steps.

    Attributes:
        tensors: Tensors by name.
        values: All other values, as JSON.
    """

    tensors: dict[str, Tensor]
    values: dict[str, Any]

    def part(self, prefix: str) -> dict[str, Tensor]:
        """The tensors whose names have this prefix, by the rest of their names."""
        return {
            name.removeprefix(prefix): value
            for name, value in self.tensors.items()
            if name.startswith(prefix)
        }


class Checkpoints:
    """The checkpoints of one training.

    Args:
        folder: Folder of the checkpoints; the first `save` creates it.
        name: Name of the training: a run with a refit has two trainings.
        every: Seconds between checkpoints.
        run: Digest of the run's inputs: a checkpoint of another run is not resumed.
    """

    def __init__(self, folder: Path, name: str, every: float, run: str) -> None:
        self.folder, self.name, self.every, self.run = folder, name, every, run
        self.last = time.monotonic()

    def named(self, name: str) -> Checkpoints:
        """Checkpoints of another training of the same run."""
        return Checkpoints(self.folder, name, self.every, self.run)

    def member(self, number: int) -> Checkpoints:
        """Checkpoints of an ensemble member, counted from 0, of the same training."""
        return self.named(f"{self.name}{number + 1}")

    def due(self) -> bool:
        """Whether it is time for the next checkpoint."""
        return time.monotonic() >= self.last + self.every

    def save(self, step: int, checkpoint: Checkpoint) -> None:
        """Write a checkpoint, then remove all older ones except the last before it.

        Raises:
            RunError: The checkpoint cannot be written; older ones stay unchanged.
        """
        make_folder(self.folder)
        described = {"format": FORMAT, "run": self.run, "values": checkpoint.values}
        path = self.folder / f"{self.name}-{step:09d}.safetensors"
        write_tensors(path, checkpoint.tensors, KEY, described)
        for old in self._paths()[KEPT:]:
            remove_file(old)
        self.last = time.monotonic()

    def latest(self) -> Checkpoint | None:
        """The last intact checkpoint; None if there are no checkpoints.

        Raises:
            RunError: All checkpoints are damaged or belong to another run.
        """
        faults = []
        for path in self._paths():
            try:
                return self._read(path)
            except RunError as error:
                faults.append(str(error))
        if faults:
            raise RunError(
                f"no checkpoint can be read: {'; '.join(faults)}. Remove {self.folder} to start "
                "over"
            )
        return None

    def _paths(self) -> list[Path]:
        """Newest first."""
        return sorted(self.folder.glob(f"{self.name}-*.safetensors"), reverse=True)

    def _read(self, path: Path) -> Checkpoint:
        file = TensorFile(path, KEY)
        for field, wanted in (("format", FORMAT), ("run", self.run)):
            if file.described.get(field) != wanted:
                raise RunError(f"{path} has {field} {file.described.get(field)}; expected {wanted}")
        return Checkpoint(file.read(), file.described["values"])


def told_checkpoint(checkpoint: Checkpoint | None, ranks: Ranks) -> Checkpoint | None:
    """Broadcast the checkpoint that rank 0 has read: other machines may not have its files."""
    if ranks.alone:
        return checkpoint
    mine = None if checkpoint is None else [list(checkpoint.tensors), checkpoint.values]
    described = ranks.broadcast(mine)
    if described is None:
        return None
    names, values = described
    tensors = {} if checkpoint is None else checkpoint.tensors
    arrays = (
        ranks.broadcast_array(tensors[name].cpu().numpy() if ranks.first else None)
        for name in names
    )
    return Checkpoint(
        {name: torch.from_numpy(each) for name, each in zip(names, arrays, strict=True)}, values
    )


def remove_checkpoints(folder: Path) -> None:
    """Remove the checkpoints of a complete run, and no other files."""
    for path in [*folder.glob("*.safetensors"), folder / BEGUN]:
        remove_file(path)
    with contextlib.suppress(OSError):  # the user may keep other files there
        folder.rmdir()


def random_states(device: torch.device) -> Checkpoint:
    """States of all random generators that training may use: Python's, numpy's, torch's."""
    version, words, python_gauss = random.getstate()
    numpy_state: Any = np.random.get_state(legacy=False)
    tensors = {
        "random.python": torch.tensor(words),
        "random.numpy": torch.from_numpy(numpy_state["state"]["key"].astype(np.int64)),
        "random.torch": torch.get_rng_state(),
    }
    if device.type == "cuda":
        tensors["random.cuda"] = torch.cuda.get_rng_state(device)
    elif device.type == "mps":
        tensors["random.mps"] = torch.mps.get_rng_state()
    values = {
        "python": [version, python_gauss],
        "numpy": [numpy_state["state"]["pos"], numpy_state["has_gauss"], numpy_state["gauss"]],
    }
    return Checkpoint(tensors, values)


def restore_random_states(
    device: torch.device, tensors: dict[str, Tensor], values: dict[str, Any]
) -> None:
    """Restore the generators to the states that `random_states` returned."""
    version, python_gauss = values["python"]
    random.setstate((version, tuple(tensors["random.python"].tolist()), python_gauss))
    position, has_gauss, gauss = values["numpy"]
    keys = tensors["random.numpy"].numpy().astype(np.uint32)
    np.random.set_state(("MT19937", keys, position, has_gauss, gauss))
    torch.set_rng_state(tensors["random.torch"])
    if device.type == "cuda" and "random.cuda" in tensors:
        torch.cuda.set_rng_state(tensors["random.cuda"], device)
    elif device.type == "mps" and "random.mps" in tensors:
        torch.mps.set_rng_state(tensors["random.mps"])
