"""The first steps of every command: the config that a path names, and the device."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lstmcast.config import Config, load_config
from lstmcast.errors import ConfigError, RunError
from lstmcast.parallel import ranks
from lstmcast.pipeline.free_memory import check_file
from lstmcast.pipeline.progress import ProgressListener
from lstmcast.pipeline.reading import ReadTable
from lstmcast.proposing.propose import is_config, propose_config
from lstmcast.runs.folder import RunFolder, next_run

if TYPE_CHECKING:
    import torch


def config_for(
    path: str | Path, overrides: Sequence[str], listener: ProgressListener
) -> tuple[Config, ReadTable | None]:
    """The config that a path names: a YAML file, or the proposal for a table.

    Returns:
        The config, and its table where that had to be read for it.

    Raises:
        ConfigError: The config or an override has faults.
        DataError: The table cannot be read.
    """
    if is_config(path):
        return load_config(Path(path), overrides), None
    check_file(Path(path), None)
    if Path(path).is_dir():
        raise ConfigError(
            f"{path} is a folder; name a config (.yaml), whose data.path may be a folder of "
            "tables, or a table (.csv, .parquet)"
        )
    return propose_config(path, overrides, listener)


def config_of_run(run: RunFolder) -> Config:
    """The config of a run.

    Raises:
        RunError: It is missing or damaged.
    """
    try:
        return load_config(run.config)
    except ConfigError as error:
        raise RunError(f"{run.path} is damaged: {error}") from error


def run_folder_for(path: str | Path, run: str | Path | None) -> RunFolder:
    """The folder that `--run` names, or the next free one under `runs/`.

    Raises:
        RunError: The named folder holds something.
    """
    if run is None:
        return next_run(run_name(path))
    folder = RunFolder(Path(run))
    if ranks().first:
        folder.check_free()
    return folder


def run_name(source: str | Path) -> str:
    """The name of runs of a config or table: `co2` for `configs/co2.yaml`."""
    return Path(source).name.split(".")[0] or "run"


def choose_device(name: str) -> torch.device:
    """The device that `--device` names; `auto` is the first CUDA device, or the CPU.

    Of several processes on a machine, each has the CUDA device of its own number.

    Raises:
        ConfigError: There is no such device here.
    """
    import torch

    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
        if name == "cpu" or ranks().alone:
            return torch.device(name)
    kind, _, number = name.partition(":")
    if kind not in ("cpu", "cuda", "mps") or (number and (kind != "cuda" or not number.isdigit())):
        raise ConfigError(f"--device {name} is not known; use auto, cpu, cuda, cuda:N or mps")
    if kind == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if int(number or 0) >= count:
            raise ConfigError(
                f"--device {name}: torch {torch.__version__} sees {count} CUDA devices here; use "
                "--device cpu, or install torch's CUDA build (README, 'Installing')"
            )
    if kind == "cuda" and not ranks().alone:
        return device_of_rank(name, torch.cuda.device_count())
    if kind == "mps" and not torch.backends.mps.is_available():
        raise ConfigError("--device mps: torch sees no Apple GPU here; use --device cpu")
    return torch.device(name)


def device_of_rank(name: str, count: int) -> torch.device:
    """The CUDA device of this process, if a machine has several processes.

    Args:
        name: What `--device` says.
        count: CUDA devices of this machine.

    Raises:
        ConfigError: There are fewer devices than processes, or one was named for all.
    """
    import torch

    local, needed = ranks().local, ranks().local_count
    if name != "cuda" and needed > 1:
        raise ConfigError(
            f"--device {name} is one device for {needed} processes; write --device cuda, so that "
            "each uses its own"
        )
    if needed > count:
        raise ConfigError(
            f"torchrun started {needed} processes, but there are {count} CUDA devices; start "
            f"{count}, or add --device cpu"
        )
    device = torch.device(name if needed == 1 else f"cuda:{local}")
    torch.cuda.set_device(device)
    return device
