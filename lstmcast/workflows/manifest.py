"""manifest.json: what a run was made with and of. Nothing that decides a number is read from it."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
import torch

from lstmcast.forecasting.model import Model
from lstmcast.training.trainer import Fit
from lstmcast.workflows.prepare import Prepared


def describe_run(
    prepared: Prepared,
    model: Model,
    device: torch.device,
    timings: dict[str, float],
    fits: Sequence[Fit],
) -> dict[str, Any]:
    """The content of manifest.json."""
    panel = prepared.panel
    return {
        "lstmcast": version("lstmcast"),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "platform": platform.platform(),
        "processor": platform.machine(),
        "threads": torch.get_num_threads(),
        "device": str(device),
        "seed": prepared.config.training.seed,
        "parameters": sum(member.parameter_count() for member in model.members),
        "data": {
            "path": prepared.config.data.path,
            "sha256": prepared.table.sha256,
            "rows": len(prepared.table.frame),
            "columns": list(panel.series_columns)
            + ([panel.time] if panel.time else [])
            + list(panel.columns.inputs)
            + list(panel.columns.static),
            "series": panel.series_count,
            "frequency": panel.frequency.alias,
            "season": panel.frequency.season,
            "first": prepared.first,
            "last": prepared.last,
        },
        "windows": {
            **{name: len(index) for name, index in prepared.windows.by_name().items()},
            "left_out_at_cuts": prepared.windows.crossing,
        },
        "training": {
            **_described(fits[0]),
            "refit": prepared.config.training.refit,
            **({"members": [_described(fit) for fit in fits]} if len(fits) > 1 else {}),
        },
        "timings": {name: round(seconds, 3) for name, seconds in timings.items()},
    }


def _described(fit: Fit) -> dict[str, Any]:
    """How the training of one member went."""
    return {
        "epochs": len(fit.history),
        "best_epoch": fit.best_epoch,
        "stopped_by": fit.stopped_by,
    }
