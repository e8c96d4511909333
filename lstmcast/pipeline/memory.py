"""Estimate the memory of a training before its first step.

The memory in use is measured, and so is the memory that a few windows keep for the backward pass.
The rest is calculated. On a CPU, estimates above a gigabyte are right within a factor of 1.5
(benchmarks/memory_forecast.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lstmcast.config import Config
from lstmcast.errors import ConfigError, counted
from lstmcast.forecasting.predict import windows_at_once
from lstmcast.network.forecaster import Forecaster
from lstmcast.network.kernel.autograd import FEWEST_WINDOWS
from lstmcast.network.kernel.call import made_for, parts_of
from lstmcast.network.threads import use_threads
from lstmcast.parallel import ranks
from lstmcast.pipeline.free_memory import anonymous, gigabytes, memory_budget, peak, resident
from lstmcast.pipeline.network import new_network, sizes_of
from lstmcast.pipeline.prepared import Prepared
from lstmcast.windows.order import MOST_POOL
from lstmcast.windows.windows import require_train_windows

FLOAT = 4
"""Bytes of a number on the device."""

MEASURED = (FEWEST_WINDOWS, 2 * FEWEST_WINDOWS)
"""Numbers of windows in the measured batches: enough for the code path of large batches."""

VALIDATION_BATCH = 256
"""Windows in a batch of validation, at least."""

MOST_SCORING, SCORING_FORECAST = 300_000_000, 400
"""Bytes of scoring: at most, and per forecast number: five forecasters with their intervals."""

FRAGMENTATION = 1.15
"""Overhead factor for fragmented memory in training steps on a CPU."""

LINEAR_PAIR = 6 * 8
"""Bytes of the linear baseline per pair of lookback steps: six matrices (T, T)."""

SCORING_WINDOW, SCORING_CELL = 400, 24
"""Bytes of scoring per test window, and per number of the table."""

FORECAST_SHARE = 0.25
"""Memory of a window in a forecast, as a fraction of its memory in training."""


@dataclass(frozen=True)
class Need:
    """Bytes of memory by purpose.

    Attributes:
        held: In use already: libraries and the table; 0 if the device is not a CPU.
        table: Scaled copies of the table, and the order of the windows.
        weights: Of all members, with gradients, optimizer, best weights and a checkpoint.
        window: One window of a training step.
        batch: The largest batch, in training or in validation.
        judging: Scores, baselines and intervals, after training.
    """

    held: int
    table: int
    weights: int
    window: int
    batch: int
    judging: int

    @property
    def total(self) -> int:
        """The peak: scoring starts after the memory of the last batch is free."""
        return self.held + self.table + self.weights + max(self.batch, self.judging)


def build_network(prepared: Prepared, device: torch.device) -> tuple[Forecaster, Need]:
    """Build an untrained network, and estimate the memory of its training.

    Raises:
        ConfigError: The memory is too small: says how much is needed, how much there is, and which
            setting to lower.
        DataError: There is no window to train on.
    """
    window = prepared.config.window
    require_train_windows(
        prepared.panel,
        prepared.cuts,
        prepared.windows,
        window.lookback,
        window.horizon,
        window.pad,
    )
    use_threads(prepared.config.network, prepared.config.training, window.pad)
    config, sizes, limit = prepared.config, sizes_of(prepared), limit_of(prepared.config, device)
    with torch.device("meta"):  # uses no memory: the weights alone may not fit
        outline = Forecaster(config.network, sizes, config.training.loss)
    need = forecast_need(prepared, outline, device, 0)
    if limit is not None and need.held + need.table + need.weights > limit:
        raise ConfigError(memory_message(config, need, limit))
    network = new_network(prepared, sizes, device)
    need = forecast_need(prepared, network, device, limit)
    if limit is not None and need.total > limit:
        raise ConfigError(memory_message(config, need, limit))
    return network, need


def limit_of(config: Config, device: torch.device) -> int | None:
    """Bytes that the process may use on a device; None if unknown."""
    if config.training.memory_limit is not None:
        return memory_budget(config)
    if device.type == "cpu":  # all processes of the machine share the free memory
        free = memory_budget(config)
        return None if free is None else resident() + (free - resident()) // ranks().local_count
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else None


def forecast_need(
    prepared: Prepared, network: Forecaster, device: torch.device, limit: int | None = None
) -> Need:
    """Estimated memory of training; only a rough estimate if it is far above the limit."""
    config, windows, cells = prepared.config, prepared.windows, prepared.panel.values.size
    in_files = prepared.panel.store is not None
    cells = 0 if in_files else cells  # the kernel can drop mapped pages
    ordered = min(len(windows.train), MOST_POOL)
    training, on_cpu = config.training, device.type == "cpu"
    window = estimate_window_bytes(network, config)
    if limit is None or 3 * MEASURED[1] * window < limit:
        window = measure_window_bytes(network, config, device)
    forecast = FORECAST_SHARE * window
    most, validated = training.batch_size, max(training.batch_size, VALIDATION_BATCH)
    batch = max(ranks().most(most) * window, ranks().most(validated) * forecast)
    kept = sum(value.nbytes for value in network.state_dict().values())
    if on_cpu and made_for(config.network):  # each thread sums its own gradients
        batch += kept * parts_of(ranks().most(most), kept // FLOAT)
    moments = (1 if training.optimizer == "sgd" else 2) + (training.average > 0)
    state = kept * (3 + moments)  # weights, gradients, best weights, optimizer
    saved = 2 * kept * (2 + moments) if on_cpu else 0  # a checkpoint, as tensors and as bytes
    scored = max(len(windows.validation), len(windows.test))
    judging = min(scored, windows_at_once(network.sizes, config.network.units, device)) * forecast
    if on_cpu:  # baselines and scores use the memory of the CPU
        forecasts = scored * network.sizes.horizon * network.sizes.targets
        judging += min(MOST_SCORING, SCORING_FORECAST * forecasts)
        judging += LINEAR_PAIR * config.window.lookback**2
        judging += SCORING_WINDOW * len(windows.test) + SCORING_CELL * cells
    return Need(
        held=(anonymous() if in_files else resident()) if on_cpu else 0,
        table=2 * FLOAT * cells + (24 * ordered if on_cpu else 0),
        weights=state + saved + (training.members - 1) * kept,
        window=window,
        batch=int(batch),
        judging=int(judging),
    )


def memory_message(config: Config, need: Need, limit: int) -> str:
    """The message if the memory is too small: the amounts, and which setting to lower."""
    training, network = config.training, config.network
    rest = limit - (need.total - max(need.batch, need.judging))
    fitting = rest // max(need.window, 1)
    if need.batch < need.judging and need.batch < rest:
        advice = f"window.lookback (now {config.window.lookback:,}), or rows with data.start"
    elif 1 <= fitting < training.batch_size and fitting > FORECAST_SHARE * VALIDATION_BATCH:
        advice = f"training.batch_size to {fitting:,} or less (now {training.batch_size:,})"
    elif rest > 0 or need.weights < need.table:
        advice = (
            f"window.lookback (now {config.window.lookback:,}), network.units (now "
            f"{network.units}) or training.batch_size (now {training.batch_size:,})"
        )
    else:
        advice = f"network.units (now {network.units})"
        advice += f" or training.members (now {training.members})" if training.members > 1 else ""
    if need.held + need.table > limit:
        advice = "the rows, with data.start, or the columns"
    parts = [
        f"{gigabytes(need.held + need.table)} for the table and the program",
        f"{gigabytes(need.weights)} for weights, optimizer and checkpoint",
        f"{gigabytes(need.batch)} for a batch of {counted(training.batch_size, 'window')}",
        f"{gigabytes(need.judging)} for scoring after training",
    ]
    source = "training.memory_limit allows" if training.memory_limit else "there are"
    return (
        f"training needs about {gigabytes(need.total)} of memory, and {source} "
        f"{gigabytes(limit)}: {', '.join(parts)}. Lower {advice}; training.memory_limit sets "
        "another limit"
    )


def peak_on(device: torch.device) -> int:
    """Peak of the memory on a device, in bytes; on a CPU, of the whole process."""
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else peak()


def estimate_window_bytes(network: Forecaster, config: Config) -> int:
    """A rough estimate of `measure_window_bytes`: 17 numbers per unit and step."""
    units = sum(config.network.units) * (2 if config.network.bidirectional else 1)
    return 17 * FLOAT * network.sizes.lookback * units


def measure_window_bytes(network: Forecaster, config: Config, device: torch.device) -> int:
    """Memory of one window in a training step: the difference between two measured batches."""
    widest = max(config.network.units) * (2 if config.network.bidirectional else 1)
    back = 3 * FLOAT * network.sizes.lookback * widest  # gradients of one layer's steps
    few, more = (bytes_saved_for_backward(network, count, device) for count in MEASURED)
    return int(FRAGMENTATION * (max(more - few, 0) / (MEASURED[1] - MEASURED[0]) + back))


def bytes_saved_for_backward(network: Forecaster, windows: int, device: torch.device) -> int:
    """Bytes that autograd keeps for a batch, without the weights.

    Random state and weights do not change.
    """
    own = {parameter.untyped_storage().data_ptr() for parameter in network.parameters()}
    kept: dict[int, int] = {}

    def keep(value: Tensor) -> Tensor:
        storage = value.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return value

    training = network.training
    with (
        torch.device(device),
        torch.random.fork_rng(devices=[device] if device.type == "cuda" else []),
        torch.autograd.graph.saved_tensors_hooks(keep, lambda value: value),
    ):
        loss = network.train().loss(network.example_batch(windows))
    network.train(training)
    del loss  # until here autograd keeps them, so no two share an address
    return sum(kept.values())
