"""What a training will need of memory, told before its first step.

What the process holds already is measured, and so are a few windows: what of them is kept for the
way back through the network. The rest is counted. Where the sum exceeds a gigabyte it is right
within a factor of 1.5, on a CPU (benchmarks/memory_forecast.py).
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
"""Windows that are sent through a network to see what it keeps of them: by the code that is used of
larger batches."""

VALIDATED_AT_ONCE = 256
"""Windows in a batch of validation, at least."""

JUDGED_AT_ONCE, JUDGED_FORECAST = 300_000_000, 400
"""Bytes that judging takes at the most, and for each number forecast while these are few: those of
five forecasters with their bounds."""

SPARE = 1.15
"""Memory that was freed and is not had again piece by piece, in training steps on a CPU."""

LINEAR = 6 * 8
"""Bytes of the linear baseline for each pair of steps of the lookback: six matrices (T, T)."""

JUDGED_ROW, JUDGED_CELL = 400, 24
"""Bytes that judging takes for each test window, and for each number of the table."""

FORECAST_SHARE = 0.25
"""What a window takes that is forecast only, as a part of what it takes in training."""


@dataclass(frozen=True)
class Need:
    """Bytes of memory by what they are for.

    Attributes:
        held: By the process as it is: libraries and the table as read; 0 on another device.
        table: Scaled copies of the table, and the order of the windows.
        weights: Of all members, with gradients, optimizer, the best so far, and a checkpoint.
        window: One window of a training step; a batch takes as many times this.
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
        """The most at any time: judging begins when the last batch has gone."""
        return self.held + self.table + self.weights + max(self.batch, self.judging)


def build_network(prepared: Prepared, device: torch.device) -> tuple[Forecaster, Need]:
    """An untrained network, and what its training will need of memory.

    Args:
        prepared: The table.
        device: Where to train.

    Raises:
        ConfigError: It cannot fit: says how much is needed, how much there is, what to lower.
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
    with torch.device("meta"):  # without memory: the weights alone may be too much
        outline = Forecaster(config.network, sizes, config.training.loss)
    need = forecast_need(prepared, outline, device, 0)
    if limit is not None and need.held + need.table + need.weights > limit:
        raise ConfigError(refusal(config, need, limit))
    network = new_network(prepared, sizes, device)
    need = forecast_need(prepared, network, device, limit)
    if limit is not None and need.total > limit:
        raise ConfigError(refusal(config, need, limit))
    return network, need


def limit_of(config: Config, device: torch.device) -> int | None:
    """Bytes that the process may have on a device; None where nobody can tell."""
    if config.training.memory_limit is not None:
        return memory_budget(config)
    if device.type == "cpu":  # what is free is for all processes of the machine
        free = memory_budget(config)
        return None if free is None else resident() + (free - resident()) // ranks().local_count
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else None


def forecast_need(
    prepared: Prepared, network: Forecaster, device: torch.device, limit: int | None = None
) -> Need:
    """What training will need; where that is far beyond a limit, roughly."""
    config, windows, cells = prepared.config, prepared.windows, prepared.panel.values.size
    in_files = prepared.panel.store is not None
    cells = 0 if in_files else cells  # mapped pages are the kernel's to drop
    ordered = min(len(windows.train), MOST_POOL)
    training, on_cpu = config.training, device.type == "cpu"
    window = roughly_a_window(network, config)
    if limit is None or 3 * MEASURED[1] * window < limit:
        window = bytes_of_a_window(network, config, device)
    forecast = FORECAST_SHARE * window
    most, validated = training.batch_size, max(training.batch_size, VALIDATED_AT_ONCE)
    batch = max(ranks().most(most) * window, ranks().most(validated) * forecast)
    kept = sum(value.nbytes for value in network.state_dict().values())
    if on_cpu and made_for(config.network):  # its threads add up gradients of their own
        batch += kept * parts_of(ranks().most(most), kept // FLOAT)
    moments = (1 if training.optimizer == "sgd" else 2) + (training.average > 0)
    state = kept * (3 + moments)  # weights, gradients, the best so far, and the optimizer's
    saved = 2 * kept * (2 + moments) if on_cpu else 0  # a checkpoint, as tensors and as bytes
    judged = max(len(windows.validation), len(windows.test))
    judging = min(judged, windows_at_once(network.sizes, config.network.units, device)) * forecast
    if on_cpu:  # elsewhere the baselines and scores are not in the way
        forecasts = judged * network.sizes.horizon * network.sizes.targets
        judging += min(JUDGED_AT_ONCE, JUDGED_FORECAST * forecasts)
        judging += LINEAR * config.window.lookback**2
        judging += JUDGED_ROW * len(windows.test) + JUDGED_CELL * cells
    return Need(
        held=(anonymous() if in_files else resident()) if on_cpu else 0,
        table=2 * FLOAT * cells + (24 * ordered if on_cpu else 0),
        weights=state + saved + (training.members - 1) * kept,
        window=window,
        batch=int(batch),
        judging=int(judging),
    )


def refusal(config: Config, need: Need, limit: int) -> str:
    """The message for a training that cannot fit: how much is lacking, and what to lower."""
    training, network = config.training, config.network
    rest = limit - (need.total - max(need.batch, need.judging))
    fitting = rest // max(need.window, 1)
    if need.batch < need.judging and need.batch < rest:
        advice = f"window.lookback (now {config.window.lookback:,}), or rows with data.start"
    elif 1 <= fitting < training.batch_size and fitting > FORECAST_SHARE * VALIDATED_AT_ONCE:
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
        f"{gigabytes(need.batch)} for {counted(training.batch_size, 'window')} at once",
        f"{gigabytes(need.judging)} for judging after that",
    ]
    where = "training.memory_limit allows" if training.memory_limit else "there are"
    return (
        f"training would need about {gigabytes(need.total)} of memory, and {where} "
        f"{gigabytes(limit)}: {', '.join(parts)}. Lower {advice}; training.memory_limit sets "
        "another limit"
    )


def peak_on(device: torch.device) -> int:
    """The most bytes that were ever in use on a device, on a CPU by the whole process."""
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else peak()


def roughly_a_window(network: Forecaster, config: Config) -> int:
    """What `bytes_of_a_window` is about, without a look at the network: 17 numbers a unit."""
    units = sum(config.network.units) * (2 if config.network.bidirectional else 1)
    return 17 * FLOAT * network.sizes.lookback * units


def bytes_of_a_window(network: Forecaster, config: Config, device: torch.device) -> int:
    """What a training step holds of one window at the most.

    A few windows are sent through the network, and then some more: these tell what each adds.
    """
    widest = max(config.network.units) * (2 if config.network.bidirectional else 1)
    back = 3 * FLOAT * network.sizes.lookback * widest  # gradients of one layer's steps
    few, more = (kept_for_the_way_back(network, count, device) for count in MEASURED)
    return int(SPARE * (max(more - few, 0) / (MEASURED[1] - MEASURED[0]) + back))


def kept_for_the_way_back(network: Forecaster, windows: int, device: torch.device) -> int:
    """Bytes that autograd keeps of a batch of so many windows, beside the weights.

    Chance and weights stay as they were.
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
    del loss  # until here autograd holds them, so that no two share an address
    return sum(kept.values())
