"""manifest.json: versions, machine, data and timings of a run. No computation reads it."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lstmcast.errors import RunError
from lstmcast.forecasting.model_file.model import Model
from lstmcast.network.kernel.load import identity
from lstmcast.network.precision import choose_precision
from lstmcast.pipeline.prepared import Prepared
from lstmcast.pipeline.run_identity import describe_vectors
from lstmcast.pipeline.warm_start import fingerprint
from lstmcast.runs.folder import RunFolder
from lstmcast.runs.reading import read_object
from lstmcast.training.trainer import Fit
from lstmcast.version import __version__

DECIDE_BITS = ("lstmcast", "torch", "numpy", "processor", "cpu", "threads", "kernel", "device")
"""If these are equal, sums are rounded equally."""


def describe_run(
    prepared: Prepared,
    model: Model,
    device: torch.device,
    timings: dict[str, float],
    fits: Sequence[Fit],
    memory: dict[str, int],
) -> dict[str, Any]:
    """The content of manifest.json."""
    panel, config = prepared.panel, prepared.config
    precision = choose_precision(config.training.precision, config.network, device)
    wide = precision == torch.float32
    return {
        "lstmcast": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "platform": platform.platform(),
        "processor": platform.machine(),
        "cpu": describe_cpu(),
        "threads": torch.get_num_threads(),
        "kernel": identity(),
        "device": str(device),
        "precision": "float32" if wide else "bf16",
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
            "vectors": describe_vectors(prepared),
        },
        "init_from": fingerprint(config.training.init_from),
        "windows": {
            **{name: len(index) for name, index in prepared.windows.by_name().items()},
            "left_out_at_cuts": prepared.windows.crossing,
        },
        "training": {
            **_described(fits[0]),
            "refit": prepared.config.training.refit,
            **({"members": [_described(fit) for fit in fits]} if len(fits) > 1 else {}),
        },
        "memory": memory,
        "timings": {name: round(seconds, 3) for name, seconds in timings.items()},
    }


def describe_cpu() -> str:
    """The CPU model, and the vector instructions that torch uses."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    name = names[0] if names else platform.processor() or platform.machine()
    return f"{name}, {torch.backends.cpu.get_cpu_capability()}"


def read_manifest(folder: RunFolder) -> dict[str, Any]:
    """The manifest of a complete run.

    Raises:
        RunError: It is missing or damaged.
    """
    if not folder.is_complete:
        raise RunError(
            f"{folder.path} is not a complete run: it has no manifest.json; {folder.what_lacks()}"
        )
    manifest = read_object(folder.manifest)
    if not isinstance(manifest.get("data"), dict) or "device" not in manifest:
        raise RunError(f"{folder.manifest} is damaged: it lacks data or device")
    return manifest


def environment_differences(was: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Differences between two runs that may change last digits, in words."""
    unlike = [
        f"{name} was {was.get(name, 'not recorded')}, and is {now.get(name)}"
        for name in DECIDE_BITS
        if was.get(name) != now.get(name)
    ]
    if not unlike and not str(now["device"]).startswith("cpu"):
        unlike = [f"the device {now['device']} adds numbers in no fixed order"]
    if not unlike and any("max_minutes" in str(each.get("training")) for each in (was, now)):
        unlike = ["training.max_minutes ended the training, after a number of steps that varies"]
    return unlike


def _described(fit: Fit) -> dict[str, Any]:
    """The course of the training of one member."""
    return {
        "epochs": len(fit.history),
        "best_epoch": fit.best_epoch,
        "stopped_by": fit.stopped_by,
    }
