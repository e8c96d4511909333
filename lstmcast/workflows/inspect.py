"""`lstmcast inspect`: a network layer by layer, and one window of real data followed through it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from lstmcast.config import Config
from lstmcast.errors import ConfigError, DataError, nearest
from lstmcast.forecasting.predict import at_least
from lstmcast.forecasting.rolling import actual_values
from lstmcast.network.equalities import Equality, equalities
from lstmcast.network.forecaster import Forecaster
from lstmcast.network.head_sum import HeadSum, head_sum
from lstmcast.network.layer_table import Row, Weight, layer_rows, recurrent_weights
from lstmcast.network.recompute import Check, LayerView
from lstmcast.network.sizes import Sizes
from lstmcast.network.threads import use_threads
from lstmcast.network.trace import Trace, trace_window
from lstmcast.series.batches import Batch, WindowTable
from lstmcast.series.scaling import Scaler
from lstmcast.workflows.entry import config_for
from lstmcast.workflows.predict import open_run
from lstmcast.workflows.prepare import Prepared, prepare
from lstmcast.workflows.train import new_network, sizes_of
from lstmcast.workflows.watcher import Watcher
from lstmcast.workflows.window import WindowArrays, require_windows, window_table


@dataclass(frozen=True)
class Look:
    """What is asked of inspect.

    Attributes:
        trace: Whether to follow a window from end to end.
        window: Number of the window to follow, as in `lstmcast window --show`; None: the first of
            test, or the last of all.
        layer: Name of one layer; None: all, and for a step the first.
        step: Time step to open; negative ones count from the end.
        unit: Unit whose numbers are written out.
        plot: HTML file to write heat maps to.
    """

    trace: bool = False
    window: int | None = None
    layer: str | None = None
    step: int | None = None
    unit: int = 0
    plot: Path | None = None

    @property
    def follows(self) -> bool:
        """Whether a window is followed at all."""
        return self.trace or self.step is not None or self.plot is not None


@dataclass(frozen=True)
class ColumnScale:
    """How a column is scaled: `(value - center) / scale`, both in units of the column."""

    name: str
    center: float
    scale: float


@dataclass(frozen=True)
class Walk:
    """One window of real data on its way through the network.

    Attributes:
        number: Of the window, counted from 0.
        windows: How many there are.
        split: train, validation or test.
        series: Name of its series; empty for a plain table.
        time: Name of the time column; None where rows are counted.
        rows: A row a step with stamp, row of the table and values, as `lstmcast window --show`.
        columns: How each input column is scaled.
        trace: Of the network.
        equal: What equals what.
        head: The sum that makes the first number of the forecast.
        forecast: (H, C) in units of the data.
        actual: (H, C) what came; NaN where the table has no value.
    """

    number: int
    windows: int
    split: str
    series: str
    time: str | None
    rows: pd.DataFrame
    columns: list[ColumnScale]
    trace: Trace
    equal: list[Equality]
    head: HeadSum
    forecast: np.ndarray
    actual: np.ndarray

    @property
    def padded(self) -> int:
        """Steps of the window before its series begins."""
        return len(self.trace.batch.inputs[0]) - int((self.rows["part"] == "input").sum())


@dataclass(frozen=True)
class Inspection:
    """What inspect found.

    Attributes:
        source: The config, table or run.
        look: What was asked.
        trained: Whether the weights are trained, or those that training would start from.
        config: Of the network.
        sizes: Axes of its windows.
        rows: The table of layers.
        weights: Of the recurrent layers.
        walk: A window followed through; None where not asked for.
        layers: Of the walk, those that were asked for.
        opened: The layer of which a step is opened; None where none is.
        step: Of that layer, counted from 0.
    """

    source: str
    look: Look
    trained: bool
    config: Config
    sizes: Sizes
    rows: list[Row]
    weights: list[Weight]
    walk: Walk | None
    layers: list[LayerView]
    opened: LayerView | None
    step: int | None

    @property
    def checks(self) -> list[Check]:
        """All that was computed a second time; the same check of several layers once."""
        if self.walk is None:
            return []
        return list(dict.fromkeys([*self.walk.trace.all_checks(), self.walk.head.check]))


@dataclass(frozen=True)
class Subject:
    """A network with what stands between it and its table.

    Attributes:
        network: In evaluation mode.
        config: With the path of the table.
        sizes: Axes of the windows.
        prepared: The table; None where it was not needed.
        scaler: For the panel of `prepared`; None without it.
        trained: Whether it was trained.
    """

    network: Forecaster
    config: Config
    sizes: Sizes
    prepared: Prepared | None
    scaler: Scaler | None
    trained: bool


def inspect(
    source: Path, overrides: Sequence[str], look: Look, device: torch.device, watcher: Watcher
) -> Inspection:
    """Look into a network.

    Args:
        source: A config or table, for the network that training would start from; or a run folder,
            or its `model.safetensors`, for the trained one.
        overrides: `section.key=value`, for a config.
        look: What to look at.
        device: Where to compute.
        watcher: Is told what happens.

    Raises:
        ConfigError: The config has faults; there is no such layer, step or unit.
        DataError: The table has faults, has gone, or has no such window.
        RunError: The run is missing or damaged.
    """
    if source.is_dir() or source.suffix == ".safetensors":
        subject = open_trained(source, overrides, look, device, watcher)
    else:
        subject = build_untrained(source, overrides, device, watcher)
    network, sizes = subject.network.eval(), subject.sizes
    example = trace_window(network, moved(network.example_batch(1), device))
    walk, layers, opened, step = None, example.layers, None, None
    if look.follows:
        walk = follow(subject, look.window, device)
        layers = chosen_layers(walk.trace.layers, look.layer)
        if look.step is not None:
            opened = layers[0]
            step = chosen_step(opened, look.step)
        for view in layers if look.trace else layers[:1]:
            check_unit(view, look.unit)
    return Inspection(
        source=str(source),
        look=look,
        trained=subject.trained,
        config=subject.config,
        sizes=sizes,
        rows=layer_rows(network, example, subject.config.training.batch_size),
        weights=recurrent_weights(network, example),
        walk=walk,
        layers=layers,
        opened=opened,
        step=step,
    )


def build_untrained(
    source: Path, overrides: Sequence[str], device: torch.device, watcher: Watcher
) -> Subject:
    """The network of a config with the weights that training would start from."""
    config = config_for(source, overrides, watcher)
    if config.window.horizon == 0:
        raise ConfigError(
            "window.horizon is 0, so there is nothing to forecast and no network; inspect needs at "
            "least 1"
        )
    prepared = prepare(config, watcher)
    use_threads(config.training.batch_size, config.network.units)
    sizes = sizes_of(prepared)
    network = new_network(prepared, sizes, device)
    return Subject(network, config, sizes, prepared, prepared.scaler, trained=False)


def open_trained(
    run: Path, overrides: Sequence[str], look: Look, device: torch.device, watcher: Watcher
) -> Subject:
    """The network of a run; its table only where a window is to be followed."""
    if overrides:
        raise ConfigError(
            f"-s is for configs, and {run} was trained as it is; leave it out, or inspect a config"
        )
    if not look.follows:
        model, config = open_run(run, "-", device)
        return Subject(model.network, config, model.sizes, None, None, trained=True)
    if run.suffix == ".safetensors" and not run.is_dir():
        raise ConfigError(
            f"{run} is a model without data, so there is no window to follow: name its run folder"
        )
    model, config = open_run(run, None, device)
    if not Path(config.data.path).exists():
        raise DataError(
            f"{config.data.path} does not exist: the table of {run} has moved. Put it back, or "
            f"write its new place into {run / 'config.yaml'} (data.path)"
        )
    prepared = prepare(config, watcher)
    scaler = model.scaler_for(prepared.panel)
    return Subject(model.network, config, model.sizes, prepared, scaler, trained=True)


def follow(subject: Subject, number: int | None, device: torch.device) -> Walk:
    """Take one window of the table through the network."""
    prepared, scaler, sizes = subject.prepared, subject.scaler, subject.sizes
    assert prepared is not None and scaler is not None
    panel, window = prepared.panel, prepared.config.window
    arrays = WindowArrays(prepared)
    require_windows(arrays)
    if number is None:
        number = default_window(arrays)
    rows = window_table(arrays, number)  # refuses a number that no window has
    about = arrays.describe(number, number + 1).iloc[0]
    origins, series = arrays.index.locate(np.array([number]))
    table = WindowTable(
        panel,
        scaler,
        prepared.static_scaler,
        lookback=sizes.lookback,
        horizon=sizes.horizon,
        pad=window.pad,
        device=device,
    )
    batch = table.gather(*(torch.from_numpy(part).to(device) for part in (origins, series)))
    trace = trace_window(subject.network, batch)
    center, scale = scaler.center[series[0]], scaler.scale[series[0]]
    scaled = trace.forecast[0].cpu().numpy().astype(np.float64)
    forecast = scaled * scale[: sizes.targets] + center[: sizes.targets]
    return Walk(
        number=number,
        windows=len(arrays.index),
        split=str(about["split"]),
        series=str(about["series"]),
        time=panel.time,
        rows=rows,
        columns=[
            ColumnScale(name, float(center[k]), float(scale[k]))
            for k, name in enumerate(panel.columns.inputs)
        ],
        trace=trace,
        equal=equalities(subject.network, trace),
        head=head_sum(subject.network, trace),
        forecast=at_least(forecast, subject.config.forecast.minimum),
        actual=actual_values(panel, origins, sizes.horizon)[0],
    )


def default_window(arrays: WindowArrays) -> int:
    """The first test window, or where there is none the last of all."""
    numbers = np.arange(len(arrays.index))
    test = np.flatnonzero(arrays.splits[arrays.index.runs_of(numbers)] == 2)
    return int(test[0]) if len(test) else len(numbers) - 1


def moved(batch: Batch, device: torch.device) -> Batch:
    """A batch on another device."""
    tensors = {field.name: getattr(batch, field.name) for field in fields(batch)}
    return replace(
        batch, **{name: t.to(device) for name, t in tensors.items() if isinstance(t, Tensor)}
    )


def chosen_layers(layers: list[LayerView], name: str | None) -> list[LayerView]:
    """The layer of a name, or all.

    Raises:
        ConfigError: No layer has the name.
    """
    if name is None:
        return layers
    chosen = [view for view in layers if view.name == name]
    if not chosen:
        names = [view.name for view in layers]
        raise ConfigError(f"--layer {name}: this network has no such layer; {nearest(name, names)}")
    return chosen


def chosen_step(view: LayerView, step: int) -> int:
    """A step counted from 0.

    Raises:
        ConfigError: The layer does not run that step.
    """
    last = view.count - 1
    chosen = step if step >= 0 else view.count + step
    if not 0 <= chosen <= last:
        rows = "the horizon's first" if view.name.startswith("decoder") else "the oldest row"
        raise ConfigError(
            f"--step {step}: steps of {view.name} are counted from 0 ({rows}) to {last}; "
            "negative ones count from the end, -1 being the last"
        )
    if chosen < view.padded:
        raise ConfigError(
            f"--step {step}: steps 0 to {view.padded - 1} of this window are padding, which no "
            f"layer sees; name one from {view.padded} to {last}"
        )
    return chosen


def check_unit(view: LayerView, unit: int) -> None:
    """Refuse a unit that a layer does not have.

    Raises:
        ConfigError: There is no such unit.
    """
    if not 0 <= unit < view.units:
        raise ConfigError(
            f"--unit {unit}: units of {view.name} are counted from 0 to {view.units - 1}"
        )
