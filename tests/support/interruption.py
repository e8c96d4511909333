"""A small training that dies after a checkpoint, and the comparison of what resume makes of it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from lstmcast.training.checkpoint import Checkpoint, Checkpoints

SMALL = [
    "window.lookback=14",
    "window.horizon=3",
    "network.units=4",
    "network.dropout=0.2",
    "network.initial_state=random",
    "training.max_epochs=4",
    "training.batch_size=16",
    "training.learning_rate=0.01",
    "training.average=0.5",
    "training.checkpoint_every=0",
]
FLAGS = [word for setting in SMALL for word in ("-s", setting)]
SAME = ("model.safetensors", "metrics.json", "forecast.csv", "backtest.csv", "recent.csv")


class Killed(BaseException):
    """Stands for the end of the process."""


def die_after_saves(monkeypatch: pytest.MonkeyPatch, count: int, name: str = "fit") -> None:
    """Let the process end right after so many checkpoints."""
    save, left = Checkpoints.save, [count]

    def dying(self: Checkpoints, step: int, checkpoint: Checkpoint) -> None:
        save(self, step, checkpoint)
        left[0] -= self.name == name
        if left[0] == 0:
            raise Killed

    monkeypatch.setattr(Checkpoints, "save", dying)


def assert_same_run(run: Path, whole: Path) -> None:
    for name in SAME:
        assert (run / name).read_bytes() == (whole / name).read_bytes(), name
    histories = [pd.read_csv(path / "history.csv").drop(columns="seconds") for path in (run, whole)]
    pd.testing.assert_frame_equal(*histories, check_exact=True)
    assert {path.name for path in run.iterdir()} == {path.name for path in whole.iterdir()}
